//! Log lines on standard error, in the shape that people grep for: `time="…" level=debug msg="…"`.

use std::fmt;

use cove_api::shown;
use cove_config::env;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::command_error::CommandError;

/// The level of `name`; `None` where nothing is to be logged.
///
/// # Errors
/// There is no such level.
pub(crate) fn level(name: &str) -> Result<LevelFilter, CommandError> {
    Ok(match name.to_lowercase().as_str() {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "info" => LevelFilter::INFO,
        "warn" | "warning" => LevelFilter::WARN,
        "error" => LevelFilter::ERROR,
        "fatal" | "panic" => LevelFilter::OFF,
        _ => {
            let levels = "trace, debug, info, warn, warning, error, fatal, panic";
            return Err(CommandError::other(format!(
                "Log Level {name:?} is not supported, choose from: {levels}"
            ))
            .with_code(1));
        }
    })
}

/// The filter that `COVE_LOG` asks for: `debug`, or `warn,cove_registry=trace`.
///
/// # Errors
/// It is not written like that.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, CommandError> {
    EnvFilter::builder()
        .parse(text)
        .map_err(|error| CommandError::other(format!("{} {text:?}: {error}", env::COVE_LOG)).with_code(1))
}

/// Starts logging what passes the filter.
pub(crate) fn start(filter: EnvFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(Lines)
        .finish();
    // Only a second call in the same process could fail, and there is none.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The filter that lets pass what a command tells of its steps, whatever the level.
pub(crate) fn steps() -> Directive {
    // Checked by a test.
    "sync=info".parse().unwrap_or_else(|_| LevelFilter::WARN.into())
}

/// The line for an error that ends the program.
pub(crate) fn fatal(message: &str) -> String {
    line("fatal", message, "")
}

fn line(level: &str, message: &str, rest: &str) -> String {
    let time = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z");
    // The quoting escapes what acts on a terminal.
    let message = shown::shortened(shown::without_credentials(message), shown::LONGEST_LINE);
    format!("time=\"{time}\" level={level} msg={message:?}{rest}")
}

struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::TRACE => "trace",
            Level::DEBUG => "debug",
            Level::INFO => "info",
            Level::WARN => "warning",
            Level::ERROR => "error",
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        writeln!(writer, "{}", line(level, &fields.message, &fields.rest))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let _ = write!(self.rest, " {}={value:?}", field.name());
        }
    }
}
