//! `cove compose version`

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Print the version
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output as pretty or json
    #[arg(long, short, value_name = "FORMAT", default_value = "pretty", hide_default_value = true, value_parser = ["pretty", "json"])]
    format: String,
    /// Only the number
    #[arg(long)]
    short: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

/// What the version is of: ours, which follows the conventions of that docker-compose.
fn number() -> String {
    format!("{}-cove-{}", cove_project::label::VERSION_VALUE, env!("CARGO_PKG_VERSION"))
}

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.short {
        context.printer.line(&number())?;
    } else if args.format == "json" {
        context.printer.line(&serde_json::json!({"version": number()}).to_string())?;
    } else {
        return print(context);
    }
    Ok(0)
}

/// The version in a line.
pub(super) fn print(context: &Context) -> CommandResult {
    context.printer.line(&format!("Docker Compose version {}", number()))?;
    Ok(0)
}
