//! How a command is described to the command line.

use std::future::Future;
use std::pin::Pin;

use clap::{ArgMatches, Command};

use crate::command_error::CommandResult;
use crate::context::Context;

/// A command that does something.
pub(crate) struct Leaf {
    /// What stands after its name in the usage line.
    pub(crate) usage: &'static str,
    /// Where on its command line its own options are.
    pub(crate) options: OptionPlace,
    /// What it needs to run.
    pub(crate) place: Place,
    /// Adds its options and its description.
    pub(crate) augment: fn(Command) -> Command,
    /// Does it.
    pub(crate) run: Run,
}

/// The function behind a command.
pub(crate) type Run =
    for<'a> fn(&'a Context, &'a ArgMatches) -> Pin<Box<dyn Future<Output = CommandResult> + 'a>>;

/// What a command needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// An engine: rootless, it runs inside the user namespace.
    Engine,
    /// An engine that serves many callers: as [`Place::Engine`], with several threads.
    Service,
    /// As [`Place::Engine`] where an argument names the store, else no engine.
    Images,
    /// What a command of compose needs, where its words name one that is ours; else no engine.
    Compose,
    /// As [`Place::Engine`] where the words name a container or pod that exists, else no engine.
    #[cfg(target_os = "linux")]
    Convert,
    /// No engine.
    Plain,
}

/// Where on a command line the command's own options are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionPlace {
    /// Among the arguments.
    Anywhere,
    /// Before the first argument, because the rest is another program's command line.
    BeforeArguments,
    /// Nowhere: all of it is another program's.
    Nowhere,
}

/// A group of commands.
pub(crate) struct Group {
    /// What they are about.
    pub(crate) about: &'static str,
    /// The commands.
    pub(crate) entries: &'static [Entry],
}

/// A command or group in a list.
pub(crate) struct Entry {
    /// Its name, and others that mean the same.
    pub(crate) names: &'static [&'static str],
    /// Left out of lists.
    pub(crate) hidden: bool,
    /// What it is.
    pub(crate) target: Target,
}

/// A command or a group.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A command.
    Leaf(&'static Leaf),
    /// A group.
    Group(&'static Group),
}

impl Entry {
    /// A command in a list; the first of the names is the one shown.
    pub(crate) const fn leaf(names: &'static [&'static str], leaf: &'static Leaf) -> Self {
        Self { names, hidden: false, target: Target::Leaf(leaf) }
    }
    /// A command that no list shows.
    pub(crate) const fn hidden(names: &'static [&'static str], leaf: &'static Leaf) -> Self {
        Self { names, hidden: true, target: Target::Leaf(leaf) }
    }
    /// A group in a list.
    pub(crate) const fn group(names: &'static [&'static str], group: &'static Group) -> Self {
        Self { names, hidden: false, target: Target::Group(group) }
    }
}

/// The entry of that name.
pub(crate) fn find(entries: &'static [Entry], name: &str) -> Option<Target> {
    entries.iter().find(|entry| entry.names.contains(&name)).map(|entry| entry.target)
}

/// A [`Leaf`] from the `Args` and the `run` of the module that uses it.
macro_rules! leaf {
    ($usage:literal) => {
        $crate::commands::leaf!($usage, Anywhere, Engine)
    };
    ($usage:literal, $place:ident) => {
        $crate::commands::leaf!($usage, Anywhere, $place)
    };
    ($usage:literal, $options:ident, $place:ident) => {
        $crate::commands::Leaf {
            usage: $usage,
            options: $crate::commands::OptionPlace::$options,
            place: $crate::commands::Place::$place,
            augment: |command| <Args as clap::Args>::augment_args(command),
            run: |context, matches| {
                Box::pin(async move {
                    let args = <Args as clap::FromArgMatches>::from_arg_matches(matches)
                        .map_err(|error| $crate::command_error::CommandError::other(error.to_string()))?;
                    run(context, args).await
                })
            },
        }
    };
}
pub(crate) use leaf;
