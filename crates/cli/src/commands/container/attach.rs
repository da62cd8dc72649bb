//! `cove attach`

use cove_api::{AttachOptions, ContainerState, Engine};

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{DetachKeys, Ended, Session, Signals, Target, ended_by};

/// Connect to a running container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Keys that leave it running, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Do not connect standard input
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    sig_proxy: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.containers.len() > 1 || (args.containers.is_empty() && !args.latest) {
        return Err(CommandError::other(
            "attach requires the name or id of one running container or the latest flag",
        ));
    }
    if !args.containers.is_empty() && args.latest {
        return Err(CommandError::other("--latest and containers cannot be used together"));
    }
    let engine = context.engine().await?;
    let name = match args.containers.first() {
        Some(name) => name.strip_prefix('/').unwrap_or(name).to_owned(),
        None => super::latest(engine).await?,
    };
    let keys = super::detach_keys(context, args.detach_keys.as_deref())?;
    connect(context, engine, &name, Wanted { keys, stdin: !args.no_stdin, proxy: args.sig_proxy }).await
}

/// How somebody wants to be connected.
pub(crate) struct Wanted {
    /// What leaves it running.
    pub(crate) keys: DetachKeys,
    /// Standard input, where it is open.
    pub(crate) stdin: bool,
    /// Signals are passed on.
    pub(crate) proxy: bool,
}

/// Connects this process's streams to a container that runs, until either ends.
pub(crate) async fn connect(
    context: &Context,
    engine: &dyn Engine,
    name: &str,
    wanted: Wanted,
) -> CommandResult {
    let container = engine.containers().inspect(name, false).await?;
    if !container.state.running && container.state.status != ContainerState::Paused {
        return Err(CommandError::other("you can only attach to running containers"));
    }
    let id = container.id.clone();
    let stdin = wanted.stdin && container.config.open_stdin;
    let mut signals = Signals::catch()?;
    let mut session = Session {
        printer: &context.printer,
        engine,
        target: Target::Container(&id),
        tty: container.config.tty,
        proxy: wanted.proxy,
        keys: wanted.keys,
        stdout: true,
        stderr: true,
    };
    let options = AttachOptions {
        stdin,
        stdout: true,
        stderr: true,
        // It may have ended since.
        running: true,
        ..AttachOptions::default()
    };
    let stream = match signals.during(engine.containers().attach(&id, options)).await {
        Ok(stream) => stream?,
        Err(number) => return Ok(ended_by(number)),
    };
    let raw = session.raw_mode(stdin)?;
    session.resize().await;
    let ended = session.run(stream, &mut signals).await;
    drop(raw);
    match ended? {
        Ended::Detached => Ok(0),
        Ended::Signal(number) => Ok(ended_by(number)),
        Ended::Output => super::exit_code(engine, &id, &mut signals, wanted.proxy).await,
    }
}
