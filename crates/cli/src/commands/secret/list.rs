//! `cove secret ls`

use cove_api::{Secret, SecretListOptions};
use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::common::{filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};

/// List secrets
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only secrets for which that is true: name=PATTERN or id=PATTERN
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let options = SecretListOptions { filters: filters(&args.filter, filter_fault)? };
    let secrets = context.engine().await?.secrets().list(options).await?;
    if args.quiet && args.format.is_none() {
        for secret in &secrets {
            context.printer.line(&secret.id)?;
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows: Vec<Value> = secrets.iter().map(|secret| row(secret, now)).collect();
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("ls", format)?,
        None => Report::own("ls", "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}")?,
    };
    let headers = (!args.noheading).then_some(Headers(&[("CreatedAt", "CREATED"), ("UpdatedAt", "UPDATED")]));
    context.printer.text(&report.render(rows, headers)?)?;
    Ok(0)
}

fn row(secret: &Secret, now: Timestamp) -> Value {
    Struct::new("types.SecretListReport")
        .with("ID", secret.id.as_str())
        .with("Name", secret.spec.name.as_str())
        .with("Driver", secret.spec.driver.name.as_str())
        .with("CreatedAt", ago(secret.created_at, now))
        .with("UpdatedAt", ago(secret.updated_at, now))
        .into()
}
