//! The desktop's core without a window: one call and one stream of events over client and machine.
//!
//! A screen subscribes, gets a snapshot, and from then on what changes. Nothing is polled: the engine's event
//! stream says which object to read again, and the machines' folders are watched.

#[cfg(test)]
mod bindings;
mod call;
mod event;
pub mod view;

pub use call::{Call, ContainerAct, Failure, Reply, RunOptions};
pub use event::{Event, LogEntry};
