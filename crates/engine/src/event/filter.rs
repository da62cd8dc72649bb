//! Which events are wanted.

use cove_api::{Error, Event, EventOptions, Result};

const FILTERS: &[&str] =
    &["container", "event", "image", "label", "name", "network", "pod", "secret", "status", "type", "volume"];

/// Refuses a filter that is not known.
pub(super) fn check(options: &EventOptions) -> Result<()> {
    for key in options.filters.keys() {
        if !FILTERS.contains(&key.as_str()) {
            return Err(Error::invalid(format!(
                "failed to parse event filters: {key:?} is an invalid event filter"
            )));
        }
    }
    Ok(())
}

/// Whether the event is wanted: values of one key are alternatives, keys are all required.
pub(super) fn matches(event: &Event, options: &EventOptions) -> bool {
    let time = event.timestamp();
    if options.since.is_some_and(|since| time < since) || options.until.is_some_and(|until| time > until) {
        return false;
    }
    options.filters.iter().all(|(key, values)| values.iter().any(|value| matches_one(event, key, value)))
}

fn matches_one(event: &Event, key: &str, value: &str) -> bool {
    let of_kind = |kind: &str| {
        event.kind == kind && (event.actor.id.starts_with(value) || event.attribute("name") == value)
    };
    match key {
        "container" => of_kind("container"),
        "event" | "status" => event.action == value || (value == "die" && event.action == "died"),
        "image" => {
            of_kind("image")
                || event.attribute("name").contains(value) && event.kind == "image"
                || event.attribute("image").contains(value)
        }
        "label" => match value.split_once('=') {
            Some((name, wanted)) => event.actor.attributes.get(name).is_some_and(|found| found == wanted),
            None => event.actor.attributes.contains_key(value),
        },
        "name" => event.attribute("name") == value,
        "network" | "pod" | "secret" | "volume" => of_kind(key),
        "type" => event.kind == value,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_filters_are_refused() {
        let mut options = EventOptions::default();
        options.filters.insert("nonsense".into(), vec!["x".into()]);
        assert!(check(&options).is_err());
    }
}
