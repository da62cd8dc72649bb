//! The one who listens to the engine's events and reads again what they tell of.

use std::collections::BTreeSet;
use std::time::Duration;

use cove_api::{
    Engine, Event, EventOptions, Filters, ImageListOptions, ListOptions, NetworkListOptions, PodListOptions,
    Result, VolumeListOptions,
};
use futures_util::StreamExt as _;

use super::followers::Feed;
use super::rows::{Containers, Look};

/// Time in which what happens is gathered before it is looked at.
const GATHER: Duration = Duration::from_millis(100);
/// Events taken together.
const MOST_EVENTS: usize = 4096;
/// From so many changed containers on, the whole list is read.
const MOST_SINGLE: usize = 100;

/// What is to be read again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Concerned {
    containers: BTreeSet<String>,
    images: bool,
    pods: bool,
    volumes: bool,
    networks: bool,
}

impl Concerned {
    fn of(events: &[Event]) -> Self {
        let mut concerned = Self::default();
        for event in events.iter().filter(|event| event.changes_lists()) {
            let action = event.verb();
            match event.kind.as_str() {
                "container" => {
                    concerned.containers.insert(event.actor.id.clone());
                    // A row of an image counts its containers, one of a pod shows them.
                    concerned.images |= matches!(action, "create" | "remove");
                    concerned.pods = true;
                }
                "image" => concerned.images |= !matches!(action, "mount" | "unmount" | "save" | "push"),
                "pod" => concerned.pods = true,
                "volume" => concerned.volumes = true,
                "network" if matches!(action, "connect" | "disconnect") => {
                    concerned.containers.insert(event.actor.id.clone());
                }
                "network" => concerned.networks = true,
                _ => {}
            }
        }
        concerned
    }
}

/// Reads all lists, then what events tell of, until nobody follows any more or the events end.
///
/// # Errors
/// The engine's.
pub(super) async fn read(engine: &dyn Engine, feed: &Feed) -> Result<()> {
    // Events first: what happens while the lists are read is seen then.
    let options = EventOptions { stream: true, ..EventOptions::default() };
    let mut events = engine.system().events(options).await?.ready_chunks(MOST_EVENTS);
    feed.take(everything(engine).await?);
    loop {
        let chunk = tokio::select! {
            chunk = events.next() => chunk,
            () = feed.unused() => return Ok(()),
        };
        let Some(chunk) = chunk else { return Err(ended()) };
        let mut happened: Vec<Event> = chunk.into_iter().collect::<Result<_>>()?;
        // Most changes come as several events; a burst of them is one look.
        let gathering = tokio::time::sleep(GATHER);
        tokio::pin!(gathering);
        while happened.len() < MOST_EVENTS {
            tokio::select! {
                () = &mut gathering => break,
                more = events.next() => {
                    let more: Vec<Event> = more.ok_or_else(ended)?.into_iter().collect::<Result<_>>()?;
                    happened.extend(more);
                }
            }
        }
        let concerned = Concerned::of(&happened);
        if concerned != Concerned::default() {
            feed.take(look(engine, concerned, feed.has_pods()).await?);
        }
    }
}

fn ended() -> cove_api::Error {
    cove_api::Error::new(cove_api::ErrorKind::Unavailable, "the engine's events have ended")
}

async fn everything(engine: &dyn Engine) -> Result<Look> {
    let all = Concerned { images: true, volumes: true, networks: true, ..Concerned::default() };
    let mut look = look(engine, all, false).await?;
    look.containers = Some(Containers::All(containers(engine, Filters::new()).await?));
    look.pods = Some(engine.pods().list(PodListOptions::default()).await?);
    Ok(look)
}

async fn containers(engine: &dyn Engine, filters: Filters) -> Result<Vec<cove_api::ContainerSummary>> {
    engine.containers().list(ListOptions { all: true, filters, ..ListOptions::default() }).await
}

async fn look(engine: &dyn Engine, concerned: Concerned, has_pods: bool) -> Result<Look> {
    let mut look = Look::default();
    let ids: Vec<String> = concerned.containers.into_iter().collect();
    look.containers = match ids.len() {
        0 => None,
        1..=MOST_SINGLE => {
            let filters = Filters::from([("id".to_owned(), ids.clone())]);
            Some(Containers::Some(ids, containers(engine, filters).await?))
        }
        _ => Some(Containers::All(containers(engine, Filters::new()).await?)),
    };
    // Events of containers concern pods only where there are some; a new pod has an event of its own.
    if concerned.pods && (has_pods || look.containers.is_none()) {
        look.pods = Some(engine.pods().list(PodListOptions::default()).await?);
    }
    if concerned.images {
        look.images = Some(engine.images().list(ImageListOptions::default()).await?);
    }
    if concerned.volumes {
        look.volumes = Some(engine.volumes().list(VolumeListOptions::default()).await?);
    }
    if concerned.networks {
        look.networks = Some(engine.networks().list(NetworkListOptions::default()).await?);
    }
    Ok(look)
}
