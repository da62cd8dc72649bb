//! The command line of who calls the program `skopeo`: its own commands, options that may stand before them, and no
//! global options of the engine's.

use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches};

use super::line::{Ended, Invocation, Parsed, help_text, match_arguments, take};
use super::{GlobalOptions, scan, tuned};
use crate::command_error::CommandError;
use crate::commands::{self, Leaf, SKOPEO, Target, WholeArgs};

// Options that stand before the command only.
#[derive(Debug, Clone, Default, clap::Args)]
struct RootArgs {
    /// Print the version and end
    #[arg(long, short = 'v')]
    version: bool,
    // Of the command where it stands behind it.
    #[arg(long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

// Options that stand before or after the command.
#[derive(Debug, Clone, Default, clap::Args)]
struct SharedArgs {
    /// Log what is done
    #[arg(long)]
    debug: bool,
    /// Folder of temporary files
    #[arg(long, value_name = "DIR")]
    tmpdir: Option<PathBuf>,
    /// Use this registries.conf only
    #[arg(long, hide = true, value_name = "FILE")]
    registries_conf: Option<PathBuf>,
    #[arg(long, hide = true)]
    require_signed: bool,
    #[arg(long, hide = true, value_name = "FILE")]
    tls_details: Option<String>,
    #[arg(long, hide = true, value_name = "TEXT")]
    user_agent_prefix: Option<String>,
}

impl SharedArgs {
    fn check(&self) -> Result<(), CommandError> {
        let given = [
            ("require-signed", self.require_signed),
            ("tls-details", self.tls_details.is_some()),
            ("user-agent-prefix", self.user_agent_prefix.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(CommandError::other(format!("the option --{name} is not supported by this version")))
            }
            None => Ok(()),
        }
    }

    fn global(self) -> GlobalOptions {
        let mut global = GlobalOptions { temporary: self.tmpdir, ..GlobalOptions::default() };
        global.root.debug = self.debug;
        global.shared.registries_conf = self.registries_conf;
        global
    }
}

/// Parses `arguments` (without the program).
pub(crate) fn parse(program: &str, arguments: &[String]) -> Result<Parsed, CommandError> {
    let options = WholeArgs::augment_args(SharedArgs::augment_args(Command::new("skopeo")));
    let root = tuned(RootArgs::augment_args(options));
    let first = scan::first_positional(&root, arguments);
    let end = first.map_or(arguments.len(), |(at, _)| at);
    let help =
        || commands::help::of_entries(program, "Copy and inspect images wherever they are", SKOPEO, &root);
    let matches = match match_arguments(&root, program, &arguments[..end]) {
        Ok(matches) => matches,
        Err(Ended::Help) => return Ok(Parsed::Help(help())),
        Err(Ended::Failed(error)) => return Err(error),
    };
    if take(RootArgs::from_arg_matches(&matches))?.version {
        return Ok(Parsed::Version);
    }
    let Some((at, _)) = first else {
        return Err(CommandError::other(format!("Missing command '{program} COMMAND'"))
            .followed_by(format!("Try '{program} --help' for more information")));
    };
    let (before, name, after) = (&arguments[..at], arguments[at].as_str(), &arguments[at + 1..]);
    if name == "help" {
        return match after.first() {
            None => Ok(Parsed::Help(help())),
            Some(name) => {
                leaf(program, name).map(|leaf| Parsed::Help(help_text(&build(program, name, leaf))))
            }
        };
    }
    let leaf = leaf(program, name)?;
    let command = build(program, name, leaf);
    let words: Vec<String> = before.iter().chain(after).cloned().collect();
    match match_arguments(&command, &format!("{program} {name}"), &words) {
        Ok(matches) => {
            let shared = take(SharedArgs::from_arg_matches(&matches))?;
            shared.check()?;
            let (path, global) = (name.to_owned(), shared.global());
            Ok(Parsed::Run(Box::new(Invocation { leaf, path, matches, global })))
        }
        Err(Ended::Help) => Ok(Parsed::Help(help_text(&command))),
        Err(Ended::Failed(error)) => Err(error),
    }
}

fn leaf(program: &str, name: &str) -> Result<&'static Leaf, CommandError> {
    match commands::find(SKOPEO, name) {
        Some(Target::Leaf(leaf)) => Ok(leaf),
        _ => Err(commands::help::unrecognized(program, name, SKOPEO)),
    }
}

/// The clap command of a leaf with the options that every command takes, whether it needs them or not.
fn build(program: &str, name: &str, leaf: &Leaf) -> Command {
    let mut command = (leaf.augment)(SharedArgs::augment_args(Command::new("command")));
    let has = |command: &Command, id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    if !has(&command, "insecure_policy") {
        command = WholeArgs::augment_args(command);
    }
    tuned(command).override_usage(format!("{program} {name} {}", leaf.usage)).no_binary_name(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Parsed, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse("skopeo", &arguments).map_err(|error| error.messages().join("\n"))
    }

    #[test]
    fn every_command_takes_the_options_of_all() {
        for entry in SKOPEO {
            let Target::Leaf(leaf) = entry.target else { panic!("{:?} is no command", entry.names) };
            build("skopeo", entry.names[0], leaf).debug_assert();
        }
        for line in [
            "--debug --override-arch arm64 inspect docker://a/b",
            "inspect --override-arch=arm64 --tmpdir /x docker://a/b",
            "--insecure-policy --tls-verify=false copy dir:a dir:b",
            "--insecure-policy manifest-digest file",
            "--policy p login --username a --password b quay.io",
        ] {
            assert!(matches!(parsed(line), Ok(Parsed::Run(_))), "{line}");
        }
        let Ok(Parsed::Run(found)) = parsed("--tmpdir /x --debug sync --src dir --dest docker a b") else {
            panic!("no command");
        };
        assert_eq!(found.global.temporary.as_deref(), Some(std::path::Path::new("/x")));
        assert!(found.global.root.debug);
    }

    #[test]
    fn what_it_has_not_is_refused() {
        for (line, named) in [
            ("", "Missing command"),
            ("run x", "unrecognized command `skopeo run`"),
            ("--root /x inspect docker://a", "unknown flag: --root"),
            ("--require-signed inspect docker://a", "--require-signed"),
        ] {
            match parsed(line) {
                Err(error) => assert!(error.contains(named), "{line}: {error}"),
                Ok(_) => panic!("{line} is accepted"),
            }
        }
        assert!(matches!(parsed("--version"), Ok(Parsed::Version)));
        assert!(matches!(parsed("copy --help"), Ok(Parsed::Help(_))));
        assert!(matches!(parsed("help"), Ok(Parsed::Help(_))));
    }
}
