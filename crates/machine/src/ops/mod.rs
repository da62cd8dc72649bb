//! What a user does with machines.

mod console;
mod init;
mod inspect;
mod list;
mod machines;
mod remove;
mod set;
mod ssh;
mod start;
mod stop;

pub use init::InitOptions;
pub use inspect::{
    FilePath, MachineConnectionInfo, MachineHostInfo, MachineInspect, MachineResources, MachineSshConfig,
};
pub use list::{MachineState, MachineSummary};
pub use machines::Machines;
pub use set::SetOptions;
pub use ssh::SshCommand;
pub use start::StartReport;
