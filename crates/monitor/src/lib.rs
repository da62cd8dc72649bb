//! What the monitor and those who talk to it share: the configuration, the messages and the frames.
//!
//! The monitor itself is the program `cove-monitor` in this package; this library is the contract with it.

pub mod oci;
pub mod process;
pub mod protocol;
pub mod view;
