//! Services in the order of their dependencies; those that do not depend on each other at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use cove_api::Result;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;

/// How many things are done at a time.
pub(super) struct Limit(Semaphore);

impl Limit {
    /// At most so many; [`None`] for any number.
    pub(super) fn new(at_once: Option<usize>) -> Self {
        Self(Semaphore::new(at_once.unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)))
    }

    /// Does one of them when it is its turn.
    pub(super) async fn one<T>(&self, work: impl Future<Output = T>) -> T {
        // It is never closed.
        let _turn = self.0.acquire().await;
        work.await
    }
}

/// Does the work of each name once that of all it depends on is done. After a failure what has begun is ended, and nothing
/// else begins. Names that depend on each other in a circle, which labels of containers can, have no order.
///
/// # Errors
/// The first failure.
pub(super) async fn in_order<F: Future<Output = Result<()>>>(
    mut waiting: BTreeMap<String, BTreeSet<String>>,
    work: impl Fn(String) -> F,
) -> Result<()> {
    let known: BTreeSet<String> = waiting.keys().cloned().collect();
    for dependencies in waiting.values_mut() {
        dependencies.retain(|name| known.contains(name));
    }
    let mut running = FuturesUnordered::new();
    let mut result = Ok(());
    loop {
        let mut ready: Vec<String> = waiting
            .iter()
            .filter(|(_, dependencies)| dependencies.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        if ready.is_empty() && running.is_empty() {
            ready = waiting.keys().cloned().collect();
        }
        for name in ready.into_iter().filter(|_| result.is_ok()) {
            waiting.remove(&name);
            let future = work(name.clone());
            running.push(async { (name, future.await) });
        }
        let Some((name, done)) = running.next().await else { break };
        for dependencies in waiting.values_mut() {
            dependencies.remove(&name);
        }
        if result.is_ok() {
            result = done;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    use cove_api::Error;

    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let one = |(name, on): &(&str, &[&str])| {
            ((*name).to_owned(), on.iter().map(|name| (*name).to_owned()).collect())
        };
        edges.iter().map(one).collect()
    }

    #[tokio::test]
    async fn dependencies_come_first() {
        let order = Mutex::new(Vec::new());
        let graph_of =
            || graph(&[("web", &["db", "cache"]), ("db", &["gone"]), ("cache", &["db"]), ("job", &["web"])]);
        let work = |fails: &'static str| {
            let order = &order;
            move |name: String| async move {
                tokio::task::yield_now().await;
                order.lock().unwrap().push(name.clone());
                if name == fails { Err(Error::invalid("no")) } else { Ok(()) }
            }
        };
        in_order(graph_of(), work("")).await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["db", "cache", "web", "job"]);
        order.lock().unwrap().clear();
        assert!(in_order(graph_of(), work("cache")).await.is_err());
        assert_eq!(*order.lock().unwrap(), ["db", "cache"], "what depends on it does not begin");
        order.lock().unwrap().clear();
        in_order(graph(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]), work("")).await.unwrap();
        let done = order.lock().unwrap();
        assert!(done[0] == "c" && done.len() == 3, "a circle ends: {done:?}");
    }

    #[tokio::test]
    async fn no_more_at_once_than_asked_for() {
        let (limit, running, most) = (Limit::new(Some(2)), AtomicUsize::new(0), AtomicUsize::new(0));
        let one = || {
            limit.one(async {
                most.fetch_max(running.fetch_add(1, Relaxed) + 1, Relaxed);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Relaxed);
            })
        };
        futures_util::future::join_all((0..9).map(|_| one())).await;
        assert_eq!(most.into_inner(), 2);
    }
}
