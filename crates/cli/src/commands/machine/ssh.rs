//! `cove machine ssh`

use std::ffi::OsString;
use std::process::{Command, ExitStatus};

use cove_machine::{MachineName, Machines, SshCommand};

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Open a shell in a machine, or run a command in it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine (the usual one where the first word names none), then the command
    #[arg(value_name = "[NAME] [COMMAND [ARG...]]")]
    words: Vec<String>,
    /// User in the machine
    #[arg(long, value_name = "USER")]
    username: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME] [COMMAND [ARG...]]", BeforeArguments, Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let machines = super::machines(context);
    let (name, words) = target(&machines, &args.words).await?;
    let command: Vec<OsString> = words.iter().map(OsString::from).collect();
    let ssh = machines.ssh_command(&name, args.username.as_deref(), &command)?;
    Ok(status(&ssh)?.code().map_or(255, crate::commands::container::narrow))
}

/// Runs the program in this terminal.
pub(super) fn status(command: &SshCommand) -> Result<ExitStatus, CommandError> {
    Command::new(command.program).args(&command.arguments).status().map_err(|error| {
        let hint =
            if error.kind() == std::io::ErrorKind::NotFound { " (install openssh-client)" } else { "" };
        CommandError::other(format!("run {}: {error}{hint}", command.program))
    })
}

/// The machine and the rest of the words.
async fn target<'a>(
    machines: &Machines,
    words: &'a [String],
) -> Result<(MachineName, &'a [String]), CommandError> {
    if let Some((first, rest)) = words.split_first()
        && let Ok(name) = first.parse::<MachineName>()
        && machines.list().await?.iter().any(|machine| machine.name == *first)
    {
        return Ok((name, rest));
    }
    Ok((super::name(&[])?, words))
}
