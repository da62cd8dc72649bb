//! Snapshots of machines.

use cove_machine::{MachineName, SnapshotName};

use crate::args::{at_least, at_most};
use crate::command_error::CommandError;

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod restore;

/// `[NAME] SNAPSHOT`: the machine, or the usual one, and its snapshot.
fn target(words: &[String]) -> Result<(MachineName, SnapshotName), CommandError> {
    at_least(words, 1)?;
    at_most(words, 2)?;
    let (name, snapshot) = words.split_at(words.len() - 1);
    Ok((super::name(name)?, snapshot.concat().parse()?))
}
