//! What an OCI runtime can do, as it tells with `features` (features.md of the OCI runtime specification).

use std::path::Path;
use std::process::Command;

use cove_sys::process::{self, RunOptions};
use oci_spec::runtime::Spec;
use serde_json::Value;

use crate::apparmor::DEFAULT_PROFILE;
use crate::error::{Error, Result};
use crate::launch::{OciRuntime, Runtime};

impl Runtime {
    /// Refuses what a configuration asks for and the OCI runtime says that it has not, by name. A runtime that tells
    /// nothing is taken at its own word when it starts the container; and it is only asked about what not all can do.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub fn check_features(&self, runtime: &OciRuntime, spec: &Spec) -> Result<()> {
        let wanted = wanted(spec);
        if wanted.is_empty() {
            return Ok(());
        }
        let Some(features) = features(&runtime.path) else { return Ok(()) };
        match wanted.iter().find(|wanted| !wanted.is_in(&features)) {
            Some(wanted) => Err(Error::Unsupported {
                what: wanted.shown(),
                why: format!("the OCI runtime {} has none", runtime.path.display()),
            }),
            None => Ok(()),
        }
    }
}

/// What it answers; [`None`] where it does not know the question.
fn features(path: &Path) -> Option<Value> {
    let mut command = Command::new(path);
    command.arg("features").current_dir("/");
    let output = process::run(&mut command, &RunOptions::default()).ok()?;
    let value: Value =
        output.status.success().then(|| serde_json::from_slice(&output.stdout).ok()).flatten()?;
    value.is_object().then_some(value)
}

/// What not every runtime can do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    MappedMounts,
    AppArmor,
    IntelRdt,
    Hook(&'static str),
}

impl Wanted {
    fn is_in(&self, features: &Value) -> bool {
        let enabled = |pointer: &str| features.pointer(pointer).and_then(Value::as_bool);
        match self {
            // Unlike the others it was in no runtime before there was this question.
            Self::MappedMounts => enabled("/linux/mountExtensions/idmap/enabled") == Some(true),
            Self::AppArmor => enabled("/linux/apparmor/enabled") != Some(false),
            Self::IntelRdt => enabled("/linux/intelRdt/enabled") != Some(false),
            Self::Hook(kind) => match features.get("hooks").and_then(Value::as_array) {
                Some(known) => known.iter().any(|hook| hook == kind),
                None => true,
            },
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::MappedMounts => "a mount with mapped owners (idmap)".to_owned(),
            Self::AppArmor => "an AppArmor profile".to_owned(),
            Self::IntelRdt => "a class of Intel RDT".to_owned(),
            Self::Hook(kind) => format!("an OCI hook of the stage {kind}"),
        }
    }
}

fn wanted(spec: &Spec) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mounts = spec.mounts().as_deref().unwrap_or_default();
    let is_mapped = |options: &Option<Vec<String>>| {
        options
            .iter()
            .flatten()
            .any(|option| option == "idmap" || option == "ridmap" || option.starts_with("idmap="))
    };
    if mounts.iter().any(|mount| mount.uid_mappings().is_some() || is_mapped(mount.options())) {
        wanted.push(Wanted::MappedMounts);
    }
    // Where a runtime has no profiles, that is no reason against a container for which none was asked.
    let profile = spec.process().as_ref().and_then(|process| process.apparmor_profile().as_deref());
    if profile.is_some_and(|name| name != DEFAULT_PROFILE) {
        wanted.push(Wanted::AppArmor);
    }
    if spec.linux().as_ref().is_some_and(|linux| linux.intel_rdt().is_some()) {
        wanted.push(Wanted::IntelRdt);
    }
    if let Some(hooks) = spec.hooks() {
        let stages = [
            ("createRuntime", hooks.create_runtime().is_some()),
            ("createContainer", hooks.create_container().is_some()),
            ("startContainer", hooks.start_container().is_some()),
            ("poststart", hooks.poststart().is_some()),
            ("poststop", hooks.poststop().is_some()),
        ];
        wanted.extend(stages.into_iter().filter(|(_, asked)| *asked).map(|(stage, _)| Wanted::Hook(stage)));
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_asked_for_is_found() {
        let spec: Spec = serde_json::from_value(json!({
            "ociVersion": "1.0.2",
            "mounts": [{"destination": "/a", "source": "/b", "options": ["bind", "idmap=uids=0-1-1"]}],
            "process": {"cwd": "/", "user": {"uid": 0, "gid": 0}, "apparmorProfile": "p"},
            "hooks": {"poststop": [{"path": "/x"}]},
            "linux": {"intelRdt": {"closID": "c"}},
        }))
        .unwrap();
        assert_eq!(
            wanted(&spec),
            [Wanted::MappedMounts, Wanted::AppArmor, Wanted::IntelRdt, Wanted::Hook("poststop")]
        );
        assert!(wanted(&serde_json::from_value(json!({"ociVersion": "1.0.2"})).unwrap()).is_empty());
    }

    #[test]
    fn what_a_runtime_lacks() {
        // As runc 1.1 answers.
        let runc = json!({"hooks": ["poststart"], "linux": {"apparmor": {"enabled": true},
            "intelRdt": {"enabled": false}}});
        assert!(Wanted::AppArmor.is_in(&runc) && Wanted::Hook("poststart").is_in(&runc));
        assert!(!Wanted::IntelRdt.is_in(&runc) && !Wanted::MappedMounts.is_in(&runc));
        assert!(!Wanted::Hook("createContainer").is_in(&runc));
        let newer = json!({"linux": {"mountExtensions": {"idmap": {"enabled": true}}}});
        assert!(Wanted::MappedMounts.is_in(&newer) && Wanted::Hook("poststop").is_in(&newer));
    }
}
