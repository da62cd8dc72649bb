//! `cove machine info`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Struct, Template, Value, is_json, to_json, to_value};
use crate::render::to_yaml;

/// Show all about this host as a host of machines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let kind = super::init::provider(context, None)?;
    let host = super::machines(context).info(kind).await?;
    let value: Value = Struct::new("Info")
        .with("Host", to_value(&host))
        .with("Version", to_value(&crate::commands::system::version::own()))
        .into();
    match args.format.as_deref() {
        Some(format) if is_json(format) => context.printer.document(&to_json(&value, 2))?,
        Some(format) => {
            let text = format!("{}\n", format.trim_end_matches('\n'));
            context.printer.text(&Template::parse("info", &text)?.render(&value)?)?;
        }
        None => context.printer.document(&to_yaml(&value))?,
    }
    Ok(0)
}
