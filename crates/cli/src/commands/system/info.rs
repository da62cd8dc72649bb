//! `cove info`

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::connect::Destination;
use crate::context::Context;
use crate::format::{Struct, Template, Value, is_json, to_json, to_value};
use crate::render::to_yaml;

/// Show all about the engine and its host
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// Accepted for scripts, and without effect
    #[arg(long, short = 'D', hide = true)]
    debug: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let info = context.engine().await?.system().info().await?;
    let mut value = match to_value(&info) {
        Value::Struct(value) => value,
        _ => Struct::new("Info"),
    };
    let remote = context.destination != Destination::Local;
    for field in &mut value.fields {
        if let ("host", Value::Map(host)) = (field.name.as_str(), &mut field.value) {
            host.insert("serviceIsRemote".into(), Value::Bool(remote));
        }
    }
    if remote {
        value.set("client", to_value(&super::version::own()));
    }
    match args.format.as_deref() {
        Some(format) if is_json(format) => context.printer.document(&to_json(&Value::Struct(value), 2))?,
        Some(format) => {
            let mut text = format.replace("\\t", "\t").replace("\\n", "\n");
            if !text.ends_with('\n') {
                text.push('\n');
            }
            let rendered = Template::parse("info", &text)?.render(&structured(value))?;
            context.printer.text(&rendered)?;
        }
        None => context.printer.document(&to_yaml(&Value::Struct(value)))?,
    }
    Ok(0)
}

/// Some parts are maps in Go, too.
fn keep_maps(inner: &mut Struct) {
    for field in &mut inner.fields {
        if !matches!(field.name.as_str(), "graphOptions" | "graphStatus" | "runtimeInfo") {
            continue;
        }
        if let Value::Struct(map) = &mut field.value {
            let entries = std::mem::take(&mut map.fields);
            field.value = Value::Map(entries.into_iter().map(|entry| (entry.name, entry.value)).collect());
        }
    }
}

/// The document with Go's field names where they differ from those in JSON by more than case.
fn structured(value: Struct) -> Value {
    let mut value = value;
    for field in &mut value.fields {
        let inner = std::mem::replace(&mut field.value, Value::Nil);
        field.value = inner.into_struct("define.Info");
        if let Value::Struct(inner) = &mut field.value {
            keep_maps(inner);
        }
        let Value::Struct(inner) = &mut field.value else { continue };
        let renames: &[(&str, &str)] = match field.name.as_str() {
            "host" => &[("cgroupVersion", "CgroupsVersion"), ("networkBackendInfo", "NetworkBackendInfo")],
            _ => &[],
        };
        for (json, go) in renames {
            if let Some(found) = inner.get(json).cloned() {
                inner.set(go, found);
            }
        }
    }
    Value::Struct(value)
}
