//! `cove machine init`

use std::path::PathBuf;

use cove_machine::InitOptions;
use cove_machine::provider::ProviderKind;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

use super::refused;
use super::start::{Told, UpdateConnection};

/// Make a machine: a small Linux VM with an engine in it
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
    /// Disk in GiB
    #[arg(long, value_name = "GIB")]
    disk_size: Option<u64>,
    /// Folder of the machine image, or its manifest
    #[arg(long, alias = "image-path", value_name = "PATH")]
    image: Option<PathBuf>,
    /// What runs it: qemu, wsl2 or vz
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Start it, too
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    default: UpdateConnection,
    /// Time zone inside: "local" for this host's at each start, or a name such as Asia/Seoul
    #[arg(long, value_name = "ZONE", default_value = "local")]
    timezone: String,
    /// Swap in MiB, a file on the machine's disk
    #[arg(long, short, value_name = "MIB")]
    swap: Option<u64>,
    /// Who logs in by "machine ssh" and "machine cp" where no user is named: root or cove
    #[arg(long, value_name = "USER")]
    username: Option<String>,
    /// Trust this host's certificate authorities inside, as they are at each start
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    import_native_ca: Option<bool>,
    #[command(flatten)]
    refused: refused::RefusedByInit,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

/// What runs machines: as asked, by the environment and containers.conf, or the usual on this system.
pub(crate) fn provider(context: &Context, asked: Option<&str>) -> Result<ProviderKind, CommandError> {
    let named = asked
        .or(context.environment.get(cove_config::env::CONTAINERS_MACHINE_PROVIDER))
        .or(context.conf.machine.provider.as_deref())
        .filter(|name| !name.is_empty());
    Ok(match named {
        Some(name) => name.parse()?,
        None => ProviderKind::default_here(),
    })
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    if args.default.is_given() && !args.now {
        return Err(CommandError::other("--update-connection counts when the machine is started: add --now"));
    }
    args.refused.check()?;
    let machines = super::machines(context);
    let name = super::name(&args.names)?;
    let conf = &context.conf.machine;
    let options = InitOptions {
        name: name.clone(),
        provider: provider(context, args.provider.as_deref())?,
        cpus: args.cpus.or(conf.cpus.and_then(|cpus| cpus.try_into().ok())),
        memory_mib: args.memory.or(conf.memory),
        disk_gib: args.disk_size.or(conf.disk_size),
        image: args.image.map(std::path::absolute).transpose()?,
        timezone: Some(args.timezone),
        swap_mib: args.swap.unwrap_or(0),
        username: args.username,
        import_native_ca: args.import_native_ca.unwrap_or(false),
    };
    machines.init(&options, &super::tell(&context.printer, false)).await?;
    context.printer.error_line("Machine init complete");
    if args.now {
        return super::start::start(context, &machines, &name, Told::default(), args.default).await;
    }
    let words = if args.names.is_empty() { String::new() } else { format!(" {name}") };
    context
        .printer
        .error_line(&format!("To start your machine run:\n\n\t{} machine start{words}\n", context.program));
    Ok(0)
}
