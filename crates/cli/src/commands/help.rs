//! The lists of commands.

use clap::Command;

#[cfg(unix)]
use super::Place;
use super::{Entry, Group, Target, find, tree_of};
use crate::args;
use crate::command_error::CommandError;

/// The help of the program.
pub(crate) fn root(program: &str, options: &Command) -> String {
    of_entries(program, "Manage pods, containers and images", tree_of(program), options)
}

/// The help of a program with these commands and options.
pub(crate) fn of_entries(program: &str, about: &str, entries: &[Entry], options: &Command) -> String {
    let mut text = format!("{about}\n\nUsage:\n  {program} [options] [command]\n\nAvailable Commands:\n");
    text.push_str(&list(entries));
    let rendered = args::help_text(options);
    if let Some(at) = rendered.find("Options:") {
        text.push('\n');
        text.push_str(rendered[at..].trim_end());
        text.push('\n');
    }
    text
}

/// The help of a group.
pub(crate) fn group(program: &str, path: &str, group: &Group) -> String {
    format!(
        "{}\n\nUsage:\n  {program} {path} [command]\n\nAvailable Commands:\n{}",
        group.about,
        list(group.entries)
    )
}

/// The help of the command whose path is `words`.
pub(crate) fn of(program: &str, words: &[String]) -> Result<String, CommandError> {
    let mut path = String::new();
    let mut entries = tree_of(program);
    let mut words = words.iter();
    loop {
        let Some(word) = words.next() else {
            return Ok(if path.is_empty() {
                let options = <args::SharedArgs as clap::Args>::augment_args(
                    <args::RootArgs as clap::Args>::augment_args(Command::new("cove")),
                );
                root(program, &args::tuned(options))
            } else {
                list(entries)
            });
        };
        path = if path.is_empty() { word.clone() } else { format!("{path} {word}") };
        match find(entries, word) {
            None => {
                let at = path
                    .rsplit_once(' ')
                    .map_or(program.to_owned(), |(group, _)| format!("{program} {group}"));
                return Err(unrecognized(&at, word, entries));
            }
            #[cfg(unix)]
            Some(Target::Leaf(leaf)) if leaf.place == Place::Compose => {
                return super::compose::help_of(&format!("{program} {path}"), words.next());
            }
            Some(Target::Leaf(leaf)) => {
                return Ok(args::help_text(&args::build(program, &path, leaf)));
            }
            Some(Target::Group(inner)) => {
                if words.len() == 0 {
                    return Ok(group(program, &path, inner));
                }
                entries = inner.entries;
            }
        }
    }
}

/// The complaint about a command that is not among `entries`, those of `at` (with the program's name).
pub(crate) fn unrecognized(at: &str, name: &str, entries: &[Entry]) -> CommandError {
    let shown = entries.iter().filter(|entry| !entry.hidden);
    let meant = args::suggestion(name, shown.flat_map(|entry| entry.names.iter().copied()));
    CommandError::other(format!("unrecognized command `{at} {name}`"))
        .followed_by(format!("{meant}Try '{at} --help' for more information"))
}

fn list(entries: &[Entry]) -> String {
    let mut rows: Vec<(&str, String)> = entries
        .iter()
        .filter(|entry| !entry.hidden)
        .map(|entry| (entry.names[0], about(&entry.target)))
        .collect();
    rows.sort();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, about)| format!("  {name:width$}  {about}\n")).collect()
}

fn about(target: &Target) -> String {
    match target {
        Target::Group(group) => group.about.to_owned(),
        Target::Leaf(leaf) => {
            (leaf.augment)(Command::new("command")).get_about().map(ToString::to_string).unwrap_or_default()
        }
    }
}
