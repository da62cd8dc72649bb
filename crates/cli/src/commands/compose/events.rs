//! `cove compose events`

use cove_api::{Event, EventOptions, Filters, StringMap};
use cove_project::label;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::Serialize;

use super::line::line;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// What the names of Compose's own labels begin with.
const OWN: &str = "com.docker.compose.";

/// Show what happens to the containers of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// An object for each event
    #[arg(long)]
    json: bool,
    /// From that moment on: a time, or a duration before now such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to that moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// An event, with the fields of docker-compose's.
#[derive(Debug, Serialize)]
struct Row {
    action: String,
    attributes: StringMap,
    id: String,
    service: String,
    time: String,
    r#type: &'static str,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let now = Timestamp::now();
    let moment = |text: Option<&String>| {
        let text = text.filter(|text| !text.is_empty());
        text.map(|text| cove_api::time::moment(text, now)).transpose()
    };
    let (since, until) = (moment(args.since.as_ref())?, moment(args.until.as_ref())?);
    let scope = line(context)?.scope(context, &[])?;
    let filters = Filters::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("label".to_owned(), vec![format!("{}={}", label::PROJECT, scope.name)]),
    ]);
    let options = EventOptions { since, until, filters, stream: true };
    let mut events = context.engine().await?.system().events(options).await?;
    while let Some(event) = events.next().await {
        let Some(row) = row(event?, &args.services, args.json) else { continue };
        if args.json {
            let text = serde_json::to_string(&row).map_err(|error| CommandError::other(error.to_string()))?;
            context.printer.line(&text)?;
        } else {
            // docker-compose leaves a line free below each.
            context.printer.line(&(row.line() + "\n"))?;
        }
    }
    Ok(0)
}

/// The event, where it is to be shown: not of containers of `run`, only of those services.
fn row(event: Event, services: &[String], json: bool) -> Option<Row> {
    if event.kind != "container" || event.attribute(label::ONE_OFF) == "True" {
        return None;
    }
    let service = event.attribute(label::SERVICE).to_owned();
    if !services.is_empty() && !services.contains(&service) {
        return None;
    }
    let time = event.timestamp().to_zoned(crate::render::local_zone());
    let time = match json {
        true => time.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string().replace("+00:00", "Z"),
        false => time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    };
    let action = action(&event);
    let mut attributes = event.actor.attributes;
    attributes.retain(|name, _| !name.starts_with(OWN));
    if let Some(code) = attributes.remove("containerExitCode") {
        attributes.insert("exitCode".to_owned(), code);
    }
    Some(Row { action, attributes, id: event.actor.id, service, time, r#type: "container" })
}

/// Docker's word for what happened.
fn action(event: &Event) -> String {
    match event.action.as_str() {
        "died" => "die".to_owned(),
        "remove" => "destroy".to_owned(),
        "health_status" => format!("health_status: {}", event.attribute("health_status")),
        other => other.to_owned(),
    }
}

impl Row {
    fn line(&self) -> String {
        let Self { action, attributes, id, time, .. } = self;
        let attributes: Vec<String> =
            attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{time} container {action} {id} ({})", attributes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use cove_api::EventActor;

    use super::*;

    fn event(action: &str, more: &[(&str, &str)]) -> Event {
        let own = [(label::SERVICE, "web"), ("image", "i"), ("own", "label"), ("containerExitCode", "3")];
        let all = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Event {
            kind: "container".into(),
            action: action.into(),
            actor: EventActor { id: "ab".into(), attributes: all.collect() },
            scope: "local".into(),
            time: 0,
            time_nano: 1_500_000_000,
        }
    }

    #[test]
    fn events_are_told_in_docker_s_words() {
        let died = row(event("died", &[]), &[], false).unwrap();
        assert!(
            died.line().ends_with(".500000 container die ab (exitCode=3, image=i, own=label)"),
            "{}",
            died.line()
        );
        let died = row(event("died", &[]), &["web".to_owned()], true).unwrap();
        assert!(died.time.contains(":01.5"), "{}", died.time);
        assert_eq!(row(event("remove", &[]), &[], true).unwrap().action, "destroy");
        let healthy = row(event("health_status", &[("health_status", "healthy")]), &[], true).unwrap();
        assert_eq!(healthy.action, "health_status: healthy");
        assert!(row(event("start", &[]), &["db".to_owned()], true).is_none());
        assert!(row(event("start", &[(label::ONE_OFF, "True")]), &[], true).is_none());
    }
}
