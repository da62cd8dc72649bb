//! `cove image inspect`

use crate::args::at_least;
use crate::command_error::{CommandResult, Failures};
use crate::commands::common::print_inspected;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::to_value;

/// Show all about images
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.images, 1)?;
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    let mut found = Vec::new();
    for image in &args.images {
        found.extend(failures.note(engine.images().inspect(image).await).map(|image| to_value(&image)));
    }
    print_inspected(context, found, args.format.as_deref())?;
    failures.finish()
}
