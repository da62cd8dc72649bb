//! `cove build-container mount`

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Struct, Value, to_json};

/// Mount the root file systems of working containers and show where, or show what is mounted
///
/// As an ordinary user the mounts are only there inside of `unshare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; none shows what is mounted
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Output as json
    #[arg(long)]
    json: bool,
    /// Accepted for scripts, and without effect: names are never cut
    #[arg(long)]
    notruncate: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let working = context.engine().await?.working();
    let mut failures = Failures::default();
    let mut mounted = Vec::new();
    for name in &args.containers {
        let path = failures.note(working.mount(name).await);
        mounted.extend(path.map(|path| (name.clone(), path)));
    }
    if args.containers.is_empty() {
        for row in working.list(false).await? {
            let path = working.inspect(&row.id).await?.mount_point;
            mounted.extend(path.map(|path| (row.name, path)));
        }
    }
    if args.json {
        let rows = mounted.iter().map(|(name, path)| {
            let path = path.to_string_lossy().into_owned();
            Struct::new("mount").with("container", name.as_str()).with("mountPoint", path).into()
        });
        context.printer.document(&to_json(&Value::List(rows.collect()), 4))?;
        return failures.finish();
    }
    for (name, path) in &mounted {
        let path = path.to_string_lossy();
        match args.containers.len() {
            1 => context.printer.line(&path)?,
            _ => context.printer.line(&format!("{name} {path}"))?,
        }
    }
    failures.finish()
}
