//! `cove compose attach`

use super::here::{Here, index};
use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::container::attach::{Wanted, connect};
use crate::commands::container::detach_keys;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Connect to a container of a service
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Keys that leave it running, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// To the container with this number
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    index: u32,
    /// Do not connect standard input
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    sig_proxy: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SERVICE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.services, 1)?;
    let keys = detach_keys(context, args.detach_keys.as_deref())?;
    let here = Here::of(context, &[]).await?;
    let container = here.running(&args.services[0], index(args.index))?;
    let wanted = Wanted { keys, stdin: !args.no_stdin, proxy: args.sig_proxy };
    connect(context, here.engine, &container.row.id, wanted).await
}
