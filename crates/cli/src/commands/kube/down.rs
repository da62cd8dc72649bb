//! `cove kube down`

use cove_api::{Engine, KubeDownOptions, KubeReport};

use super::text::Text;
use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove the pods and secrets that Kubernetes YAML describes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or addresses, or - for standard input
    #[arg(value_name = "KUBEFILE")]
    files: Vec<String>,
    /// Also remove the volumes
    #[arg(long)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] KUBEFILE [KUBEFILE...]|-");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.files, 1)?;
    let text = Text::read(&args.files).await?;
    take_down(context, context.engine().await?, &text, args.force).await?;
    Ok(0)
}

/// Has it taken down, and tells what went.
///
/// # Errors
/// Something is still there.
pub(super) async fn take_down(
    context: &Context,
    engine: &dyn Engine,
    text: &Text,
    force: bool,
) -> Result<(), CommandError> {
    let report = engine.kube().down(text.bytes.clone(), KubeDownOptions { force }).await?;
    tell(context, &report)
}

fn tell(context: &Context, report: &KubeReport) -> Result<(), CommandError> {
    let mut failures = Vec::new();
    context.printer.line("Pods stopped:")?;
    for pod in &report.stop_report {
        if pod.errs.is_empty() {
            context.printer.line(&pod.id)?;
        }
        failures.extend(pod.errs.iter().cloned());
    }
    let removed = report.rm_report.iter().map(|pod| (&pod.id, &pod.err));
    list(context, "Pods removed:", removed, &mut failures)?;
    let removed = report.secret_rm_report.iter().map(|secret| (&secret.id, &secret.err));
    list(context, "Secrets removed:", removed, &mut failures)?;
    let removed = report.volume_rm_report.iter().map(|volume| (&volume.id, &volume.err));
    list(context, "Volumes removed:", removed, &mut failures)?;
    match failures.pop() {
        None => Ok(()),
        Some(last) => {
            failures.iter().for_each(|failure| context.printer.error_line(&format!("Error: {failure}")));
            Err(CommandError::other(last))
        }
    }
}

fn list<'a>(
    context: &Context,
    title: &str,
    removed: impl Iterator<Item = (&'a String, &'a Option<String>)>,
    failures: &mut Vec<String>,
) -> Result<(), CommandError> {
    context.printer.line(title)?;
    for (id, error) in removed {
        match error {
            None => context.printer.line(id)?,
            Some(error) => failures.push(error.clone()),
        }
    }
    Ok(())
}
