//! The OCI runtime configuration (`config.json`) of a container and of processes in it.
//!
//! The engine resolves what needs its state (image, volumes, namespaces of other containers, networks) into a
//! [`SpecInput`]; from there on everything is a pure function of values. [`HostFacts`] is what must be known of the
//! machine.

mod block;
mod build;
pub mod capabilities;
mod devices;
mod exec;
mod host;
mod input;
mod limits;
mod mounts;
mod paths;
mod settings;
mod update;

pub(crate) use build::replace;
pub use build::{build, write_bundle};
pub use exec::{ExecInput, exec_process};
pub use host::HostFacts;
pub use input::{IdMapping, NamespaceTarget, Namespaces, ShmSource, SpecInput};
pub use settings::{
    CapabilityRules, CgroupPlacement, CpuLimits, DeviceMapping, Limits, MemoryLimits, RootAccess, Seccomp,
    Security, Settings, Systemd,
};
pub use update::{resources, update_bundle};
