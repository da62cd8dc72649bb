//! Machines: store, image, first boot, ssh, forwards and the VM providers.

pub mod agent;
pub mod boot_log;
mod bundle;
mod error;
#[cfg(target_os = "linux")]
pub mod guest;
pub mod image;
mod keys;
mod name;
mod ops;
mod paths;
mod process;
mod program;
mod progress;
pub mod provider;
pub mod provision;
mod qcow2;
mod record;
mod share;
mod space;
mod ssh;
mod trust;

pub use error::{Error, Result};
pub use name::{DEFAULT_MACHINE, MachineName};
pub use ops::{
    Check, Compacted, CopyEnds, FilePath, ImportOptions, InitOptions, LogSource, MachineConnectionInfo,
    MachineHostInfo, MachineInspect, MachineLogLine, MachineLogs, MachineResources, MachineSshConfig,
    MachineState, MachineSummary, Machines, Outcome, Resized, SetOptions, SnapshotName, SnapshotSummary,
    SshCommand, StartReport,
};
pub use paths::{MachineFolders, MachinePaths};
pub use progress::{Progress, ProgressSink, StepTime};
pub use record::{MachineRecord, RECORD_VERSION, RecordedImage};
pub use share::SharedFolder;
