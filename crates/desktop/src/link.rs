//! The connection to the engine in use: its lists, then its events, and again when it breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cove_api::{Engine, Event, EventOptions, Filters, ListOptions, Result};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;

use crate::Failure;
use crate::core::Core;
use crate::kinds::{LISTED, Listed as _, ListedKind};
use crate::source::Target;
use crate::view::{ContainerRow, Health, LinkState};

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// From so many changed containers on, the whole list is read.
const MOST_SINGLE: usize = 100;
/// Events taken together.
const MOST_EVENTS: usize = 1024;
/// Uses the engine of `target` from now on.
pub(crate) fn switch(core: &Arc<Core>, target: Target) {
    let health = Health { connection: target.id(), ..Health::default() };
    core.edit(|shared| {
        if let Some(link) = shared.link.take() {
            link.abort();
        }
        let flows: Vec<_> = shared.flows.drain().collect();
        shared.terminals.clear();
        shared.engine = None;
        shared.target = Some(target.clone());
        shared.state.switch(health);
        for (subscription, flow) in flows {
            flow.abort();
            let failure = Some(Failure::unavailable("another engine came into use"));
            shared.state.flow(crate::Event::End { subscription, code: None, failure });
        }
    });
    let link = tokio::spawn(follow(Arc::clone(core), target));
    core.lock().link = Some(link.abort_handle());
}

async fn follow(core: Arc<Core>, target: Target) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let mut reached = false;
        let result = session(&core, &target, &mut reached).await;
        if reached {
            pause = SHORTEST_PAUSE;
        }
        let message = match result {
            Ok(()) => "The engine has ended the connection.".to_owned(),
            Err(error) => error.message,
        };
        tracing::debug!("{}: {message}", target.id());
        core.change_for(&target, |shared| {
            shared.engine = None;
            let health =
                Health { state: LinkState::Lost, message: Some(message), ..shared.state.health().clone() };
            shared.state.set_health(health);
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = core.retry.notified() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns when the stream of events has ended.
async fn session(core: &Core, target: &Target, reached: &mut bool) -> Result<()> {
    let engine = core.source.open(target).await?;
    let version = engine.system().version().await?;
    // Events first: what happens while the lists are read is seen then.
    let events = engine.system().events(EventOptions { stream: true, ..EventOptions::default() }).await?;
    try_join_all(LISTED.iter().map(|kind| read(kind, core, target, engine.as_ref()))).await?;
    core.change_for(target, |shared| {
        shared.engine = Some(Arc::clone(&engine));
        shared.state.set_health(Health {
            connection: target.id(),
            state: LinkState::Ready,
            message: None,
            version: version.version,
            platform: version.os_arch,
        });
    });
    *reached = true;
    let mut events = events.ready_chunks(MOST_EVENTS);
    while let Some(chunk) = events.next().await {
        let chunk: Vec<Event> = chunk.into_iter().collect::<Result<_>>()?;
        core.change_for(target, |shared| {
            for event in &chunk {
                shared.state.happened(event);
            }
        });
        for kind in LISTED.iter().filter(|kind| concerns(core, kind, &chunk)) {
            if kind.events == ContainerRow::EVENTS {
                update_containers(core, target, engine.as_ref(), &changed_containers(&chunk)).await?;
            } else {
                // One image's names may have been taken from another, and the other lists are short.
                read(kind, core, target, engine.as_ref()).await?;
            }
        }
    }
    Ok(())
}

/// Whether some of these events may have changed rows of a kind.
fn concerns(core: &Core, kind: &ListedKind, events: &[Event]) -> bool {
    events.iter().any(|event| event.kind == kind.events)
        || (kind.follows_containers
            && !changed_containers(events).is_empty()
            && !(kind.is_empty)(&mut core.lock().state.rows))
}

/// Reads a kind's list anew.
async fn read(kind: &ListedKind, core: &Core, target: &Target, engine: &dyn Engine) -> Result<()> {
    let place = (kind.read)(engine).await?;
    core.change_for(target, |shared| place(&mut shared.state.rows));
    Ok(())
}

/// The containers whose rows may have changed.
fn changed_containers(events: &[Event]) -> BTreeSet<String> {
    // A row does not show how a check went.
    let unseen = |event: &Event| !event.changes_lists() || event.verb() == "health_status";
    let seen = events.iter().filter(|event| event.kind == ContainerRow::EVENTS && !unseen(event));
    seen.map(|event| event.actor.id.clone()).collect()
}

async fn update_containers(
    core: &Core,
    target: &Target,
    engine: &dyn Engine,
    ids: &BTreeSet<String>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    if ids.len() > MOST_SINGLE {
        let rows = ContainerRow::list(engine).await?;
        core.change_for(target, |shared| shared.state.rows.containers.replace(rows));
        return Ok(());
    }
    let filters = Filters::from([("id".to_owned(), ids.iter().cloned().collect())]);
    let options = ListOptions { all: true, filters, ..ListOptions::default() };
    let rows = engine.containers().list(options).await?.into_iter().map(Into::into).collect();
    core.change_for(target, |shared| shared.state.rows.containers.update(ids, rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::flows;
    use crate::source::EngineSource;
    use cove_api::EventActor;

    fn event(kind: &str, action: &str, id: &str) -> Event {
        Event {
            kind: kind.into(),
            action: action.into(),
            actor: EventActor { id: id.into(), ..EventActor::default() },
            scope: String::new(),
            time: 0,
            time_nano: 0,
        }
    }

    /// Opens nothing.
    struct Nowhere;

    #[async_trait::async_trait]
    impl EngineSource for Nowhere {
        async fn open(&self, _target: &Target) -> Result<Arc<dyn Engine>> {
            Err(cove_api::Error::not_found("there is no engine"))
        }

        fn fixed(&self) -> Vec<(Target, String)> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn another_engine_ends_what_flows() {
        let core = Core::new(
            Arc::new(Nowhere),
            #[cfg(unix)]
            None,
        );
        let subscription = flows::open(&core, |_, _| std::future::pending());
        switch(&core, Target::Native);
        let mut shared = core.lock();
        assert!(shared.flows.is_empty());
        let failure = Some(Failure::unavailable("another engine came into use"));
        let end = crate::Event::End { subscription, code: None, failure };
        assert_eq!(shared.state.take_events().last(), Some(&end));
    }

    #[test]
    fn only_what_changes_a_row_is_read_again() {
        let events = [
            event("container", "start", "a"),
            event("container", "died", "a"),
            event("container", "exec_start: sh", "b"),
            event("container", "remove", "c"),
            event("volume", "create", "d"),
            event("pod", "stop", "e"),
        ];
        assert_eq!(changed_containers(&events).into_iter().collect::<Vec<_>>(), ["a", "c"]);
    }
}
