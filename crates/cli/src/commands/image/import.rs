//! `cove import`

use std::io::IsTerminal;

use cove_api::ImportOptions;

use crate::args::{at_least, at_most};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{file_or_url_stream, stdin_stream};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make an image from a tar of a file system
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tar ("-" is standard input), then perhaps the name of the image
    #[arg(value_name = "FILE [NAME]", allow_hyphen_values = false)]
    words: Vec<String>,
    /// Instruction such as CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR
    #[arg(long, short, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Message kept in the image's history
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
    /// Architecture of the image
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Operating system of the image
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] FILE [NAME]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    at_most(&args.words, 2)?;
    let source = &args.words[0];
    let archive = if source == "-" || source == "/dev/stdin" {
        if std::io::stdin().is_terminal() {
            return Err(CommandError::other("cannot read from terminal, use command-line redirection"));
        }
        stdin_stream()
    } else {
        file_or_url_stream(source).await?
    };
    let options = ImportOptions {
        changes: args.change,
        message: args.message.unwrap_or_default(),
        reference: args.words.get(1).cloned().unwrap_or_default(),
        os: args.os.unwrap_or_default(),
        arch: args.arch.unwrap_or_default(),
        variant: args.variant.unwrap_or_default(),
    };
    let id = context.engine().await?.images().import(archive, options).await?;
    let hex = id.strip_prefix("sha256:").unwrap_or(&id);
    context.printer.line(&format!("sha256:{hex}"))?;
    Ok(0)
}
