//! What services depend on, as the labels of their containers tell it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Found, label};

/// What a service wants of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// `service_started`, `service_healthy` or `service_completed_successfully`.
    pub condition: String,
    /// Whether it is restarted together with the other.
    pub restart: bool,
}

/// The services that have containers, and what they depend on.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    services: BTreeMap<String, BTreeMap<String, Dependency>>,
}

impl Graph {
    /// Of what is there of a project, without containers of `run`.
    #[must_use]
    pub fn of(found: &Found) -> Self {
        let mut services: BTreeMap<String, BTreeMap<String, Dependency>> = BTreeMap::new();
        for one in found.containers.iter().filter(|one| !one.one_off) {
            services
                .entry(one.service.clone())
                .or_default()
                .extend(one.label(label::DEPENDS_ON).split(',').filter_map(read));
        }
        // What has no container cannot be waited for.
        let known: BTreeSet<String> = services.keys().cloned().collect();
        for dependencies in services.values_mut() {
            dependencies.retain(|name, _| known.contains(name));
        }
        Self { services }
    }

    /// The services in steps: what those of a step depend on is in steps before. Labels that lead in a circle are of no
    /// order, and their services are in the last step.
    #[must_use]
    pub fn steps(&self) -> Vec<Vec<String>> {
        let mut waiting: Vec<&String> = self.services.keys().collect();
        let mut done: BTreeSet<&String> = BTreeSet::new();
        let mut steps = Vec::new();
        while !waiting.is_empty() {
            let is_ready =
                |name: &&String| self.services[*name].keys().all(|on| on == *name || done.contains(on));
            let (mut ready, mut later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
            if ready.is_empty() {
                ready.append(&mut later);
            }
            done.extend(&ready);
            steps.push(ready.into_iter().cloned().collect());
            waiting = later;
        }
        steps
    }

    /// What a service depends on.
    pub fn dependencies(&self, service: &str) -> impl Iterator<Item = (&str, &Dependency)> {
        self.services.get(service).into_iter().flatten().map(|(name, dependency)| (name.as_str(), dependency))
    }

    /// These services and all that they depend on.
    #[must_use]
    pub fn with_dependencies(&self, services: &BTreeSet<String>) -> BTreeSet<String> {
        reached(services, |name| self.dependencies(name).map(|(on, _)| on.to_owned()).collect())
    }

    /// These services and all that are restarted with them.
    #[must_use]
    pub fn with_restarted(&self, services: &BTreeSet<String>) -> BTreeSet<String> {
        let restarted = |name: &str| {
            let follows =
                |on: &BTreeMap<String, Dependency>| on.get(name).is_some_and(|dependency| dependency.restart);
            self.services.iter().filter(|(_, on)| follows(on)).map(|(other, _)| other.clone()).collect()
        };
        reached(services, restarted)
    }
}

/// An entry of the label.
fn read(entry: &str) -> Option<(String, Dependency)> {
    let mut parts = entry.split(':');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let condition = parts.next().unwrap_or_default().to_owned();
    Some((name.to_owned(), Dependency { condition, restart: parts.next() == Some("true") }))
}

/// Everything that is reached from `start`, itself among it.
fn reached(start: &BTreeSet<String>, next: impl Fn(&str) -> Vec<String>) -> BTreeSet<String> {
    let mut all = start.clone();
    let mut fresh: Vec<String> = start.iter().cloned().collect();
    while let Some(name) = fresh.pop() {
        fresh.extend(next(&name).into_iter().filter(|name| all.insert(name.clone())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FoundContainer;

    fn graph(services: &[(&str, &str)]) -> Graph {
        let container = |(service, on): &(&str, &str)| {
            let mut one = FoundContainer { service: (*service).to_owned(), ..FoundContainer::default() };
            one.row.labels = [(label::DEPENDS_ON.to_owned(), (*on).to_owned())].into();
            one
        };
        Graph::of(&Found { containers: services.iter().map(container).collect(), ..Found::default() })
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_others_depend_on_comes_first() {
        let shop = graph(&[
            ("web", "db:service_healthy:true,cache:service_started:false,gone:service_started:false"),
            ("db", ""),
            ("cache", "db:service_started:false"),
            ("job", "web:service_started:true"),
            ("alone", ""),
        ]);
        assert_eq!(shop.steps(), [vec!["alone", "db"], vec!["cache"], vec!["web"], vec!["job"]]);
        assert_eq!(shop.with_dependencies(&names(&["cache"])), names(&["cache", "db"]));
        assert_eq!(shop.with_restarted(&names(&["db"])), names(&["db", "web", "job"]));
        assert_eq!(shop.with_restarted(&names(&["cache"])), names(&["cache"]));
        let (_, dependency) = shop.dependencies("web").find(|(name, _)| *name == "db").expect("db");
        assert_eq!((dependency.condition.as_str(), dependency.restart), ("service_healthy", true));
    }

    #[test]
    fn circles_end() {
        let circle = graph(&[("a", "b:x:true"), ("b", "a:x:true"), ("c", "c::"), ("d", "")]);
        assert_eq!(circle.steps(), [vec!["c", "d"], vec!["a", "b"]]);
        assert_eq!(circle.with_restarted(&names(&["a"])), names(&["a", "b"]));
    }
}
