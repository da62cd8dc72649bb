//! `cove system connection ls`

use crate::args::at_most;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};

/// List connections
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// Only names
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

const HEADERS: Headers = Headers(&[
    ("Default", "Default"),
    ("Identity", "Identity"),
    ("Name", "Name"),
    ("URI", "URI"),
    ("ReadWrite", "ReadWrite"),
    ("TLSCA", "TLSCA"),
    ("TLSCert", "TLSCert"),
    ("TLSKey", "TLSKey"),
]);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let mut connections = super::connections(context).list()?;
    connections.sort_by(|one, other| one.name.cmp(&other.name));
    if args.quiet {
        for connection in &connections {
            context.printer.line(&connection.name)?;
        }
        return Ok(0);
    }
    let rows: Vec<Value> = connections
        .iter()
        .map(|connection| {
            let to = &connection.destination;
            Struct::new("config.Connection")
                .with("Name", connection.name.as_str())
                .with("URI", to.uri.as_str())
                .with("Identity", to.identity.as_str())
                .with("TLSCA", to.tls_ca.as_str())
                .with("TLSCert", to.tls_cert.as_str())
                .with("TLSKey", to.tls_key.as_str())
                .with("IsMachine", to.is_machine)
                .with("Default", connection.is_default)
                .with("ReadWrite", connection.writable)
                .into()
        })
        .collect();
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    let report = match args.format.as_deref() {
        Some("tls") => Report::own(
            "list",
            "{{.Name}}\t{{.URI}}\t{{.Identity}}\t{{.TLSCA}}\t{{.TLSCert}}\t{{.TLSKey}}\t{{.Default}}\t{{.ReadWrite}}",
        )?,
        Some(format) if !format.is_empty() => Report::user("list", format)?,
        _ => Report::own("list", "{{.Name}}\t{{.URI}}\t{{.Identity}}\t{{.Default}}\t{{.ReadWrite}}")?,
    };
    context.printer.text(&report.render(rows, Some(HEADERS))?)?;
    Ok(0)
}
