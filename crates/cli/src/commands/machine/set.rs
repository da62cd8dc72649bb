//! `cove machine set`

use cove_machine::SetOptions;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Change the size of a stopped machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Virtual processors
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<u32>,
    /// Memory in MiB
    #[arg(long, short, value_name = "MIB")]
    memory: Option<u64>,
    /// Disk in GiB; can only grow
    #[arg(long, value_name = "GIB")]
    disk_size: Option<u64>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let options = SetOptions { cpus: args.cpus, memory_mib: args.memory, disk_gib: args.disk_size };
    super::machines(context).set(&super::name(&args.names)?, &options).await?;
    Ok(0)
}
