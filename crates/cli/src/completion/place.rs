//! Where on a command line the cursor is.

use clap::{Arg, Command};

use crate::args;
#[cfg(unix)]
use crate::commands::compose;
use crate::commands::{Entry, Leaf, OptionPlace, TREE, Target, find};

/// What may stand where the cursor is.
pub(crate) enum Place {
    /// One of these commands.
    Commands(&'static [Entry]),
    /// An option of this command.
    Options(Box<Command>),
    /// The value of an option. `before` is what stands before it in the same word (`--option=`).
    Value { value: Value, before: String },
    /// The argument that the usage line calls so, of the command with that path.
    Argument { name: String, path: Vec<&'static str> },
    /// Nothing that is known.
    Unknown,
    /// Nothing more.
    Nothing,
}

/// What an option takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// One of these words.
    Words(Vec<String>),
    /// What its option's name and the name of its value say.
    Named { option: String, value: String },
}

/// The place of the last of `words` (without the program).
pub(crate) fn place(words: &[String]) -> Place {
    let root = args::tuned(<args::SharedArgs as clap::Args>::augment_args(
        <args::RootArgs as clap::Args>::augment_args(Command::new("cove")),
    ));
    let Some((current, before)) = words.split_last() else { return Place::Commands(TREE) };
    let mut walk = Walk {
        command: root,
        entries: Some(TREE),
        leaf: None,
        path: Vec::new(),
        arguments: 0,
        options: true,
    };
    let mut before = before.iter();
    while let Some(word) = before.next() {
        if walk.options && word == "--" {
            walk.options = false;
        } else if let Some(option) = walk.option(word) {
            if takes_next(&walk.command, word) && before.next().is_none() {
                return Place::Value { value: value(&option), before: String::new() };
            }
        } else {
            // An unknown option says nothing about what follows.
            let option = walk.options && word.starts_with('-') && word.len() > 1;
            if !option && !walk.step(word) {
                return Place::Unknown;
            }
        }
    }
    walk.end(current)
}

/// How far the words have led.
struct Walk {
    command: Command,
    /// The commands that may follow; none after a command.
    entries: Option<&'static [Entry]>,
    leaf: Option<&'static Leaf>,
    path: Vec<&'static str>,
    /// How many arguments the command has got.
    arguments: usize,
    /// Options may follow.
    options: bool,
}

impl Walk {
    /// The option that the word is, where it is one.
    fn option(&self, word: &str) -> Option<Arg> {
        if !self.options {
            return None;
        }
        let find =
            |is_it: &dyn Fn(&Arg) -> bool| self.command.get_arguments().find(|arg| is_it(arg)).cloned();
        if let Some(long) = word.strip_prefix("--") {
            let long = long.split('=').next().unwrap_or(long);
            return find(&|arg| {
                arg.get_long() == Some(long)
                    || arg.get_all_aliases().is_some_and(|names| names.contains(&long))
            });
        }
        let last = word.strip_prefix('-')?.chars().next_back()?;
        find(&|arg| arg.get_short() == Some(last))
    }

    /// Goes on to a command or past an argument; `false` where there is no such command.
    fn step(&mut self, word: &str) -> bool {
        let Some(entries) = self.entries else {
            self.arguments += 1;
            self.options &= self.leaf.is_none_or(|leaf| leaf.options == OptionPlace::Anywhere);
            return true;
        };
        let Some(entry) = entries.iter().find(|entry| entry.names.contains(&word)) else { return false };
        self.path.push(entry.names[0]);
        match find(entries, word) {
            Some(Target::Group(group)) => self.entries = Some(group.entries),
            Some(Target::Leaf(leaf)) => {
                #[cfg(unix)]
                if leaf.place == crate::commands::Place::Compose {
                    (self.command, self.entries) = (compose::options(), Some(compose::COMMANDS));
                    return true;
                }
                let is_inner = self.path.len() > 1 && self.path[0] == "compose";
                self.command =
                    if is_inner { args::inner_command(word, leaf) } else { args::build("cove", word, leaf) };
                (self.entries, self.leaf) = (None, Some(leaf));
                self.options = leaf.options != OptionPlace::Nowhere;
            }
            None => return false,
        }
        true
    }

    /// What the last word may be.
    fn end(self, current: &str) -> Place {
        if self.options && current.starts_with('-') {
            return match current.split_once('=').map(|(name, _)| (name, self.option(name))) {
                Some((name, Some(option))) => {
                    Place::Value { value: value(&option), before: format!("{name}=") }
                }
                Some((_, None)) => Place::Unknown,
                None => Place::Options(Box::new(self.command)),
            };
        }
        match (self.entries, self.leaf) {
            (Some(entries), _) => Place::Commands(entries),
            (None, Some(leaf)) => match argument(leaf.usage, self.arguments) {
                Some(name) => Place::Argument { name, path: self.path },
                None => Place::Nothing,
            },
            (None, None) => Place::Unknown,
        }
    }
}

/// Whether the word is an option whose value is the next word.
fn takes_next(command: &Command, word: &str) -> bool {
    // Where an argument would be found only after one more word.
    let line = [word.to_owned(), "x".to_owned()];
    args::first_positional(command, &line).is_none()
}

fn value(option: &Arg) -> Value {
    let words = option.get_possible_values();
    if !words.is_empty() {
        return Value::Words(words.iter().map(|word| word.get_name().to_owned()).collect());
    }
    let value = option.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    Value::Named {
        option: option.get_long().unwrap_or_default().to_owned(),
        value: value.unwrap_or_default(),
    }
}

/// What the usage line calls an argument; the last one may come again and again.
fn argument(usage: &str, number: usize) -> Option<String> {
    let bare = |word: &str| word.trim_matches(['[', ']', '.']).to_owned();
    let words: Vec<&str> = usage.split_whitespace().filter(|word| *word != "[options]").collect();
    match words.get(number) {
        Some(word) => Some(bare(word)),
        None => words.last().filter(|word| word.contains("...")).map(|word| bare(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        match place(&words) {
            Place::Commands(entries) => format!("command like {}", entries[0].names[0]),
            Place::Options(command) => format!("option of {}", command.get_name()),
            Place::Value { value: Value::Words(words), before } => format!("{before}{}", words.join("|")),
            Place::Value { value: Value::Named { option, value }, before } => {
                format!("{before}{option}:{value}")
            }
            Place::Argument { name, path } => format!("{} {name}", path.join(" ")),
            Place::Unknown => "unknown".into(),
            Place::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn places_are_found() {
        for (line, expect) in [
            ("", "command like attach"),
            ("--root /x --", "option of cove"),
            ("container ", "command like checkpoint"),
            ("nonsense ", "unknown"),
            ("stop ", "stop CONTAINER"),
            ("stop a b c ", "stop CONTAINER"),
            ("stop -", "option of command"),
            ("stop -t ", "time:SECONDS"),
            ("stop -t 3 ", "stop CONTAINER"),
            ("container rename a ", "container rename NAME"),
            ("rename a b ", "nothing"),
            ("run --network ", "network:NETWORK"),
            ("run --network=", "--network=network:NETWORK"),
            ("run --rm -it ", "run IMAGE"),
            ("run --rm image ", "run COMMAND"),
            ("run --rm image -", "run COMMAND"),
            ("run image sh -c ", "run ARG"),
            ("ps --sort ", "command|created|id|image|names|runningfor|size|status"),
            ("stop -- -", "stop CONTAINER"),
            ("volume rm ", "volume rm VOLUME"),
            ("compose ", "command like attach"),
            ("compose -f x --", "option of compose"),
            ("compose -f x logs -", "option of command"),
            ("compose logs web ", "compose logs SERVICE"),
            ("compose exec web sh -c ", "compose exec ARG"),
            ("compose run --rm ", "compose run SERVICE"),
            ("compose run -it web ", "compose run COMMAND"),
            ("compose scale web=2 ", "compose scale SERVICE=NUMBER"),
        ] {
            assert_eq!(shown(line), expect, "{line:?}");
        }
    }
}
