//! `cove context inspect`

use cove_config::contexts::DEFAULT;
use cove_config::{DockerContext, DockerContexts};
use serde_json::{Value as Json, json};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, Struct, Value, is_json, to_json, to_value};

/// Show all about contexts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names; the one in use where none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let contexts = super::contexts(context)?;
    let mut names = args.names;
    if names.is_empty() {
        names.push(super::in_use(context, &contexts)?.name().to_owned());
    }
    let mut failures = Failures::default();
    let mut found = Vec::new();
    for name in &names {
        found.extend(failures.note(inspected(context, &contexts, name)));
    }
    match args.format.as_deref().filter(|format| !format.is_empty() && !is_json(format)) {
        Some(format) => context.printer.text(&Report::user("inspect", format)?.render(found, None)?)?,
        None => context.printer.document(&to_json(&Value::List(found), 4))?,
    }
    failures.finish()
}

fn inspected(context: &Context, contexts: &DockerContexts, name: &str) -> Result<Value, CommandError> {
    if name == DEFAULT {
        let endpoints = json!({"docker": {"Host": super::default_host(context), "SkipTLSVerify": false}});
        let nowhere = "<IN MEMORY>".to_owned();
        return Ok(shown(DEFAULT, &json!({}), &endpoints, &json!({}), [nowhere.clone(), nowhere]));
    }
    let DockerContext { name, document, tls, metadata_path, tls_path } = contexts.get(name)?;
    let material = if tls.is_empty() { json!({}) } else { json!({"docker": tls}) };
    let part = |key: &str| document.get(key).cloned().unwrap_or_else(|| json!({}));
    let storage = [metadata_path, tls_path].map(|path| path.display().to_string());
    Ok(shown(&name, &part("Metadata"), &part("Endpoints"), &material, storage))
}

/// In the order in which Docker's program shows it.
fn shown(name: &str, metadata: &Json, endpoints: &Json, material: &Json, storage: [String; 2]) -> Value {
    let [metadata_path, tls_path] = storage;
    Struct::new("context")
        .with("Name", name)
        .with("Metadata", to_value(metadata))
        .with("Endpoints", to_value(endpoints))
        .with("TLSMaterial", to_value(material))
        .with("Storage", to_value(&json!({"MetadataPath": metadata_path, "TLSPath": tls_path})))
        .into()
}
