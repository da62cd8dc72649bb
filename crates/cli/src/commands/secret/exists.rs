//! `cove secret exists`

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Ends with 0 where the secret exists, with 1 where it does not
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the secret
    #[arg(value_name = "SECRET")]
    secrets: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("SECRET");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.secrets, 1)?;
    let found = context.engine().await?.secrets().exists(&args.secrets[0]).await?;
    Ok(u8::from(!found))
}
