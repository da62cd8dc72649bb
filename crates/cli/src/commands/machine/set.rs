//! `cove machine set`

use cove_machine::SetOptions;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

use super::refused::RefusedBoth;

/// Change a machine, from its next start on
///
/// Its size can only be changed while it is off.
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
    /// Trust this host's certificate authorities inside, as they are at each start
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    import_native_ca: Option<bool>,
    #[command(flatten)]
    shared: RefusedBoth,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    args.shared.check()?;
    let options = SetOptions {
        cpus: args.cpus,
        memory_mib: args.memory,
        disk_gib: args.disk_size,
        import_native_ca: args.import_native_ca,
    };
    super::machines(context).set(&super::name(&args.names)?, &options).await?;
    Ok(0)
}
