//! From loaded unit files to services.

use std::collections::HashSet;
use std::fmt;

use crate::convert::{self, Target, USER_NETWORK_ONLINE, Units};
use crate::error::Error;
use crate::kind::Kind;
use crate::load::Loaded;
use crate::unit::UnitFile;

/// What is worth saying on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// For those who look closely.
    Detail(String),
    /// What may not be meant that way.
    Warning(String),
    /// A unit or a part of it is left out.
    Fault(String),
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Detail(text) | Self::Warning(text) | Self::Fault(text)) = self;
        formatter.write_str(text)
    }
}

/// What units may refer to, before any is converted.
pub fn known_units<'a>(units: impl IntoIterator<Item = &'a Loaded>) -> Units {
    units.into_iter().map(|unit| (unit.file.name.clone(), convert::known(&unit.file, unit.kind))).collect()
}

/// Turns units into services, each in the order in which others need to know its names.
pub fn generate(mut units: Vec<Loaded>, target: &Target, remark: &mut dyn FnMut(Remark)) -> Vec<UnitFile> {
    units.sort_by_key(|unit| unit.kind.order());
    let mut known = known_units(&units);
    let mut services: Vec<UnitFile> = Vec::new();
    let mut names = HashSet::new();
    for Loaded { kind, file } in &units {
        warn(file, *kind, remark);
        let mut remarks = Vec::new();
        let converted = convert::convert(file, *kind, &mut known, target, &mut remarks);
        remarks.into_iter().for_each(|text| remark(Remark::Warning(text)));
        match converted {
            Err(error) => remark(Remark::Fault(converting_failed(&file.name, &error))),
            Ok(service) if !names.insert(service.name.clone()) => {
                let text =
                    format!("Warning: {} is left out: another unit is {} already", file.name, service.name);
                remark(Remark::Warning(text));
            }
            Ok(service) => services.push(service),
        }
    }
    if services.iter().any(waits_as_user) {
        services.push(user_network_online());
    }
    services
}

fn converting_failed(name: &str, error: &Error) -> String {
    format!("converting {name:?}: {error}")
}

fn warn(file: &UnitFile, kind: Kind, remark: &mut dyn FnMut(Remark)) {
    for key in ["User", "Group", "DynamicUser"] {
        if file.last("Service", key).is_some() {
            remark(Remark::Warning(format!(
                "Warning: using key {key} in the Service group is not supported - use at your own risk"
            )));
        }
    }
    let has_image = matches!(kind, Kind::Container | Kind::Volume | Kind::Image);
    if let Some(image) = file.text(kind.section(), "Image").filter(|_| has_image)
        && !matches!(Kind::of(image), Some(Kind::Build | Kind::Image))
        && !is_whole_name(image)
    {
        remark(Remark::Warning(format!(
            "Warning: {} specifies the image \"{image}\" which not a fully qualified image name: which registry it \
             comes from depends on the configuration of this machine",
            file.name
        )));
    }
}

/// True for the name of an image that says its registry, and for an id.
fn is_whole_name(image: &str) -> bool {
    let is_id = image.starts_with("sha256:")
        || (image.len() == 64 && image.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let domain = image.split_once('/').map(|(domain, _)| domain);
    is_id || domain.is_some_and(|domain| domain.contains(['.', ':']) || domain == "localhost")
}

fn waits_as_user(service: &UnitFile) -> bool {
    service.assignments("Unit").any(|assignment| assignment.value == USER_NETWORK_ONLINE)
}

/// The service that a user's units wait for in place of the system's `network-online.target`, which they cannot name.
fn user_network_online() -> UnitFile {
    let mut file = UnitFile::default();
    USER_NETWORK_ONLINE.clone_into(&mut file.name);
    file.add("Unit", "Description", "Wait for the system's network-online.target");
    file.add("Service", "Type", "oneshot");
    file.add("Service", "RemainAfterExit", "yes");
    let script = "until systemctl --quiet is-active network-online.target; do sleep 0.5; done";
    file.add("Service", "ExecStart", format!("/bin/sh -c '{script}'"));
    file.add("Service", "TimeoutStartSec", "90");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names() {
        let id = "0".repeat(64);
        for name in ["quay.io/a", "localhost/a:1", "host:5000/a", "sha256:00", id.as_str()] {
            assert!(is_whole_name(name), "{name}");
        }
        for name in ["a", "library/a", "a:1", "00ff"] {
            assert!(!is_whole_name(name), "{name}");
        }
    }
}
