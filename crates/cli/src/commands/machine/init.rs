//! `cove machine init`

use std::path::PathBuf;

use cove_machine::provider::ProviderKind;
use cove_machine::{InitOptions, SharedFolder};

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
    /// Share a folder of this host: SOURCE[:TARGET[:ro]], by default at the same path in the machine
    #[arg(long = "volume", short, value_name = "SOURCE:TARGET")]
    volumes: Vec<String>,
    /// How folders are shared: virtiofs
    #[arg(long, value_name = "DRIVER")]
    volume_driver: Option<String>,
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

/// What is shared: as asked, else what containers.conf says.
fn shared_folders(context: &Context, asked: &[String]) -> Result<Vec<SharedFolder>, CommandError> {
    let (option, list) = match (asked.is_empty(), context.conf.machine.volumes.as_ref()) {
        (true, Some(list)) => ("volumes of containers.conf", expanded(context, &list.values)),
        _ => ("--volume", asked.to_vec()),
    };
    let here = std::env::current_dir()?;
    list.iter()
        .filter(|text| !text.is_empty())
        .map(|text| {
            SharedFolder::parse(text, &here)
                .map_err(|reason| CommandError::other(format!("{option}: {reason}")))
        })
        .collect()
}

/// With `$HOME` in the place of which containers.conf names it.
fn expanded(context: &Context, list: &[String]) -> Vec<String> {
    let home = context.environment.get("HOME").unwrap_or("$HOME");
    list.iter().map(|text| text.replace("${HOME}", home).replace("$HOME", home)).collect()
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    if args.default.is_given() && !args.now {
        return Err(CommandError::other("--update-connection counts when the machine is started: add --now"));
    }
    args.refused.check()?;
    if let Some(driver) = args.volume_driver.as_deref().filter(|driver| !matches!(*driver, "" | "virtiofs")) {
        let reason = format!("--volume-driver {driver} is not supported: folders are shared by virtiofs");
        return Err(CommandError::other(reason));
    }
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
        shared_folders: shared_folders(context, &args.volumes)?,
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
