//! From the words of a command line of compose to the command that is meant: one of ours, or an installed program's.

use clap::{Command, FromArgMatches as _};
use cove_config::Environment;
use cove_config::containers::ContainersConf;
use cove_config::env;
use cove_project::Found;

use crate::args;
use crate::command_error::{CommandError, CommandResult, OWN_ERROR};
use crate::commands::{Leaf, Place, Target, find, help, leaf};
use crate::context::Context;

use super::line::{Line, line};
use super::{COMMANDS, provider, version};

/// Define and run applications of several containers with Compose files
///
/// Where PODMAN_COMPOSE_PROVIDER, or compose_providers of a containers.conf, names a program, that one does all of it.
/// Commands that are not listed are done by a compose program, if one is installed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Compose's options, the command and what it is told
    #[arg(hide = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] COMMAND [ARG...]", Nowhere, Compose);

/// The options before the command, as a command line of their own.
pub(crate) fn options() -> Command {
    args::tuned(<Line as clap::Args>::augment_args(Command::new("compose")))
}

/// What a command line of compose needs to run: the engine for a command of ours, else nothing, because a compose program
/// has to stay outside of the user namespace.
pub(crate) fn place(environment: &Environment, conf: &ContainersConf, words: &[String]) -> Place {
    if names_a_program(environment, conf) {
        return Place::Plain;
    }
    match command(words) {
        Some((_, Target::Leaf(leaf))) => leaf.place,
        _ => Place::Plain,
    }
}

/// Whether the user has named the program that is to do everything.
fn names_a_program(environment: &Environment, conf: &ContainersConf) -> bool {
    let listed = conf.engine.compose_providers.as_ref();
    let usual = ContainersConf::built_in().engine.compose_providers;
    environment.is_set(env::PODMAN_COMPOSE_PROVIDER)
        || listed.is_some_and(|listed| Some(&listed.values) != usual.as_ref().map(|usual| &usual.values))
}

/// The command of ours among the words, and where it stands.
fn command(words: &[String]) -> Option<(usize, Target)> {
    let (at, _) = args::first_positional(&options(), words)?;
    find(COMMANDS, &words[at]).map(|target| (at, target))
}

async fn run(context: &Context, Args { words }: Args) -> CommandResult {
    if names_a_program(&context.environment, &context.conf) {
        return provider::run(context, &words).await;
    }
    let options = options();
    let end = args::first_positional(&options, &words).map_or(words.len(), |(at, _)| at);
    let typed: Vec<String> = words[..end].iter().filter(|word| *word != "--").cloned().collect();
    let name = words.get(end);
    let target = name.and_then(|name| find(COMMANDS, name));
    let at = format!("{} compose", context.program);
    if let (Some(name), None) = (name, target) {
        return match provider::run_if_installed(context, &words).await {
            Some(result) => result,
            None => Err(CommandError::other(format!(
                "no compose program was found for `{at} {name}`: install docker-compose, version 2, or name one with {}",
                env::PODMAN_COMPOSE_PROVIDER
            ))
            .followed_by(format!("{}Try '{at} --help' for more information", meant(name)))
            .with_code(1)),
        };
    }
    let Some(matches) = args::matched(&options, &at, &typed).map_err(as_compose)? else {
        return help_of(&at, None).and_then(|text| context.printer.text(&text)).map(|()| 0);
    };
    let line = Line::from_arg_matches(&matches).map_err(|error| CommandError::other(error.to_string()))?;
    line.check().map_err(as_compose)?;
    if line.version {
        return version::print(context);
    }
    let (Some(name), Some(Target::Leaf(leaf))) = (name, target) else {
        return help_of(&at, None).and_then(|text| context.printer.text(&text)).map(|()| 0);
    };
    let _ = context.compose.set(line);
    let (command, matches) =
        args::inner(&format!("{at} {name}"), leaf, &words[end + 1..]).map_err(as_compose)?;
    match matches {
        None => context.printer.text(&args::help_text(&command)).map(|()| 0),
        Some(matches) => (leaf.run)(context, &matches).await.map_err(as_compose),
    }
}

/// Notes the options of compose in a command line that is being written.
pub(crate) fn note_line(context: &Context, words: &[String]) {
    let Some(begin) = words.iter().position(|word| word == "compose") else { return };
    let (options, words) = (options(), &words[begin + 1..]);
    let end = args::first_positional(&options, words).map_or(words.len(), |(at, _)| at);
    let matches = args::matched(&options, "compose", &words[..end]).ok().flatten();
    if let Some(line) = matches.and_then(|matches| Line::from_arg_matches(&matches).ok()) {
        let _ = context.compose.set(line);
    }
}

/// The services of the project that is meant, by its files, or else by its containers.
pub(crate) async fn services(context: &Context) -> Vec<String> {
    let Ok(scope) = line(context).and_then(|line| line.scope(context, &[])) else { return Vec::new() };
    if let Some(project) = scope.project {
        return project.services.into_keys().chain(project.disabled_services.into_keys()).collect();
    }
    let Ok(engine) = context.engine().await else { return Vec::new() };
    let found = Found::of(engine, &scope.name).await.unwrap_or_default();
    found.containers.into_iter().map(|one| one.service).collect()
}

/// The help of all of it, or of a command; `at` is what it is called.
pub(crate) fn help_of(at: &str, name: Option<&String>) -> Result<String, CommandError> {
    let Some(name) = name else {
        let about = "Define and run applications of several containers with Compose files";
        return Ok(help::of_entries(at, about, COMMANDS, &options()));
    };
    match find(COMMANDS, name) {
        Some(Target::Leaf(leaf)) => Ok(args::help_text(&args::inner_command(&format!("{at} {name}"), leaf))),
        _ => Err(help::unrecognized(at, name, COMMANDS)),
    }
}

/// The command of ours that may be meant by a name.
fn meant(name: &str) -> String {
    args::suggestion(name, COMMANDS.iter().flat_map(|entry| entry.names.iter().copied()))
}

/// Errors of our own have docker-compose's exit code.
fn as_compose(error: CommandError) -> CommandError {
    match error.code() {
        OWN_ERROR => error.with_code(1),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_command_gets_the_nearest() {
        assert!(meant("upp").contains("up") && meant("dwon").contains("down"), "{}", meant("upp"));
        assert!(!meant("frobnicate").contains("up"));
    }

    #[test]
    fn the_command_is_found_behind_options() {
        let found = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            command(&words).map(|(at, _)| words[at].clone())
        };
        for (line, expected) in [
            ("config", Some("config")),
            ("convert -q", Some("convert")),
            ("-f a.yaml -p name config", Some("config")),
            ("-fa.yaml --file=b ps --services", Some("ps")),
            ("--ansi never --parallel 3 logs -f web", Some("logs")),
            ("-f config frobnicate", None),
            ("frobnicate config", None),
            ("-f config", None),
        ] {
            assert_eq!(found(line).as_deref(), expected, "{line}");
        }
    }
}
