//! Doing something to the containers of services, in the order of what they depend on.

use std::collections::BTreeSet;
use std::future::Future;

use cove_api::{Engine, StopOptions};
use cove_project::run::{Event, stop_one};
use cove_project::{FoundContainer, Graph};
use futures_util::StreamExt as _;

use super::here::Here;
use super::progress::Progress;
use crate::command_error::{CommandError, Failures};

/// Which way the services are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// First what others depend on; nothing more after a failure.
    Up,
    /// First what depends on others, past failures.
    Down,
}

/// Does `work` for each container of these services.
pub(super) async fn each<'a, F: Future<Output = Result<(), CommandError>>>(
    here: &'a Here<'_>,
    services: &BTreeSet<String>,
    way: Way,
    work: impl Fn(&'a FoundContainer) -> F,
    failures: &mut Failures,
) {
    let mut steps = Graph::of(&here.found).steps();
    if way == Way::Down {
        steps.reverse();
    }
    for step in steps {
        let is_meant = |one: &&FoundContainer| {
            !one.one_off && step.contains(&one.service) && services.contains(&one.service)
        };
        let before = failures.len();
        together(here, here.found.containers.iter().filter(is_meant).collect(), &work, failures).await;
        if way == Way::Up && failures.len() > before {
            return;
        }
    }
}

/// Does `work` for these containers side by side.
pub(super) async fn together<'a, F: Future<Output = Result<(), CommandError>>>(
    here: &Here<'_>,
    containers: Vec<&'a FoundContainer>,
    work: impl Fn(&'a FoundContainer) -> F,
    failures: &mut Failures,
) {
    let at_once = here.at_once.min(containers.len()).max(1);
    let mut results = futures_util::stream::iter(containers).map(work).buffer_unordered(at_once);
    while let Some(result) = results.next().await {
        if let Err(error) = result {
            failures.push(error);
        }
    }
}

/// Stops a container, and tells it.
pub(super) async fn stop(
    engine: &dyn Engine,
    progress: &Progress<'_>,
    container: &FoundContainer,
    timeout: Option<u32>,
) -> Result<(), CommandError> {
    let options = StopOptions { timeout, ..StopOptions::default() };
    let tell = |event: Event| progress.step(&event.object, &event.text);
    Ok(stop_one(engine, container, &options, &tell).await?)
}
