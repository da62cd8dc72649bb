//! Containers.

use cove_api::{Engine, ListOptions};

use crate::command_error::CommandError;

/// The id of the newest container.
pub(crate) async fn latest(engine: &dyn Engine) -> Result<String, CommandError> {
    let options = ListOptions { all: true, last: Some(1), ..Default::default() };
    let newest = engine.containers().list(options).await?;
    let newest = newest.into_iter().next_back();
    newest.map(|container| container.id).ok_or_else(|| CommandError::other("no containers to act on: no such container"))
}
