//! Subscriptions: what flows to a screen until it has seen enough, or until there is nothing more.

use std::sync::Arc;

use cove_api::Result;

use crate::Event;
use crate::core::{Core, Shared};

/// Lines that may wait for the next batch; then reading waits too.
const MOST_WAITING: usize = 5000;

/// The way of a flow to its screen.
pub(crate) struct Sink {
    pub(crate) core: Arc<Core>,
    /// The number that its events carry.
    pub(crate) subscription: u32,
}

impl Sink {
    /// Tells the screen something.
    pub(crate) fn send(&self, event: Event) {
        self.core.change(|state| state.flow(event));
    }

    /// Waits until there is room for more.
    pub(crate) async fn room(&self) {
        self.core.room().await;
    }
}

impl Core {
    /// Waits until there is room for more in the next batch.
    pub(crate) async fn room(&self) {
        loop {
            let flushed = self.flushed.notified();
            if self.lock().state.waiting_lines() < MOST_WAITING {
                return;
            }
            flushed.await;
        }
    }
}

/// Begins a flow and answers its number. What it comes to is told as its end, with an exit code where there is one.
pub(crate) fn open<F>(core: &Arc<Core>, begin: impl FnOnce(&mut Shared, Sink) -> F) -> u32
where
    F: Future<Output = Result<Option<i32>>> + Send + 'static,
{
    let mut shared = core.lock();
    shared.last_flow += 1;
    let subscription = shared.last_flow;
    let flow = begin(&mut shared, Sink { core: Arc::clone(core), subscription });
    let task = tokio::spawn({
        let core = Arc::clone(core);
        async move {
            let (code, failure) = match flow.await {
                Ok(code) => (code, None),
                Err(error) => (None, Some(error.into())),
            };
            core.edit(|shared| {
                shared.state.flow(Event::End { subscription, code, failure });
                shared.flows.remove(&subscription);
                shared.terminals.remove(&subscription);
            });
        }
    });
    // The task needs this lock before it can take itself off the list.
    shared.flows.insert(subscription, task.abort_handle());
    subscription
}

/// Ends a subscription. One that has ended already is no error.
pub(crate) fn close(core: &Core, subscription: u32) {
    let mut shared = core.lock();
    shared.terminals.remove(&subscription);
    shared.state.close_task_log(subscription);
    if let Some(task) = shared.flows.remove(&subscription) {
        task.abort();
    }
}
