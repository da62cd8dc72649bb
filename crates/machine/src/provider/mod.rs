//! What can run a machine. A provider knows disks, processes, power, the way to its guest and how to tell it something;
//! it knows nothing of ssh keys, engines or published ports.

mod address;
mod kind;
mod qemu;
mod unsupported;

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::error::Result;
use crate::image::MachineImage;
use crate::paths::{MachineFolders, MachinePaths};
use crate::provision::{GuestConfig, GuestNetwork};
use crate::record::MachineRecord;

pub use address::GuestAddress;
pub use kind::ProviderKind;
pub use qemu::args::{Accelerator, QemuSpec, arguments};

/// What a provider can do; callers decide by these, never by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The size of memory and the number of processors can be chosen per machine.
    pub resources: bool,
    /// The disk's size can be chosen and raised.
    pub disk_size: bool,
    /// The disk is a qcow2 file, [`ImageFiles::disk`], that `qemu-img` can work on while the VM is off.
    pub qcow2: bool,
    /// UDP ports can be published.
    pub udp: bool,
    /// What the guest writes to its console is kept in [`MachinePaths::console`].
    pub console: bool,
}

/// The files of an image that a provider copies into a machine's folder, under their own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFiles {
    /// The disk, in the format the provider takes.
    pub disk: &'static str,
    /// What it boots the guest with.
    pub boot: &'static [&'static str],
}

impl ImageFiles {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.disk).chain(self.boot.iter().copied())
    }
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

    /// What it takes from an image.
    fn files(&self) -> ImageFiles;

    /// The way to the guest's sshd.
    fn address(&self, record: &MachineRecord, paths: &MachinePaths) -> GuestAddress;

    /// The network the guest is to configure; `None` where its system does that itself.
    fn network(&self) -> Option<GuestNetwork>;

    /// Chooses what of the record is this host's to give, such as a free port, at `create` and again before each
    /// `start`; answers what the user should know about a change.
    fn assign(&self, record: &mut MachineRecord) -> Result<Option<String>>;

    /// Why guests run slowly on this host, where they do; cheap, and without a test of its own.
    fn slow_because(&self) -> Option<String> {
        None
    }

    /// Why folders of the host cannot be shared with a guest; `None` where they can.
    fn cannot_share_folders(&self) -> Option<String> {
        Some(format!("the provider {} does not share folders", self.kind()))
    }

    /// Puts the image's files into `paths.folder` and sizes the disk.
    async fn create(&self, record: &MachineRecord, image: &MachineImage, paths: &MachinePaths) -> Result<()>;

    /// Raises the disk's size to `record.disk_gib`; also while the VM runs.
    async fn resize(&self, record: &MachineRecord, paths: &MachinePaths) -> Result<()>;

    /// Starts the VM, hands `config` (secret) over to the guest, and returns when its process is there (the guest is
    /// still booting then). How the guest fetches it stands in `guest/channel.rs`.
    async fn start(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
        config: &GuestConfig,
    ) -> Result<Launched>;

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
