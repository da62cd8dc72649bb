//! `cove mount`

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Struct, Value, align, is_json, to_json};
use crate::render::short_id;

/// Mount the root file systems of containers and show where, or show what is mounted
///
/// As an ordinary user the mounts are only there inside of `unshare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; none shows what is mounted
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container
    #[arg(long, short)]
    all: bool,
    /// Show what is mounted as json
    #[arg(long, value_name = "FORMAT", default_value = "", hide_default_value = true)]
    format: String,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Whole ids
    #[arg(long, alias = "notruncate")]
    no_trunc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if !args.containers.is_empty() && args.latest {
        return Err(CommandError::other("--latest and containers cannot be used together"));
    }
    if !args.format.is_empty() && !is_json(&args.format) {
        return Err(CommandError::other(format!("unknown --format argument: {:?}", args.format)));
    }
    let engine = context.engine().await?;
    if args.containers.is_empty() && !args.latest && !args.all {
        return show(context, &args).await;
    }
    let targets = super::Targets::<true, true> {
        names: args.containers,
        all: args.all,
        latest: args.latest,
        ..Default::default()
    };
    targets.check()?;
    let mut failures = Failures::default();
    for container in targets.choose(engine, &[], false, &mut failures).await? {
        if let Some(path) = failures.note(engine.files().mount(&container.id).await) {
            context.printer.line(&path)?;
        }
    }
    failures.finish()
}

/// Shows what is mounted.
async fn show(context: &Context, args: &Args) -> CommandResult {
    let engine = context.engine().await?;
    let mounts = engine.files().mounts().await?;
    if is_json(&args.format) {
        let rows = mounts.iter().map(|mount| {
            Struct::new("mount")
                .with("id", mount.id.as_str())
                .with("Names", mount.names.clone())
                .with("mountpoint", mount.path.as_str())
                .into()
        });
        context.printer.document(&to_json(&Value::List(rows.collect()), 1))?;
        return Ok(0);
    }
    let mut text = String::new();
    for mount in &mounts {
        let id = if args.no_trunc { &mount.id } else { short_id(&mount.id) };
        text.push_str(&format!("{id}\t{}\n", cove_api::shown::cell(&mount.path)));
    }
    context.printer.text(&align(&text))?;
    Ok(0)
}
