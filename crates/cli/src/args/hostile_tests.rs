//! Every command with every option given wrongly: without its value, with a value that is none, with one that acts on a
//! terminal. Made from the tree of commands, so that a new command or option is tested by itself.

use std::collections::BTreeSet;

use clap::{ArgAction, Args as _, Command};

use super::{Parsed, SharedArgs, build, parse};
use crate::commands::{Entry, Leaf, OptionPlace, TREE, Target};

/// A value that acts on a terminal and forges a second message.
const HOSTILE: &str = "no\u{1b}]0;title\u{7}\nError: forged\u{9b}\u{202e}";

/// All commands with their paths, and all groups. What stands at the top and in a group is told once.
fn walk(
    entries: &'static [Entry],
    path: &[String],
    known: &mut BTreeSet<(String, &'static str)>,
    found: &mut impl FnMut(&[String], Target),
) {
    for entry in entries {
        let name = entry.names[0].to_owned();
        let path = [path, std::slice::from_ref(&name)].concat();
        match entry.target {
            Target::Group(group) => {
                found(&path, entry.target);
                walk(group.entries, &path, known, found);
            }
            // Those with common arguments are short, and differ from group to group.
            Target::Leaf(leaf) if leaf.usage.len() < 25 || known.insert((name, leaf.usage)) => {
                found(&path, entry.target)
            }
            Target::Leaf(_) => {}
        }
    }
}

/// The message about a command line, which must be one that may be shown and holds a text.
fn refused(path: &[String], words: &[&str], named: &str) -> Result<(), String> {
    let line: Vec<String> = path.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect();
    let shown = format!(
        "{} {:?}",
        path.join(" "),
        words.iter().map(|word| &word[..word.len().min(60)]).collect::<Vec<_>>()
    );
    match parse("cove", &line) {
        Ok(Parsed::Run(_)) => Err(format!("{shown}: is taken")),
        Ok(_) => Err(format!("{shown}: is answered with a text")),
        Err(error) => {
            let message = error.messages().join("\n");
            may_be_shown(&message).map_err(|fault| format!("{shown}: {fault}"))?;
            match message.lines().next().is_some_and(|line| line.contains(named)) {
                true => Ok(()),
                false => Err(format!("{shown}: {named:?} is not in {message:?}")),
            }
        }
    }
}

/// Whether the line is taken or not: what is said about it may be shown.
fn answered(path: &[String], words: &[&str]) -> Result<(), String> {
    let line: Vec<String> = path.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect();
    match parse("cove", &line) {
        Ok(_) => Ok(()),
        Err(error) => {
            may_be_shown(&error.messages().join("\n")).map_err(|fault| format!("{line:?}: {fault}"))
        }
    }
}

fn may_be_shown(message: &str) -> Result<(), String> {
    let acts = |letter: &char| {
        !matches!(*letter, '\n' | '\t') && letter.is_control() || ('\u{202a}'..='\u{202e}').contains(letter)
    };
    match message.chars().find(acts) {
        Some(letter) => Err(format!("{letter:?} in {message:?}")),
        None if message.lines().any(|line| line.starts_with("Error: forged")) => {
            Err(format!("a forged line in {message:?}"))
        }
        None if message.lines().next().is_some_and(|line| line.len() > 8 << 10) => {
            Err(format!("a line of {} bytes", message.len()))
        }
        None => Ok(()),
    }
}

fn options(path: &[String], leaf: &'static Leaf, faults: &mut Vec<String>) -> usize {
    let mut count = 0;
    let mut add = |result: Result<(), String>| {
        count += 1;
        faults.extend(result.err());
    };
    let command = build("cove", &path.join(" "), leaf);
    add(refused(path, &[&format!("--zork{HOSTILE}")], "unknown flag: --zork"));
    if path == ["version"] {
        add(refused(path, &[&format!("--{}", "x".repeat(70_000))], "unknown flag: --xxx"));
    }
    add(refused(path, &["-\u{1b}"], "unknown shorthand flag"));
    let shared = SharedArgs::augment_args(Command::new("shared"));
    for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
        // Every command has these; one is enough.
        if path != ["version"] && shared.get_arguments().any(|other| other.get_id() == argument.get_id()) {
            continue;
        }
        let Some(name) = argument.get_long().filter(|name| *name != "help") else { continue };
        let flag = format!("--{name}");
        match argument.get_action() {
            // A truth, which may stand without a value.
            ArgAction::Set if argument.is_require_equals_set() => {
                add(answered(path, &[&format!("{flag}={HOSTILE}")]));
                if argument.get_value_parser().type_id() != std::any::TypeId::of::<String>() {
                    add(refused(path, &[&format!("{flag}=maybe")], &flag));
                }
            }
            ArgAction::Set | ArgAction::Append => {
                add(refused(path, &[&flag], &format!("flag needs an argument: {flag}")));
                add(answered(path, &[&format!("{flag}={HOSTILE}")]));
            }
            _ => {}
        }
    }
    for words in [&[HOSTILE, HOSTILE][..], &["--help=x"], &["--=x"]] {
        add(answered(path, words));
    }
    count
}

#[test]
fn every_option_of_every_command() {
    let (mut faults, mut count) = (Vec::new(), 0);
    walk(TREE, &[], &mut BTreeSet::new(), &mut |path, target| match target {
        // The shell's words, or another program's, whatever they are.
        Target::Leaf(_) if path == ["__complete"] => {}
        Target::Leaf(leaf) if leaf.options == OptionPlace::Nowhere => {}
        Target::Leaf(leaf) => count += options(path, leaf, &mut faults),
        Target::Group(_) => {
            count += 3;
            faults.extend(refused(path, &[HOSTILE], "unrecognized command").err());
            faults.extend(refused(path, &["--zork"], "unknown flag: --zork").err());
            faults.extend(refused(path, &[], "missing command").err());
        }
    });
    assert!(count > 1000, "only {count} lines");
    assert!(faults.is_empty(), "{} of {count} lines:\n{}", faults.len(), faults.join("\n"));
}
