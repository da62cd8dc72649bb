//! `machine list`, and what state a machine is in.

use cove_sys::fs;
use futures_util::future::join_all;
use serde::{Serialize, Serializer};

use super::machines::Machines;
use crate::agent::{AgentPhase, read_state};
use crate::error::Result;
use crate::name::MachineName;
use crate::paths::MachinePaths;
use crate::provider::{ProviderKind, VmState};
use crate::record::MachineRecord;
use crate::ssh::REMOTE_USER;

/// The state of a machine, from its process, its control channel and its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineState {
    /// No process.
    Stopped,
    /// Booting, or being started at this moment.
    Starting,
    /// The engine answers.
    Running,
    /// The VM runs, but its engine cannot be reached: `start` repairs that.
    Degraded,
    /// The VM is suspended.
    Paused,
    /// The VM's process does not answer: `start` or `stop` end it.
    Unresponsive,
    /// The definition cannot be read.
    Broken,
}

impl MachineState {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Unresponsive => "unresponsive",
            Self::Broken => "broken",
        }
    }
}

/// One machine in a list. Serialised, it has the fields of Podman's `machine list --format json` and ours.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MachineSummary {
    /// Its name.
    pub name: String,
    /// Whether commands without a connection go to it.
    pub default: bool,
    /// When it was made (RFC 3339).
    pub created: String,
    /// Whether the VM runs.
    pub running: bool,
    /// Whether it is being started.
    pub starting: bool,
    /// When it was last seen running (RFC 3339); empty for never.
    pub last_up: String,
    /// Podman's image stream; always empty.
    pub stream: String,
    /// The provider.
    #[serde(rename = "VMType")]
    pub vm_type: String,
    /// Virtual processors.
    #[serde(rename = "CPUs")]
    pub cpus: u32,
    /// Memory in bytes.
    #[serde(serialize_with = "as_text")]
    pub memory: u64,
    /// Swap in bytes.
    #[serde(serialize_with = "as_text")]
    pub swap: u64,
    /// Disk in bytes.
    #[serde(serialize_with = "as_text")]
    pub disk_size: u64,
    /// Port for ssh on 127.0.0.1.
    pub port: u16,
    /// User for ssh.
    pub remote_username: String,
    /// Key for ssh.
    pub identity_path: String,
    /// Whether the network is QEMU's; always true.
    pub user_mode_networking: bool,
    /// The exact state (ours).
    pub state: MachineState,
    /// Why it is broken or degraded (ours).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn as_text<S: Serializer>(value: &u64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Machines {
    /// All machines, the running ones first, then by last use. One that cannot be read is listed as broken.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn list(&self) -> Result<Vec<MachineSummary>> {
        let default = self.default_machine();
        let names = self.names()?;
        let summaries =
            names.iter().map(|(kind, name)| self.summary(*kind, name, default.as_ref() == Some(name)));
        let mut all = join_all(summaries).await;
        all.sort_by(|a, b| {
            b.running
                .cmp(&a.running)
                .then_with(|| b.last_up.cmp(&a.last_up))
                .then_with(|| a.name.cmp(&b.name))
        });
        Ok(all)
    }

    /// The names of all machines with their providers.
    pub(super) fn names(&self) -> Result<Vec<(ProviderKind, MachineName)>> {
        let mut names = Vec::new();
        for kind in ProviderKind::ALL {
            let folder = self.folders.provider(kind);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            for entry in entries {
                let entry = entry?;
                // Folders that are being made or removed begin with a dot, which no name does.
                if let Ok(name) = entry.file_name().to_string_lossy().parse::<MachineName>()
                    && entry.path().is_dir()
                {
                    names.push((kind, name));
                }
            }
        }
        names.sort();
        Ok(names)
    }

    async fn summary(&self, kind: ProviderKind, name: &MachineName, default: bool) -> MachineSummary {
        let mut summary = MachineSummary {
            name: name.to_string(),
            default,
            created: String::new(),
            running: false,
            starting: false,
            last_up: String::new(),
            stream: String::new(),
            vm_type: kind.to_string(),
            cpus: 0,
            memory: 0,
            swap: 0,
            disk_size: 0,
            port: 0,
            remote_username: REMOTE_USER.into(),
            identity_path: String::new(),
            user_mode_networking: true,
            state: MachineState::Broken,
            error: None,
        };
        match self.load(name) {
            Ok((record, paths)) => {
                let (state, error) = self.state_of(&record, &paths).await;
                summary.state = state;
                summary.error = error;
                summary.running = !matches!(state, MachineState::Stopped | MachineState::Starting);
                summary.starting = state == MachineState::Starting;
                record.user().clone_into(&mut summary.remote_username);
                summary.created = record.created;
                summary.last_up = record.last_up.unwrap_or_default();
                summary.cpus = record.cpus;
                summary.memory = record.memory_mib << 20;
                summary.disk_size = record.disk_gib << 30;
                summary.swap = record.swap_mib << 20;

                summary.port = record.ssh_port;
                summary.identity_path = paths.identity().display().to_string();
            }
            Err(error) => summary.error = Some(error.to_string()),
        }
        summary
    }

    /// The state, with a reason where it is not a good one.
    pub(super) async fn state_of(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
    ) -> (MachineState, Option<String>) {
        let provider = self.provider(record.provider);
        let vm = match provider.state(record.name.as_str(), paths).await {
            Ok(vm) => vm,
            Err(error) => return (MachineState::Broken, Some(error.to_string())),
        };
        let start_hint = format!("`cove machine start {}` repairs that", record.name);
        match vm {
            VmState::Stopped => (MachineState::Stopped, None),
            VmState::Paused => (MachineState::Paused, None),
            VmState::Unresponsive => {
                (MachineState::Unresponsive, Some(format!("QEMU does not answer; {start_hint}")))
            }
            VmState::Running => {
                let agent = Self::has_agent(paths).then(|| read_state(paths)).flatten();
                match agent {
                    Some(agent) if agent.phase == AgentPhase::Ready => (MachineState::Running, None),
                    _ if Self::is_locked(paths) => (MachineState::Starting, None),
                    Some(agent) if matches!(agent.phase, AgentPhase::Booting | AgentPhase::Connecting) => {
                        (MachineState::Starting, agent.error)
                    }
                    Some(agent) => (MachineState::Degraded, agent.error),
                    None => (MachineState::Degraded, Some(format!("its agent is gone; {start_hint}"))),
                }
            }
        }
    }
}
