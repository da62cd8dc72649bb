//! `cove unshare`

use std::os::unix::process::CommandExt;
use std::process::Command;

use cove_config::env;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Run a command in the user namespace of rootless containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The command; a shell where none is given
    #[arg(value_name = "COMMAND [ARG...]")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[COMMAND [ARG...]]", false, Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    if !context.directories.user.rootless {
        return Err(CommandError::other("please use unshare with rootless"));
    }
    if context.global.root.remote
        || context.global.root.url.is_some()
        || context.global.root.connection.is_some()
    {
        return Err(CommandError::other("cannot use command \"unshare\" with the remote client"));
    }
    // No thread has been started up to here: the runtime of such a command makes none by itself.
    crate::app::enter_namespace(context)?;
    let shell = context.environment.get("SHELL").unwrap_or("/bin/sh").to_owned();
    let words = if args.words.is_empty() { vec![shell] } else { args.words };
    let error = Command::new(&words[0])
        .args(&words[1..])
        .env(env::ROOTLESS_UID, context.directories.user.uid.to_string())
        .env(env::USERNS_CONFIGURED, "done")
        .exec();
    let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    Err(CommandError::other(format!("{}: {error}", words[0])).with_code(code))
}
