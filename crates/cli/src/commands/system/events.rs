//! `cove events`

use cove_api::{Event, EventOptions};
use futures_util::StreamExt;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{filter_fault, filters};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Struct, Template, Value, is_json, to_json};
use crate::render::short_id;

/// Show what happens
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Only events for which that is true, such as container=NAME, event=start, type=image
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Whole ids (as by default)
    #[arg(long, default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", action = clap::ArgAction::Set)]
    no_trunc: bool,
    /// From that moment on: a time, or a duration before now such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to that moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Go on with new events
    #[arg(long, default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", action = clap::ArgAction::Set)]
    stream: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let now = Timestamp::now();
    let since =
        args.since.as_deref().filter(|text| !text.is_empty()).map(|text| cove_api::time::moment(text, now));
    let until = args
        .until
        .as_deref()
        .filter(|text| !text.is_empty())
        .map(|text| cove_api::time::future_moment(text, now));
    let mut filters = filters(&args.filter, filter_fault)?;
    if let Some(values) = filters.remove("status") {
        filters.entry("event".into()).or_default().extend(values);
    }
    let options = EventOptions { since: parsed(since)?, until: parsed(until)?, filters, stream: args.stream };
    let template = match args.format.as_deref() {
        None => None,
        Some(format) if is_json(format) => None,
        Some(format) => {
            let mut text = format.replace("\\t", "\t").replace("\\n", "\n");
            if !text.ends_with('\n') {
                text.push('\n');
            }
            Some(Template::parse("events", &text)?)
        }
    };
    let mut events = context.engine().await?.system().events(options).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        match (&template, &args.format) {
            (Some(template), _) => context.printer.text(&template.render(&row(&event))?)?,
            (None, Some(_)) => context.printer.document(&to_json(&row(&event), 0))?,
            (None, None) => {
                if let Some(line) = line(&event, !args.no_trunc) {
                    context.printer.line(&line)?;
                }
            }
        }
    }
    Ok(0)
}

/// The time, with Podman's words around the complaint.
fn parsed(time: Option<cove_api::Result<Timestamp>>) -> Result<Option<Timestamp>, CommandError> {
    time.transpose().map_err(|error| error.context("failed to parse event filters").into())
}

/// Attributes that have fields of their own.
const FIELDS: [&str; 8] =
    ["image", "name", "network", "podId", "error", "containerExitCode", "oomKilled", "containerInspectData"];

/// The event as Podman's templates and JSON have it.
fn row(event: &Event) -> Value {
    let mut row = Struct::new("system.Event");
    let text = |row: &mut Struct, name: &str, value: &str| {
        row.set(name, value);
        if let (true, Some(field)) = (value.is_empty(), row.fields.last_mut()) {
            field.omitted = true;
        }
    };
    // A removal has one for those who wait for it alone.
    let tells = event.action != "remove";
    match event.attribute("containerExitCode").parse::<i64>() {
        Ok(code) if tells => {
            row.set("ContainerExitCode", code);
        }
        _ => {
            row.set("ContainerExitCode", Value::Nil);
            if let Some(field) = row.fields.last_mut() {
                field.omitted = true;
            }
        }
    }
    match event.attribute("oomKilled").parse::<bool>() {
        Ok(killed) => {
            row.set("OOMKilled", killed);
        }
        Err(_) => {
            row.set("OOMKilled", Value::Nil);
            if let Some(field) = row.fields.last_mut() {
                field.omitted = true;
            }
        }
    }
    text(&mut row, "ID", &event.actor.id);
    text(&mut row, "Image", event.attribute("image"));
    text(&mut row, "Name", event.attribute("name"));
    text(&mut row, "Network", event.attribute("network"));
    row.set("Status", event.action.as_str());
    row.set("Time", event.time);
    row.set("TimeNano", event.time_nano);
    row.set("Type", event.kind.as_str());
    text(&mut row, "HealthStatus", event.attribute("health_status"));
    text(&mut row, "Error", event.attribute("error"));
    text(&mut row, "PodID", event.attribute("podId"));
    text(&mut row, "ContainerInspectData", event.attribute("containerInspectData"));
    let mut attributes = event.actor.attributes.clone();
    attributes.retain(|name, _| !FIELDS.contains(&name.as_str()));
    let empty = attributes.is_empty();
    row.set("Attributes", attributes);
    if let (true, Some(field)) = (empty, row.fields.last_mut()) {
        field.omitted = true;
    }
    // The keys of the JSON are not all Go's names.
    for field in &mut row.fields {
        match field.name.as_str() {
            "Time" => field.name = "time".into(),
            "TimeNano" => field.name = "timeNano".into(),
            "Network" => field.name = "network".into(),
            "HealthStatus" => field.name = "health_status".into(),
            _ => {}
        }
    }
    row.into()
}

/// The event as a line for people.
fn line(event: &Event, truncate: bool) -> Option<String> {
    let id = if truncate { short_id(&event.actor.id) } else { &event.actor.id };
    let time = time(event.timestamp());
    let (kind, action, name) = (&event.kind, &event.action, event.attribute("name"));
    Some(match kind.as_str() {
        "container" | "pod" => {
            let mut line =
                format!("{time} {kind} {action} {id} (image={}, name={name}", event.attribute("image"));
            if !event.attribute("podId").is_empty() {
                line.push_str(&format!(", pod_id={}", event.attribute("podId")));
            }
            for (key, value) in
                event.actor.attributes.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str()))
            {
                line.push_str(&format!(", {key}={value}"));
            }
            line + ")"
        }
        "network" if matches!(action.as_str(), "create" | "remove") => {
            let driver = ["driver", "type"].map(|key| event.attribute(key));
            let driver = driver.into_iter().find(|driver| !driver.is_empty()).unwrap_or_default();
            let network =
                if event.attribute("network").is_empty() { name } else { event.attribute("network") };
            format!("{time} network {action} {} (name={network}, type={})", event.actor.id, driver)
        }
        "network" => {
            format!("{time} network {action} {id} (container={id}, name={})", event.attribute("network"))
        }
        "image" => {
            let error = event.attribute("error");
            let space = if error.is_empty() { "" } else { " " };
            format!("{time} image {action} {id} {name}{space}{error}")
        }
        "system" if name.is_empty() => format!("{time} system {action}"),
        "system" | "volume" | "machine" => {
            let name = if name.is_empty() { &event.actor.id } else { name };
            format!("{time} {kind} {action} {name}")
        }
        "secret" => format!("{time} secret {action} {id}"),
        _ => return None,
    })
}

/// A time as Go's `String` method writes it, in the local zone.
fn time(time: Timestamp) -> String {
    let time = time.to_zoned(crate::render::local_zone());
    let fraction = format!("{:09}", time.subsec_nanosecond());
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction} {}", time.strftime("%Y-%m-%d %H:%M:%S"), time.strftime("%z %Z"))
}

impl From<jiff::Error> for CommandError {
    fn from(error: jiff::Error) -> Self {
        Self::other(error.to_string())
    }
}
