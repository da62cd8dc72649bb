//! What the groups need to know besides their options.

use std::io::Read as _;

use cove_config::Environment;

use crate::command_error::{CommandError, chain};
use crate::context::Context;
use crate::printer::Printer;

/// What the specification needs to know besides the options.
pub(crate) struct Surroundings<'a> {
    /// For warnings.
    pub(crate) printer: &'a Printer,
    /// The user's environment.
    pub(crate) environment: &'a Environment,
    /// Containers run without root's rights.
    pub(crate) rootless: bool,
    /// The command line, for `inspect`.
    pub(crate) command_line: &'a [String],
}

impl<'a> Surroundings<'a> {
    /// Those of a command.
    pub(crate) fn of(context: &'a Context) -> Self {
        Self {
            printer: &context.printer,
            environment: &context.environment,
            rootless: context.directories.user.rootless,
            command_line: &context.command_line,
        }
    }
}

pub(super) fn flag(given: bool) -> Option<bool> {
    given.then_some(true)
}

pub(super) fn refs(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

pub(super) fn absolute(path: &str) -> Result<String, CommandError> {
    let path = std::path::absolute(path).map_err(|error| CommandError::other(format!("{path}: {error}")))?;
    path.into_os_string()
        .into_string()
        .map_err(|path| CommandError::other(format!("the path {} is not valid UTF-8", path.display())))
}

/// Most bytes of an environment or label file.
const LARGEST_FILE: u64 = 16 << 20;

/// The text of an environment or label file.
pub(super) fn read(path: &str) -> Result<String, CommandError> {
    let file = cove_sys::fs::File::open(path)
        .map_err(|error| CommandError::other(format!("open {path}: {}", chain(&error))))?;
    let mut text = String::new();
    file.take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::other(format!("read {path}: {error}")))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(CommandError::other(format!("{path}: larger than 16 MiB")));
    }
    Ok(text)
}
