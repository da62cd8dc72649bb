//! Command lines of this program and of those that it stands for, as what they make.

use std::path::Path;

use clap::FromArgMatches as _;
use cove_api::{Error, Result};
use cove_convert::read::{Command, Commands};
use cove_convert::{Container, Losses};

use crate::args::{GlobalOptions, Parsed, SharedArgs, parse};
use crate::command_error::CommandError;
use crate::commands::{container, network, pod, volume};
use crate::context::Context;

/// Programs whose command line this is.
const PROGRAMS: [&str; 3] = ["cove", "podman", "docker"];
const OF_COMMAND: &str = "it belongs to the command, not to the container";

/// Reads command lines by this program's own options.
pub(super) struct Own<'a> {
    pub(super) context: &'a Context,
}

impl Commands for Own<'_> {
    fn command(&self, words: &[String], losses: &mut Losses) -> Result<Command> {
        self.read(words, losses).map_err(|error| {
            // What follows a message's first line points to the help of the other command.
            let first = |message: &String| message.lines().next().unwrap_or_default().to_owned();
            let text = error.messages().iter().map(first).collect::<Vec<_>>().join("; ");
            error.kind().map_or_else(|| Error::invalid(&text), |kind| Error::new(kind, &text))
        })
    }
}

impl Own<'_> {
    fn read(&self, words: &[String], losses: &mut Losses) -> std::result::Result<Command, CommandError> {
        let Some((program, rest)) = words.split_first() else {
            return Err(CommandError::other("a command line is needed, such as podman run -d nginx"));
        };
        let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !PROGRAMS.contains(&name) {
            return Err(CommandError::other(format!(
                "{program:?} is none of cove, podman and docker: only their commands are read"
            )));
        }
        let invocation = match parse("cove", rest)? {
            Parsed::Run(invocation) => invocation,
            Parsed::Help(_) | Parsed::Version => {
                return Err(CommandError::other("it asks for help or the version: nothing is made"));
            }
        };
        globals(&invocation.global, rest, losses);
        let matches = &invocation.matches;
        let wrong = |error: clap::Error| CommandError::other(error.to_string());
        let path = invocation.path.strip_prefix("container ").unwrap_or(&invocation.path);
        let described = match path {
            "run" => {
                let args = container::run::Args::from_arg_matches(matches).map_err(wrong)?;
                container::run::described(self.context, &args)?
            }
            "create" => {
                let args = container::create::Args::from_arg_matches(matches).map_err(wrong)?;
                container::create::described(self.context, &args)?
            }
            "pod create" => {
                let args = pod::create::Args::from_arg_matches(matches).map_err(wrong)?;
                let (spec, outside) = pod::create::described(self.context, &args)?;
                lose(&format!("pod {}", spec.name), &outside, losses);
                return Ok(Command::Pod(Box::new(spec)));
            }
            "network create" => {
                let args = network::create::Args::from_arg_matches(matches).map_err(wrong)?;
                return Ok(Command::Network(Box::new(network::create::described(&args)?)));
            }
            "volume create" => {
                let args = volume::create::Args::from_arg_matches(matches).map_err(wrong)?;
                return Ok(Command::Volume(volume::create::described(args)?));
            }
            "wait" => {
                let args = container::wait::Args::from_arg_matches(matches).map_err(wrong)?;
                let (names, conditions) = container::wait::described(&args);
                if conditions != ["healthy"] {
                    return Err(CommandError::other("only a wait with --condition healthy is read"));
                }
                return Ok(Command::Healthy(names.to_vec()));
            }
            "start" | "pod start" => return Ok(Command::Start),
            other => {
                return Err(CommandError::other(format!(
                    "the command {other:?} makes no part of an application: run, create, pod create, network create, \
                     volume create, start and wait are read"
                )));
            }
        };
        let object = match described.spec.name.as_str() {
            "" => format!("container of {}", described.spec.image),
            name => format!("container {name}"),
        };
        lose(&object, &described.outside, losses);
        Ok(Command::Container(Box::new(Container {
            is_named: !described.spec.name.is_empty(),
            spec: described.spec,
            pull: described.pull,
            ..Container::default()
        })))
    }
}

fn lose(object: &str, outside: &[&'static str], losses: &mut Losses) {
    for option in outside {
        losses.add(object, option, OF_COMMAND);
    }
}

/// Options of the program itself, which an application does not have.
fn globals(options: &GlobalOptions, words: &[String], losses: &mut Losses) {
    let stands_before = words.first().is_some_and(|word| word.starts_with('-'));
    if stands_before || options.shared != SharedArgs::default() {
        losses.add(
            "the command line",
            "global options",
            "they belong to the program, not to the application",
        );
    }
}
