//! What can run a machine. A provider knows disks, processes and power; it knows nothing of ssh keys, engines
//! or published ports.

mod qemu;
mod unsupported;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::image::MachineImage;
use crate::paths::{MachineFolders, MachinePaths};
use crate::record::MachineRecord;

pub use qemu::args::{Accelerator, QemuSpec, arguments};

/// The known providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// QEMU with KVM, or with software emulation.
    Qemu,
    /// Windows Subsystem for Linux.
    Wsl2,
    /// Apple's Virtualization framework.
    Vz,
}

impl ProviderKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Qemu, Self::Wsl2, Self::Vz];

    /// Its name for users, folders and definitions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Wsl2 => "wsl2",
            Self::Vz => "vz",
        }
    }

    /// The one that is used on this operating system where none is named.
    #[must_use]
    pub fn default_here() -> Self {
        if cfg!(windows) {
            Self::Wsl2
        } else if cfg!(target_os = "macos") {
            Self::Vz
        } else {
            Self::Qemu
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ProviderKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "qemu" => Ok(Self::Qemu),
            "wsl2" | "wsl" => Ok(Self::Wsl2),
            "vz" | "applehv" => Ok(Self::Vz),
            _ => Err(Error::BadOption {
                option: "--provider",
                reason: format!("{name:?} is no provider: use qemu, wsl2 or vz"),
            }),
        }
    }
}

/// What a provider can do; callers decide by these, never by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The size of memory and the number of processors can be chosen per machine.
    pub resources: bool,
    /// The disk's size can be chosen and raised.
    pub disk_size: bool,
    /// UDP ports can be published.
    pub udp: bool,
}

/// What the VM's process is doing, asked of the process itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VmState {
    /// There is no process.
    Stopped,
    /// It runs and its control channel answers.
    Running,
    /// It is suspended.
    Paused,
    /// There is a process, but its control channel does not answer.
    Unresponsive,
}

/// How to end a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Press the power button and wait.
    Orderly(Duration),
    /// Switch it off.
    Hard,
}

/// What a start has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launched {
    /// The VM's process.
    pub pid: u32,
    /// How instructions are run: `kvm` or `tcg`.
    pub accelerator: String,
    /// What the user should know about that.
    pub note: Option<String>,
}

/// A UDP port published by the provider itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UdpForward {
    /// Address on the host; empty for all.
    pub host_ip: String,
    /// Port on the host.
    pub host_port: u16,
    /// Port in the guest.
    pub guest_port: u16,
}

/// One hypervisor.
///
/// Callers hold the machine's lock for `create`, `resize`, `start`, `stop` and `remove`, and call them in that
/// order of life. `stop` of a stopped VM and `remove` of a removed one do nothing. `state` may be called at any
/// time, also by several processes, and asks the process, not a file.
#[async_trait]
pub trait VmProvider: Send + Sync {
    /// Which one it is.
    fn kind(&self) -> ProviderKind;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Makes sure that the needed programs are there; answers their version.
    async fn check(&self) -> Result<String>;

    /// Puts the image's files into `paths.folder` and sizes the disk.
    async fn create(&self, record: &MachineRecord, image: &MachineImage, paths: &MachinePaths) -> Result<()>;

    /// Raises the disk's size to `record.disk_gib`.
    async fn resize(&self, record: &MachineRecord, paths: &MachinePaths) -> Result<()>;

    /// Starts the VM and returns when its process is there (the guest is still booting then).
    async fn start(&self, record: &MachineRecord, paths: &MachinePaths) -> Result<Launched>;

    /// Ends the VM and returns when its process is gone.
    async fn stop(&self, record: &MachineRecord, paths: &MachinePaths, how: Stop) -> Result<()>;

    /// What the process is doing.
    async fn state(&self, name: &str, paths: &MachinePaths) -> Result<VmState>;

    /// Whether the VM's process is there; cheap enough to be asked often.
    fn is_alive(&self, paths: &MachinePaths) -> bool;

    /// Publishes a UDP port, or takes it back.
    async fn forward_udp(
        &self,
        name: &str,
        paths: &MachinePaths,
        forward: &UdpForward,
        on: bool,
    ) -> Result<()>;

    /// Removes what [`VmProvider::create`] put outside of `paths.folder`.
    async fn remove(&self, paths: &MachinePaths) -> Result<()>;
}

/// The provider of a kind.
#[must_use]
pub fn provider(kind: ProviderKind, folders: &MachineFolders) -> Box<dyn VmProvider> {
    match kind {
        #[cfg(unix)]
        ProviderKind::Qemu => Box::new(qemu::Qemu::new(folders)),
        other => {
            // Only the driven providers keep files of their own here.
            let _ = folders;
            Box::new(unsupported::Unsupported(other))
        }
    }
}
