//! What the agent says about itself in its state file. The file is a report: whether an agent lives is decided
//! by the lock it holds.

#[cfg(unix)]
use cove_sys::atomic;
use cove_sys::fs;
use serde::{Deserialize, Serialize};

#[cfg(unix)]
use crate::error::Result;
use crate::paths::MachinePaths;

/// Largest accepted state file, in bytes.
const LIMIT: u64 = 4 << 20;

/// How far the agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentPhase {
    /// The guest's sshd does not listen yet.
    Booting,
    /// The SSH handshake is under way.
    Connecting,
    /// Connected; the engine does not answer yet.
    Waiting,
    /// The engine answers.
    Ready,
    /// The connection broke.
    Reconnecting,
}

/// The state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {
    /// The agent's process.
    pub pid: u32,
    /// How far it is.
    pub phase: AgentPhase,
    /// The last failure, while it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The ports of the guest's containers.
    #[serde(default)]
    pub ports: Vec<PublishedPort>,
}

/// A published port of a container in the guest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublishedPort {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Address on the host; empty for all.
    pub host_ip: String,
    /// Port on the host and in the guest.
    pub port: u16,
    /// Why it does not answer on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The last report, or `None` where there is none that can be read.
pub(crate) fn read(paths: &MachinePaths) -> Option<AgentState> {
    let path = paths.agent_state();
    if fs::metadata(&path).ok()?.len() > LIMIT {
        return None;
    }
    serde_json::from_slice(&fs::read(&path).ok()?).ok()
}

pub(crate) fn remove(paths: &MachinePaths) {
    let _ = fs::remove_file(paths.agent_state());
}

/// Writes each change of the report.
#[cfg(unix)]
pub(super) struct Report {
    paths: MachinePaths,
    state: AgentState,
}

#[cfg(unix)]
impl Report {
    pub(super) fn new(paths: &MachinePaths) -> Result<Self> {
        let state = AgentState {
            pid: std::process::id(),
            phase: AgentPhase::Booting,
            error: None,
            ports: Vec::new(),
        };
        let mut report = Self { paths: paths.clone(), state };
        report.write()?;
        Ok(report)
    }

    pub(super) fn phase(&mut self, phase: AgentPhase, error: Option<String>) {
        self.change(|state| {
            state.phase = phase;
            state.error = error;
        });
    }

    pub(super) fn ports(&mut self, ports: Vec<PublishedPort>) {
        self.change(|state| state.ports = ports);
    }

    pub(super) fn has_failed_ports(&self) -> bool {
        self.state.ports.iter().any(|port| port.error.is_some())
    }

    fn change(&mut self, change: impl FnOnce(&mut AgentState)) {
        let before = self.state.clone();
        change(&mut self.state);
        if before != self.state {
            // A full disk must not end the forwarding; the next change tries again.
            let _ = self.write();
        }
    }

    fn write(&mut self) -> Result<()> {
        let json = serde_json::to_vec(&self.state).map_err(std::io::Error::other)?;
        Ok(atomic::write(&self.paths.agent_state(), &json, 0o600)?)
    }
}
