//! `cove auto-update`

use cove_api::{AutoUpdateOptions, AutoUpdateOutcome, AutoUpdateReport, Progress};
use futures_util::StreamExt as _;

use crate::args::registry::check_auth_file;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};
use crate::render::{PullProgress, short_id};

/// Start the services of containers again whose image has become another
///
/// Looked after are the running containers with the label io.containers.autoupdate=registry or =local, which a service of
/// systemd runs that makes them anew at each start, such as those of Quadlet.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<String>,
    /// Only show what would be updated
    #[arg(long)]
    dry_run: bool,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Go back to the former image where a service does not start with the new one (default true)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rollback: Option<bool>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if !args.words.is_empty() {
        return Err(CommandError::other(format!("`{}` takes no arguments", context.path)));
    }
    check_auth_file(args.authfile.as_deref())?;
    let format = args.format.as_deref().filter(|format| !format.is_empty());
    let json = format.is_some_and(is_json);
    // A wrong template is told before anything is done.
    let report = match format {
        Some(format) if !json => Report::user("auto-update", format)?,
        _ => Report::own("auto-update", "{{.Unit}}\t{{.Container}}\t{{.Image}}\t{{.Policy}}\t{{.Updated}}")?,
    };
    let options = AutoUpdateOptions {
        dry_run: args.dry_run,
        rollback: args.rollback.unwrap_or(true),
        auth_file: args.authfile,
        tls_verify: args.tls_verify,
    };
    let mut steps = context.engine().await?.units().auto_update(options).await?;
    let mut progress = PullProgress::new(&context.printer, false);
    let mut outcome = AutoUpdateOutcome::default();
    while let Some(step) = steps.next().await {
        match step? {
            Progress::Message(line) => progress.message(line.trim_end()),
            Progress::Blob(blob) => progress.blob(&blob),
            Progress::Done(done) => outcome = done,
        }
    }
    drop(progress);
    if !outcome.reports.is_empty() {
        let rows: Vec<Value> = outcome.reports.into_iter().map(row).collect();
        if json {
            context.printer.document(&to_json(&Value::List(rows), 4))?;
        } else {
            context.printer.text(&report.render(rows, Some(Headers(&[])))?)?;
        }
    }
    let mut failures = Failures::default();
    for error in outcome.errors {
        failures.push(error);
    }
    failures.finish()
}

fn row(report: AutoUpdateReport) -> Value {
    Struct::new("main.autoUpdateOutput")
        .with("Unit", report.unit)
        .with("Container", format!("{} ({})", short_id(&report.container_id), report.container_name))
        .with("ContainerName", report.container_name)
        .with("ContainerID", report.container_id)
        .with("Image", report.image)
        .with("Policy", report.policy)
        .with("Updated", report.updated.as_str())
        .into()
}
