//! `cove compose down`

use cove_project::run::{Down, DownOptions, down};

use super::line::line;
use super::up::sink;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Stop and remove a project's containers and networks
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Also containers of services that the file has not, and those of run
    #[arg(long)]
    remove_orphans: bool,
    /// Also images: those without a name of their own (local), or all
    #[arg(long, value_name = "WHICH", value_parser = ["local", "all"])]
    rmi: Option<String>,
    /// Seconds that a stop waits before it kills
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, value_parser = crate::args::stop_time)]
    timeout: Option<u32>,
    /// Also the volumes, named and anonymous
    #[arg(long, short)]
    volumes: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let line = line(context)?;
    let scope = line.scope(context, &args.services)?;
    let engine = context.engine().await?;
    let images = match args.rmi.as_deref() {
        Some("all") => Down::AllImages,
        Some(_) => Down::LocalImages,
        None => Down::KeepImages,
    };
    let options = DownOptions {
        services: args.services,
        volumes: args.volumes,
        images,
        remove_orphans: args.remove_orphans,
        timeout: args.timeout,
        at_once: Some(line.at_once(context)),
    };
    let tell = sink(context, line);
    down(engine, &scope.name, scope.project.as_ref(), &options, &tell).await?;
    Ok(0)
}
