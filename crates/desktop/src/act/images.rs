//! Images: pull and remove.

use cove_api::{Engine, Error, ErrorKind, ImageRemoveOptions, Progress, PullOptions, PullPolicy, PullReport};
use futures_util::StreamExt as _;

use crate::Failure;
use crate::core::Core;
use crate::task::Task;

/// Brings an image and reports through `task`.
pub(crate) async fn pull(
    engine: &dyn Engine,
    name: &str,
    policy: PullPolicy,
    task: &Task,
) -> cove_api::Result<PullReport> {
    let options = PullOptions { policy, ..PullOptions::default() };
    let mut progress = engine.images().pull(name, options).await?;
    while let Some(step) = progress.next().await {
        match step? {
            Progress::Message(text) => task.message(text.trim_end()),
            Progress::Blob(blob) => task.blob(blob),
            Progress::Done(report) => return Ok(report),
        }
    }
    Err(Error::new(ErrorKind::Unavailable, format!("{name}: the pull ended without a result")))
}

/// Removes images; `force` also the containers that use them, and every name.
pub(crate) async fn remove(core: &Core, ids: Vec<String>, force: bool) -> Result<(), Failure> {
    let options = ImageRemoveOptions { force, ..ImageRemoveOptions::default() };
    let report = core.engine()?.images().remove(ids, options).await?;
    match report.errors.into_iter().next() {
        None => Ok(()),
        Some(message) => {
            // What `rmi` ends with says which kind it is (podman-rmi(1), EXIT STATUS).
            let kind = match report.exit_code {
                1 => ErrorKind::NotFound,
                2 => ErrorKind::InUse,
                _ => ErrorKind::Internal,
            };
            Err(Failure::new(kind, message))
        }
    }
}
