//! `cove machine logs`

use std::time::Duration;

use cove_machine::{LogSource, MachineLogLine};
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// How often a log is looked at while it is followed.
const POLL: Duration = Duration::from_millis(200);

/// Show a machine's console since its last start, and what its agent has to say
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Go on with new lines until the machine is off
    #[arg(long, short)]
    follow: bool,
    /// Only lines from that moment on, as far as their times tell: a time, or a duration before now such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.names, 1)?;
    let since = args
        .since
        .as_deref()
        .filter(|text| !text.is_empty())
        .map(|text| {
            cove_api::time::moment(text, Timestamp::now())
                .map_err(|error| CommandError::other(format!("parsing --since {text:?}: {error}")))
        })
        .transpose()?;
    let mut logs = super::machines(context).logs(&super::name(&args.names)?, since)?;
    loop {
        // Asked first: what was written before the machine's end is read after it.
        let goes_on = args.follow && logs.is_running();
        for line in logs.next(!goes_on)? {
            context.printer.line(&shown(&line))?;
        }
        if !goes_on {
            return Ok(0);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The guest must not act on this terminal.
fn shown(line: &MachineLogLine) -> String {
    let text = cove_api::shown::data(&line.text);
    match line.source {
        LogSource::Console => text.into_owned(),
        LogSource::Agent => format!("agent: {text}"),
    }
}
