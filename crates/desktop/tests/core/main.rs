//! The desktop's core over an engine in memory.

mod objects;
mod projects;
mod screens;
mod streams;
mod tasks;
mod up;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cove_api::{Engine, Error, ErrorKind, Result};
use cove_desktop::view::{LinkState, Snapshot};
use cove_desktop::{Batch, Desktop, DesktopOptions, EngineSource, Event, Failure, Reply, Target};
use cove_test_support::FakeEngine;
use tokio::sync::mpsc::Receiver;

struct Source(Vec<(Target, Option<Arc<FakeEngine>>)>);

#[async_trait]
impl EngineSource for Source {
    async fn open(&self, target: &Target) -> Result<Arc<dyn Engine>> {
        match self.0.iter().find(|(own, _)| own == target) {
            Some((_, Some(engine))) => Ok(Arc::clone(engine) as _),
            _ => Err(Error::new(ErrorKind::Unavailable, "nobody there")),
        }
    }
    fn fixed(&self) -> Vec<(Target, String)> {
        self.0.iter().map(|(target, _)| (target.clone(), "label".to_owned())).collect()
    }
}

fn living(containers: &[(&str, &str)]) -> Arc<FakeEngine> {
    Arc::new(FakeEngine::living(containers))
}

fn desktop(engine: &Arc<FakeEngine>) -> Desktop {
    start(vec![(Target::Native, Some(Arc::clone(engine)))])
}

fn start(engines: Vec<(Target, Option<Arc<FakeEngine>>)>) -> Desktop {
    Desktop::start(DesktopOptions { source: Arc::new(Source(engines)), machines: None })
}

/// A screen: it applies events to its own copy, as the web view does.
struct Screen {
    batches: Receiver<Batch>,
    seen: Snapshot,
    log: Vec<String>,
    log_ended: bool,
    /// What terminals showed, in base64.
    shown: Vec<String>,
    /// Exit codes and failures of what ended.
    ends: Vec<(Option<i32>, Option<Failure>)>,
    samples: usize,
    /// The processes that were told last.
    processes: Vec<u32>,
    /// The names of all files that were told.
    files: Vec<String>,
}

impl Screen {
    fn new(desktop: &Desktop) -> Self {
        Self {
            batches: desktop.subscribe(),
            seen: Snapshot::default(),
            log: Vec::new(),
            log_ended: false,
            shown: Vec::new(),
            ends: Vec::new(),
            samples: 0,
            processes: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Takes events until `done`; a minute at most, for a busy computer.
    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let wait = async {
            while !done(self) {
                let batch = self.batches.recv().await.expect("the desktop lives");
                for event in batch.iter().cloned() {
                    self.apply(event);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap_or_else(|_| panic!("never seen: {what}"));
    }

    fn apply(&mut self, event: Event) {
        let seen = &mut self.seen;
        match event {
            Event::Snapshot { snapshot } => *seen = *snapshot,
            Event::Connections { connections } => seen.connections = connections,
            Event::Health { health } => seen.health = health,
            Event::Rows { change } => seen.rows.apply(change),
            Event::Machines { machines, .. } => seen.machines = machines,
            Event::Terminal { data, .. } => self.shown.push(data),
            Event::Stats { .. } => self.samples += 1,
            Event::Processes { processes, .. } => {
                self.processes = processes.into_iter().map(|process| process.pid).collect();
            }
            Event::Files { files, .. } => self.files.extend(files.into_iter().map(|file| file.name)),
            Event::Log { lines, .. } => self.log.extend(lines.into_iter().map(|line| line.text)),
            Event::End { code, failure, .. } => {
                self.log_ended = true;
                self.ends.push((code, failure));
            }
        }
    }

    async fn ready(&mut self) {
        self.until("ready", |screen| screen.seen.health.state == LinkState::Ready).await;
    }

    fn state(&self, id: &str) -> Option<&str> {
        self.seen.rows.containers.iter().find(|row| row.id == id).map(|row| row.state.as_str())
    }
}

fn subscription(reply: &Reply) -> u32 {
    match reply {
        Reply::Subscription { subscription } => *subscription,
        other => panic!("no subscription: {other:?}"),
    }
}

fn task(reply: &Reply) -> u32 {
    match reply {
        Reply::Task { id } => *id,
        other => panic!("no task: {other:?}"),
    }
}
