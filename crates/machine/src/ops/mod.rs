//! What a user does with machines.

mod compact;
mod console;
mod copy;
mod default;
mod doctor;
mod export;
mod import;
mod init;
mod inspect;
mod list;
mod logs;
mod machines;
mod options;
mod remove;
mod reset;
mod resize;
mod set;
mod snapshot;
mod ssh;
mod start;
mod stop;
mod stopped;

pub use compact::Compacted;
pub use copy::CopyEnds;
pub use doctor::{Check, Outcome};
pub use import::ImportOptions;
pub use init::InitOptions;
pub use inspect::{
    FilePath, MachineConnectionInfo, MachineHostInfo, MachineInspect, MachineResources, MachineSshConfig,
};
pub use list::{MachineState, MachineSummary};
pub use logs::{LogSource, MachineLogLine, MachineLogs};
pub use machines::Machines;
pub use resize::Resized;
pub use set::SetOptions;
pub use snapshot::{SnapshotName, SnapshotSummary};
pub use ssh::SshCommand;
pub use start::StartReport;
