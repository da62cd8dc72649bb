//! Small base: files with the path in the error, atomic write, output files, locks, subprocesses.
//!
//! `cove_sys::fs` has the names of `std::fs`, and its errors name the path.

pub mod atomic;
pub mod lock;
pub mod output;
pub mod pem;
pub mod process;
pub mod program;
pub mod read;
pub mod systemd;
pub mod user;

pub use fs_err as fs;
