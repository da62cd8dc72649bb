//! `cove builder inspect`

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show what the builder can do, as Docker's buildx does
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of a builder; there is one
    #[arg(value_name = "NAME")]
    words: Vec<String>,
    /// Accepted for scripts written for Docker: the builder is always ready
    #[arg(long)]
    bootstrap: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 1)?;
    if let Some(name) = args.words.first().filter(|name| *name != "default") {
        return Err(CommandError::other(format!("no builder {name:?} found")));
    }
    let info = context.engine().await?.system().info().await?;
    let fact =
        |name: &str| info.host.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let mut platforms = vec![format!("{}/{}", fact("os"), fact("arch"))];
    let emulated = info.host.get("emulatedArchitectures").and_then(|value| value.as_array());
    platforms.extend(emulated.into_iter().flatten().filter_map(|one| one.as_str().map(ToOwned::to_owned)));
    let lines = [
        "Name:   default".to_owned(),
        "Driver: cove".to_owned(),
        String::new(),
        "Nodes:".to_owned(),
        "Name:             default".to_owned(),
        "Endpoint:         default".to_owned(),
        "Status:           running".to_owned(),
        "Buildkit version: N/A".to_owned(),
        format!("Platforms:        {}", platforms.join(", ")),
        "Labels: ".to_owned(),
    ];
    for line in lines {
        context.printer.line(&line)?;
    }
    Ok(0)
}
