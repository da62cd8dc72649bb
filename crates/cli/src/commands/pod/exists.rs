//! `cove pod exists`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Tell by the exit code whether a pod exists
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "POD")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("POD");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 1)?;
    let found = context.engine().await?.pods().exists(&args.words[0]).await?;
    Ok(u8::from(!found))
}
