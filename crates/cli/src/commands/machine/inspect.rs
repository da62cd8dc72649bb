//! `cove machine inspect`

use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, Value, is_json, to_json, to_value};

/// Show all about machines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let machines = super::machines(context);
    let mut names = args.names;
    if names.is_empty() {
        names.push(super::name(&[])?.to_string());
    }
    let mut failures = Failures::default();
    let mut found = Vec::new();
    for name in names {
        let machine = match super::name(std::slice::from_ref(&name)) {
            Ok(name) => machines.inspect(&name).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        found.extend(failures.note(machine).map(|machine| to_value(&machine)));
    }
    match args.format.as_deref() {
        Some(format) if !is_json(format) => {
            let report = Report::user("inspect", format)?;
            context.printer.text(&report.render(found, None)?)?;
        }
        _ => context.printer.document(&to_json(&Value::List(found), 5))?,
    }
    failures.finish()
}
