//! `cove volume import`

use std::io::IsTerminal;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{file_stream, stdin_stream};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Add what is in a tar archive to a volume
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The volume, and the archive ("-" is standard input), which may be compressed
    #[arg(value_name = "VOLUME FILE")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("VOLUME FILE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let source = args.words[1].as_str();
    let archive = if source == "-" {
        if std::io::stdin().is_terminal() {
            return Err(CommandError::other("cannot read from terminal, use command-line redirection"));
        }
        stdin_stream()
    } else {
        if source.contains(':') {
            return Err(CommandError::other(format!("invalid filename (should not contain ':') {source:?}")));
        }
        file_stream(source)?
    };
    context.engine().await?.volumes().import(&args.words[0], archive).await?;
    Ok(0)
}
