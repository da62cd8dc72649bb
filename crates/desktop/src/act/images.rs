//! Images: pull.

use cove_api::{Engine, Error, ErrorKind, Progress, PullOptions, PullPolicy, PullReport};
use futures_util::StreamExt as _;

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
