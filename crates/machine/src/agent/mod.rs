//! The host agent: one background process per running machine.
//!
//! It holds one SSH connection to the guest and carries over it: the engine's API to a socket on the host, and
//! every published TCP port of the guest's containers to the same port of the host (UDP ports through the
//! provider). It keeps the guest's clock right, keeps the console log bounded, connects again when the
//! connection breaks, and ends with the VM. Nothing is lost when it is killed: the machine is shown as degraded
//! and `start` starts another.
//!
//! ```text
//! booting -> connecting -> waiting -> ready
//!               ^                       |
//!               +---- reconnecting <----+
//! ```

#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod forward;
#[cfg(unix)]
mod listener;
#[cfg(unix)]
mod ports;
#[cfg_attr(not(unix), path = "unsupported.rs")]
mod run;
mod state;

pub use run::run;
pub use state::{AgentPhase, AgentState, PublishedPort};
pub(crate) use state::{read as read_state, remove as remove_state};
