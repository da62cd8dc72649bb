//! `cove network prune`

use cove_api::{ErrorKind, NetworkListOptions};

use crate::args::at_most;
use crate::command_error::{CommandResult, Failures};
use crate::commands::common::{confirmed, filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove networks that no container uses
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only networks for which that is true, such as label=KEY
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let mut filters = filters(&args.filter, filter_fault)?;
    filters.insert("dangling".into(), vec!["true".into()]);
    let engine = context.engine().await?;
    let networks = engine.networks().list(NetworkListOptions { filters }).await?;
    // The default network stays, whoever uses it.
    let default = context.conf.network.default_network.as_deref().unwrap_or("podman");
    let names: Vec<&str> =
        networks.iter().map(|network| network.name.as_str()).filter(|name| *name != default).collect();
    if !confirmed(
        context,
        args.force,
        "all networks not used by at least one container.",
        names.iter().copied(),
    )? {
        return Ok(0);
    }
    let mut failures = Failures::default();
    for name in names {
        match engine.networks().remove(name, false).await {
            Ok(()) => context.printer.line(name)?,
            // Used or removed since the look at it.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::InUse) => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish()
}
