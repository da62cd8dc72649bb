//! A later file over an earlier one, and a service over the one it extends.

use std::collections::BTreeMap;

use cove_spec::yaml::Mark;

use crate::error::Result;
use crate::tree::{Entries, Item, Kind, matches};

/// Lists and maps that are joined as lists of `KEY=VALUE`.
const JOINED: [&str; 15] = [
    "networks.*.labels",
    "volumes.*.labels",
    "services.*.annotations",
    "services.*.build.args",
    "services.*.build.additional_contexts",
    "services.*.build.labels",
    "services.*.deploy.labels",
    "services.*.dns",
    "services.*.dns_search",
    "services.*.env_file",
    "services.*.label_file",
    "services.*.environment",
    "services.*.labels",
    "services.*.sysctls",
    "services.*.tmpfs",
];
/// What a later file replaces as a whole.
const REPLACED: [&str; 4] =
    ["services.*.command", "services.*.entrypoint", "services.*.healthcheck.test", "services.*.ulimits.*"];
/// Lists of names that are maps, too.
const NAMES: [&str; 3] = ["services.*.depends_on", "services.*.models", "services.*.networks"];

/// Lays `over` upon `base`.
pub(crate) fn merge(base: Item, over: Item, path: &mut Vec<String>) -> Result<Item> {
    let is = |patterns: &[&str]| patterns.iter().any(|pattern| matches(path, pattern));
    if is(&JOINED) {
        let mut items = sequence(base.clone());
        items.extend(sequence(over));
        return Ok(base.with(Kind::List(items)));
    }
    if is(&["services.*.extra_hosts", "services.*.build.extra_hosts"]) {
        let mut items = sequence(base.clone());
        for item in sequence(over) {
            if !items.contains(&item) {
                items.push(item);
            }
        }
        return Ok(base.with(Kind::List(items)));
    }
    if is(&REPLACED) {
        return Ok(over);
    }
    if is(&["networks.*.ipam.config"]) {
        return Ok(pools(base, over));
    }
    if over.is_null() {
        return Ok(base);
    }
    let (base, over) = if is(&NAMES) {
        let depends = path.last().is_some_and(|key| key == "depends_on");
        (mapping(base, depends), mapping(over, depends))
    } else if is(&["services.*.build"]) {
        (context(base), context(over))
    } else {
        (base, over)
    };
    if is(&["services.*.logging"]) {
        let driver = |item: &Item| item.get("driver").cloned();
        if let (Some(old), Some(new)) = (driver(&base), driver(&over))
            && old != new
        {
            return Ok(over);
        }
    }
    let shown = path.join(".");
    match (&base.kind, &over.kind) {
        (Kind::Map(_), Kind::Map(_)) => {
            let at = base.with(Kind::Null);
            let (Kind::Map(mut entries), Kind::Map(others)) = (base.kind, over.kind) else { return Ok(at) };
            for (key, value) in others {
                let value = match entries.remove(&key) {
                    None => value,
                    Some(old) => {
                        path.push(key.clone());
                        let merged = merge(old, value, path)?;
                        path.pop();
                        merged
                    }
                };
                entries.insert(key, value);
            }
            Ok(at.with(Kind::Map(entries)))
        }
        (Kind::List(_), Kind::List(_)) => {
            let mut items = sequence(base.clone());
            items.extend(sequence(over));
            Ok(base.with(Kind::List(items)))
        }
        (Kind::Map(_) | Kind::List(_), _) => over.fail(&shown, "it cannot take the place of what is there"),
        _ => Ok(over),
    }
}

/// The items of a list, or the `KEY=VALUE` of a map.
fn sequence(item: Item) -> Vec<Item> {
    let at = item.with(Kind::Null);
    match item.kind {
        Kind::List(items) => items,
        Kind::Text(_) => vec![item],
        Kind::Map(entries) => {
            let mut lines = Vec::new();
            for (key, value) in entries {
                match &value.kind {
                    Kind::Null => lines.push(value.text_item(key)),
                    Kind::List(items) => {
                        for item in items {
                            let text = item.printed().unwrap_or_default();
                            lines.push(value.text_item(format!("{key}={text}")));
                        }
                    }
                    _ => {
                        let text = value.printed().unwrap_or_default();
                        lines.push(value.text_item(format!("{key}={text}")));
                    }
                }
            }
            lines
        }
        Kind::Null => Vec::new(),
        _ => vec![at.with(item.kind)],
    }
}

/// A list of names as a map.
fn mapping(item: Item, depends: bool) -> Item {
    let at = item.with(Kind::Null);
    let Kind::List(names) = item.kind else { return item };
    let entries = names
        .into_iter()
        .filter_map(|name| {
            let value = if depends { started(&name) } else { name.with(Kind::Null) };
            Some((name.as_text()?.to_owned(), value))
        })
        .collect();
    at.with(Kind::Map(entries))
}

/// The long form of a dependency without conditions.
pub(crate) fn started(at: &Item) -> Item {
    at.with(Kind::Map(Entries::from([
        ("condition".to_owned(), at.text_item("service_started")),
        ("required".to_owned(), at.with(Kind::Bool(true))),
    ])))
}

/// The long form of a build.
pub(crate) fn context(item: Item) -> Item {
    match &item.kind {
        Kind::Text(_) => item.with(Kind::Map(Entries::from([("context".to_owned(), item.clone())]))),
        _ => item,
    }
}

/// Ranges of addresses are one where their subnet is.
fn pools(base: Item, over: Item) -> Item {
    let mut pools = base.as_list().unwrap_or_default().to_vec();
    for pool in over.as_list().unwrap_or_default() {
        match pools.iter_mut().find(|old| old.get("subnet") == pool.get("subnet")) {
            Some(old) => {
                if let (Some(entries), Some(others)) = (old.as_map_mut(), pool.as_map()) {
                    entries.extend(others.clone());
                }
            }
            None => pools.push(pool.clone()),
        }
    }
    base.with(Kind::List(pools))
}

/// Places whose earlier values go: those of `!reset` and `!override`.
#[derive(Default)]
pub(crate) struct Resets(Vec<Vec<String>>);

impl Resets {
    /// Takes the marks out of a document; what is marked `!reset` goes.
    pub(crate) fn take(item: &mut Item) -> Self {
        let mut resets = Self::default();
        resets.walk(item, &mut Vec::new());
        resets
    }

    fn walk(&mut self, item: &mut Item, path: &mut Vec<String>) {
        if item.mark.take() == Some(Mark::Override) {
            self.0.push(path.clone());
        }
        match &mut item.kind {
            Kind::Map(entries) => {
                let keys: Vec<String> = entries.keys().cloned().collect();
                for key in keys {
                    path.push(key.clone());
                    if entries.get(&key).is_some_and(|value| value.mark == Some(Mark::Reset)) {
                        entries.remove(&key);
                        self.0.push(path.clone());
                    } else if let Some(value) = entries.get_mut(&key) {
                        self.walk(value, path);
                    }
                    path.pop();
                }
            }
            Kind::List(items) => {
                items.retain(|item| item.mark != Some(Mark::Reset));
                for (at, item) in items.iter_mut().enumerate() {
                    path.push(at.to_string());
                    self.walk(item, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// Removes what is at these places.
    pub(crate) fn apply(&self, item: &mut Item) {
        for path in &self.0 {
            remove(item, path);
        }
    }

    /// Removes what is at these places of one service.
    pub(crate) fn apply_to_service(&self, name: &str, service: &mut Item) {
        for path in &self.0 {
            if let [first, second, rest @ ..] = path.as_slice()
                && first == "services"
                && second == name
                && !rest.is_empty()
            {
                remove(service, rest);
            }
        }
    }
}

fn remove(item: &mut Item, path: &[String]) {
    let Some(entries) = item.as_map_mut() else { return };
    match path {
        [] => {}
        [last] => {
            entries.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(inner) = entries.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}

/// Lists of `KEY[=VALUE]` with one entry for each key.
const BY_KEY: [&str; 20] = [
    "networks.*.labels",
    "services.*.annotations",
    "services.*.build.args",
    "services.*.build.additional_contexts",
    "services.*.build.tags",
    "services.*.build.labels",
    "services.*.cap_add",
    "services.*.cap_drop",
    "services.*.deploy.labels",
    "services.*.dns",
    "services.*.dns_opt",
    "services.*.dns_search",
    "services.*.environment",
    "services.*.labels",
    "services.*.links",
    "services.*.networks.*.aliases",
    "services.*.networks.*.link_local_ips",
    "services.*.profiles",
    "services.*.sysctls",
    "services.*.tmpfs",
];

/// Leaves the last entry of each key in lists that have keys.
pub(crate) fn unique(item: &mut Item, path: &mut Vec<String>) {
    match &mut item.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                path.push(key.clone());
                unique(value, path);
                path.pop();
            }
        }
        Kind::List(items) => {
            let Some(key_of) = indexer(path) else { return };
            let mut kept: Vec<Item> = Vec::new();
            let mut keys = BTreeMap::new();
            for item in items.drain(..) {
                match key_of(&item) {
                    Some(key) => match keys.get(&key) {
                        Some(&at) => kept[at] = item,
                        None => {
                            keys.insert(key, kept.len());
                            kept.push(item);
                        }
                    },
                    None => kept.push(item),
                }
            }
            *items = kept;
        }
        _ => {}
    }
}

type Indexer = fn(&Item) -> Option<String>;

fn indexer(path: &[String]) -> Option<Indexer> {
    let is = |pattern: &str| matches(path, pattern);
    if BY_KEY.iter().any(|pattern| is(pattern)) {
        return Some(|item| Some(item.as_text()?.split('=').next()?.to_owned()));
    }
    if path.len() != 3 || path[0] != "services" {
        return None;
    }
    Some(match path[2].as_str() {
        "volumes" => |item| match &item.kind {
            Kind::Text(text) => crate::short::mount(item, text).ok()?.get("target")?.printed(),
            _ => item.get("target")?.printed(),
        },
        "devices" => |item| match &item.kind {
            Kind::Text(text) => Some(text.split(':').nth(1).unwrap_or(text).to_owned()),
            _ => item.get("target")?.printed(),
        },
        "expose" => Item::printed,
        "env_file" => |item| match &item.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => item.get("path")?.printed(),
        },
        "configs" => |item| target(item, ""),
        "secrets" => |item| target(item, "/run/secrets"),
        "ports" => |item| match &item.kind {
            Kind::Map(_) => {
                let part = |key: &str, default: &str| {
                    item.get(key).and_then(Item::printed).unwrap_or_else(|| default.to_owned())
                };
                Some(format!(
                    "{}:{}:{}/{}",
                    part("host_ip", "0.0.0.0"),
                    part("published", ""),
                    part("target", ""),
                    part("protocol", "tcp")
                ))
            }
            _ => item.printed(),
        },
        _ => return None,
    })
}

fn target(item: &Item, folder: &str) -> Option<String> {
    match &item.kind {
        Kind::Text(name) => Some(format!("{folder}/{name}")),
        _ => item
            .get("target")
            .and_then(Item::printed)
            .or_else(|| Some(format!("{folder}/{}", item.get("source")?.printed()?))),
    }
}
