//! `cove artifact inspect`

use cove_api::Artifact;

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, Struct, Value, is_json, to_json, to_value};

/// Show all about an artifact
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ARTIFACT")]
    name: String,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] ARTIFACT");

async fn run(context: &Context, args: Args) -> CommandResult {
    let artifact = context.engine().await?.artifacts().inspect(&args.name).await?;
    match args.format.as_deref().filter(|format| !format.is_empty() && !is_json(format)) {
        None => context.printer.document(&to_json(&to_value(&artifact), 5))?,
        Some(format) => {
            let report = Report::user("inspect", format)?;
            context.printer.text(&report.render(vec![for_template(&artifact)], None)?)?;
        }
    }
    Ok(0)
}

/// With the names that Go's types have, which are what templates name.
fn for_template(artifact: &Artifact) -> Value {
    Struct::new("types.ArtifactInspectReport")
        .with("Digest", artifact.digest.as_str())
        .with("Name", artifact.name.as_str())
        .with("Manifest", with_go_names(&artifact.manifest))
        .into()
}

/// The same with an upper-case letter at the beginning of each field; the keys of annotations are no fields.
fn with_go_names(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Object(fields) => {
            let mut named = Struct::new("manifest");
            for (key, value) in fields {
                let value = if key == "annotations" { to_value(value) } else { with_go_names(value) };
                let mut letters = key.chars();
                let first = letters.next().map(|first| first.to_ascii_uppercase());
                named.set(&first.into_iter().chain(letters).collect::<String>(), value);
            }
            named.into()
        }
        serde_json::Value::Array(values) => Value::List(values.iter().map(with_go_names).collect()),
        other => to_value(other),
    }
}
