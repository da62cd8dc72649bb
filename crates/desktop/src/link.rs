//! The connection to the engine in use: its lists, then its events, and again when it breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cove_api::{Engine, Event, EventOptions, Filters, ImageListOptions, ListOptions, Result};
use futures_util::StreamExt as _;

use crate::core::Core;
use crate::source::Target;
use crate::view::{Health, LinkState};

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// From so many changed containers on, the whole list is read.
const MOST_SINGLE: usize = 100;
/// Events taken together.
const MOST_EVENTS: usize = 1024;
/// What happens in a container without changing its row.
const UNSEEN: &[&str] = &[
    "attach",
    "copy",
    "exec",
    "exec_create",
    "exec_start",
    "exec_died",
    "export",
    "health_status",
    "logs",
    "mount",
    "resize",
    "sync",
    "top",
    "unmount",
];

/// Uses the engine of `target` from now on.
pub(crate) fn switch(core: &Arc<Core>, target: Target) {
    let mut shared = core.lock();
    if let Some(link) = shared.link.take() {
        link.abort();
    }
    for (_, log) in shared.logs.drain() {
        log.abort();
    }
    shared.engine = None;
    shared.target = Some(target.clone());
    drop(shared);
    let health = Health { connection: target.id(), ..Health::default() };
    core.change(|state| state.switch(health));
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
    tokio::try_join!(
        read_containers(core, target, engine.as_ref()),
        read_images(core, target, engine.as_ref())
    )?;
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
        let (containers, images) = changed(&chunk);
        if containers.len() > MOST_SINGLE {
            read_containers(core, target, engine.as_ref()).await?;
        } else if !containers.is_empty() {
            let filters = Filters::from([("id".to_owned(), containers.iter().cloned().collect())]);
            let options = ListOptions { all: true, filters, ..ListOptions::default() };
            let rows = engine.containers().list(options).await?;
            let rows = rows.into_iter().map(Into::into).collect();
            core.change_for(target, |shared| shared.state.update_containers(&containers, rows));
        }
        // One image's names may have been taken from another, so images are read together.
        if images {
            read_images(core, target, engine.as_ref()).await?;
        }
    }
    Ok(())
}

/// The containers whose rows may have changed, and whether images have.
fn changed(events: &[Event]) -> (BTreeSet<String>, bool) {
    let mut containers = BTreeSet::new();
    let mut images = false;
    for event in events {
        match event.kind.as_str() {
            // Docker's shape has details behind a colon: `exec_start: sh`.
            "container" if !UNSEEN.contains(&event.action.split(':').next().unwrap_or_default()) => {
                containers.insert(event.actor.id.clone());
            }
            "image" => images = true,
            _ => {}
        }
    }
    (containers, images)
}

async fn read_containers(core: &Core, target: &Target, engine: &dyn Engine) -> Result<()> {
    let rows = engine.containers().list(ListOptions { all: true, ..ListOptions::default() }).await?;
    let rows = rows.into_iter().map(Into::into).collect();
    core.change_for(target, |shared| shared.state.set_containers(rows));
    Ok(())
}

async fn read_images(core: &Core, target: &Target, engine: &dyn Engine) -> Result<()> {
    let rows = engine.images().list(ImageListOptions::default()).await?;
    let rows = rows.into_iter().map(Into::into).collect();
    core.change_for(target, |shared| shared.state.set_images(rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let (containers, images) = changed(&events);
        assert_eq!(containers.into_iter().collect::<Vec<_>>(), ["a", "c"]);
        assert!(!images);
        assert!(changed(&[event("image", "pull", "i")]).1);
    }
}
