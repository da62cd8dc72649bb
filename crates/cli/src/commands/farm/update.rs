//! `cove farm update`

use cove_config::farms::FarmChange;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::system::connection::connections;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Add connections to a farm, take some out, or make it the default
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The farm
    #[arg(value_name = "NAME")]
    words: Vec<String>,
    /// Connection that is added
    #[arg(long, short, value_name = "CONNECTION", value_delimiter = ',')]
    add: Vec<String>,
    /// Make it the default
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    default: Option<bool>,
    /// Connection that is taken out
    #[arg(long, short, value_name = "CONNECTION", value_delimiter = ',')]
    remove: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 1)?;
    let name = &args.words[0];
    let change = FarmChange { add: args.add, remove: args.remove, default: args.default };
    if change == FarmChange::default() {
        return Err(CommandError::other(format!(
            "nothing to update for farm {name:?}, please use the --add, --remove, or --default flags to update a farm"
        )));
    }
    connections(context).change_farm(name, &change)?;
    context.printer.line(&format!("Farm {name:?} updated"))?;
    Ok(0)
}
