//! `cove compose exec`

use std::io::IsTerminal as _;

use cove_api::ExecSpec;

use super::here::{Here, index};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::{detach_keys, exec};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Run a command in a container of a service
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service, then the command
    #[arg(value_name = "SERVICE COMMAND [ARG...]")]
    words: Vec<String>,
    /// Run it in the background
    #[arg(long, short)]
    detach: bool,
    /// Environment variable NAME=VALUE; NAME alone takes the value over
    #[arg(long, short, value_name = "VARIABLE")]
    env: Vec<String>,
    /// In the container with this number
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    index: u32,
    /// Keep standard input open, which is usual
    #[arg(long, short, hide = true)]
    interactive: bool,
    /// Give it a terminal, which is usual on one
    #[arg(long, short, hide = true)]
    tty: bool,
    /// Give it no terminal
    #[arg(long, short = 'T', alias = "no-TTY", conflicts_with = "tty")]
    no_tty: bool,
    /// All capabilities
    #[arg(long)]
    privileged: bool,
    /// User, a name or number, perhaps with a group: USER[:GROUP]
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Working directory
    #[arg(long, short, value_name = "DIR")]
    workdir: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SERVICE COMMAND [ARG...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let (service, command) = match args.words.split_first() {
        Some((service, command)) if !command.is_empty() => (service, command),
        _ => {
            let number = args.words.len();
            return Err(CommandError::other(format!("requires at least 2 arg(s), only received {number}")));
        }
    };
    let here = Here::of(context, &[]).await?;
    let container = here.running(service, index(args.index))?;
    let own: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let variables = cove_spec::environment::parse(args.env.iter().map(String::as_str), &own)?;
    let tty = args.tty || (!args.no_tty && std::io::stdout().is_terminal());
    let spec = ExecSpec {
        attach_stdin: !args.detach,
        attach_stdout: !args.detach,
        attach_stderr: !args.detach,
        env: variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        cmd: command.to_vec(),
        privileged: args.privileged,
        tty,
        user: args.user.unwrap_or_default(),
        working_dir: args.workdir.unwrap_or_default(),
        ..ExecSpec::default()
    };
    let keys = detach_keys(context, None)?;
    if args.detach {
        exec::background(here.engine, &container.row.id, spec).await?;
        return Ok(0);
    }
    exec::attended(context, here.engine, &container.row.id, spec, keys).await
}
