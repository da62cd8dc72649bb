//! A feed, and those who follow it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cove_api::{
    Engine, Error, ErrorKind, FollowOptions, Result, SnapshotReason, StateLine, Timestamp, ValueStream,
};
use tokio::sync::watch;

use super::lines::Lines;
use super::reader::read;
use super::rows::{Look, Tables};

/// How long a feed goes on when nobody follows any more: who comes back by then has missed nothing.
const LINGER: Duration = Duration::from_secs(60);

/// The feed of an engine, where there is one.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<Option<Arc<Feed>>>);

impl Feeds {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Arc<Feed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows, lines and those who follow.
#[derive(Debug)]
pub(super) struct Feed {
    id: String,
    shared: Mutex<Shared>,
    /// Tells that there is something new.
    changed: watch::Sender<()>,
    /// How many follow.
    followers: watch::Sender<usize>,
    linger: Duration,
}

#[derive(Debug)]
struct Shared {
    /// Nothing until the lists were read.
    tables: Option<Tables>,
    sequence: u64,
    lines: Lines,
    /// It has ended, and why.
    ended: Option<Error>,
}

impl Feed {
    fn new(linger: Duration) -> Self {
        // Numbers of a later feed are larger, but where the clock was set back; then the ids differ.
        let now = Timestamp::now();
        let sequence = u64::try_from(now.as_microsecond()).unwrap_or(1);
        let shared = Shared { tables: None, sequence, lines: Lines::default(), ended: None };
        Self {
            id: format!("{:x}-{:x}", std::process::id(), now.as_nanosecond()),
            shared: Mutex::new(shared),
            changed: watch::Sender::new(()),
            followers: watch::Sender::new(0),
            linger,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was read. What is different is the next line.
    pub(super) fn take(&self, look: Look) {
        let mut shared = self.lock();
        match &mut shared.tables {
            tables @ None => {
                tables.insert(Tables::default()).take(look);
            }
            Some(tables) => {
                let (changed, removed) = tables.take(look);
                if changed.is_empty() && removed.is_empty() {
                    return;
                }
                shared.sequence += 1;
                let (sequence, feed) = (shared.sequence, self.id.clone());
                shared.lines.push(StateLine { sequence, feed, changed, removed, ..StateLine::default() });
            }
        }
        drop(shared);
        self.changed.send_replace(());
    }

    pub(super) fn has_pods(&self) -> bool {
        self.lock().tables.as_ref().is_some_and(Tables::has_pods)
    }

    /// Done when nobody has followed for a while.
    pub(super) async fn unused(&self) {
        let mut followers = self.followers.subscribe();
        loop {
            // The sender lives as long as this feed.
            let _ = followers.wait_for(|count| *count == 0).await;
            let back = followers.wait_for(|count| *count > 0);
            if tokio::time::timeout(self.linger, back).await.is_err() {
                return;
            }
        }
    }

    fn end(&self, error: Error) {
        self.lock().ended = Some(error);
        self.changed.send_replace(());
    }

    /// What comes next for who has been told everything up to `told`.
    fn next(&self, told: Told) -> Next {
        let shared = self.lock();
        let Some(tables) = &shared.tables else {
            return shared.ended.clone().map_or(Next::Later, Next::End);
        };
        let reason = match told {
            Told::Nothing => SnapshotReason::First,
            Told::UpTo(sequence) | Told::Before(sequence) => match shared.lines.after(sequence) {
                Some(line) => return Next::Line(Box::new(line.clone())),
                None if sequence == shared.sequence => {
                    return shared.ended.clone().map_or(Next::Later, Next::End);
                }
                None if matches!(told, Told::UpTo(_)) => SnapshotReason::Behind,
                None => SnapshotReason::Gone,
            },
            Told::Elsewhere => SnapshotReason::Gone,
        };
        Next::Line(Box::new(StateLine {
            sequence: shared.sequence,
            feed: self.id.clone(),
            snapshot: Some(Box::new(tables.all())),
            reason: Some(reason),
            ..StateLine::default()
        }))
    }
}

/// What somebody knows.
#[derive(Debug, Clone, Copy)]
enum Told {
    Nothing,
    /// All up to a number, by this feed and just now.
    UpTo(u64),
    /// All up to a number, some time ago.
    Before(u64),
    /// Something, by another feed.
    Elsewhere,
}

/// What comes next.
enum Next {
    Line(Box<StateLine>),
    /// Nothing yet.
    Later,
    End(Error),
}

/// Somebody who follows.
struct Follower {
    feed: Arc<Feed>,
    told: Told,
    changed: watch::Receiver<()>,
}

impl Follower {
    fn new(feed: &Arc<Feed>, options: &FollowOptions) -> Self {
        let told = match options.since {
            None => Told::Nothing,
            Some(_) if !options.feed.is_empty() && options.feed != feed.id => Told::Elsewhere,
            Some(sequence) => Told::Before(sequence),
        };
        feed.followers.send_modify(|count| *count += 1);
        Self { changed: feed.changed.subscribe(), feed: Arc::clone(feed), told }
    }

    /// The next line; an error ends it.
    async fn next(&mut self) -> Result<StateLine> {
        loop {
            self.changed.mark_unchanged();
            match self.feed.next(self.told) {
                Next::Line(line) => {
                    self.told = Told::UpTo(line.sequence);
                    return Ok(*line);
                }
                Next::End(error) => return Err(error),
                Next::Later => {
                    // The sender lives as long as the feed.
                    let _ = self.changed.changed().await;
                }
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.feed.followers.send_modify(|count| *count -= 1);
    }
}

/// Tells what an engine has, and from then on what changes. Whoever is the first begins the feed.
pub(crate) fn follow(
    feeds: &Arc<Feeds>,
    engine: Arc<dyn Engine>,
    options: &FollowOptions,
) -> ValueStream<StateLine> {
    follow_for(feeds, engine, options, LINGER)
}

pub(super) fn follow_for(
    feeds: &Arc<Feeds>,
    engine: Arc<dyn Engine>,
    options: &FollowOptions,
    linger: Duration,
) -> ValueStream<StateLine> {
    let mut current = feeds.lock();
    let (feed, is_new) = match current.as_ref() {
        Some(feed) => (Arc::clone(feed), false),
        None => (Arc::clone(current.insert(Arc::new(Feed::new(linger)))), true),
    };
    // Under the lock, so that the feed does not end between being found and being followed.
    let follower = Follower::new(&feed, options);
    drop(current);
    if is_new {
        let feeds = Arc::clone(feeds);
        tokio::spawn(async move {
            loop {
                let result = read(engine.as_ref(), &feed).await;
                let mut current = feeds.lock();
                if result.is_ok() && *feed.followers.borrow() > 0 {
                    // Somebody came at the last moment: a new look at all is the next line.
                    continue;
                }
                *current = None;
                drop(current);
                let ended =
                    result.err().unwrap_or_else(|| Error::new(ErrorKind::Unavailable, "nobody has followed"));
                feed.end(ended);
                return;
            }
        });
    }
    Box::pin(futures_util::stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        let line = follower.next().await;
        let rest = line.is_ok().then_some(follower);
        Some((line, rest))
    }))
}
