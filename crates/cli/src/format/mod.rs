//! Go templates for `--format`: what scripts written for Podman and Docker pass.
//!
//! [`value`] holds the data (with Go's difference between structs and maps), [`serialize`] makes it from any wire
//! type, [`lex`], [`parse`] and [`eval`] run the template, [`print`] writes values as Go does, [`report`] adds
//! what Podman does around templates (the `table` keyword, the implied range, headers).

mod error;
mod eval;
mod functions;
mod lex;
mod parse;
mod print;
mod report;
mod serialize;
mod tabs;
mod value;

pub(crate) use error::FormatError;
pub(crate) use eval::Template;
pub(crate) use print::{go_time, to_json};
pub(crate) use report::{Headers, Report, is_json};
pub(crate) use serialize::to_value;
pub(crate) use tabs::align;
#[cfg(unix)]
pub(crate) use tabs::align_with;
pub(crate) use value::{Struct, Value};
