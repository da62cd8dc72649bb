//! `cove volume export`

use std::io::Write;
use std::path::Path;

use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::drain;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write what is in a volume to a tar archive
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The volume
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
    /// The archive; standard output where none is given
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] VOLUME");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.volumes, 1)?;
    let engine = context.engine().await?;
    match args.output.as_deref() {
        Some("") => Err(CommandError::other("must provide valid path for file to write to")),
        None if context.printer.out_is_terminal() => Err(CommandError::other(
            "cannot write to terminal, use command-line redirection or the --output flag",
        )),
        None => {
            let pieces = engine.volumes().export(&args.volumes[0]).await?;
            drain(pieces, |piece| context.printer.bytes(piece)).await?;
            Ok(0)
        }
        Some(path) => {
            let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
            let pieces = engine.volumes().export(&args.volumes[0]).await?;
            drain(pieces, |piece| file.write_all(piece).map_err(CommandError::from)).await?;
            file.finish()?;
            Ok(0)
        }
    }
}
