//! Images: looked at, brought, and brought elsewhere.

use std::sync::Arc;

use cove_api::{
    Engine, Error, ErrorKind, Progress, PullOptions, PullPolicy, PullReport, PushOptions, RegistryAccess,
    ValueStream,
};
use futures_util::StreamExt as _;

use crate::Failure;
use crate::core::Core;
use crate::source::Target;
use crate::task::Task;
use crate::view::ImageDetails;

/// All about one image.
pub(crate) async fn inspect(core: &Core, id: &str) -> Result<ImageDetails, Failure> {
    let engine = core.engine()?;
    let (inspect, history) = tokio::try_join!(engine.images().inspect(id), engine.images().history(id))?;
    Ok(ImageDetails::new(inspect, history))
}

/// How a registry is reached. The engine of this computer reads the user's logins itself, as one behind an address reads
/// its own; one in a machine, which is the user's as well, is given what is kept here.
pub(crate) async fn access(core: &Arc<Core>, image: &str) -> RegistryAccess {
    if !matches!(core.lock().target, Some(Target::Machine(_))) {
        return RegistryAccess::default();
    }
    let (core, image) = (Arc::clone(core), image.to_owned());
    // Programs that keep credentials take their time.
    let asked = tokio::task::spawn_blocking(move || core.source.accounts()?.credentials(&image)).await;
    RegistryAccess { credentials: asked.ok().flatten(), ..RegistryAccess::default() }
}

/// Brings an image and reports through `task`.
pub(crate) async fn pull(
    engine: &dyn Engine,
    name: &str,
    policy: PullPolicy,
    access: RegistryAccess,
    task: &Task,
) -> cove_api::Result<PullReport> {
    pull_with(engine, name, PullOptions { policy, access, ..PullOptions::default() }, task).await
}

/// The same with other options.
pub(crate) async fn pull_with(
    engine: &dyn Engine,
    name: &str,
    options: PullOptions,
    task: &Task,
) -> cove_api::Result<PullReport> {
    follow(engine.images().pull(name, options).await?, task, || format!("{name}: the pull")).await
}

/// Brings an image to its registry and reports through `task`.
pub(crate) async fn push(
    engine: &dyn Engine,
    name: &str,
    access: RegistryAccess,
    task: &Task,
) -> cove_api::Result<()> {
    let options = PushOptions { access, ..PushOptions::default() };
    let progress = engine.images().push(name, options).await?;
    let report = follow(progress, task, || format!("{name}: the push")).await?;
    task.message(report.manifest_digest);
    Ok(())
}

async fn follow<T>(
    mut progress: ValueStream<Progress<T>>,
    task: &Task,
    what: impl Fn() -> String,
) -> cove_api::Result<T> {
    while let Some(step) = progress.next().await {
        match step? {
            Progress::Message(text) => task.message(text.trim_end()),
            Progress::Blob(blob) => task.blob(blob),
            Progress::Done(report) => return Ok(report),
        }
    }
    Err(Error::new(ErrorKind::Unavailable, format!("{} ended without a result", what())))
}
