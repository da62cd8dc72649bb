//! Machines: store, image, first boot, ssh, forwards and the VM providers.

pub mod boot_log;
mod error;
#[cfg(target_os = "linux")]
pub mod guest;
pub mod image;
mod keys;
mod name;
mod paths;
mod process;
mod progress;
pub mod provider;
pub mod provision;
mod record;

pub use error::{Error, Result};
pub use name::{DEFAULT_MACHINE, MachineName};
pub use paths::{MachineFolders, MachinePaths};
pub use progress::{Progress, ProgressSink, StepTime};
pub use record::{MachineRecord, RecordedImage};
