//! What a user writes, parsed and validated into typed specs; pure functions.
//!
//! Nothing here touches the disk, the environment or the clock: what a rule needs of them comes in as a value.

mod error;
pub mod mount;
pub mod name;
pub mod port;
pub mod volume;

pub use error::{Error, Result};
