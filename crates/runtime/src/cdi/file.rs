//! One file of device descriptions.

use std::path::{Path, PathBuf};

use cove_api::{CdiName, StringMap};
use serde::Deserialize;

use crate::error::{Error, Result};

/// Most bytes of a file.
const MAX_FILE: u64 = 4 << 20;

/// The versions whose files are read.
const VERSIONS: [&str; 8] = ["0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"];

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    cdi_version: String,
    pub(super) kind: String,
    #[serde(default, rename = "annotations")]
    _annotations: StringMap,
    pub(super) devices: Vec<Device>,
    #[serde(default)]
    pub(super) container_edits: ContainerEdits,
}

/// A device in a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    pub(super) name: String,
    #[serde(default, rename = "annotations")]
    _annotations: StringMap,
    pub(super) container_edits: ContainerEdits,
}

/// What a container gets besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerEdits {
    /// Variables, `NAME=value`.
    pub env: Vec<String>,
    /// Device nodes.
    pub device_nodes: Vec<DeviceNode>,
    /// Interfaces that move into the container.
    pub net_devices: Vec<NetDevice>,
    /// Programs that the OCI runtime starts.
    pub hooks: Vec<Hook>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Its share of the processor's cache.
    pub intel_rdt: Option<IntelRdt>,
    /// Groups of the process.
    #[serde(rename = "additionalGids")]
    pub additional_gids: Vec<u32>,
}

/// A device node. What is not given is that of the host's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct DeviceNode {
    /// In the container.
    pub path: PathBuf,
    /// On the host; empty where it is the same.
    pub host_path: PathBuf,
    /// `b`, `c`, `u`, `p`; empty for the host's.
    #[serde(rename = "type")]
    pub kind: String,
    pub major: i64,
    pub minor: i64,
    pub file_mode: Option<u32>,
    /// Out of `r`, `w`, `m`; `none` is none of them.
    pub permissions: String,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// An interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct NetDevice {
    pub host_interface_name: String,
    pub name: String,
}

/// A program at a stage of a container's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct Hook {
    pub hook_name: String,
    pub path: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<String>,
    /// Seconds.
    pub timeout: Option<i64>,
}

/// A mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct Mount {
    pub host_path: PathBuf,
    pub container_path: PathBuf,
    pub options: Vec<String>,
    #[serde(rename = "type")]
    pub kind: String,
}

/// A share of the processor's cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct IntelRdt {
    #[serde(rename = "closID")]
    pub clos_id: String,
    #[serde(rename = "l3CacheSchema")]
    pub l3_cache_schema: String,
    pub mem_bw_schema: String,
    pub schemata: Vec<String>,
    pub enable_monitoring: bool,
    #[serde(rename = "enableCMT")]
    pub enable_cmt: bool,
    #[serde(rename = "enableMBM")]
    pub enable_mbm: bool,
}

impl File {
    /// Reads and checks a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = cove_sys::read::bounded_text(path, MAX_FILE).map_err(Error::file)?.unwrap_or_default();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        Self::parse(&text, is_json).map_err(|why| Error::invalid(format!("CDI file {}", path.display()), why))
    }

    /// Reads a text; the error is what is wrong with it.
    pub(super) fn parse(text: &str, is_json: bool) -> std::result::Result<Self, String> {
        let file: Self = if is_json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?
        };
        let version = file.cdi_version.trim_start_matches('v');
        if !VERSIONS.contains(&version) {
            return Err(format!("version {version:?} is none of {}", VERSIONS.join(", ")));
        }
        CdiName::kind(&file.kind).map_err(|error| error.message)?;
        file.container_edits.check()?;
        for (place, device) in file.devices.iter().enumerate() {
            CdiName::device(&device.name).map_err(|error| error.message)?;
            if file.devices[..place].iter().any(|other| other.name == device.name) {
                return Err(format!("there are two devices {:?}", device.name));
            }
            if device.container_edits == ContainerEdits::default() {
                return Err(format!("the device {:?} changes nothing", device.name));
            }
            device.container_edits.check()?;
        }
        Ok(file)
    }
}

impl ContainerEdits {
    /// Adds what another has.
    pub(super) fn extend(&mut self, other: &Self) {
        let other = other.clone();
        self.env.extend(other.env);
        self.device_nodes.extend(other.device_nodes);
        self.net_devices.extend(other.net_devices);
        self.hooks.extend(other.hooks);
        self.mounts.extend(other.mounts);
        self.intel_rdt = other.intel_rdt.or(self.intel_rdt.take());
        self.additional_gids.extend(other.additional_gids);
    }

    fn check(&self) -> std::result::Result<(), String> {
        let is_variable = |text: &String| text.find('=').is_some_and(|at| at > 0) && !text.contains('\0');
        if let Some(text) = self.env.iter().find(|text| !is_variable(text)) {
            return Err(format!("{text:?} is no variable"));
        }
        for node in &self.device_nodes {
            node.check()?;
        }
        for hook in &self.hooks {
            if !super::edit::STAGES.contains(&hook.hook_name.as_str()) {
                return Err(format!("{:?} is no stage of hooks", hook.hook_name));
            }
            if !hook.path.is_absolute() || hook.env.iter().any(|text| !is_variable(text)) {
                return Err(format!(
                    "the hook {} needs an absolute path, and variables",
                    hook.path.display()
                ));
            }
            if hook.timeout.is_some_and(|seconds| seconds <= 0) {
                return Err(format!("the hook {} has no time", hook.path.display()));
            }
        }
        for mount in &self.mounts {
            if mount.host_path.as_os_str().is_empty() || !mount.container_path.is_absolute() {
                return Err(
                    "a mount needs a path on the host and an absolute one in the container".to_owned()
                );
            }
        }
        if self
            .net_devices
            .iter()
            .any(|device| device.host_interface_name.is_empty() || device.name.is_empty())
        {
            return Err("a network device needs a name on the host and one in the container".to_owned());
        }
        match &self.intel_rdt {
            // It is the name of a folder.
            Some(rdt)
                if rdt.clos_id != "/"
                    && (matches!(&*rdt.clos_id, "." | "..") || rdt.clos_id.contains(['/', '\n'])) =>
            {
                Err(format!("{:?} is no class of the processor's cache", rdt.clos_id))
            }
            _ => Ok(()),
        }
    }
}

impl DeviceNode {
    fn check(&self) -> std::result::Result<(), String> {
        let path = self.path.display();
        if !self.path.is_absolute() {
            return Err(format!("the device node {path} needs an absolute path"));
        }
        if !matches!(&*self.kind, "" | "b" | "c" | "u" | "p") {
            return Err(format!("the device node {path} is of no type: {:?}", self.kind));
        }
        if self.permissions != "none" && !self.permissions.chars().all(|c| "rwm".contains(c)) {
            return Err(format!("the device node {path} has no permissions: {:?}", self.permissions));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = r#"
cdiVersion: "0.6.0"
kind: vendor.com/device
containerEdits:
  env: [ALL=yes]
devices:
  - name: "0"
    annotations: {a: b}
    containerEdits:
      deviceNodes:
        - path: /dev/card0
          hostPath: /dev/null
          fileMode: 438
          permissions: rw
      mounts:
        - hostPath: /usr/lib/x
          containerPath: /usr/lib/x
          options: [ro, nosuid, nodev, bind]
      hooks:
        - hookName: createContainer
          path: /usr/bin/hook
          args: [hook, --verbose]
      additionalGids: [5]
"#;

    #[test]
    fn both_forms_are_read() {
        let file = File::parse(YAML, false).unwrap();
        assert_eq!((file.kind.as_str(), file.devices[0].name.as_str()), ("vendor.com/device", "0"));
        let edits = &file.devices[0].container_edits;
        assert_eq!(
            (edits.device_nodes[0].file_mode, edits.additional_gids.as_slice()),
            (Some(0o666), &[5][..])
        );
        assert_eq!(edits.mounts[0].options.len(), 4);
        let json = r#"{"cdiVersion": "0.3.0", "kind": "a/b", "devices": [{"name": "c", "containerEdits": {"env": ["A=1"]}}]}"#;
        let file = File::parse(json, true).unwrap();
        assert_eq!(file.devices[0].container_edits.env, ["A=1"]);
    }

    #[test]
    fn wrong_files_are_refused() {
        let with = |edits: &str| {
            format!(
                r#"{{"cdiVersion": "1.0.0", "kind": "a/b", "devices": [{{"name": "c", "containerEdits": {edits}}}]}}"#
            )
        };
        File::parse(&with(r#"{"env": ["A=1"]}"#), true).unwrap();
        let many = format!("a: &a [x, x, x, x, x, x, x, x, x]\n{}", "b: [*a, *a, *a, *a, *a, *a, *a, *a]\n");
        for text in [
            "",
            "[]",
            "{}",
            &many,
            r#"{"cdiVersion": "9.0.0", "kind": "a/b", "devices": []}"#,
            r#"{"cdiVersion": "1.0.0", "kind": "a", "devices": []}"#,
            r#"{"cdiVersion": "1.0.0", "kind": "a/b", "devices": [], "zork": 1}"#,
            r#"{"cdiVersion": "1.0.0", "kind": "a/b", "devices": [{"name": "a b", "containerEdits": {"env": ["A=1"]}}]}"#,
            &with("{}"),
            &with(r#"{"env": ["=1"]}"#),
            &with(r#"{"deviceNodes": [{"path": "dev/x"}]}"#),
            &with(r#"{"deviceNodes": [{"path": "/dev/x", "type": "z"}]}"#),
            &with(r#"{"deviceNodes": [{"path": "/dev/x", "permissions": "rx"}]}"#),
            &with(r#"{"hooks": [{"hookName": "never", "path": "/x"}]}"#),
            &with(r#"{"hooks": [{"hookName": "poststop", "path": "x"}]}"#),
            &with(r#"{"mounts": [{"hostPath": "/x"}]}"#),
            &with(r#"{"intelRdt": {"closID": "../x"}}"#),
            &with(r#"{"netDevices": [{"name": "x"}]}"#),
        ] {
            assert!(File::parse(text, false).is_err(), "{text}");
        }
    }
}
