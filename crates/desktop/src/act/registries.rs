//! Registries: how they are reached, and where the user has logged in.

use std::sync::Arc;

use cove_api::PullOptions;

use crate::Failure;
use crate::act::images;
use crate::core::Core;
use crate::view::{Explanation, Registries};

/// What the engine's configuration says, and the logins that this computer keeps.
pub(crate) async fn read(core: &Arc<Core>) -> Result<Registries, Failure> {
    let info = core.engine()?.system().info().await?;
    let of_task = Arc::clone(core);
    // Programs that keep credentials take their time.
    let logins =
        tokio::task::spawn_blocking(move || of_task.source.accounts().map(|accounts| accounts.logins()))
            .await
            .map_err(|error| Failure::new(cove_api::ErrorKind::Internal, error.to_string()))?;
    let (logins, problem) = match logins {
        Some(Ok(logins)) => (logins, None),
        Some(Err(error)) => (Vec::new(), Some(error.message)),
        None => (Vec::new(), None),
    };
    Ok(Registries { logins, problem, ..Registries::of_engine(&info) })
}

/// Where an image's name leads; the registries are asked.
pub(crate) async fn explain(core: &Arc<Core>, image: &str) -> Result<Explanation, Failure> {
    let access = images::access(core, image).await;
    let options = PullOptions { access, ..PullOptions::default() };
    Ok(core.engine()?.images().explain(image, options).await?.into())
}
