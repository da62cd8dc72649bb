//! What helps to understand a problem, in one file: kinds, states and numbers, and no names of the user's objects.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cove_api::Info;

use crate::Failure;
use crate::act::files::{place, save_text};
use crate::core::Core;
use crate::state::State;
use crate::view::TaskState;

/// Most of what the screen adds, in bytes.
const LONGEST: usize = 64 << 10;
/// What is told of the host: keys of `info` whose values name nothing of the user's.
const HOST: [&str; 12] = [
    "arch",
    "cgroupControllers",
    "cgroupManager",
    "cgroupVersion",
    "cpus",
    "kernel",
    "memFree",
    "memTotal",
    "networkBackend",
    "os",
    "swapTotal",
    "uptime",
];
/// The same of the store.
const STORE: [&str; 4] = ["graphDriverName", "graphRootAllocated", "graphRootUsed", "graphStatus"];

/// Writes the report to a file where nothing is yet.
pub(crate) async fn save(core: &Core, to: &str, screen: String) -> Result<(), Failure> {
    place(to)?;
    let mut text = String::from("Cove: a report on a problem\n\n");
    let added: String = screen.chars().take(LONGEST).collect();
    section(&mut text, "Screen", &added);
    let objects = objects(&core.lock().state);
    section(&mut text, "Objects", &objects);
    let engine = match core.engine() {
        Ok(engine) => match engine.system().info().await {
            Ok(info) => about(&info),
            Err(error) => format!("it does not tell about itself: {:?}", error.kind),
        },
        Err(failure) => format!("not connected: {:?}", failure.kind),
    };
    section(&mut text, "Engine", &engine);
    save_text(to, text).await
}

fn section(text: &mut String, title: &str, contents: &str) {
    let _ = writeln!(text, "## {title}\n\n{}\n", contents.trim_end());
}

/// What is in use and what happened, by kinds and states.
fn objects(state: &State) -> String {
    let mut text = String::new();
    let snapshot = state.snapshot();
    let rows = &snapshot.rows;
    let mut line = |what: &str, words: Vec<String>| {
        let _ = writeln!(text, "{what}: {}", tally(words));
    };
    line("containers", rows.containers.iter().map(|row| row.state.to_string()).collect());
    line("pods", rows.pods.iter().map(|row| row.state.clone()).collect());
    line("networks", rows.networks.iter().map(|row| row.driver.clone()).collect());
    line("volumes", rows.volumes.iter().map(|row| row.driver.clone()).collect());
    line("machines", snapshot.machines.iter().map(|row| format!("{} {}", row.provider, row.state)).collect());
    line("happened", rows.happenings.iter().map(|row| format!("{} {}", row.kind, row.action)).collect());
    let failed = rows.tasks.iter().filter(|task| task.state == TaskState::Failed);
    line(
        "failed tasks",
        failed
            .map(|task| {
                let word = task.title.split(' ').next().unwrap_or_default();
                format!(
                    "{word} ({})",
                    task.failure.as_ref().map_or_else(String::new, |one| format!("{:?}", one.kind))
                )
            })
            .collect(),
    );
    text
}

/// How many of each word there are.
fn tally(words: Vec<String>) -> String {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for word in words {
        // An action may have details of the user's behind a colon.
        let word = word.split(':').next().unwrap_or_default().to_owned();
        *counts.entry(word).or_default() += 1;
    }
    let parts: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// What an engine says of itself, of what is known to name nobody.
fn about(info: &Info) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "version: {} ({})", info.version.version, info.version.os_arch);
    for (keys, values) in [(&HOST[..], &info.host), (&STORE[..], &info.store)] {
        for (key, value) in keys.iter().filter_map(|key| Some((key, values.get(*key)?))) {
            let _ = writeln!(text, "{key}: {value}");
        }
    }
    let nested = |outer: &str, inner: &str| info.host.get(outer).and_then(|value| value.get(inner));
    for (outer, inner) in [
        ("ociRuntime", "name"),
        ("distribution", "distribution"),
        ("distribution", "version"),
        ("security", "rootless"),
    ] {
        if let Some(value) = nested(outer, inner) {
            let _ = writeln!(text, "{outer}.{inner}: {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};

    fn map(pairs: &[(&str, Value)]) -> Map<String, Value> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn only_what_is_known_to_name_nobody_is_told() {
        let info = Info {
            host: map(&[
                ("kernel", "6.12".into()),
                ("hostname", "minas-laptop".into()),
                ("security", serde_json::json!({"rootless": true, "seccompProfilePath": "/home/mina/x"})),
            ]),
            store: map(&[("graphRoot", "/home/mina/.local".into()), ("graphDriverName", "overlay".into())]),
            ..Info::default()
        };
        let text = about(&info);
        for wanted in ["kernel: \"6.12\"", "overlay", "security.rootless: true"] {
            assert!(text.contains(wanted), "{text}");
        }
        assert!(!text.contains("mina"), "{text}");
    }

    #[test]
    fn words_are_counted_without_their_details() {
        let words = ["container start", "container exec_start: sh -c secret", "container start"];
        assert_eq!(tally(words.map(str::to_owned).to_vec()), "1 container exec_start, 2 container start");
        assert_eq!(tally(Vec::new()), "none");
    }
}
