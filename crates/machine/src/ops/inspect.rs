//! `machine inspect` and `machine info`.

use serde::Serialize;

use super::list::MachineState;
use super::machines::Machines;
use crate::agent::{AgentState, read_state};
use crate::error::Result;
use crate::name::MachineName;
use crate::provider::ProviderKind;
use crate::record::RecordedImage;

/// A path as Podman writes it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FilePath {
    /// The path.
    pub path: String,
}

/// All about one machine, in Podman's shape with ours behind it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineInspect {
    /// Its folder.
    pub config_dir: FilePath,
    /// Its sockets.
    pub connection_info: MachineConnectionInfo,
    /// When it was made (RFC 3339).
    pub created: String,
    /// When it was last seen running (RFC 3339); empty for never.
    pub last_up: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub resources: MachineResources,
    /// How to log in.
    #[serde(rename = "SSHConfig")]
    pub ssh_config: MachineSshConfig,
    /// What it is doing.
    pub state: MachineState,
    /// Whether the network is QEMU's; always true.
    pub user_mode_networking: bool,
    /// Whether the engine inside runs as root; always true.
    pub rootful: bool,
    /// Whether Apple's translation is on; always false.
    pub rosetta: bool,
    /// Time zone inside: `local` for the host's; empty for UTC (ours).
    pub timezone: String,
    /// Swap in MiB (ours).
    pub swap: u64,
    /// Whether the guest trusts the certificate authorities of the host (ours).
    #[serde(rename = "ImportNativeCA")]
    pub import_native_ca: bool,
    /// Folders of the host that it sees (ours).
    pub mounts: Vec<MachineMount>,
    /// The provider (ours).
    pub provider: ProviderKind,
    /// What it was made from (ours).
    pub image: RecordedImage,
    /// The guest's console since the last start (ours).
    pub console_log: FilePath,
    /// The agent's report: published ports and the last failure (ours).
    pub agent: Option<AgentState>,
    /// Why the state is not a good one (ours).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A folder of the host in a machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineMount {
    /// The folder on the host.
    pub source: String,
    /// Where the machine has it.
    pub target: String,
    /// Whether it may only be read there.
    pub read_only: bool,
    /// How it is shared: `virtiofs`.
    #[serde(rename = "Type")]
    pub kind: &'static str,
}

/// Sockets of a machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineConnectionInfo {
    /// The forwarded API.
    pub podman_socket: FilePath,
    /// The named pipe on Windows.
    pub podman_pipe: Option<FilePath>,
}

/// Size of a machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineResources {
    /// Virtual processors.
    #[serde(rename = "CPUs")]
    pub cpus: u32,
    /// Disk in GiB.
    pub disk_size: u64,
    /// Memory in MiB.
    pub memory: u64,
    /// Passed-through USB devices; always none: the guest's kernel has no drivers for them.
    #[serde(rename = "USBs")]
    pub usbs: Vec<String>,
}

/// How to log in.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineSshConfig {
    /// The private key.
    pub identity_path: String,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The user.
    pub remote_username: String,
}

/// The host part of `machine info`, in Podman's shape.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineHostInfo {
    /// Go's name of the architecture.
    pub arch: String,
    /// The running machine, else the default one.
    pub current_machine: String,
    /// The machine of the default connection.
    pub default_machine: String,
    /// Podman's folder for events; ours for sockets.
    pub events_dir: String,
    /// Folder of the definitions.
    pub machine_config_dir: String,
    /// Folder of the images.
    pub machine_image_dir: String,
    /// `Running`, `Starting` or `Stopped`.
    pub machine_state: String,
    /// How many there are.
    pub number_of_machines: usize,
    /// Go's name of the operating system.
    #[serde(rename = "OS")]
    pub os: String,
    /// The provider on this host.
    #[serde(rename = "VMType")]
    pub vm_type: String,
    /// The provider's version, or why it cannot be used (ours).
    pub provider_version: String,
}

impl Machines {
    /// All about one machine.
    ///
    /// # Errors
    /// It does not exist or its definition cannot be read.
    pub async fn inspect(&self, name: &MachineName) -> Result<MachineInspect> {
        let (record, paths) = self.load(name)?;
        let (state, error) = self.state_of(&record, &paths).await;
        let path = |path: std::path::PathBuf| FilePath { path: path.display().to_string() };
        let user = record.user().to_owned();
        Ok(MachineInspect {
            config_dir: path(paths.folder.clone()),
            connection_info: MachineConnectionInfo { podman_socket: path(paths.api()), podman_pipe: None },
            created: record.created,
            last_up: record.last_up.unwrap_or_default(),
            name: name.to_string(),
            resources: MachineResources {
                cpus: record.cpus,
                disk_size: record.disk_gib,
                memory: record.memory_mib,
                usbs: Vec::new(),
            },
            ssh_config: MachineSshConfig {
                identity_path: paths.identity().display().to_string(),
                port: record.ssh_port,
                remote_username: user,
            },
            state,
            user_mode_networking: true,
            rootful: true,
            rosetta: false,
            timezone: record.timezone.unwrap_or_default(),
            swap: record.swap_mib,
            import_native_ca: record.import_native_ca,
            mounts: record
                .shared_folders
                .into_iter()
                .map(|folder| MachineMount {
                    source: folder.source.display().to_string(),
                    target: folder.target,
                    read_only: folder.read_only,
                    kind: "virtiofs",
                })
                .collect(),
            provider: record.provider,
            image: record.image,
            console_log: path(paths.console()),
            agent: Self::has_agent(&paths).then(|| read_state(&paths)).flatten(),
            error,
        })
    }

    /// About this host and its machines.
    ///
    /// # Errors
    /// The folders cannot be read.
    pub async fn info(&self, kind: ProviderKind) -> Result<MachineHostInfo> {
        let machines = self.list().await?;
        let default = self.default_machine().map(String::from).unwrap_or_default();
        let active = machines.iter().find(|machine| machine.running || machine.starting);
        let state = match active {
            Some(machine) if machine.starting => "Starting",
            Some(machine) if machine.state != MachineState::Broken => "Running",
            _ if machines.is_empty() => "",
            _ => "Stopped",
        };
        let version = self.provider(kind).check().await;
        Ok(MachineHostInfo {
            arch: match crate::image::host_arch() {
                "amd64" => "amd64".into(),
                other => other.into(),
            },
            current_machine: active.map_or_else(|| default.clone(), |machine| machine.name.clone()),
            default_machine: default,
            events_dir: self.folders.runtime.display().to_string(),
            machine_config_dir: self.folders.provider(kind).display().to_string(),
            machine_image_dir: self.folders.data.join("images").display().to_string(),
            machine_state: state.into(),
            number_of_machines: machines.len(),
            os: match std::env::consts::OS {
                "macos" => "darwin".into(),
                other => other.into(),
            },
            vm_type: kind.to_string(),
            provider_version: version.unwrap_or_else(|error| error.to_string()),
        })
    }
}
