//! This machine's end where it has no files as containers have them.

use cove_api::ByteStream;

use crate::command_error::CommandError;

/// A place on this machine.
#[derive(Debug)]
pub(super) struct HostPlace {
    pub(super) path: String,
    pub(super) is_dir: bool,
    pub(super) name: String,
    pub(super) in_parent: bool,
}

fn refused() -> CommandError {
    CommandError::other("copying files of this machine is not supported on this system; use \"-\" for a tar")
}

impl HostPlace {
    pub(super) fn for_source(_: &str) -> Result<Self, CommandError> {
        Err(refused())
    }

    pub(super) fn for_destination(_: &str) -> Result<Self, CommandError> {
        Err(refused())
    }

    pub(super) fn enter_new(&mut self) -> Result<(), CommandError> {
        Err(refused())
    }
}

pub(super) fn pack(_: &str, _: String) -> Result<ByteStream, CommandError> {
    Err(refused())
}

pub(super) async fn unpack(
    _: HostPlace,
    _: Option<(String, String)>,
    _: bool,
    _: ByteStream,
) -> Result<(), CommandError> {
    Err(refused())
}

pub(super) async fn stdin_archive() -> Result<ByteStream, CommandError> {
    Ok(crate::commands::common::stdin_stream())
}
