//! Machines: store, image, first boot, ssh, forwards and the VM providers.

pub mod boot_log;
#[cfg(target_os = "linux")]
pub mod guest;
pub mod provision;
