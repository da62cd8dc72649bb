//! From files to a project.

mod check;
mod decode;
mod files;
mod find;
mod normalise;
mod project;

pub use decode::command_words;
pub use find::Options;
pub use project::{Loaded, load, tree, variables};
