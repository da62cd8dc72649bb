//! `cove secret inspect`

use cove_api::SecretInspectOptions;

use crate::args::at_least;
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, Value, to_json, to_value};

/// Show all about secrets
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "SECRET")]
    secrets: Vec<String>,
    /// Output by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// Lines for people
    #[arg(long)]
    pretty: bool,
    /// Show the secret itself as well
    #[arg(long)]
    showsecret: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SECRET [SECRET...]");

/// What `--pretty` shows, as podman does.
const PRETTY: &str = "ID:              {{.ID}}
Name:              {{.Spec.Name}}
{{- if .Spec.Labels }}
Labels:
{{- range $k, $v := .Spec.Labels }}
 - {{ $k }}{{if $v }}={{ $v }}{{ end }}
{{- end }}{{ end }}
Driver:            {{.Spec.Driver.Name}}
Created at:        {{.CreatedAt}}
Updated at:        {{.UpdatedAt}}";

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.secrets, 1)?;
    let engine = context.engine().await?;
    let options = SecretInspectOptions { showsecret: args.showsecret };
    let mut failures = Failures::default();
    let mut found = Vec::new();
    for name in &args.secrets {
        let inspected = engine.secrets().inspect(name, options).await;
        let inspected = inspected.map_err(|error| error.context("inspecting secret"));
        found.extend(failures.note(inspected).map(|secret| to_value(&secret)));
    }
    let format = if args.pretty { Some(PRETTY) } else { args.format.as_deref() };
    match format {
        Some(format) => {
            let report = Report::user("inspect", format)?;
            context.printer.text(&report.render(found, None)?)?;
        }
        None => context.printer.document(&to_json(&Value::List(found), 4))?,
    }
    failures.finish()
}
