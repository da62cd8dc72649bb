//! The engine's state: what it was asked, what it holds, and who listens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cove_api::*;
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast;

use super::sample;

/// The name for which every call fails, see [`FakeEngine::failing_with`].
pub const BROKEN: &str = "broken";

/// Events that a slow listener may owe.
const BACKLOG: usize = 4096;

/// What the lists show.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Containers.
    pub containers: Vec<ContainerSummary>,
    /// Images.
    pub images: Vec<ImageSummary>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Pods.
    pub pods: Vec<PodSummary>,
    /// The log of every container.
    pub log: Vec<LogLine>,
}

impl Default for Contents {
    /// One sample of each.
    fn default() -> Self {
        Self {
            containers: vec![sample::container_row()],
            images: vec![sample::image_row()],
            volumes: vec![sample::volume("v")],
            networks: vec![sample::network("podman")],
            pods: vec![sample::pod_row()],
            log: sample::log_lines(),
        }
    }
}

/// The engine; its clones share everything.
#[derive(Clone)]
pub struct FakeEngine {
    /// Whether containers and sessions have a terminal.
    pub(super) terminal: bool,
    failure: ErrorKind,
    /// Whether what is done to its objects changes them.
    pub(super) living: bool,
    contents: Arc<Mutex<Contents>>,
    calls: Arc<Mutex<Vec<String>>>,
    live: Arc<AtomicUsize>,
    events: Arc<Mutex<broadcast::Sender<Event>>>,
}

impl Default for FakeEngine {
    /// A still life of sample objects.
    fn default() -> Self {
        Self {
            terminal: false,
            failure: ErrorKind::NotFound,
            living: false,
            contents: Arc::default(),
            calls: Arc::default(),
            live: Arc::default(),
            events: Arc::new(Mutex::new(broadcast::channel(BACKLOG).0)),
        }
    }
}

/// Held by a stream for as long as it lives.
pub(super) struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeEngine {
    /// A still life of these objects.
    pub fn of(contents: Contents) -> Self {
        Self { contents: Arc::new(Mutex::new(contents)), ..Self::default() }
    }

    /// One with these containers, each an id and a state, and nothing else; it lives.
    ///
    /// # Panics
    /// Where a state is no word of Podman's.
    pub fn living(containers: &[(&str, &str)]) -> Self {
        let row = |(id, state): &(&str, &str)| ContainerSummary {
            id: (*id).into(),
            names: vec![format!("name-{id}")],
            state: state.parse().expect("a state"),
            ..ContainerSummary::default()
        };
        let contents = Contents {
            containers: containers.iter().map(row).collect(),
            images: Vec::new(),
            volumes: Vec::new(),
            networks: Vec::new(),
            pods: Vec::new(),
            log: Vec::new(),
        };
        Self { living: true, ..Self::of(contents) }
    }

    /// The same with terminals, or without.
    #[must_use]
    pub fn with_terminal(self, terminal: bool) -> Self {
        Self { terminal, ..self }
    }

    /// The same, but [`BROKEN`] fails with this kind in place of "not found".
    #[must_use]
    pub fn failing_with(self, failure: ErrorKind) -> Self {
        Self { failure, ..self }
    }

    /// What the lists show, to look at or to change.
    pub fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls since the last look, oldest first.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many streams of output, logs or events are held.
    pub fn live_streams(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    /// Changes a container's state, makes the container where there is none of that id (`removed` takes it away), and
    /// tells.
    ///
    /// # Panics
    /// Where `state` is no word of Podman's.
    pub fn set(&self, id: &str, state: &str) {
        let mut contents = self.contents();
        if state == "removed" {
            contents.containers.retain(|row| row.id != id);
        } else if let Some(row) = contents.containers.iter_mut().find(|row| row.id == id) {
            row.state = state.parse().expect("a state");
        } else {
            let row = ContainerSummary {
                id: id.into(),
                state: state.parse().expect("a state"),
                ..ContainerSummary::default()
            };
            contents.containers.push(row);
        }
        drop(contents);
        self.tell("container", state, id);
    }

    /// Sends an event to those who listen.
    pub fn tell(&self, kind: &str, action: &str, id: &str) {
        let actor = EventActor { id: id.into(), ..EventActor::default() };
        let event = Event {
            kind: kind.into(),
            action: action.into(),
            actor,
            scope: "local".into(),
            time: 0,
            time_nano: 0,
        };
        // Nobody listening is no failure.
        let _ = self.sender().send(event);
    }

    /// Ends the streams of events; new ones can be had.
    pub fn hang_up(&self) {
        *self.sender() = broadcast::channel(BACKLOG).0;
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender().subscribe()
    }

    fn sender(&self) -> MutexGuard<'_, broadcast::Sender<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call about `name`, and fails where that is [`BROKEN`].
    pub(super) fn note(&self, name: &str, call: String) -> Result<()> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        if name == BROKEN {
            return Err(Error::new(self.failure, format!("{name}: it is broken")));
        }
        Ok(())
    }

    /// A stream that neither says anything nor ends, counted while it is held.
    pub(super) fn silence<T: Send + 'static>(&self) -> impl Stream<Item = T> + Send + use<T> {
        let token = self.token();
        stream::once(async move {
            let _held = token;
            std::future::pending().await
        })
    }

    /// Counts one stream more, until the token is dropped.
    pub(super) fn token(&self) -> Token {
        self.live.fetch_add(1, Ordering::SeqCst);
        Token(Arc::clone(&self.live))
    }
}
