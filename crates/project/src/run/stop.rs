//! Stopping containers, those that depend on others first.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use cove_api::{ContainerState, Engine, ErrorKind, Result, StopOptions};

use super::order::{Limit, in_order};
use super::progress::{Event, Sink};
use crate::found::FoundContainer;

/// Stops containers, those that depend on others first.
///
/// # Errors
/// One cannot be stopped.
pub async fn stop(
    engine: &dyn Engine,
    containers: &[FoundContainer],
    options: &StopOptions,
    at_once: Option<usize>,
    sink: Sink<'_>,
) -> Result<()> {
    let mut services: BTreeMap<String, Vec<&FoundContainer>> = BTreeMap::new();
    for one in containers.iter().filter(|one| one.state().is_alive()) {
        services.entry(one.service.clone()).or_default().push(one);
    }
    each(&services, at_once, |one| stop_one(engine, one, options, sink)).await
}

/// Stops a container; one that is paused could not heed the signal, and goes on before.
///
/// # Errors
/// It cannot be stopped.
pub async fn stop_one(
    engine: &dyn Engine,
    one: &FoundContainer,
    options: &StopOptions,
    sink: Sink<'_>,
) -> Result<()> {
    let object = format!("Container {}", one.name);
    sink(Event::working(&object, "Stopping"));
    let stopped = async {
        thaw(engine, one).await?;
        engine.containers().stop(&one.row.id, options.clone()).await
    };
    stopped.await.inspect_err(|error| {
        sink(Event::failed(&object, &format!("Error {}", error.message)));
    })?;
    sink(Event::done(&object, "Stopped"));
    Ok(())
}

/// Lets a paused container go on.
///
/// # Errors
/// The engine's.
pub async fn thaw(engine: &dyn Engine, one: &FoundContainer) -> Result<()> {
    if one.state() != ContainerState::Paused {
        return Ok(());
    }
    match engine.containers().unpause(&one.row.id).await {
        // Somebody was faster.
        Err(error) if error.kind != ErrorKind::WrongState => Err(error),
        _ => Ok(()),
    }
}

/// Does the work for each container, after those that depend on it.
pub(super) async fn each<'a, F: Future<Output = Result<()>>>(
    services: &BTreeMap<String, Vec<&'a FoundContainer>>,
    at_once: Option<usize>,
    work: impl Fn(&'a FoundContainer) -> F,
) -> Result<()> {
    let (limit, work) = (Limit::new(at_once), &work);
    in_order(dependents(services), |service| {
        let containers = services.get(&service).cloned().unwrap_or_default();
        let all = containers.into_iter().map(|one| limit.one(work(one)));
        async { futures_util::future::try_join_all(all).await.map(drop) }
    })
    .await
}

/// For each service those that depend on it, which end before.
fn dependents(services: &BTreeMap<String, Vec<&FoundContainer>>) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> =
        services.keys().map(|name| (name.clone(), BTreeSet::new())).collect();
    for (name, containers) in services {
        for dependency in containers.iter().flat_map(|one| one.dependencies()) {
            if let Some(dependents) = all.get_mut(dependency) {
                dependents.insert(name.clone());
            }
        }
    }
    all
}
