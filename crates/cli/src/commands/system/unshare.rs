//! `cove unshare`

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
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
    /// Also in the network namespace that rootless containers share
    #[arg(long)]
    rootless_netns: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [COMMAND [ARG...]]", BeforeArguments, Plain);

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
    let options = crate::connect::local_options(context)?;
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .env(env::ROOTLESS_UID, context.directories.user.uid.to_string())
        .env(env::USERNS_CONFIGURED, "done")
        .env(env::CONTAINERS_GRAPHROOT, &options.storage.graph_root)
        .env(env::CONTAINERS_RUNROOT, &options.storage.run_root);
    if args.rootless_netns {
        let status = cove_engine::LocalEngine::open(options)?.run_in_shared_network(&mut command)?;
        let code = status.code().or(status.signal().map(|signal| signal.saturating_add(128)));
        return Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
    }
    let error = command.exec();
    let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    Err(CommandError::other(format!("{}: {error}", words[0])).with_code(code))
}
