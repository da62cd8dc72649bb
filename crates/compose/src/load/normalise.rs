//! What is implied, written out.

use std::collections::BTreeMap;

use crate::tree::{Entries, Item, Kind};

/// Gives variables that are listed by name alone their values.
pub(super) fn listed_environment(root: &mut Item, environment: &BTreeMap<String, String>) {
    let services = root.as_map_mut().and_then(|root| root.get_mut("services")).and_then(Item::as_map_mut);
    for service in services.into_iter().flat_map(Entries::values_mut) {
        if let Some(variables) = service.as_map_mut().and_then(|service| service.get_mut("environment")) {
            valued(variables, environment, true);
        }
    }
}

/// Gives variables without a value those of the environment; what has none there is kept, or goes.
fn valued(item: &mut Item, environment: &BTreeMap<String, String>, keep: bool) {
    match &mut item.kind {
        Kind::List(items) => items.retain_mut(|item| {
            let Kind::Text(text) = &mut item.kind else { return true };
            if text.contains('=') {
                return true;
            }
            match environment.get(text.as_str()) {
                Some(value) => {
                    *text = format!("{text}={value}");
                    true
                }
                None => keep,
            }
        }),
        Kind::Map(entries) => entries.retain(|name, item| {
            if !item.is_null() {
                return true;
            }
            match environment.get(name) {
                Some(value) => {
                    item.kind = Kind::Text(value.clone());
                    true
                }
                None => keep,
            }
        }),
        _ => {}
    }
}

/// Writes out what is implied in a whole project.
pub(super) fn normalise(root: &mut Item, name: &str, environment: &BTreeMap<String, String>) {
    let at = root.with(Kind::Null);
    let Some(root) = root.as_map_mut() else { return };
    root.insert("name".to_owned(), at.text_item(name));
    let mut default = false;
    for item in root.get_mut("services").and_then(Item::as_map_mut).into_iter().flat_map(Entries::values_mut)
    {
        let at = item.with(Kind::Null);
        let Some(service) = item.as_map_mut() else { continue };
        default |= networks(service, &at);
        attributes(service, environment, &at);
        dependencies(service, &at);
    }
    if default {
        let networks =
            root.entry("networks".to_owned()).or_insert_with(|| at.with(Kind::Map(Entries::new())));
        if let Some(networks) = networks.as_map_mut() {
            networks.entry("default".to_owned()).or_insert_with(|| at.clone());
        }
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for (key, item) in root.get_mut(kind).and_then(Item::as_map_mut).into_iter().flatten() {
            if item.is_null() {
                item.kind = Kind::Map(Entries::new());
            }
            let at = item.with(Kind::Null);
            let Some(entries) = item.as_map_mut() else { continue };
            let external = entries
                .get("external")
                .and_then(Item::printed)
                .is_some_and(|value| matches!(value.as_str(), "true" | "True" | "TRUE" | "t" | "T" | "1"));
            if entries.get("name").is_none_or(Item::is_null) {
                let full = if external { key.clone() } else { format!("{name}_{key}") };
                entries.insert("name".to_owned(), at.text_item(full));
            }
        }
    }
}

/// Whether the service is in the default network.
fn networks(service: &mut Entries, at: &Item) -> bool {
    if service.contains_key("provider") || service.contains_key("network_mode") {
        return false;
    }
    let networks = service.entry("networks".to_owned()).or_insert_with(|| at.with(Kind::Map(Entries::new())));
    if networks.is_null() {
        networks.kind = Kind::Map(Entries::new());
    }
    let Some(networks) = networks.as_map_mut() else { return false };
    if networks.is_empty() {
        networks.insert("default".to_owned(), at.clone());
    }
    networks.contains_key("default")
}

fn attributes(service: &mut Entries, environment: &BTreeMap<String, String>, at: &Item) {
    if service.get("pull_policy").and_then(Item::as_text) == Some("if_not_present") {
        service.insert("pull_policy".to_owned(), at.text_item("missing"));
    }
    if let Some(build) = service.get_mut("build").and_then(Item::as_map_mut) {
        build.entry("context".to_owned()).or_insert_with(|| at.text_item("."));
        if !build.contains_key("dockerfile") && !build.contains_key("dockerfile_inline") {
            build.insert("dockerfile".to_owned(), at.text_item("Dockerfile"));
        }
        if let Some(arguments) = build.get_mut("args") {
            valued(arguments, environment, false);
        }
    }
    if let Some(variables) = service.get_mut("environment") {
        valued(variables, environment, true);
    }
    for volume in
        service.get_mut("volumes").map(|item| &mut item.kind).into_iter().flat_map(|kind| match kind {
            Kind::List(items) => items.iter_mut(),
            _ => [].iter_mut(),
        })
    {
        if let Some(Kind::Text(target)) =
            volume.as_map_mut().and_then(|volume| volume.get_mut("target")).map(|item| &mut item.kind)
        {
            *target = crate::short::clean(target);
        }
    }
}

/// Services that others name are started first.
fn dependencies(service: &mut Entries, at: &Item) {
    let mut implied: Vec<(String, bool)> = Vec::new();
    let texts = |key: &str| -> Vec<String> {
        service
            .get(key)
            .and_then(Item::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(Item::printed)
            .collect()
    };
    for link in texts("links") {
        let parts: Vec<&str> = link.split(':').collect();
        let name = if parts.len() == 2 { parts[0] } else { &link };
        implied.push((name.to_owned(), true));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        if let Some(name) =
            service.get(key).and_then(Item::as_text).and_then(|mode| mode.strip_prefix("service:"))
        {
            implied.push((name.to_owned(), true));
        }
    }
    for from in texts("volumes_from") {
        if !from.starts_with("container:") {
            implied.push((from.split(':').next().unwrap_or_default().to_owned(), false));
        }
    }
    if implied.is_empty() {
        return;
    }
    let depends =
        service.entry("depends_on".to_owned()).or_insert_with(|| at.with(Kind::Map(Entries::new())));
    let Some(depends) = depends.as_map_mut() else { return };
    for (name, restart) in implied {
        depends.entry(name).or_insert_with(|| {
            let mut long = crate::merge::started(at);
            if let Some(entries) = long.as_map_mut() {
                entries.insert("restart".to_owned(), at.with(Kind::Bool(restart)));
            }
            long
        });
    }
}
