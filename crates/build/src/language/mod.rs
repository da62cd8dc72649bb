//! The language: lines, words, instructions.
//!
//! Its source is the reference of Dockerfiles and what BuildKit's front end does with them.

mod file;
mod flags;
mod instruction;
mod lines;
mod mount;
mod parse;
#[cfg(test)]
mod tests;
mod words;

pub use file::{BuildFile, Stage, Step, parse_line};
pub use instruction::{Command, Copying, FileMount, From, HealthCheck, Instruction, Run};
pub use lines::{Checks, Heredoc};
pub use mount::{CacheSharing, MountKind, RunMount};
pub(crate) use words::Expander;
