//! Runs that this process supervises, for those in it who wait for their end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// How a run ends: its exit code, once everything is cleaned up.
pub(crate) type Outcome = watch::Receiver<Option<i32>>;

/// All of them, by id of the container or exec session.
#[derive(Debug, Clone, Default)]
pub(crate) struct SupervisedRuns {
    runs: Arc<Mutex<HashMap<String, Outcome>>>,
}

impl SupervisedRuns {
    /// Enters a run; it leaves again when the answer is dropped.
    pub(crate) fn watch(&self, id: &str) -> WatchedRun {
        let (sender, receiver) = watch::channel(None);
        self.lock().insert(id.to_owned(), receiver.clone());
        WatchedRun { all: self.clone(), id: id.to_owned(), sender, receiver }
    }

    /// The end of a run, where this process supervises it.
    pub(crate) fn outcome(&self, id: &str) -> Option<Outcome> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Outcome>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that this process supervises.
#[derive(Debug)]
pub(crate) struct WatchedRun {
    all: SupervisedRuns,
    id: String,
    sender: watch::Sender<Option<i32>>,
    receiver: Outcome,
}

impl WatchedRun {
    /// Tells those who wait, before the entry goes.
    pub(crate) fn ended(self, code: i32) {
        let _ = self.sender.send(Some(code));
    }
}

impl Drop for WatchedRun {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        // A restart may have entered the next run of the same container already.
        if all.get(&self.id).is_some_and(|current| current.same_channel(&self.receiver)) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_leave_at_their_end() {
        let all = SupervisedRuns::default();
        let (first, second) = (all.watch("a"), all.watch("b"));
        let waiting = all.outcome("a").unwrap();
        first.ended(3);
        assert_eq!(*waiting.borrow(), Some(3));
        assert!(all.outcome("a").is_none() && all.outcome("b").is_some());
        // The next run of the same container stays when the former one's watcher goes.
        let next = all.watch("b");
        drop(second);
        assert!(all.outcome("b").is_some());
        drop(next);
        assert!(all.outcome("b").is_none());
    }
}
