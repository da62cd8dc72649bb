//! What a service's containers mount.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{Error, InspectMount, Result};
use cove_compose::model::{BindOptions, Content, FileReference, Mount, Project, Service};
use serde_json::{Value, json};

/// A volume without a name that goes from a container to the one that takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The volume's name.
    pub name: String,
    /// Where it is mounted.
    pub target: String,
    /// Whether it can be written.
    pub writable: bool,
}

impl Inherited {
    /// The volumes of a container that the service has no name for: those of the image, and those of the file without a
    /// source.
    #[must_use]
    pub fn of(service: &Service, image_volumes: &BTreeSet<String>, mounts: &[InspectMount]) -> Vec<Self> {
        let nameless = |target: &str| {
            let own = service.volumes.iter().find(|mount| mount.target == target);
            own.map_or_else(|| image_volumes.contains(target), |mount| mount.source.is_empty())
        };
        let inherited = mounts.iter().filter(|mount| mount.kind == "volume" && nameless(&mount.destination));
        inherited
            .map(|mount| Self {
                name: mount.name.clone(),
                target: mount.destination.clone(),
                writable: mount.rw,
            })
            .collect()
    }
}

/// Mounts in Docker's two forms.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// `SOURCE:TARGET:OPTIONS`, by which a missing folder of the host is made.
    pub(super) binds: Vec<String>,
    /// With all options.
    pub(super) mounts: Vec<Value>,
}

/// A file whose text is in the project, for containers to get as a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where it is in the container.
    pub target: String,
    /// The text.
    pub text: String,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permissions.
    pub mode: u32,
}

pub(super) fn mounts(project: &Project, service: &Service, inherited: &[Inherited]) -> Result<Mounts> {
    let mut all = Mounts::default();
    let mut taken = BTreeSet::new();
    for volume in inherited {
        let access = if volume.writable { "rw" } else { "ro" };
        all.binds.push(format!("{}:{}:{access}", volume.name, volume.target));
        taken.insert(volume.target.clone());
    }
    // The last of one target holds.
    let by_target: BTreeMap<&str, &Mount> =
        service.volumes.iter().map(|mount| (mount.target.as_str(), mount)).collect();
    for (target, mount) in by_target {
        if taken.insert(target.to_owned()) {
            one(project, service, mount, &mut all)?;
        }
    }
    let files = files(service, &project.secrets, "/run/secrets/", &service.secrets, "secret")?
        .into_iter()
        .chain(files(service, &project.configs, "/", &service.configs, "config")?);
    for (target, content) in files {
        // The others are copied.
        if !content.file.is_empty() && taken.insert(target.clone()) {
            all.mounts.push(json!({
                "Type": "bind", "Source": content.file, "Target": target, "ReadOnly": true,
            }));
        }
    }
    Ok(all)
}

fn one(project: &Project, service: &Service, mount: &Mount, all: &mut Mounts) -> Result<()> {
    let source = match mount.r#type.as_str() {
        "volume" => match project.volumes.get(&mount.source) {
            Some(volume) => volume.name.as_str(),
            None => mount.source.as_str(),
        },
        _ => mount.source.as_str(),
    };
    let simple = match mount.r#type.as_str() {
        "bind" => mount.bind.as_ref().is_none_or(is_simple),
        "volume" => {
            !source.is_empty()
                && mount.volume.as_ref().is_none_or(|options| {
                    options.labels.is_empty() && options.subpath.is_empty() && !options.nocopy
                })
        }
        _ => false,
    };
    if simple {
        let mut options = vec![if mount.read_only { "ro" } else { "rw" }];
        options.extend(mount.bind.iter().map(|bind| bind.selinux.as_str()).filter(|label| !label.is_empty()));
        all.binds.push(format!("{source}:{}:{}", mount.target, options.join(",")));
        return Ok(());
    }
    let mut value = json!({
        "Type": mount.r#type, "Source": source, "Target": mount.target, "ReadOnly": mount.read_only,
    });
    match mount.r#type.as_str() {
        "bind" => {
            if let Some(bind) = &mount.bind {
                value["BindOptions"] = bind_options(service, bind)?;
            }
        }
        "volume" => {
            if let Some(volume) = &mount.volume {
                value["VolumeOptions"] =
                    json!({"NoCopy": volume.nocopy, "Subpath": volume.subpath, "Labels": volume.labels});
            }
        }
        "tmpfs" => {
            if let Some(tmpfs) = &mount.tmpfs {
                value["TmpfsOptions"] = json!({"SizeBytes": tmpfs.size.0, "Mode": tmpfs.mode});
            }
        }
        "image" => {
            if let Some(image) = &mount.image {
                value["ImageOptions"] = json!({"Subpath": image.subpath});
            }
        }
        other => {
            return Err(Error::unsupported(format!(
                "service {:?}: mounts of type {other:?} are not supported",
                service.name
            )));
        }
    }
    all.mounts.push(value);
    Ok(())
}

/// Whether the short form says all of it.
fn is_simple(bind: &BindOptions) -> bool {
    bind.create_host_path && bind.propagation.is_empty() && bind.recursive.is_empty()
}

fn bind_options(service: &Service, bind: &BindOptions) -> Result<Value> {
    let mut value = json!({"Propagation": bind.propagation, "CreateMountpoint": bind.create_host_path});
    match bind.recursive.as_str() {
        "" | "enabled" => {}
        "disabled" => value["NonRecursive"] = true.into(),
        "writable" => value["ReadOnlyNonRecursive"] = true.into(),
        "readonly" => value["ReadOnlyForceRecursive"] = true.into(),
        other => {
            return Err(Error::invalid(format!(
                "service {:?}: {other:?} is none of enabled, disabled, writable, readonly",
                service.name
            )));
        }
    }
    Ok(value)
}

/// The files of a service by their place.
fn files<'a>(
    service: &Service,
    known: &'a BTreeMap<String, Content>,
    folder: &str,
    wanted: &'a [FileReference],
    kind: &str,
) -> Result<Vec<(String, &'a Content)>> {
    let mut files = Vec::new();
    for reference in wanted {
        let Some(content) = known.get(&reference.source) else { continue };
        let refused = |what: &str| {
            Error::unsupported(format!("service {:?}: unsupported {what} {:?}", service.name, content.name))
        };
        if content.external {
            return Err(refused(&format!("external {kind}")));
        }
        if !content.driver.is_empty() || !content.template_driver.is_empty() {
            return Err(refused(&format!("driver of {kind}")));
        }
        files.push((place(folder, reference), content));
    }
    Ok(files)
}

fn place(folder: &str, reference: &FileReference) -> String {
    match reference.target.as_str() {
        "" => format!("{folder}{}", reference.source),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("{folder}{relative}"),
    }
}

/// The files whose text is in the project or in a variable.
///
/// # Errors
/// The variable is not set, or an owner is no number.
pub fn copied(project: &Project, service: &Service) -> Result<Vec<Copied>> {
    let mut all = Vec::new();
    for (known, folder, wanted, kind) in [
        (&project.secrets, "/run/secrets/", &service.secrets, "secret"),
        (&project.configs, "/", &service.configs, "config"),
    ] {
        for reference in wanted {
            let Some(content) = known.get(&reference.source) else { continue };
            let text = match (&content.value, content.environment.as_str(), content.content.as_str()) {
                (Some(value), _, _) => value.clone(),
                (None, "", "") => continue,
                (None, "", text) => text.to_owned(),
                (None, name, _) => {
                    return Err(Error::invalid(format!(
                        "{kind} {:?}: the variable {name:?} is not set",
                        reference.source
                    )));
                }
            };
            let number = |text: &str| match text {
                "" => Ok(0),
                text => text.parse::<u32>().map_err(|_| {
                    Error::invalid(format!("{kind} {:?}: {text:?} is no user or group id", reference.source))
                }),
            };
            let mode = reference.mode.map_or(0o444, |mode| mode.0);
            all.push(Copied {
                target: place(folder, reference),
                text,
                uid: number(&reference.uid)?,
                gid: number(&reference.gid)?,
                mode: u32::try_from(mode & 0o7777).unwrap_or(0o444),
            });
        }
    }
    Ok(all)
}
