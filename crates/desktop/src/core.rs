//! The shared heart: the state behind its lock, who listens, and what runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cove_api::{Engine, ErrorKind};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use crate::act::terminal::Terminal;
use crate::source::{EngineSource, Target};
use crate::state::State;
use crate::{Event, Failure};

/// At most one batch in that time.
const BATCH_TIME: Duration = Duration::from_millis(16);
/// Batches that a slow listener may owe before it loses some and gets a snapshot in their place.
const MOST_OWED: usize = 256;

/// How often a listener that lost batches is looked at while nothing changes.
const CATCH_UP: Duration = Duration::from_millis(100);

/// A batch of events.
pub type Batch = Arc<Vec<Event>>;

/// Somebody who is told.
struct Listener {
    sender: mpsc::Sender<Batch>,
    /// It has lost a batch.
    behind: bool,
}

/// What is guarded by one lock.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) state: State,
    listeners: Vec<Listener>,
    /// The engine in use.
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) target: Option<Target>,
    /// Follows the engine in use.
    pub(crate) link: Option<AbortHandle>,
    pub(crate) tasks: HashMap<u32, AbortHandle>,
    /// What flows to screens, by the numbers of the subscriptions.
    pub(crate) flows: HashMap<u32, AbortHandle>,
    pub(crate) last_flow: u32,
    pub(crate) terminals: HashMap<u32, Terminal>,
    /// Sessions of terminals, with their engines.
    pub(crate) sessions: HashMap<String, Arc<dyn Engine>>,
}

/// The heart.
pub(crate) struct Core {
    shared: Mutex<Shared>,
    pub(crate) source: Arc<dyn EngineSource>,
    #[cfg(unix)]
    pub(crate) machines: Option<cove_machine::Machines>,
    /// Something has changed.
    changed: Notify,
    /// A batch has gone out.
    pub(crate) flushed: Notify,
    /// Try the engine again now.
    pub(crate) retry: Notify,
    /// Look at the machines again.
    pub(crate) machines_changed: Notify,
}

impl Core {
    pub(crate) fn new(
        source: Arc<dyn EngineSource>,
        #[cfg(unix)] machines: Option<cove_machine::Machines>,
    ) -> Arc<Self> {
        Arc::new(Self {
            shared: Mutex::default(),
            source,
            #[cfg(unix)]
            machines,
            changed: Notify::new(),
            flushed: Notify::new(),
            retry: Notify::new(),
            machines_changed: Notify::new(),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        // Every change under this lock is complete in itself, so a panic elsewhere leaves nothing half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and has the change told.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.edit(|shared| change(&mut shared.state))
    }

    /// The same where more than the state changes.
    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut Shared) -> T) -> T {
        let result = edit(&mut self.lock());
        self.changed.notify_one();
        result
    }

    /// A change on behalf of the link to `target`; nothing where another engine has come into use.
    pub(crate) fn change_for(&self, target: &Target, change: impl FnOnce(&mut Shared)) {
        let mut shared = self.lock();
        if shared.target.as_ref() == Some(target) {
            change(&mut shared);
            drop(shared);
            self.changed.notify_one();
        }
    }

    /// The engine in use.
    pub(crate) fn engine(&self) -> Result<Arc<dyn Engine>, Failure> {
        let shared = self.lock();
        shared.engine.clone().ok_or_else(|| {
            let reason = shared.state.health().message.clone();
            Failure::new(
                ErrorKind::Unavailable,
                reason.unwrap_or_else(|| "no engine is connected yet".to_owned()),
            )
        })
    }

    /// A new listener; its first batch is a snapshot.
    pub(crate) fn subscribe(&self) -> mpsc::Receiver<Batch> {
        let (sender, receiver) = mpsc::channel(MOST_OWED);
        let mut shared = self.lock();
        let first = Event::Snapshot { snapshot: Box::new(shared.state.snapshot()) };
        // The channel is empty and open.
        let _ = sender.try_send(Arc::new(vec![first]));
        shared.listeners.push(Listener { sender, behind: false });
        receiver
    }

    /// Tells nobody any more: their channels end.
    pub(crate) fn forget_listeners(&self) {
        self.lock().listeners.clear();
    }

    /// Sends what has changed; answers whether a listener owes too much to be told at this moment.
    fn flush(&self) -> bool {
        let mut shared = self.lock();
        let events = shared.state.take_events();
        let batch = (!events.is_empty()).then(|| Arc::new(events));
        let Shared { state, listeners, .. } = &mut *shared;
        listeners.retain_mut(|listener| {
            if listener.behind && listener.sender.capacity() == 0 {
                return !listener.sender.is_closed();
            }
            let next = match &batch {
                _ if listener.behind => {
                    Arc::new(vec![Event::Snapshot { snapshot: Box::new(state.snapshot()) }])
                }
                Some(batch) => Arc::clone(batch),
                None => return true,
            };
            match listener.sender.try_send(next) {
                Ok(()) => listener.behind = false,
                Err(mpsc::error::TrySendError::Full(_)) => listener.behind = true,
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            }
            true
        });
        let behind = listeners.iter().any(|listener| listener.behind);
        drop(shared);
        self.flushed.notify_waiters();
        behind
    }

    /// Sends batches for ever.
    pub(crate) async fn tell(self: Arc<Self>) {
        let mut behind = false;
        loop {
            let changed = self.changed.notified();
            if behind {
                // A listener that has begun to listen again is told how things are, change or not.
                let _ = tokio::time::timeout(CATCH_UP, changed).await;
            } else {
                changed.await;
            }
            behind = self.flush();
            tokio::time::sleep(BATCH_TIME).await;
        }
    }
}
