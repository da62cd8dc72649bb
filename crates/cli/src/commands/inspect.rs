//! `cove inspect`

use cove_api::{Engine, Error, ErrorKind};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::print_inspected;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Value, to_value};

/// Show all about containers, images, volumes, networks and pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// Also the disk use of containers
    #[arg(long, short)]
    size: bool,
    /// Only objects of that sort: container, image, volume, network, pod or all
    #[arg(long, short, value_name = "TYPE", default_value = "all")]
    r#type: String,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME [NAME...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let mut names = args.names;
    let mut kind = args.r#type;
    if args.latest {
        if !names.is_empty() {
            return Err(CommandError::other("--latest and arguments cannot be used together"));
        }
        if kind == "image" {
            return Err(CommandError::other("latest is not supported for type \"image\""));
        }
        kind = "container".into();
        names.push(crate::commands::container::latest(engine).await?);
    }
    if names.is_empty() {
        return Err(CommandError::other("no names or ids specified"));
    }
    if args.size && kind == "image" {
        return Err(CommandError::other("size is not supported for type \"image\""));
    }
    inspect(context, engine, &names, &kind, args.size, args.format.as_deref()).await
}

/// Shows the named objects of that sort.
pub(crate) async fn inspect(
    context: &Context,
    engine: &dyn Engine,
    names: &[String],
    kind: &str,
    size: bool,
    format: Option<&str>,
) -> CommandResult {
    let mut failures = Failures::default();
    let mut found = Vec::new();
    for name in names {
        let object = match kind {
            "container" => container(engine, name, size).await,
            "image" => engine.images().inspect(name).await.map(|object| to_value(&object)),
            "volume" => engine.volumes().inspect(name).await.map(|object| to_value(&object)),
            "network" => engine.networks().inspect(name).await.map(|object| to_value(&object)),
            "all" => any(engine, name, size).await,
            "pod" => engine.pods().inspect(name).await.map(|object| to_value(&object)),
            "artifact" => {
                return Err(CommandError::other(format!("type {kind:?} is not supported by this version")));
            }
            _ => {
                return Err(CommandError::other(format!(
                    "invalid type {kind:?}: must be \"image\", \"container\", \"network\", \"pod\", \"volume\", or \"all\""
                )));
            }
        };
        found.extend(failures.note(object));
    }
    print_inspected(context, found, format.map(normal).as_deref())?;
    failures.finish()
}

/// Podman's older spellings of fields.
fn normal(format: &str) -> String {
    format.replace(".Src", ".Source").replace(".Dst", ".Destination").replace(".ImageID", ".Image")
}

async fn container(engine: &dyn Engine, name: &str, size: bool) -> Result<Value, Error> {
    let found = engine.containers().inspect(name, size).await;
    found.map(|object| with_spans(to_value(&object))).map_err(|error| match error.kind {
        // In Podman's words, which are others than where a container is acted on.
        ErrorKind::NotFound => Error::not_found(format!("no such container {name:?}")),
        _ => error,
    })
}

/// The spans of health checks as spans, which templates show with their units.
fn with_spans(mut value: Value) -> Value {
    let Value::Struct(object) = &mut value else { return value };
    let config = object.fields.iter_mut().find(|field| field.name == "Config");
    let Some(Value::Struct(config)) = config.map(|field| &mut field.value) else { return value };
    for field in &mut config.fields {
        if !matches!(field.name.as_str(), "Healthcheck" | "StartupHealthCheck") {
            continue;
        }
        match &mut field.value {
            Value::Struct(check) => {
                check.fields.iter_mut().for_each(|field| as_span(&field.name, &mut field.value));
            }
            Value::Map(check) => check.iter_mut().for_each(|(name, value)| as_span(name, value)),
            _ => {}
        }
    }
    value
}

fn as_span(name: &str, value: &mut Value) {
    if let ("Interval" | "Timeout" | "StartPeriod" | "StartInterval", Value::Int(number)) = (name, &*value) {
        *value = Value::Duration(i64::try_from(*number).unwrap_or(i64::MAX));
    }
}

/// The first object of any sort with that name.
async fn any(engine: &dyn Engine, name: &str, size: bool) -> Result<Value, Error> {
    let missing = |error: &Error| error.kind == ErrorKind::NotFound;
    match container(engine, name, size).await {
        Err(error) if missing(&error) => {}
        other => return other,
    }
    match engine.images().inspect(name).await {
        Ok(object) => return Ok(to_value(&object)),
        // Not every name of another object can be an image's.
        Err(error) if missing(&error) || error.kind == ErrorKind::InvalidArgument => {}
        Err(error) => return Err(error),
    }
    match engine.volumes().inspect(name).await {
        Ok(object) => return Ok(to_value(&object)),
        Err(error) if missing(&error) => {}
        Err(error) => return Err(error),
    }
    match engine.networks().inspect(name).await {
        Ok(object) => return Ok(to_value(&object)),
        Err(error) if missing(&error) => {}
        Err(error) => return Err(error),
    }
    match engine.pods().inspect(name).await {
        Ok(object) => Ok(to_value(&object)),
        Err(error) if missing(&error) => Err(Error::not_found(format!("no such object: {name:?}"))),
        Err(error) => Err(error),
    }
}
