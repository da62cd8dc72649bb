//! How many connections there may be, and which one goes when another needs its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// Most connections, however many descriptors there are.
const MOST: u64 = 8192;
/// Descriptors of a connection: the socket, and the look at its hang-up.
const DESCRIPTORS: u64 = 2;
/// Descriptors that are left to the work of requests.
const RESERVE: u64 = 512;

/// The places of a service's connections.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    capacity: usize,
    open: watch::Sender<usize>,
    idle: Arc<Mutex<Idle>>,
}

/// The idle connections in the order in which they became so.
#[derive(Debug, Default)]
struct Idle {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl Slots {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, open: watch::Sender::new(0), idle: Arc::default() }
    }

    /// As many places as this process may open descriptors for; the limit is raised as far as it goes, as every program
    /// written in Go does.
    pub(crate) fn of_this_process() -> Self {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let descriptors = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(error) => {
                tracing::warn!(%error, "the limit of open files cannot be raised");
                limit.current
            }
        };
        Self::new(capacity(descriptors.unwrap_or(u64::MAX)))
    }

    /// How many connections are open, for the idle time of the service.
    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    /// Waits until there is room for a connection. Where there is none, the one that has been idle for longest goes.
    pub(crate) async fn room(&self) {
        let mut open = self.open.subscribe();
        while *open.borrow_and_update() >= self.capacity {
            self.evict();
            // The one that was told goes a little later, and with it its descriptors.
            if open.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes a place.
    pub(crate) fn take(&self) -> Slot {
        self.open.send_modify(|count| *count += 1);
        Slot { slots: self.clone(), leave: Arc::default(), idle: None }
    }

    fn evict(&self) {
        if let Some((_, connection)) = self.idle().waiting.pop_first() {
            tracing::debug!("an idle connection makes room for another");
            connection.notify_one();
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn capacity(descriptors: u64) -> usize {
    let free = descriptors.saturating_sub(RESERVE.min(descriptors / 2));
    // At most MOST.
    (free / DESCRIPTORS).clamp(1, MOST) as usize
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    leave: Arc<Notify>,
    idle: Option<u64>,
}

impl Slot {
    /// Told when the connection is to go.
    pub(crate) fn leave(&self) -> Arc<Notify> {
        Arc::clone(&self.leave)
    }

    /// The connection waits for a request.
    pub(crate) fn set_idle(&mut self) {
        if self.idle.is_none() {
            let mut idle = self.slots.idle();
            let turn = idle.next;
            idle.next += 1;
            idle.waiting.insert(turn, Arc::clone(&self.leave));
            drop(idle);
            self.idle = Some(turn);
            // Somebody may wait for one that can go.
            if *self.slots.open.borrow() >= self.slots.capacity {
                self.slots.open.send_modify(|_| ());
            }
        }
    }

    /// The connection has a request.
    pub(crate) fn set_busy(&mut self) {
        if let Some(turn) = self.idle.take() {
            self.slots.idle().waiting.remove(&turn);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.set_busy();
        self.slots.open.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[test]
    fn some_descriptors_are_left() {
        for (descriptors, expected) in [(1024, 256), (256, 64), (1, 1), (4096, 1792), (u64::MAX, 8192)] {
            assert_eq!(capacity(descriptors), expected);
        }
    }

    #[tokio::test]
    async fn the_one_that_is_idle_for_longest_goes() {
        let slots = Slots::new(2);
        slots.room().await;
        let mut first = slots.take();
        let mut second = slots.take();
        let moment = Duration::from_millis(20);
        assert!(timeout(moment, slots.room()).await.is_err(), "both are busy");
        {
            let room = slots.room();
            tokio::pin!(room);
            assert!(timeout(moment, &mut room).await.is_err());
            second.set_idle();
            first.set_idle();
            assert!(timeout(moment, room).await.is_err(), "the one that was told has not gone yet");
        }
        assert!(timeout(moment, second.leave().notified()).await.is_ok());
        assert!(timeout(moment, first.leave().notified()).await.is_err());
        drop(second);
        assert!(timeout(moment, slots.room()).await.is_ok());
    }
}
