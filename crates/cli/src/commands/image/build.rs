//! `cove build`

mod args;
mod context;
mod request;
mod values;

use std::io::Write as _;
use std::path::Path;

use cove_api::{BuildReport, Progress};
use cove_sys::output::{Existing, OutputFile};
use futures_util::StreamExt as _;

use self::args::Args;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTEXT]");

async fn run(context: &Context, args: Args) -> CommandResult {
    args.check()?;
    let options = request::options(context, &args)?;
    let (files, build) = context::gather(context, &args)?;
    let options = cove_api::BuildOptions { files, ..options };
    let mut id_file = output(args.iidfile.as_deref())?;
    let mut raw_id_file = output(args.iidfile_raw.as_deref())?;
    let mut log = output(args.logfile.as_deref())?;
    let engine = context.engine().await?;
    let mut ended = ended()?;
    let mut steps = engine.images().build(build, options).await?;
    let mut report = BuildReport::default();
    loop {
        let step = tokio::select! {
            step = steps.next() => step,
            // The engine takes everything apart when nobody listens any more.
            signal = &mut ended => {
                return Err(CommandError::other("the build was interrupted").with_code(signal));
            }
        };
        match step {
            None => break,
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(Progress::Message(line))) => match &mut log {
                Some(log) => writeln!(log, "{line}")?,
                None => context.printer.line(&line)?,
            },
            Some(Ok(Progress::Blob(_))) => {}
            Some(Ok(Progress::Done(done))) => report = done,
        }
    }
    if let Some(log) = log {
        log.finish()?;
    }
    if let Some(failed) = report.failed {
        let code = u8::try_from(failed.code).unwrap_or(125);
        return Err(CommandError::other(failed.message).with_code(code));
    }
    if report.id.is_empty() {
        return Err(CommandError::other("the service has not said which image it has built"));
    }
    if let Some(mut file) = id_file.take() {
        file.write_all(format!("sha256:{}", report.id).as_bytes())?;
        file.finish()?;
    }
    if let Some(mut file) = raw_id_file.take() {
        file.write_all(report.id.as_bytes())?;
        file.finish()?;
    }
    context.printer.line(&report.id)?;
    Ok(0)
}

fn output(path: Option<&str>) -> Result<Option<OutputFile>, CommandError> {
    match path {
        Some(path) if !path.is_empty() => Ok(Some(OutputFile::create(Path::new(path), Existing::Replace)?)),
        _ => Ok(None),
    }
}

/// Done when the process is asked to end, with the exit code for that.
fn ended() -> Result<std::pin::Pin<Box<dyn Future<Output = u8> + Send>>, CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => 128 + 15,
            _ = interrupt.recv() => 128 + 2,
            _ = hangup.recv() => 128 + 1,
        }
    }))
}
