//! `cove image manifest-digest`

use std::path::Path;

use cove_registry::manifest::manifest_digest;

use crate::args::signing::read;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Print the digest by which registries know a manifest in a file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    files: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("FILE", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let [file] = args.files.as_slice() else {
        return Err(CommandError::other("Exactly one argument expected"));
    };
    let data = read(Path::new(file)).map_err(|error| {
        CommandError::other(format!("Error reading manifest from {file}: {}", error.messages().join("\n")))
    })?;
    context.printer.line(&manifest_digest(&data).to_string())?;
    Ok(0)
}
