//! `cove compose logs`

use cove_api::{LogLine, LogOptions, Result as ApiResult, ValueStream};
use cove_project::FoundContainer;
use futures_util::StreamExt as _;

use super::here::{Here, index};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::logs::{self, LogFlags};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// The colours of services, one after the other.
const COLOURS: [&str; 10] = ["36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1"];

/// Show what the containers of a project have written
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on with new lines until the containers end
    #[arg(long, short)]
    follow: bool,
    /// Only of the container with this number
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    index: u32,
    /// No colours
    #[arg(long)]
    no_color: bool,
    /// Not the container's name before each line
    #[arg(long)]
    no_log_prefix: bool,
    /// Only lines from that moment on: a time, or a duration before now such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines up to that moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only the last so many lines of each container, or all
    #[arg(
        long,
        short = 'n',
        value_name = "NUMBER",
        default_value = "all",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    tail: String,
    /// The time of each line
    #[arg(long, short)]
    timestamps: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// The log of a container.
struct Log {
    prefix: String,
    lines: ValueStream<LogLine>,
    /// The line that comes next.
    next: Option<ApiResult<LogLine>>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let flags = LogFlags::of(args.follow, args.since.clone(), args.until.clone(), args.tail.clone());
    let options: LogOptions = flags.options()?;
    let here = Here::of(context, &args.services).await?;
    let mut containers = here.containers(&args.services);
    if let Some(number) = index(args.index) {
        containers.retain(|one| one.number == Some(number));
        if containers.is_empty() {
            let service = args.services.first().map(String::as_str).unwrap_or_default();
            return Err(CommandError::other(format!(
                "service {service:?} is not running container #{number}"
            )));
        }
    }
    let colours = !args.no_color && here.line.colours(context);
    let mut logs = Vec::new();
    for (one, prefix) in containers.iter().zip(prefixes(&containers, &here.scope.name, colours)) {
        let lines = here.engine.containers().logs(&one.row.id, options.clone()).await?;
        let prefix = if args.no_log_prefix { String::new() } else { prefix };
        logs.push(Log { prefix, lines, next: None });
    }
    if args.follow {
        let streams = logs.into_iter().map(|log| log.lines.map(move |line| (log.prefix.clone(), line)));
        let mut lines = futures_util::stream::select_all(streams);
        while let Some((prefix, line)) = lines.next().await {
            print(context, &prefix, &line?, args.timestamps)?;
        }
        return Ok(0);
    }
    by_time(context, logs, args.timestamps).await
}

/// Shows lines of all logs, the oldest first.
async fn by_time(context: &Context, mut logs: Vec<Log>, timestamps: bool) -> CommandResult {
    for log in &mut logs {
        log.next = log.lines.next().await;
    }
    loop {
        let time = |log: &Log| log.next.as_ref().and_then(|line| line.as_ref().ok()).map(|line| line.time);
        // An error comes at once.
        let waiting = logs.iter_mut().filter(|log| log.next.is_some());
        let Some(log) = waiting.min_by_key(|log| time(log)) else { return Ok(0) };
        let line = log.next.take();
        log.next = log.lines.next().await;
        if let Some(line) = line {
            print(context, &log.prefix, &line?, timestamps)?;
        }
    }
}

/// What stands before the lines of each: its name without the project's, all of one width, a colour for each.
fn prefixes(containers: &[&FoundContainer], project: &str, colours: bool) -> Vec<String> {
    let start = format!("{project}-");
    let names: Vec<&str> =
        containers.iter().map(|one| one.name.strip_prefix(&start).unwrap_or(&one.name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut services: Vec<&str> = Vec::new();
    names
        .iter()
        .zip(containers)
        .map(|(name, one)| {
            let name = cove_api::shown::line(name);
            let at = services.iter().position(|service| *service == one.service).unwrap_or_else(|| {
                services.push(&one.service);
                services.len() - 1
            });
            coloured(&format!("{name:width$}  | "), colours.then_some(at))
        })
        .collect()
}

/// The text in the colour of the service with this number.
fn coloured(text: &str, service: Option<usize>) -> String {
    match service {
        Some(at) => format!("\u{1b}[{}m{text}\u{1b}[0m", COLOURS[at % COLOURS.len()]),
        None => text.to_owned(),
    }
}

/// What stands before the lines of a container: its name without the project's, of this width.
pub(super) fn prefixed(name: &str, project: &str, width: usize, service: Option<usize>) -> String {
    let name = name.strip_prefix(project).and_then(|name| name.strip_prefix('-')).unwrap_or(name);
    coloured(&format!("{:width$}  | ", cove_api::shown::line(name)), service)
}

pub(super) fn print(
    context: &Context,
    prefix: &str,
    line: &LogLine,
    timestamps: bool,
) -> Result<(), CommandError> {
    let mut bytes = prefix.as_bytes().to_vec();
    if timestamps {
        bytes.extend_from_slice(logs::stamp(line.time).as_bytes());
        bytes.push(b' ');
    }
    bytes.extend_from_slice(&line.data);
    if !line.partial {
        bytes.push(b'\n');
    }
    // Both streams, as docker-compose does it: one text of all services.
    context.printer.bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_one_width_and_a_colour_for_each_service() {
        let one = |name: &str, service: &str| FoundContainer {
            name: name.to_owned(),
            service: service.to_owned(),
            ..FoundContainer::default()
        };
        let (web, db, second) = (one("shop-web-1", "web"), one("own", "db"), one("shop-web-22", "web"));
        let all = [&web, &db, &second];
        assert_eq!(prefixes(&all, "shop", false), ["web-1   | ", "own     | ", "web-22  | "]);
        let coloured = prefixes(&all, "shop", true);
        assert!(coloured[0].starts_with("\u{1b}[36mweb-1"), "{coloured:?}");
        assert!(
            coloured[1].starts_with("\u{1b}[33m") && coloured[2].starts_with("\u{1b}[36m"),
            "{coloured:?}"
        );
    }
}
