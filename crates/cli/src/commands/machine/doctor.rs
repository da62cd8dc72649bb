//! `cove machine doctor`

use cove_machine::{Check, Outcome};

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, is_json, to_json, to_value};

/// Check this computer and its machines, and say what to do about what is wrong
///
/// Without a name all machines are checked. The exit code is 1 where something does not work.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Repair what can be repaired without risk, such as leftovers, modes of keys, a lost connection, the guest's clock
    #[arg(long)]
    fix: bool,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Only what is not in order
    #[arg(long, short)]
    quiet: bool,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let name = args.names.first().map(|name| name.parse()).transpose()?;
    let kind = super::init::provider(context, None)?;
    let mut checks = super::machines(context).doctor(name.as_ref(), kind, args.fix).await?;
    let code = u8::from(checks.iter().any(|check| check.result == Outcome::Fail));
    if args.quiet {
        checks.retain(|check| check.result != Outcome::Ok || check.fixed);
    }
    match args.format.as_deref() {
        Some(format) if is_json(format) => {
            context.printer.document(&to_json(&to_value(&checks), 4))?;
        }
        Some(format) => {
            let rows = checks.iter().map(to_value).collect();
            context.printer.text(&Report::user("doctor", format)?.render(rows, headers(args.noheading))?)?;
        }
        None => {
            let report = Report::own("doctor", "{{.Result}}\t{{.Machine}}\t{{.Name}}\t{{.Message}}")?;
            let rows = checks.iter().map(row).collect();
            context.printer.text(&report.render(rows, headers(args.noheading))?)?;
            for check in checks.iter().filter(|check| !check.cure.is_empty()) {
                let place =
                    if check.machine.is_empty() { String::new() } else { format!(" of {}", check.machine) };
                context.printer.line(&format!("To mend \"{}\"{place}: {}", check.name, check.cure))?;
            }
        }
    }
    Ok(code)
}

fn headers(none: bool) -> Option<Headers> {
    (!none).then_some(Headers(&[("Name", "CHECK"), ("Message", "FOUND")]))
}

/// A line of the table: what was repaired is told apart.
fn row(check: &Check) -> crate::format::Value {
    let mut row = match to_value(check) {
        crate::format::Value::Struct(row) => row,
        _ => crate::format::Struct::new("Check"),
    };
    row.set("Result", if check.fixed { "fixed" } else { check.result.as_str() });
    row.into()
}
