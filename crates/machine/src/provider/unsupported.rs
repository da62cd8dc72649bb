//! Providers that have a name but cannot be driven by this version: every operation says so.

use async_trait::async_trait;

use super::{
    Capabilities, GuestAddress, ImageFiles, Launched, ProviderKind, Stop, UdpForward, VmProvider, VmState,
};
use crate::error::{Error, Result};
use crate::image::MachineImage;
use crate::paths::MachinePaths;
use crate::provision::{GuestConfig, GuestNetwork};
use crate::record::MachineRecord;

pub(super) struct Unsupported(pub(super) ProviderKind);

impl Unsupported {
    fn refuse<T>(&self) -> Result<T> {
        Err(Error::ProviderUnsupported {
            provider: self.0.to_string(),
            reason: "not in this version, which drives qemu",
        })
    }
}

#[async_trait]
impl VmProvider for Unsupported {
    fn kind(&self) -> ProviderKind {
        self.0
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resources: false, disk_size: false, qcow2: false, udp: false, console: false }
    }

    async fn check(&self) -> Result<String> {
        self.refuse()
    }

    fn files(&self) -> ImageFiles {
        ImageFiles { disk: "", boot: &[] }
    }

    fn address(&self, _: &MachineRecord, _: &MachinePaths) -> GuestAddress {
        GuestAddress::Program(Vec::new())
    }

    fn network(&self) -> Option<GuestNetwork> {
        None
    }

    fn assign(&self, _: &mut MachineRecord) -> Result<Option<String>> {
        self.refuse()
    }

    async fn create(&self, _: &MachineRecord, _: &MachineImage, _: &MachinePaths) -> Result<()> {
        self.refuse()
    }

    async fn resize(&self, _: &MachineRecord, _: &MachinePaths) -> Result<()> {
        self.refuse()
    }

    async fn start(&self, _: &MachineRecord, _: &MachinePaths, _: &GuestConfig) -> Result<Launched> {
        self.refuse()
    }

    async fn stop(&self, _: &MachineRecord, _: &MachinePaths, _: Stop) -> Result<()> {
        self.refuse()
    }

    async fn state(&self, _: &str, _: &MachinePaths) -> Result<VmState> {
        self.refuse()
    }

    fn is_alive(&self, _: &MachinePaths) -> bool {
        false
    }

    async fn forward_udp(&self, _: &str, _: &MachinePaths, _: &UdpForward, _: bool) -> Result<()> {
        self.refuse()
    }

    async fn remove(&self, _: &MachinePaths) -> Result<()> {
        Ok(())
    }
}
