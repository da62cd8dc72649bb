//! `cove export`

use std::io::Write;
use std::path::Path;

use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::drain;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write the file system of a container to a tar, without its volumes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the container
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// The tar; standard output where none is given
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.containers, 1)?;
    let name = args.containers[0].trim_start_matches('/');
    let output = args.output.as_deref().filter(|path| !path.is_empty() && *path != "/dev/stdout");
    if output.is_none() && context.printer.out_is_terminal() {
        return Err(CommandError::other("refusing to export to terminal. Use -o flag or redirect"));
    }
    if let Some(path) = output.filter(|path| path.contains(':')) {
        return Err(CommandError::other(format!("invalid filename (should not contain ':') {path:?}")));
    }
    let files = context.engine().await?.files();
    let Some(path) = output else {
        drain(files.export(name).await?, |piece| context.printer.bytes(piece)).await?;
        return Ok(0);
    };
    let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
    let pieces = files.export(name).await?;
    drain(pieces, |piece| file.write_all(piece).map_err(CommandError::from)).await?;
    file.finish()?;
    Ok(0)
}
