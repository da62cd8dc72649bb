//! Volumes: what each is made of, and how it is mounted.

use std::collections::BTreeMap;

use cove_api::{
    ContainerSpec, Device, ImageVolume, KubePlayOptions, Mount, NamedVolume, PullPolicy, StringMap,
    VolumeCreateOptions,
};
use cove_spec::{name, volume};

use super::annotations;
use super::facts::Known;
use super::pod::image_policy;
use crate::error::{Result, bail};
use crate::objects::{HostPath, Item, PersistentVolumeClaim, PodSpec, Volume, VolumeMount, decoded};

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path of the host, which must be there as `kind` says.
    Host {
        /// The absolute path.
        path: String,
        /// What it must be.
        kind: HostPathKind,
    },
    /// A volume with a name.
    Named {
        /// Its name.
        name: String,
        /// Whether no mount of it may write.
        read_only: bool,
    },
    /// A volume with a name that holds these files.
    Files {
        /// Its name.
        name: String,
        /// Paths and contents.
        files: BTreeMap<String, Vec<u8>>,
        /// Their permission bits.
        mode: u32,
    },
    /// A volume that goes with the pod.
    Empty(String),
    /// Memory.
    Memory,
    /// An image.
    Image {
        /// Its name.
        reference: String,
        /// When it is pulled.
        policy: PullPolicy,
    },
    /// What it is made of is not there, and need not be.
    Missing,
}

/// What a path of the host must be (`hostPath.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPathKind {
    /// Anything.
    Any,
    /// A folder.
    Directory,
    /// A folder, which is made where it is missing.
    DirectoryOrCreate,
    /// A file.
    File,
    /// A file, which is made where it is missing.
    FileOrCreate,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// A volume to be made, and what is unpacked into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its request.
    pub options: VolumeCreateOptions,
    /// An archive of the host.
    pub import: Option<String>,
}

/// The volume of a claim.
///
/// # Errors
/// An annotation is wrong.
pub fn claim(written: &PersistentVolumeClaim, options: &KubePlayOptions) -> Result<Claim> {
    let mut notes = written.metadata.annotations.clone();
    notes.extend(options.annotations.clone());
    annotations::check(&notes)?;
    let mut volume = VolumeCreateOptions {
        name: written.metadata.name.clone(),
        labels: written.metadata.labels.clone(),
        ignore_if_exists: true,
        ..VolumeCreateOptions::default()
    };
    name::volume(&volume.name)?;
    let mut import = None;
    let id = |key: &str, text: &str| match text.parse() {
        Ok(id) => Ok(Some(id)),
        Err(_) => bail!("cannot convert {key} {text} to integer"),
    };
    let prefixed =
        notes.iter().filter_map(|(key, value)| Some((key.strip_prefix("volume.podman.io/")?, value)));
    for (key, value) in prefixed {
        let option = match key {
            "driver" => {
                volume.driver.clone_from(value);
                continue;
            }
            "uid" => {
                volume.uid = id("uid", value)?;
                continue;
            }
            "gid" => {
                volume.gid = id("gid", value)?;
                continue;
            }
            "import-source" => {
                import = Some(absolute(
                    value,
                    options.folder.as_deref(),
                    "importing volumes is not supported for remote requests",
                )?);
                continue;
            }
            "mount-options" => "o",
            "device" | "type" | "image" => key,
            _ => continue,
        };
        volume.options.insert(option.to_owned(), value.clone());
    }
    if import.is_some() && options.folder.is_none() {
        bail!("importing volumes is not supported for remote requests");
    }
    Ok(Claim { options: volume, import })
}

fn absolute(path: &str, folder: Option<&str>, refused: &str) -> Result<String> {
    if path.is_empty() || path.contains('\0') {
        bail!("{path:?} is no path");
    }
    match folder {
        _ if path.starts_with('/') => Ok(path.to_owned()),
        Some(folder) => Ok(format!("{}/{path}", folder.trim_end_matches('/'))),
        None => bail!("{refused}"),
    }
}

/// The volumes of a pod by their names.
pub(super) fn sources(pod: &str, spec: &PodSpec, known: &Known<'_>) -> Result<BTreeMap<String, Source>> {
    let mut sources = BTreeMap::new();
    for written in &spec.volumes {
        let source = source(pod, written, known)
            .map_err(|error| error.context(format!("failed to create volume {:?}", written.name)))?;
        if sources.insert(written.name.clone(), source).is_some() {
            bail!("the volume {:?} is there twice", written.name);
        }
    }
    Ok(sources)
}

fn source(pod: &str, written: &Volume, known: &Known<'_>) -> Result<Source> {
    if let Some(path) = &written.host_path {
        host_path(path, known)
    } else if let Some(claim) = &written.persistent_volume_claim {
        name::volume(&claim.claim_name)?;
        Ok(Source::Named { name: claim.claim_name.clone(), read_only: claim.read_only })
    } else if let Some(map) = &written.config_map {
        let Some(found) = known.config_map(&map.name) else {
            return absent(map.optional, || format!("no such ConfigMap {:?}", map.name));
        };
        let mut data: BTreeMap<&str, Vec<u8>> =
            found.data.iter().map(|(key, value)| (key.as_str(), value.clone().into_bytes())).collect();
        for (key, value) in &found.binary_data {
            let Some(value) = decoded(value) else {
                bail!("the value of {key:?} in ConfigMap {} is no base64", map.name)
            };
            if data.insert(key, value).is_some() {
                bail!(
                    "the ConfigMap {:?} is invalid: duplicate key {key:?} present in data and binaryData",
                    map.name
                );
            }
        }
        files(&map.name, &data, &map.items, map.default_mode, format!("configMap {:?}", map.name), known)
    } else if let Some(secret) = &written.secret {
        let Some(found) = known.secrets.get(&secret.secret_name) else {
            let message = || format!("no secret with name or id {:?}: no such secret", secret.secret_name);
            return absent(secret.optional, message);
        };
        let data = found.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let what = format!("secret {:?}", secret.secret_name);
        files(&secret.secret_name, &data, &secret.items, secret.default_mode, what, known)
    } else if let Some(empty) = &written.empty_dir {
        match empty.medium.as_str() {
            "" => {
                let name = format!("{pod}-{}", written.name);
                name::volume(&name)?;
                Ok(Source::Empty(name))
            }
            "Memory" => Ok(Source::Memory),
            other => bail!("unknown medium {other:?} of an emptyDir"),
        }
    } else if let Some(image) = &written.image {
        let policy = image_policy(&image.reference, &image.pull_policy)?;
        Ok(Source::Image { reference: image.reference.clone(), policy })
    } else {
        bail!(
            "HostPath, ConfigMap, EmptyDir, Secret, and PersistentVolumeClaim are currently the only supported VolumeSource"
        )
    }
}

fn absent(optional: Option<bool>, message: impl FnOnce() -> String) -> Result<Source> {
    if optional == Some(true) { Ok(Source::Missing) } else { bail!("{}", message()) }
}

fn files(
    volume: &str,
    data: &BTreeMap<&str, Vec<u8>>,
    items: &[Item],
    mode: Option<i64>,
    what: String,
    known: &Known<'_>,
) -> Result<Source> {
    name::volume(volume)?;
    let mode = match mode.map(u32::try_from) {
        None => 0o644,
        Some(Ok(mode)) if mode <= 0o777 => mode,
        Some(_) => bail!("invalid DefaultMode for {what}: must be between 0000 and 0777"),
    };
    let mut files = BTreeMap::new();
    if items.is_empty() {
        for (key, value) in data {
            known.copy(value.len())?;
            files.insert(inside(key)?, value.clone());
        }
    }
    for item in items {
        if let Some(value) = data.get(item.key.as_str()) {
            known.copy(value.len())?;
            files.insert(inside(&item.path)?, value.clone());
        }
    }
    Ok(Source::Files { name: volume.to_owned(), files, mode })
}

/// A path in a volume that leads nowhere else.
fn inside(path: &str) -> Result<String> {
    let wrong = path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\0');
    if wrong {
        bail!("{path:?} is no path in a volume");
    }
    Ok(path.to_owned())
}

fn host_path(written: &HostPath, known: &Known<'_>) -> Result<Source> {
    let kind = match written.kind.as_str() {
        "" => HostPathKind::Any,
        "Directory" => HostPathKind::Directory,
        "DirectoryOrCreate" => HostPathKind::DirectoryOrCreate,
        "File" => HostPathKind::File,
        "FileOrCreate" => HostPathKind::FileOrCreate,
        "Socket" => HostPathKind::Socket,
        "CharDevice" => HostPathKind::CharDevice,
        "BlockDevice" => HostPathKind::BlockDevice,
        other => bail!("invalid HostPath type {other:?}"),
    };
    if kind == HostPathKind::Any && !written.path.is_empty() && !written.path.contains('/') {
        name::volume(&written.path)?;
        return Ok(Source::Named { name: written.path.clone(), read_only: false });
    }
    let refused = format!("in parsing HostPath in YAML: {:?} is no absolute path", written.path);
    Ok(Source::Host { path: absolute(&written.path, known.options.folder.as_deref(), &refused)?, kind })
}

/// Puts a mount of a container into its request.
pub(super) fn mount(
    written: &VolumeMount,
    sources: &BTreeMap<String, Source>,
    notes: &StringMap,
    spec: &mut ContainerSpec,
) -> Result<()> {
    let Some(source) = sources.get(&written.name) else {
        bail!("volume mount {} specified for container but not configured in volumes", written.name)
    };
    let (dest, mut options) = place(written)?;
    if !written.sub_path.is_empty() {
        inside(written.sub_path.trim_end_matches('/'))?;
    }
    let named = |name: &str, options: Vec<String>, is_anonymous| NamedVolume {
        name: name.to_owned(),
        dest: dest.clone(),
        options,
        is_anonymous,
        sub_path: written.sub_path.clone(),
    };
    match source {
        Source::Missing => {}
        Source::Host { path, kind: HostPathKind::CharDevice | HostPathKind::BlockDevice } => {
            spec.devices.push(Device { path: format!("{path}:{dest}"), ..Device::default() });
        }
        Source::Host { path, .. } => {
            // Noted when the file was generated: the label that the mount had.
            if let Some((noted, label)) =
                notes.get(annotations::BIND_MOUNT).and_then(|text| text.rsplit_once(':'))
                && noted == path
                && !options.iter().any(|option| matches!(option.as_str(), "z" | "Z"))
            {
                options.push(label.to_owned());
            }
            let sub_path = written.sub_path.trim_end_matches('/');
            if !sub_path.is_empty() {
                // Resolved at each start, beneath the path: a link in it must not lead out.
                options.push(format!("subpath={sub_path}"));
            }
            let source = path.clone();
            spec.mounts.push(Mount { destination: dest, kind: "bind".into(), source, options });
        }
        Source::Named { name, read_only } => {
            if *read_only {
                options.retain(|option| !matches!(option.as_str(), "rw" | "ro"));
                options.push("ro".into());
            }
            spec.volumes.push(named(name, options, false));
        }
        Source::Files { name, .. } => spec.volumes.push(named(name, options, false)),
        Source::Empty(name) => spec.volumes.push(named(name, options, true)),
        Source::Memory => spec.mounts.push(Mount {
            destination: dest,
            kind: "tmpfs".into(),
            source: "tmpfs".into(),
            options: Vec::new(),
        }),
        Source::Image { reference, .. } => spec.image_volumes.push(ImageVolume {
            source: reference.clone(),
            destination: dest,
            read_write: false,
            sub_path: written.sub_path.clone(),
        }),
    }
    Ok(())
}

/// Where it is mounted and how: `PATH[:OPTIONS]`.
fn place(written: &VolumeMount) -> Result<(String, Vec<String>)> {
    let mut parts = written.mount_path.split(':');
    let dest = volume::container_path(parts.next().unwrap_or_default())
        .map_err(|error| crate::KubeError::from(error).context("parsing MountPath"))?;
    let mut options: Vec<&str> = parts.next().map(|text| text.split(',').collect()).unwrap_or_default();
    if parts.next().is_some() {
        bail!("{:?} incorrect volume format, should be ctr-dir[:option]", written.mount_path);
    }
    if written.read_only && !options.contains(&"ro") {
        options.push("ro");
    }
    let mut options = volume::check_options(options)
        .map_err(|error| crate::KubeError::from(error).context("parsing MountOptions"))?;
    match written.mount_propagation.as_str() {
        "" => {}
        "None" => options.push("private".into()),
        "HostToContainer" => options.push("rslave".into()),
        "Bidirectional" => options.push("rshared".into()),
        other => bail!("unknown propagation mode {other:?}"),
    }
    Ok((dest, options))
}
