//! `cove compose wait`

use cove_api::WaitOptions;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::here::Here;
use super::line::not_supported;
use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::narrow;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Wait until the containers of services have ended, and end with the last one's exit code
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Not done
    #[arg(long, hide = true)]
    down_project: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SERVICE [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.down_project {
        return Err(not_supported("--down-project"));
    }
    at_least(&args.services, 1)?;
    let here = Here::of(context, &args.services).await?;
    let mut waiting: FuturesUnordered<_> = here
        .containers(&args.services)
        .into_iter()
        .filter(|one| one.state().is_alive())
        .map(|one| async {
            let code = here.engine.containers().wait(&one.row.id, WaitOptions::default()).await;
            (one.row.id.clone(), code)
        })
        .collect();
    if waiting.is_empty() {
        return Err(CommandError::other(format!("no containers for project {:?}", here.scope.name)));
    }
    let mut last = 0;
    while let Some((id, code)) = waiting.next().await {
        last = code?;
        context.printer.line(&format!("container {id:?} exited with status code {last}"))?;
    }
    Ok(narrow(last))
}
