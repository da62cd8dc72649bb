//! `cove generate spec`

use std::io::Write as _;
use std::path::PathBuf;

use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write the request to the API for a container or pod like one that exists
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container or pod
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
    /// On one line
    #[arg(long, short)]
    compact: bool,
    /// Write a file in place of printing
    #[arg(long, short, value_name = "FILE")]
    filename: Option<PathBuf>,
    /// Under a name that nobody has (default true)
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    name: Option<bool>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] {CONTAINER|POD}");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    let rename = args.name.unwrap_or(true);
    let spec = context.engine().await?.units().spec(&args.names[0], rename).await?;
    let text = if args.compact { serde_json::to_string(&spec) } else { serde_json::to_string_pretty(&spec) };
    let text = text.map_err(|error| CommandError::other(error.to_string()))?;
    if let Some(path) = &args.filename {
        let write = || {
            let mut file = OutputFile::create(path, Existing::Replace)?;
            file.write_all(text.as_bytes())?;
            file.finish()
        };
        write().map_err(|error: std::io::Error| CommandError::from(cove_api::Error::from(error)))?;
        context.printer.line(&path.display().to_string())?;
    } else {
        context.printer.line(&text)?;
    }
    Ok(0)
}
