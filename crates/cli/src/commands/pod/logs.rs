//! `cove pod logs`

use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::{LogFlags, show_logs};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show what the containers of a pod have written
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "POD")]
    pods: Vec<String>,
    /// Only this container of the pod
    #[arg(long, short, value_name = "CONTAINER")]
    container: Option<String>,
    /// The newest pod
    #[arg(long, short)]
    latest: bool,
    #[command(flatten)]
    flags: LogFlags,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.latest && !args.pods.is_empty() {
        return Err(CommandError::other("--latest and pods cannot be used together"));
    }
    if !args.latest && args.pods.len() != 1 {
        return Err(CommandError::other("requires exactly 1 arg: the name or id of a pod"));
    }
    let engine = context.engine().await?;
    let pod = match args.pods.into_iter().next() {
        Some(pod) => pod,
        None => super::latest(engine).await?,
    };
    let pod = engine.pods().inspect(&pod).await?;
    let mut names: Vec<String> = pod
        .containers
        .iter()
        .filter(|container| container.id != pod.infra_container_id)
        .map(|container| container.id.clone())
        .collect();
    if let Some(wanted) = &args.container {
        names = pod
            .containers
            .iter()
            .filter(|container| container.name == *wanted || container.id.starts_with(wanted.as_str()))
            .map(|container| container.id.clone())
            .collect();
        if names.is_empty() {
            return Err(CommandError::other(format!("container {wanted} is not in pod {}", pod.name)));
        }
    }
    show_logs(context, engine, &names, &args.flags).await?;
    Ok(0)
}
