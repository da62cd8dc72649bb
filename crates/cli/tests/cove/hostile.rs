//! No name acts on the terminal.

use crate::answers::{HOSTILE, hostile};
use crate::command::{cove, on_terminal};
use crate::service::Service;

/// Characters that do something else than being seen.
pub(crate) fn acts(letter: char) -> bool {
    !matches!(letter, '\n' | '\t') && letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
}

#[test]
fn every_command_that_prints_names() {
    let service = Service::start(hostile());
    let lines: &[&[&str]] = &[
        &["ps", "-a"],
        &["ps", "-a", "--no-trunc", "--ns"],
        &["ps", "-a", "--pod", "--format", "{{.Names}} {{.Command}} {{.Labels}} {{.Networks}}"],
        &["ps", "--format", "json"],
        &["top", "x"],
        &["port", "-a"],
        &["inspect", "x"],
        &["inspect", "--format", "{{.Name}}", "x"],
        &["images"],
        &["images", "--history", "--digests"],
        &["images", "--format", "{{.Repository}}"],
        &["history", "x"],
        &["history", "--no-trunc", "x"],
        &["history", "--format", "{{.CreatedBy}}", "x"],
        &["image", "inspect", "x"],
        &["volume", "ls"],
        &["volume", "ls", "-q"],
        &["volume", "inspect", "x"],
        &["network", "ls"],
        &["network", "ls", "-q"],
        &["network", "inspect", "x"],
        &["info"],
        &["version"],
    ];
    for words in lines {
        let text = on_terminal(cove(&service, words), 200);
        let shown = text.contains("no\\x1b]0;title") || text.contains("no\\u001b]0;title");
        assert!(shown || words == &["port", "-a"], "{words:?}: {text}");
        check(words, &text);
    }
}

#[test]
fn what_was_typed() {
    let service = Service::start(hostile());
    let lines: &[&[&str]] = &[
        &["inspect", HOSTILE],
        &["rm", HOSTILE],
        &["stop", HOSTILE],
        &[HOSTILE],
        &["ps", &format!("--{HOSTILE}")],
        &["ps", "--filter", HOSTILE],
        &["ps", "--format", &format!("{{{{.{HOSTILE}}}}}")],
        &["run", "--dns", HOSTILE, "x"],
        &["run", "--name", HOSTILE, "x"],
        &["run", "-v", HOSTILE, "x"],
        &["run", "-p", HOSTILE, "x"],
        &["run", "--env-file", HOSTILE, "x"],
        &["run", "--pull", HOSTILE, "x"],
        &["stop", "--cidfile", HOSTILE],
        &["kill", "-s", HOSTILE, "x"],
        &["machine", "inspect", HOSTILE],
        &["--connection", HOSTILE, "ps"],
        &["--log-level", HOSTILE, "ps"],
        &["system", "connection", "add", HOSTILE, "unix:///x"],
    ];
    for words in lines {
        let text = on_terminal(cove(&service, words), 200);
        assert!(text.contains("Error: "), "{words:?}: {text}");
        check(words, &text);
    }
}

fn check(words: &[&str], text: &str) {
    assert!(!text.chars().any(acts), "{words:?}: {text:?}");
    // A template of the user's own is written as it is, with its line ends.
    let is_template = words.iter().any(|word| word.contains("{{"));
    assert!(is_template || !text.lines().any(|line| line.starts_with("Error: forged")), "{words:?}: {text}");
}

#[test]
fn data_for_programs_stays_exact() {
    let service = Service::start(hostile());
    let output = cove(&service, &["ps", "--format", "{{.Image}}"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{HOSTILE}\n"));
}

#[test]
fn messages_are_cut_and_safe_on_pipes_too() {
    let service = Service::start(hostile());
    let long = format!("{HOSTILE}{}", "x".repeat(70_000));
    let output = cove(&service, &["inspect", &long]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.len() < 8_000 && text.lines().count() == 1, "{} bytes", text.len());
    assert!(!text.chars().any(acts), "{text:?}");
}

#[test]
fn credentials_are_not_shown() {
    let service = Service::start(hostile());
    for address in ["https://me:secret@host/x", "ssh://me:secret@host/x", "tcp://me:secret@host/x"] {
        let output = crate::command::plain(&service).args(["--url", address, "ps"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.is_empty() && !text.contains("secret"), "{text}");
    }
}
