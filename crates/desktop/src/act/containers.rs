//! Containers: start, stop, and so on.

use std::sync::Arc;

use cove_api::{Engine, RemoveOptions, StopOptions};
use futures_util::future::join_all;

use crate::core::Core;
use crate::view::ContainerDetails;
use crate::{ContainerAct, Failure};

/// SIGKILL (signal(7)).
const SIGKILL: i32 = 9;
/// Containers worked on at once.
const AT_ONCE: usize = 8;

/// Does `act` to all of `ids`; past errors, of which it answers the first, with the number of the others.
pub(crate) async fn act(core: &Core, act: ContainerAct, ids: &[String]) -> Result<(), Failure> {
    let engine = core.engine()?;
    let mut failures = Vec::new();
    for some in ids.chunks(AT_ONCE) {
        let results = join_all(some.iter().map(|id| one(Arc::clone(&engine), act, id))).await;
        failures.extend(results.into_iter().filter_map(Result::err));
    }
    let others = failures.len().saturating_sub(1);
    match failures.into_iter().next() {
        None => Ok(()),
        Some(error) if others == 0 => Err(error.into()),
        Some(error) => Err(Failure::new(error.kind, format!("{} (and {others} more failed)", error.message))),
    }
}

async fn one(engine: Arc<dyn Engine>, act: ContainerAct, id: &str) -> cove_api::Result<()> {
    let containers = engine.containers();
    let remove = |force| RemoveOptions { force, volumes: true, ..RemoveOptions::default() };
    match act {
        ContainerAct::Start => containers.start(id).await,
        ContainerAct::Stop => containers.stop(id, StopOptions::default()).await,
        ContainerAct::Restart => containers.restart(id, StopOptions::default()).await,
        ContainerAct::Kill => containers.kill(id, SIGKILL).await,
        ContainerAct::Pause => containers.pause(id).await,
        ContainerAct::Unpause => containers.unpause(id).await,
        ContainerAct::Remove | ContainerAct::ForceRemove => {
            let reports = containers.remove(id, remove(act == ContainerAct::ForceRemove)).await?;
            match reports.into_iter().find_map(|report| report.error) {
                Some(message) => Err(cove_api::Error::internal(message)),
                None => Ok(()),
            }
        }
    }
}

/// All about one container.
pub(crate) async fn inspect(core: &Core, id: &str) -> Result<ContainerDetails, Failure> {
    Ok(core.engine()?.containers().inspect(id, false).await?.into())
}
