//! `cove load`

use std::io::IsTerminal;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{file_or_url_stream, stdin_stream};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Load images from an archive that docker save, cove save or others made
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The archive, a file or a URL; standard input where none is given
    #[arg(long, short, value_name = "FILE")]
    input: Option<String>,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let archive = match args.input.as_deref() {
        Some("") | None => {
            if std::io::stdin().is_terminal() {
                return Err(CommandError::other(
                    "cannot read from terminal, use command-line redirection or the --input flag",
                ));
            }
            stdin_stream()
        }
        Some("/dev/stdin") => stdin_stream(),
        Some(place) => file_or_url_stream(place).await?,
    };
    let report = context.engine().await?.images().load(archive).await?;
    for name in &report.names {
        context.printer.line(&format!("Loaded image: {name}"))?;
    }
    Ok(0)
}
