//! Services in the order of their dependencies; those that do not depend on each other at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use cove_api::{Error, Result};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// Does the work of each name once that of all it depends on is done. After a failure what has begun is ended, and nothing
/// else begins.
///
/// # Errors
/// The first failure, or the names depend on each other in a circle.
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
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(_, dependencies)| dependencies.is_empty() && result.is_ok())
            .map(|(name, _)| name.clone())
            .collect();
        for name in ready {
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
    match (result, waiting.keys().next()) {
        (Ok(()), Some(name)) => {
            Err(Error::invalid(format!("service {name:?} depends on itself, by way of others")))
        }
        (result, _) => result,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

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
        assert!(in_order(graph(&[("a", &["b"]), ("b", &["a"])]), work("")).await.is_err());
    }
}
