//! `cove system docker-setup`

mod plan;
mod record;

use cove_config::DockerContexts;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

use plan::{Places, Wanted};
use record::Record;

/// Have Docker's programs use this engine, by a context that is their current one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Also at the path where every tool looks: /var/run/docker.sock, or docker.sock in $XDG_RUNTIME_DIR
    #[arg(long)]
    socket: bool,
    /// Also a link "docker" to this program: in /usr/local/bin, or in ~/.local/bin
    #[arg(long)]
    link: bool,
    /// Take back all that was made, and only that
    #[arg(long, conflicts_with_all = ["socket", "link"])]
    undo: bool,
    /// Say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let contexts = DockerContexts::new(&context.environment, &context.directories)
        .ok_or_else(|| CommandError::other("nobody knows where your home is: set HOME or DOCKER_CONFIG"))?;
    let places = Places::of(context);
    let mut record = Record::read(&places.record)?;
    if args.undo {
        return undo(context, &contexts, &places, record, args.dry_run);
    }
    let wanted = Wanted { socket: args.socket, link: args.link };
    // All is looked at before anything changes.
    let steps = plan::plan(&contexts, &places, &wanted)?;
    for step in &steps {
        context.printer.line(&step.to_string())?;
        if !args.dry_run {
            // Noted before it is made: what is cut short can be taken back, too.
            record.note(step);
            record.write(&places.record)?;
            step.make(&contexts)?;
        }
    }
    if steps.is_empty() {
        context.printer.line("all of it is there already")?;
    }
    if !args.dry_run {
        for advice in plan::advice(context, &places, &wanted) {
            context.printer.error_line(&advice);
        }
    }
    Ok(0)
}

fn undo(
    context: &Context,
    contexts: &DockerContexts,
    places: &Places,
    mut record: Record,
    dry_run: bool,
) -> CommandResult {
    if record.is_empty() {
        context.printer.line("there is nothing to take back")?;
        return Ok(0);
    }
    let mut failures = Failures::default();
    for made in record.all() {
        let done = made.take_back(contexts, dry_run);
        if let Some(line) = failures.note(done) {
            context.printer.line(&line)?;
            if !dry_run {
                record.forget(&made);
                record.write(&places.record)?;
            }
        }
    }
    failures.finish()
}
