//! Which mounts and volumes a container has.

use std::collections::BTreeSet;

use cove_api::{ContainerSpec, Error, ErrorKind, Result};
use cove_config::ContainersConf;

use crate::state::{ContainerMount, ContainerVolume, ImageFacts, MountKind};

/// Options of a volume that the image names.
const IMAGE_VOLUME: [&str; 4] = ["rprivate", "rw", "nodev", "exec"];

/// The option of a bind mount that names a part of its source, as Podman's clients write it.
pub(super) const SUB_PATH: &str = "subpath=";

/// How mounts spread between the container and the host.
const PROPAGATION: [&str; 8] =
    ["shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable"];

/// The user's mounts and volumes, and those of the image that the user has nothing over.
pub(super) fn storage(
    spec: &ContainerSpec,
    image: &ImageFacts,
    conf: &ContainersConf,
) -> Result<(Vec<ContainerMount>, Vec<ContainerVolume>)> {
    let mut mounts = mounts(spec)?;
    mounts.extend(spec.overlay_volumes.iter().map(|overlay| ContainerMount {
        destination: clean(&overlay.destination),
        kind: MountKind::Overlay,
        source: overlay.source.clone(),
        options: overlay.options.clone(),
        ..ContainerMount::default()
    }));
    mounts.extend(spec.image_volumes.iter().map(|image| ContainerMount {
        destination: clean(&image.destination),
        kind: MountKind::Image,
        source: image.source.clone(),
        options: vec![if image.read_write { "rw" } else { "ro" }.to_owned()],
        sub_path: image.sub_path.clone(),
        ..ContainerMount::default()
    }));
    let mut volumes: Vec<ContainerVolume> = spec
        .volumes
        .iter()
        .map(|volume| ContainerVolume {
            name: volume.name.clone(),
            destination: clean(&volume.dest),
            options: if volume.options.iter().any(|option| option == "O") {
                volume.options.clone()
            } else {
                full_options(&volume.options, true)
            },
            sub_path: volume.sub_path.clone(),
            anonymous: volume.name.is_empty() || volume.is_anonymous,
        })
        .collect();
    let mut used = BTreeSet::new();
    let destinations = volumes.iter().map(|volume| &volume.destination);
    for destination in destinations.chain(mounts.iter().map(|mount| &mount.destination)) {
        if !destination.starts_with('/') {
            return Err(Error::invalid(format!(
                "invalid container path {destination:?}, must be an absolute path"
            )));
        }
        if !used.insert(destination.clone()) {
            return Err(Error::invalid(format!("{destination}: duplicate mount destination")));
        }
    }
    let of_image = image.config.volumes.keys().map(|path| clean(path));
    let of_image = of_image.filter(|destination| destination != "/" && !used.contains(destination));
    let options = IMAGE_VOLUME.map(ToOwned::to_owned);
    let mode =
        [spec.image_volume_mode.as_str(), conf.engine.image_volume_mode.as_deref().unwrap_or_default()]
            .into_iter()
            .find(|mode| !mode.is_empty())
            .unwrap_or("anonymous");
    match mode {
        "anonymous" | "bind" => volumes.extend(of_image.map(|destination| ContainerVolume {
            destination,
            options: full_options(&options, true),
            anonymous: true,
            ..ContainerVolume::default()
        })),
        "tmpfs" => mounts.extend(of_image.map(|destination| ContainerMount {
            destination,
            kind: MountKind::Tmpfs,
            source: "tmpfs".into(),
            options: memory_options(&options, true),
            ..ContainerMount::default()
        })),
        "ignore" => {}
        other => return Err(Error::invalid(format!("invalid image volume mode {other:?}"))),
    }
    Ok((mounts, volumes))
}

/// The mounts of a request.
pub(super) fn mounts(spec: &ContainerSpec) -> Result<Vec<ContainerMount>> {
    let typed = |mount: &cove_api::Mount| {
        let kind = MountKind::from_name(&mount.kind).ok_or_else(|| {
            Error::unsupported(format!("mounts of type {:?} are not supported yet", mount.kind))
        })?;
        let (sub_paths, options): (Vec<String>, Vec<String>) = match kind {
            MountKind::Bind => mount.options.iter().cloned().partition(|option| option.starts_with(SUB_PATH)),
            _ => (Vec::new(), mount.options.clone()),
        };
        Ok(ContainerMount {
            destination: clean(&mount.destination),
            kind,
            source: mount.source.clone(),
            sub_path: sub_paths.last().map(|path| path[SUB_PATH.len()..].to_owned()).unwrap_or_default(),
            options: match kind {
                MountKind::Bind => full_options(&options, false),
                MountKind::Tmpfs | MountKind::Ramfs => {
                    memory_options(&mount.options, kind == MountKind::Tmpfs)
                }
                _ => mount.options.clone(),
            },
            ..ContainerMount::default()
        })
    };
    spec.mounts.iter().map(typed).collect()
}

/// The user's options of a file system in memory and what podman adds to them: propagation, no set-user-id programs and
/// no devices, and for a tmpfs that it begins with what it covers.
fn memory_options(options: &[String], is_tmpfs: bool) -> Vec<String> {
    let mut all = options.to_vec();
    let mut add = |alternatives: &[&str], default: &str| {
        if !all.iter().any(|option| alternatives.contains(&option.as_str())) {
            all.push(default.to_owned());
        }
    };
    add(&PROPAGATION, "rprivate");
    add(&["suid", "nosuid"], "nosuid");
    add(&["dev", "nodev"], "nodev");
    if is_tmpfs {
        add(&["tmpcopyup", "notmpcopyup"], "tmpcopyup");
    }
    all.retain(|option| option != "notmpcopyup");
    all
}

/// The user's options and what podman adds to them, in its order: access, propagation, for volumes no set-user-id
/// programs and no devices, and the mounts below.
pub(super) fn full_options(options: &[String], of_volume: bool) -> Vec<String> {
    let mut all = options.to_vec();
    let mut add = |alternatives: &[&str], default: &str| {
        if !all.iter().any(|option| alternatives.contains(&option.as_str())) {
            all.push(default.to_owned());
        }
    };
    add(&["rw", "ro"], "rw");
    add(&PROPAGATION, "rprivate");
    if of_volume {
        add(&["suid", "nosuid"], "nosuid");
        add(&["dev", "nodev"], "nodev");
    }
    add(&["bind", "rbind"], "rbind");
    all
}

/// Refuses sources that do not exist, but for those that are made.
pub(super) fn check(mounts: &[ContainerMount], made: &[String]) -> Result<()> {
    for mount in mounts {
        let is_link = mount.options.iter().any(|option| option == "no-dereference")
            && std::path::Path::new(&mount.source).is_symlink();
        if matches!(mount.kind, MountKind::Bind | MountKind::Overlay) && !is_link {
            match exists(&mount.source) {
                Err(_) if made.contains(&mount.source) && is_missing(&mount.source) => {}
                found => found?,
            }
        }
        for option in &mount.options {
            let folder = option.strip_prefix("upperdir=").or_else(|| option.strip_prefix("workdir="));
            folder.map(exists).transpose()?;
        }
    }
    Ok(())
}

fn is_missing(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Makes the folders among `made` that are mounted and missing.
pub(super) fn make_sources(mounts: &[ContainerMount], made: &[String]) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let bound = mounts.iter().filter(|mount| mount.kind == MountKind::Bind && made.contains(&mount.source));
    for mount in bound.filter(|mount| is_missing(&mount.source)) {
        let folder = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&mount.source);
        folder.map_err(|error| Error::from(error).context(format!("making {}", mount.source)))?;
    }
    Ok(())
}

fn exists(path: &str) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Error::new(ErrorKind::InvalidArgument, format!("statfs {path}: {}", io_text(&error))))
        }
    }
}

/// The text that C programs show for an I/O error.
fn io_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::NotADirectory => "not a directory".into(),
        _ => error.to_string(),
    }
}

/// The path without empty and `.` parts; `..` goes up as far as there is something.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// Adds the mounts that containers.conf wants in every container, but where the request mounts something itself.
pub(super) fn add_configured(conf: &ContainersConf, rootless: bool, spec: &mut ContainerSpec) -> Result<()> {
    let words = |list: &Option<cove_config::TextList>| {
        list.as_ref().map(|list| list.values.clone()).unwrap_or_default()
    };
    let paths = cove_spec::volume::HostPaths { current_folder: "/".into(), windows: false, rootless };
    let mut added = cove_spec::volume::Volumes::default();
    let mounts = words(&conf.containers.mounts).into_iter().map(|text| {
        cove_spec::mount::parse(&text, &paths)
            .map_err(|error| Error::from(error).context("parsing containers.conf mounts"))
    });
    let volumes = words(&conf.containers.volumes).into_iter().map(|text| {
        cove_spec::volume::parse(&text, &paths)
            .map_err(|error| Error::from(error).context("parsing containers.conf volumes"))
    });
    for volume in mounts.chain(volumes) {
        let volume = volume?;
        let place = clean(volume.destination());
        let taken = [
            spec.mounts.iter().any(|mount| clean(&mount.destination) == place),
            spec.volumes.iter().any(|volume| clean(&volume.dest) == place),
            spec.overlay_volumes.iter().any(|mount| clean(&mount.destination) == place),
            spec.image_volumes.iter().any(|mount| clean(&mount.destination) == place),
        ];
        if !taken.contains(&true) {
            added.add(volume);
        }
    }
    spec.mounts.extend(added.mounts);
    spec.volumes.extend(added.volumes);
    spec.overlay_volumes.extend(added.overlay_volumes);
    spec.image_volumes.extend(added.image_volumes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, expected) in [("/a//b/./c/", "/a/b/c"), ("/../x", "/x"), ("/", "/"), ("rel/..", "")] {
            assert_eq!(clean(path), expected);
        }
    }

    #[test]
    fn options_are_completed_as_podman_does() {
        for (options, of_volume, expected) in [
            ("", true, "rw,rprivate,nosuid,nodev,rbind"),
            ("", false, "rw,rprivate,rbind"),
            ("ro", true, "ro,rprivate,nosuid,nodev,rbind"),
            ("nocopy", true, "nocopy,rw,rprivate,nosuid,nodev,rbind"),
            ("rw,suid,dev", true, "rw,suid,dev,rprivate,rbind"),
            ("z", false, "z,rw,rprivate,rbind"),
            ("rshared", true, "rshared,rw,nosuid,nodev,rbind"),
        ] {
            let options: Vec<String> =
                options.split(',').filter(|option| !option.is_empty()).map(ToOwned::to_owned).collect();
            assert_eq!(full_options(&options, of_volume).join(","), expected);
        }
    }

    #[test]
    fn memory_is_mounted_as_podman_does() {
        for (options, is_tmpfs, expected) in [
            ("", true, "rprivate,nosuid,nodev,tmpcopyup"),
            ("size=1m,notmpcopyup,dev", true, "size=1m,dev,rprivate,nosuid"),
            ("suid,rshared", false, "suid,rshared,nodev"),
        ] {
            let options: Vec<String> =
                options.split(',').filter(|option| !option.is_empty()).map(ToOwned::to_owned).collect();
            assert_eq!(memory_options(&options, is_tmpfs).join(","), expected);
        }
    }

    #[test]
    fn volumes_of_the_image() {
        let mut image = ImageFacts::default();
        image.config.volumes = [("/data/".to_owned(), serde_json::json!({}))].into();
        let conf = ContainersConf::default();
        let of = |mode: &str, mounts: Vec<cove_api::Mount>| {
            let spec = ContainerSpec { image_volume_mode: mode.into(), mounts, ..ContainerSpec::default() };
            let (mounts, volumes) = storage(&spec, &image, &conf).unwrap();
            (mounts.len(), volumes.len())
        };
        assert_eq!(
            (of("", Vec::new()), of("tmpfs", Vec::new()), of("ignore", Vec::new())),
            ((0, 1), (1, 0), (0, 0))
        );
        let over =
            cove_api::Mount { destination: "/data".into(), kind: "tmpfs".into(), ..Default::default() };
        assert_eq!(of("", vec![over]), (1, 0));
        let spec = ContainerSpec { image_volume_mode: "x".into(), ..ContainerSpec::default() };
        assert!(storage(&spec, &image, &conf).is_err());
    }
}
