//! `cove convert`

mod commands;
mod output;
mod source;

use std::path::PathBuf;

pub(crate) use output::{Target, put};
pub(crate) use source::{Form, Source};

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, Place, leaf};
use crate::context::Context;

/// What the words mean.
const WORDS: &str = "\
FROM is run:SCRIPT, compose:FILE, kube:FILE, quadlet:FILE (or a folder of units), container:NAME or pod:NAME. Of a file \
without a form before it the name and the text tell the form; - is standard input. A command line of cove, podman or \
docker stands behind two dashes, with run as FROM. TO is run (a script), compose, kube or quadlet.

Examples:
  cove convert compose.yaml quadlet -o units
  cove convert container:web compose
  cove convert run kube -- docker run -d -p 8080:80 nginx";

/// Turn an application from one form into another, and say what is lost
#[derive(Debug, clap::Args)]
#[command(after_help = WORDS)]
pub(crate) struct Args {
    /// What is converted, and into what
    #[arg(value_name = "FROM TO")]
    words: Vec<String>,
    /// A command line to convert
    #[arg(last = true, value_name = "COMMAND LINE")]
    line: Vec<String>,
    #[command(flatten)]
    options: Options,
}

// How it is converted.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// The form of FROM, where it has none before it
    #[arg(long, value_name = "FORM", value_parser = ["run", "compose", "kube", "quadlet"])]
    pub(crate) from: Option<String>,
    /// Write this file; for quadlet a folder, or one file whose name ends in .quadlets. What is there is not replaced
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Write nothing where something would be lost
    #[arg(long)]
    pub(crate) strict: bool,
    /// Active profiles of a Compose file
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] FROM TO [-- COMMAND LINE...]", Convert);

async fn run(context: &Context, args: Args) -> CommandResult {
    let [from, to] = args.words.as_slice() else {
        let given = args.words.len();
        return Err(CommandError::other(format!(
            "FROM and TO are needed, two words such as compose.yaml quadlet; {given} given"
        )));
    };
    let target: Target = to.parse()?;
    let source = Source::of(from, args.options.from.as_deref(), args.line)?;
    convert(context, source, target, &args.options).await
}

/// What a command whose first word is this needs.
pub(crate) fn place(word: &str) -> Place {
    match word.split(':').next() {
        Some("container" | "pod") => Place::Engine,
        _ => Place::Plain,
    }
}

/// Converts, tells what is lost, and writes.
pub(crate) async fn convert(
    context: &Context,
    source: Source,
    target: Target,
    options: &Options,
) -> CommandResult {
    let mut losses = cove_convert::Losses::default();
    let application = source.read(context, options, &mut losses).await?;
    let files = target.files(&application, &mut losses);
    for loss in losses.iter() {
        // A line each, whatever the names in the files are.
        context.printer.error_line(&cove_api::shown::cell(&format!("lost: {loss}")));
    }
    if options.strict && !losses.is_empty() {
        return Err(CommandError::other(
            "nothing was written, because something would be lost: leave --strict out to write the rest",
        ));
    }
    put(context, target, &files, options.output.as_deref())?;
    Ok(0)
}
