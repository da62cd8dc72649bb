//! `cove machine import`

use cove_machine::ImportOptions;

use crate::args::{at_least, at_most};
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a machine out of a file that `machine export` wrote
///
/// It gets keys and a port of its own, and the name it had where none is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, and the machine's name
    #[arg(value_name = "FILE [NAME]")]
    words: Vec<String>,
    /// What runs it: qemu
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] FILE [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    at_most(&args.words, 2)?;
    let options = ImportOptions {
        file: std::path::absolute(&args.words[0])?,
        name: args.words.get(1).map(|name| name.parse()).transpose()?,
        provider: super::init::provider(context, args.provider.as_deref())?,
    };
    let tell = super::tell(&context.printer, !context.printer.error_is_terminal());
    let name = super::machines(context).import(&options, &tell).await?;
    context.printer.line(&format!("Machine \"{name}\" imported"))?;
    Ok(0)
}
