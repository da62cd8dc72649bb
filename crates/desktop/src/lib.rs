//! The desktop's core without a window: one call and one stream of events over client and machine.
//!
//! A screen subscribes, gets a snapshot, and from then on what changes. Nothing is polled: the engine's event
//! stream says which object to read again, and the machines' folders are watched.

mod accounts;
mod act;
#[cfg(test)]
mod bindings;
mod call;
mod collection;
mod core;
mod desktop;
mod event;
mod form;
mod host;
mod kinds;
mod link;
mod source;
mod state;
mod task;
mod url;
pub mod view;
#[cfg(feature = "web")]
pub mod web;

pub use accounts::Accounts;
pub use call::{Call, ContainerAct, Failure, Reply};
pub use collection::Row;
pub use core::Batch;
pub use cove_config::Environment;
pub use desktop::{Desktop, DesktopOptions};
pub use event::{Event, LogEntry};
pub use form::{
    BuildForm, KubeForm, LimitsForm, NetworkOptions, ProjectForm, RunOptions, SaveFormat, TerminalOptions,
};
pub use host::{Host, HostOptions};
pub use kinds::{Change, Rows};
pub use source::{EngineSource, Target};
pub use url::check_port_url;
