//! Changing what the image in the making says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use cove_api::{Error, ImageConfig, Result, WorkingChange, signal};
use serde_json::{Map, Value, json};

use super::record::{self, Record};
use crate::engine::Core;

/// Changes it.
pub(super) fn configure(core: &Arc<Core>, name: &str, change: &WorkingChange) -> Result<()> {
    let (working, mut record) = record::open(core, name)?;
    let mut state = record.state(core)?;
    if let Some(author) = &change.author {
        state.author.clone_from(author);
    }
    system(&mut state.document, change);
    apply(&mut state.config, change)?;
    record.set_image(&state);
    annotations(&mut record, &change.annotations)?;
    if let Some(text) = &change.created_by {
        record.set_text("created-by", text);
    }
    if let Some(text) = &change.history_comment {
        record.set_text("history-comment", text);
    }
    if change.add_history {
        for step in told(change) {
            record.add_history(format!("/bin/sh -c #(nop) {step}"));
        }
    }
    record.write(core, &working.id)
}

fn system(document: &mut Map<String, Value>, change: &WorkingChange) {
    for (key, value) in [
        ("architecture", &change.arch),
        ("os", &change.os),
        ("variant", &change.variant),
        ("os.version", &change.os_version),
    ] {
        match value.as_deref() {
            None => {}
            Some("") => drop(document.remove(key)),
            Some(value) => drop(document.insert(key.into(), value.into())),
        }
    }
    super::super::stage::change_features(document, &change.os_features);
}

/// Changes the part for the run time.
fn apply(config: &mut ImageConfig, change: &WorkingChange) -> Result<()> {
    let new = &change.replace;
    if let Some(entrypoint) = &new.entrypoint {
        config.entrypoint.clone_from(entrypoint);
        // A new entry point knows nothing of the old command.
        config.cmd.clear();
    }
    if let Some(cmd) = &new.cmd {
        config.cmd.clone_from(cmd);
    }
    for (place, value) in [(&mut config.user, &new.user), (&mut config.working_dir, &new.working_dir)] {
        if let Some(value) = value {
            place.clone_from(value);
        }
    }
    if let Some(name) = &new.stop_signal {
        if !name.is_empty() {
            signal::parse(name)?;
        }
        config.stop_signal.clone_from(name);
    }
    if let Some(shell) = &new.shell {
        config.shell.clone_from(shell);
    }
    if let Some(check) = &new.healthcheck {
        config.healthcheck = Some(check.clone()).filter(|check| !check.is_null());
    }
    for text in &change.on_build {
        match text.as_str() {
            "" => config.on_build.clear(),
            text => config.on_build.push(text.to_owned()),
        }
    }
    for text in &change.env {
        match changed(text)? {
            Changed::Clear => config.env.clear(),
            Changed::Remove(name) => config.env.retain(|known| known.split('=').next() != Some(name)),
            Changed::Set(name, value) => {
                let variable = format!("{name}={value}");
                match config.env.iter_mut().find(|known| known.split('=').next() == Some(name)) {
                    Some(place) => *place = variable,
                    None => config.env.push(variable),
                }
            }
        }
    }
    pairs(&mut config.labels, &change.labels)?;
    names(&mut config.volumes, &change.volumes, |path| Ok(path.to_owned()))?;
    names(&mut config.exposed_ports, &change.ports, port)
}

/// What a text asks for of something that has names.
enum Changed<'a> {
    Clear,
    Remove(&'a str),
    Set(&'a str, &'a str),
}

fn changed(text: &str) -> Result<Changed<'_>> {
    match (text, text.split_once('=')) {
        ("", _) | (_, Some(("", _))) => Err(Error::invalid(format!("{text:?} has no name"))),
        ("-", _) => Ok(Changed::Clear),
        (_, Some((name, value))) => Ok(Changed::Set(name, value)),
        (_, None) => match text.strip_suffix('-') {
            Some(name) => Ok(Changed::Remove(name)),
            None => Ok(Changed::Set(text, "")),
        },
    }
}

fn pairs(all: &mut BTreeMap<String, String>, changes: &[String]) -> Result<()> {
    for text in changes {
        match changed(text)? {
            Changed::Clear => all.clear(),
            Changed::Remove(name) => drop(all.remove(name)),
            Changed::Set(name, value) => drop(all.insert(name.to_owned(), value.to_owned())),
        }
    }
    Ok(())
}

fn names(
    all: &mut BTreeMap<String, Value>,
    changes: &[String],
    read: fn(&str) -> Result<String>,
) -> Result<()> {
    for text in changes {
        match text.as_str() {
            "-" => all.clear(),
            text => match text.strip_suffix('-') {
                Some(name) => drop(all.remove(&read(name)?)),
                None => drop(all.insert(read(text)?, json!({}))),
            },
        }
    }
    Ok(())
}

fn port(text: &str) -> Result<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = number.split_once('-').unwrap_or((number, number));
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    match is_port(first) && is_port(last) && matches!(protocol, "tcp" | "udp" | "sctp") {
        true => Ok(format!("{number}/{protocol}")),
        false => Err(Error::invalid(format!("{text:?} is no port"))),
    }
}

fn annotations(record: &mut Record, changes: &[String]) -> Result<()> {
    let known = record.document.get("annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
    let mut all: BTreeMap<String, String> = known.into_iter().filter_map(text).collect();
    pairs(&mut all, changes)?;
    record.document.insert("annotations".into(), json!(all));
    Ok(())
}

/// The change as instructions of a build file.
fn told(change: &WorkingChange) -> Vec<String> {
    let mut all = Vec::new();
    let new = &change.replace;
    let list = |words: &[String]| Value::from(words.to_vec()).to_string();
    for (name, words) in [("SHELL", &new.shell), ("ENTRYPOINT", &new.entrypoint), ("CMD", &new.cmd)] {
        all.extend(words.as_ref().map(|words| format!("{name} {}", list(words))));
    }
    for (name, text) in [("USER", &new.user), ("WORKDIR", &new.working_dir), ("STOPSIGNAL", &new.stop_signal)]
    {
        all.extend(text.as_ref().map(|text| format!("{name} {text}")));
    }
    for (name, texts) in [
        ("ENV", &change.env),
        ("LABEL", &change.labels),
        ("EXPOSE", &change.ports),
        ("VOLUME", &change.volumes),
        ("ONBUILD", &change.on_build),
    ] {
        all.extend(texts.iter().map(|text| format!("{name} {text}")));
    }
    all.extend(change.author.as_ref().map(|author| format!("MAINTAINER {author}")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut config = ImageConfig {
            cmd: words(&["old"]),
            env: words(&["A=1", "B=2"]),
            user: "ann".into(),
            ..ImageConfig::default()
        };
        let mut change = WorkingChange {
            env: words(&["A-", "C=3", "B=4"]),
            labels: words(&["l=m", "n"]),
            ports: words(&["80", "53/udp"]),
            volumes: words(&["/v", "/w"]),
            ..WorkingChange::default()
        };
        apply(&mut config, &change).unwrap();
        assert_eq!(config.env, ["B=4", "C=3"]);
        assert_eq!((config.cmd.as_slice(), config.user.as_str()), (&words(&["old"])[..], "ann"));
        assert_eq!(config.labels.get("n").map(String::as_str), Some(""));
        let ports: Vec<&String> = config.exposed_ports.keys().collect();
        assert_eq!(ports, ["53/udp", "80/tcp"]);
        change = WorkingChange {
            labels: words(&["-"]),
            ports: words(&["80-"]),
            volumes: words(&["/v-"]),
            replace: cove_api::WorkingReplacement {
                entrypoint: Some(words(&["/e"])),
                user: Some(String::new()),
                ..Default::default()
            },
            ..WorkingChange::default()
        };
        apply(&mut config, &change).unwrap();
        assert!(config.labels.is_empty() && config.cmd.is_empty() && config.user.is_empty());
        assert_eq!(config.exposed_ports.keys().collect::<Vec<_>>(), ["53/udp"]);
        assert_eq!(config.volumes.keys().collect::<Vec<_>>(), ["/w"]);
        for wrong in ["", "=a"] {
            let change = WorkingChange { env: words(&[wrong]), ..WorkingChange::default() };
            assert!(apply(&mut config, &change).is_err());
        }
        for wrong in ["x", "70000", "80/icmp"] {
            let change = WorkingChange { ports: words(&[wrong]), ..WorkingChange::default() };
            assert!(apply(&mut config, &change).is_err(), "{wrong}");
        }
    }
}
