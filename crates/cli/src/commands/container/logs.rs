//! `cove logs`

use cove_api::{Engine, LogLine, LogOptions, OutputStream};
use futures_util::StreamExt;
use jiff::Timestamp;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::short_id;

/// Show what containers have written
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Accepted for scripts; there are no further details
    #[arg(long, hide = true)]
    details: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    #[command(flatten)]
    flags: LogFlags,
}

// What of the logs is shown, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LogFlags {
    /// Go on with new lines until the container ends
    #[arg(long, short)]
    follow: bool,
    /// Only lines from that moment on: a time, or a duration before now such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines up to that moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only the last so many lines; -1 for all
    #[arg(long, value_name = "NUMBER", default_value = "-1", hide_default_value = true)]
    tail: String,
    /// The time of each line
    #[arg(long, short)]
    timestamps: bool,
    /// The container's name before each line
    #[arg(long, short)]
    names: bool,
    /// A colour for each container
    #[arg(long)]
    color: bool,
}

impl LogFlags {
    /// What is wanted of logs, without names and colours.
    pub(crate) fn of(follow: bool, since: Option<String>, until: Option<String>, tail: String) -> Self {
        Self { follow, since, until, tail, ..Self::default() }
    }

    /// What the engine is asked for.
    ///
    /// # Errors
    /// A flag's value is wrong.
    pub(crate) fn options(&self) -> Result<LogOptions, CommandError> {
        let now = Timestamp::now();
        let moment = |text: &Option<String>, flag: &str, future: bool| match text
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            None => Ok(None),
            Some(text) => {
                let parsed = if future {
                    cove_api::time::future_moment(text, now)
                } else {
                    cove_api::time::moment(text, now)
                };
                parsed
                    .map(Some)
                    .map_err(|error| CommandError::other(format!("parsing --{flag} {text:?}: {error}")))
            }
        };
        Ok(LogOptions {
            follow: self.follow,
            tail: tail(&self.tail)?,
            since: moment(&self.since, "since", false)?,
            until: moment(&self.until, "until", true)?,
            stdout: true,
            stderr: true,
        })
    }
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let mut names: Vec<String> =
        args.containers.iter().map(|name| name.strip_prefix('/').unwrap_or(name).to_owned()).collect();
    if args.latest && !names.is_empty() {
        return Err(CommandError::other("--latest and containers cannot be used together"));
    }
    if !args.latest && names.is_empty() {
        return Err(CommandError::other("specify at least one container name or ID to log"));
    }
    let engine = context.engine().await?;
    if args.latest {
        names.push(super::latest(engine).await?);
    }
    show(context, engine, &names, &args.flags).await?;
    Ok(0)
}

/// Shows the logs of containers: one after the other, or as they come.
///
/// # Errors
/// A flag's value is wrong, or the engine's.
pub(crate) async fn show(
    context: &Context,
    engine: &dyn Engine,
    names: &[String],
    flags: &LogFlags,
) -> Result<(), CommandError> {
    let options = flags.options()?;
    let several = names.len() > 1;
    let mut streams = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let prefix = prefix(engine, name, flags, several).await?;
        let prefix = colour(context, prefix, index, flags.color);
        let lines = engine.containers().logs(name, options.clone()).await?;
        streams.push(lines.map(move |line| (prefix.clone(), line)));
    }
    if flags.follow {
        let mut lines = futures_util::stream::select_all(streams);
        while let Some((prefix, line)) = lines.next().await {
            print(context, &prefix, &line?, flags.timestamps)?;
        }
    } else {
        for mut lines in streams {
            while let Some((prefix, line)) = lines.next().await {
                print(context, &prefix, &line?, flags.timestamps)?;
            }
        }
    }
    Ok(())
}

fn tail(text: &str) -> Result<Option<u64>, CommandError> {
    if text == "all" {
        return Ok(None);
    }
    let number: i64 = text.parse().map_err(|_| {
        CommandError::other(format!(
            "invalid argument {text:?} for \"--tail\" flag: strconv.ParseInt: parsing {text:?}: invalid syntax"
        ))
    })?;
    Ok(u64::try_from(number).ok())
}

/// What stands before each line of a container.
async fn prefix(
    engine: &dyn Engine,
    name: &str,
    args: &LogFlags,
    several: bool,
) -> Result<String, CommandError> {
    if !args.names && !several {
        return Ok(String::new());
    }
    let container = engine.containers().inspect(name, false).await?;
    Ok(if args.names {
        container.name.trim_start_matches('/').to_owned()
    } else {
        short_id(&container.id).to_owned()
    })
}

fn colour(context: &Context, prefix: String, index: usize, wanted: bool) -> String {
    const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];
    if !wanted || prefix.is_empty() || !context.printer.out_is_coloured() {
        return prefix;
    }
    format!("\u{1b}[{}m{prefix}\u{1b}[0m", COLOURS[index % COLOURS.len()])
}

/// The time of a line.
pub(crate) fn stamp(time: Timestamp) -> String {
    let time = time.to_zoned(crate::render::local_zone());
    let zone = if time.offset().is_zero() { "Z".to_owned() } else { time.strftime("%:z").to_string() };
    format!("{}{zone}", time.strftime("%Y-%m-%dT%H:%M:%S.%9f"))
}

fn print(context: &Context, prefix: &str, line: &LogLine, timestamps: bool) -> Result<(), CommandError> {
    let mut bytes = Vec::with_capacity(line.data.len() + prefix.len() + 40);
    if !prefix.is_empty() {
        bytes.extend_from_slice(prefix.as_bytes());
        bytes.push(b' ');
    }
    if timestamps {
        bytes.extend_from_slice(format!("{} ", stamp(line.time)).as_bytes());
    }
    bytes.extend_from_slice(&line.data);
    if !line.partial {
        bytes.push(b'\n');
    }
    match line.stream {
        OutputStream::Stdout => context.printer.bytes(&bytes),
        OutputStream::Stderr => {
            context.printer.error_bytes(&bytes);
            Ok(())
        }
    }
}
