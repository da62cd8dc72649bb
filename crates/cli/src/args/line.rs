//! From the arguments to a command and its options.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::global::{GlobalOptions, RootArgs, SharedArgs};
use super::{scan, tuned, usage};
use crate::command_error::CommandError;
use crate::commands::{self, Entry, Leaf, OptionPlace, Target};

/// What the command line asks for.
pub(crate) enum Parsed {
    /// Run a command.
    Run(Box<Invocation>),
    /// Print this text.
    Help(String),
    /// Print the version.
    Version,
}

/// A command with everything that was said about it.
pub(crate) struct Invocation {
    /// The command.
    pub(crate) leaf: &'static Leaf,
    /// Its path as typed, such as `container ls`.
    pub(crate) path: String,
    /// Its options and arguments.
    pub(crate) matches: ArgMatches,
    /// Global options.
    pub(crate) global: GlobalOptions,
}

/// Parses `arguments` (without the program); `program` is the name that messages use.
pub(crate) fn parse(program: &str, arguments: &[String]) -> Result<Parsed, CommandError> {
    if program == super::SKOPEO_NAME {
        return super::skopeo::parse(program, arguments);
    }
    let mut global = GlobalOptions::default();
    let root = tuned(SharedArgs::augment_args(RootArgs::augment_args(Command::new("cove"))));
    let arguments = &quoted(&root, arguments);
    let first = scan::first_positional(&root, arguments);
    let end = first.map_or(arguments.len(), |(at, _)| at);
    let matches = match_arguments(&root, program, &arguments[..end]);
    let matches = match matches {
        Ok(matches) => matches,
        Err(Ended::Help) => return Ok(Parsed::Help(commands::help::root(program, &root))),
        Err(Ended::Failed(error)) => return Err(error),
    };
    global.root = take(RootArgs::from_arg_matches(&matches))?;
    global.take(take(SharedArgs::from_arg_matches(&matches))?);
    if global.root.version {
        return Ok(Parsed::Version);
    }
    let Some((at, _)) = first else {
        let help = commands::help::root(program, &root);
        return Err(CommandError::other(format!("missing command '{program} COMMAND'")).preceded_by(help));
    };
    descend(program, commands::tree_of(program), &arguments[at..], String::new(), global)
}

/// The arguments with those of a completion quoted: they are another command line, of which only the global options mean
/// this program now.
fn quoted(root: &Command, arguments: &[String]) -> Vec<String> {
    let Some((name, words)) = arguments.split_first().filter(|(name, _)| name.starts_with("__complete"))
    else {
        return arguments.to_vec();
    };
    let typed = &words[..words.len().saturating_sub(1)];
    let end = scan::first_positional(root, typed).map_or(typed.len(), |(at, _)| at);
    let here = [name.clone(), "--".to_owned()];
    typed[..end].iter().chain(&here).chain(words).cloned().collect()
}

fn descend(
    program: &str,
    entries: &'static [Entry],
    arguments: &[String],
    path: String,
    mut global: GlobalOptions,
) -> Result<Parsed, CommandError> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("", arguments),
    };
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path} {name}") };
    if name == "help" && path.is_empty() {
        return commands::help::of(program, rest).map(Parsed::Help);
    }
    let Some(target) = commands::find(entries, name) else {
        if path.is_empty()
            && let Some(error) = unknown_flag(program, rest)
        {
            return Err(error);
        }
        let at = if path.is_empty() { program.to_owned() } else { format!("{program} {path}") };
        return Err(commands::help::unrecognized(&at, name, entries));
    };
    match target {
        Target::Group(group) => {
            let path = join(name);
            let command = tuned(SharedArgs::augment_args(Command::new("group")));
            let first = scan::first_positional(&command, rest);
            let end = first.map_or(rest.len(), |(at, _)| at);
            let matches = match match_arguments(&command, &format!("{program} {path}"), &rest[..end]) {
                Ok(matches) => matches,
                Err(Ended::Help) => return Ok(Parsed::Help(commands::help::group(program, &path, group))),
                Err(Ended::Failed(error)) => return Err(error),
            };
            global.take(take(SharedArgs::from_arg_matches(&matches))?);
            match first {
                Some((at, _)) => descend(program, group.entries, &rest[at..], path, global),
                None => {
                    let help = commands::help::group(program, &path, group);
                    Err(CommandError::other(format!("missing command '{program} {path} COMMAND'"))
                        .preceded_by(help))
                }
            }
        }
        Target::Leaf(leaf) => {
            let path = join(name);
            let command = build(program, &path, leaf);
            let words = ended(leaf, &command, rest);
            match match_arguments(&command, &format!("{program} {path}"), &words) {
                Ok(matches) => {
                    global.take(take(SharedArgs::from_arg_matches(&matches))?);
                    Ok(Parsed::Run(Box::new(Invocation { leaf, path, matches, global })))
                }
                Err(Ended::Help) => Ok(Parsed::Help(help_text(&command))),
                Err(Ended::Failed(error)) => Err(error),
            }
        }
    }
}

/// The words of a command with `--` where its own options end.
fn ended(leaf: &Leaf, command: &Command, words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    let end = match leaf.options {
        OptionPlace::Anywhere => None,
        OptionPlace::BeforeArguments => {
            scan::first_positional(command, &words).filter(|(_, ended)| !ended).map(|(at, _)| at)
        }
        OptionPlace::Nowhere => Some(0),
    };
    if let Some(at) = end {
        // Everything from here on belongs to the container, or the other program.
        words.insert(at, "--".into());
    }
    words
}

/// What `words` say to a command of a command line that is another one's argument; `name` is the command with the
/// program's. [`None`] asks for help.
#[cfg(unix)]
pub(crate) fn inner(
    name: &str,
    leaf: &Leaf,
    words: &[String],
) -> Result<(Command, Option<ArgMatches>), CommandError> {
    let command = inner_command(name, leaf);
    let words = ended(leaf, &command, words);
    let matches = matched(&command, name, &words)?;
    Ok((command, matches))
}

/// The clap command of a leaf of a command line that is another one's argument: without the global options, which
/// stand before.
pub(crate) fn inner_command(name: &str, leaf: &Leaf) -> Command {
    tuned((leaf.augment)(Command::new("command")))
        .override_usage(format!("{name} {}", leaf.usage))
        .no_binary_name(true)
}

/// What `words` say; [`None`] asks for help.
#[cfg(unix)]
pub(crate) fn matched(
    command: &Command,
    name: &str,
    words: &[String],
) -> Result<Option<ArgMatches>, CommandError> {
    match match_arguments(command, name, words) {
        Ok(matches) => Ok(Some(matches)),
        Err(Ended::Help) => Ok(None),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// The complaint about an option after a command that does not exist.
fn unknown_flag(program: &str, rest: &[String]) -> Option<CommandError> {
    let root = tuned(SharedArgs::augment_args(RootArgs::augment_args(Command::new("cove"))));
    let options: Vec<String> = rest.iter().take(1).filter(|word| word.starts_with("--")).cloned().collect();
    match match_arguments(&root, program, &options) {
        Err(Ended::Failed(error)) => Some(error),
        _ => None,
    }
}

/// The clap command of a leaf.
pub(crate) fn build(program: &str, path: &str, leaf: &Leaf) -> Command {
    let command = SharedArgs::augment_args(Command::new("command"));
    tuned((leaf.augment)(command))
        // Where a command has no options of its own, its usage names none, and no list says otherwise.
        .mut_arg("help", |help| help.hide(!leaf.usage.contains("[options]")))
        .override_usage(format!("{program} {path} {}", leaf.usage))
        .no_binary_name(true)
}

/// The help of a command; options that may have a value say nothing of it, and the columns stay where they are.
pub(crate) fn help_text(command: &Command) -> String {
    let text = command.clone().render_help().to_string();
    // The usage has a line of its own, where scripts look for it.
    text.replace("[=<BOOL>]", &" ".repeat(9)).replacen("\nUsage: ", "\nUsage:\n  ", 1)
}

pub(super) enum Ended {
    Help,
    Failed(CommandError),
}

pub(super) fn match_arguments(
    command: &Command,
    name: &str,
    arguments: &[String],
) -> Result<ArgMatches, Ended> {
    command.clone().no_binary_name(true).try_get_matches_from(arguments).map_err(|error| match error.kind() {
        clap::error::ErrorKind::DisplayHelp => Ended::Help,
        _ => Ended::Failed(usage::convert(&error, command, name, arguments)),
    })
}

pub(super) fn take<T>(result: Result<T, clap::Error>) -> Result<T, CommandError> {
    // The matches come from the very same definition, so that this cannot fail.
    result.map_err(|error| CommandError::other(error.to_string()))
}
