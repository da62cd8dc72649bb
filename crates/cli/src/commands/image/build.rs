//! `cove build`

mod args;
mod check;
mod context;
pub(crate) mod farm;
mod log;
mod metadata;
mod output;
mod platform;
mod preprocess;
mod request;
mod sbom;
mod values;

use std::io::Write as _;
use std::path::Path;

use cove_api::{BuildReport, Progress};
use cove_sys::output::{Existing, OutputFile};
use futures_util::StreamExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::args::Args;
use self::log::Log;
use self::output::Output;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTEXT]");

async fn run(context: &Context, args: Args) -> CommandResult {
    build(context, args, Telling::Output).await
}

/// Where a build tells its steps and the image's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// On standard output.
    Output,
    /// On standard error.
    Aside,
    /// Nowhere; only of what goes wrong.
    Nowhere,
}

/// Builds as the words of a command line say, and tells everything on standard error.
///
/// # Errors
/// As the command.
pub(crate) async fn build_aside(context: &Context, words: Vec<String>) -> Result<(), CommandError> {
    match build_as(context, words, Vec::new(), Telling::Aside).await? {
        0 => Ok(()),
        code => Err(CommandError::other("the build failed").with_code(code)),
    }
}

/// Builds as the words of a command line say; `variables` come before those of the environment.
///
/// # Errors
/// As the command.
pub(crate) async fn build_as(
    context: &Context,
    words: Vec<String>,
    variables: Vec<(String, String)>,
    telling: Telling,
) -> CommandResult {
    let command = <Args as clap::Args>::augment_args(clap::Command::new("build").no_binary_name(true));
    let args = command
        .try_get_matches_from(words)
        .and_then(|matches| <Args as clap::FromArgMatches>::from_arg_matches(&matches))
        .map_err(|error| CommandError::other(error.to_string()))?;
    build(context, Args { variables, ..args }, telling).await
}

async fn build(context: &Context, args: Args, telling: Telling) -> CommandResult {
    args.check()?;
    let options = request::options(context, &args)?;
    let (files, build) = context::gather(context, &args).await?;
    if args.check {
        return check::check(context, &args, &build).await;
    }
    let options = cove_api::BuildOptions { files, ..options };
    let mut id_file = named_file(args.iidfile.as_deref())?;
    let mut raw_id_file = named_file(args.iidfile_raw.as_deref())?;
    let metadata_file = named_file(args.metadata_file.as_deref())?;
    let sbom_files = args.sbom.open()?;
    let written = Output::open(context, &args)?;
    let tells_aside = telling == Telling::Aside || written.is_stdout();
    let mut log = Log::open(&args, &options)?;
    let engine = context.engine().await?;
    let mut signals = Signals::new()?;
    let given_up = build.given_up.clone();
    let mut steps = engine.images().build(build, options).await?;
    let interrupted = |code| CommandError::other("the build was interrupted").with_code(code);
    let mut asked = None;
    let mut result = Ok(BuildReport::default());
    loop {
        let step = tokio::select! {
            step = steps.next() => step,
            code = signals.next() => {
                if asked.is_some() {
                    return Err(interrupted(code));
                }
                asked = Some(code);
                // The end of the steps tells that everything is taken apart; who does not want to wait asks once more.
                given_up.cancel();
                continue;
            }
        };
        match step {
            None => break,
            Some(Err(error)) => result = Err(error),
            Some(Ok(Progress::Message(line))) => match &mut log {
                Some(log) => log.line(&line)?,
                None if telling == Telling::Nowhere => {}
                None if tells_aside => context.printer.error_line(&line),
                None => context.printer.line(&line)?,
            },
            Some(Ok(Progress::Blob(_))) => {}
            Some(Ok(Progress::Done(done))) => result = Ok(done),
        }
    }
    // Also of a build that failed.
    if let Some(log) = log {
        log.finish()?;
    }
    if let Some(code) = asked {
        return Err(interrupted(code));
    }
    let report = result?;
    if let Some(failed) = &report.failed {
        let code = u8::try_from(failed.code).unwrap_or(125);
        return Err(CommandError::other(failed.message.as_str()).with_code(code));
    }
    if report.id.is_empty() {
        return Err(CommandError::other("the service has not said which image it has built"));
    }
    sbom_files.write(&report)?;
    written.write(context, engine, &report.id).await?;
    if let Some(file) = metadata_file {
        metadata::write(engine, &report.id, &args.tag, file).await?;
    }
    if let Some(mut file) = id_file.take() {
        file.write_all(format!("sha256:{}", report.id).as_bytes())?;
        file.finish()?;
    }
    if let Some(mut file) = raw_id_file.take() {
        file.write_all(report.id.as_bytes())?;
        file.finish()?;
    }
    match telling {
        Telling::Nowhere => {}
        _ if tells_aside => context.printer.error_line(&report.id),
        _ => context.printer.line(&report.id)?,
    }
    Ok(0)
}

fn named_file(path: Option<&str>) -> Result<Option<OutputFile>, CommandError> {
    match path {
        Some(path) if !path.is_empty() => Ok(Some(OutputFile::create(Path::new(path), Existing::Replace)?)),
        _ => Ok(None),
    }
}

/// What asks the process to end.
struct Signals([(Signal, u8); 3]);

impl Signals {
    fn new() -> Result<Self, CommandError> {
        let of = |kind: SignalKind, number: u8| Ok::<_, CommandError>((signal(kind)?, 128 + number));
        Ok(Self([
            of(SignalKind::terminate(), 15)?,
            of(SignalKind::interrupt(), 2)?,
            of(SignalKind::hangup(), 1)?,
        ]))
    }

    /// The exit code for the next of them.
    async fn next(&mut self) -> u8 {
        let [(terminate, of_terminate), (interrupt, of_interrupt), (hangup, of_hangup)] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => *of_terminate,
            _ = interrupt.recv() => *of_interrupt,
            _ = hangup.recv() => *of_hangup,
        }
    }
}
