//! `cove start`

use cove_api::{AttachOptions, ContainerState};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{Ended, Session, Signals, Target, ended_by};

/// Start containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: super::Targets<false, true>,
    /// Connect to its output, and end with its exit code
    #[arg(long, short)]
    attach: bool,
    /// Connect to its standard input too
    #[arg(long, short)]
    interactive: bool,
    /// Keys that leave it running, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Pass signals on to it (with --attach this is the default)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sig_proxy: Option<bool>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let targets = &args.targets;
    let given = targets.names.len() + targets.cidfile.len();
    let complaint = if given == 0 && !targets.latest && !targets.all && targets.filter.is_empty() {
        Some("start requires at least one argument")
    } else if targets.all && targets.latest {
        Some("--all and --latest cannot be used together")
    } else if given > 0 && targets.latest {
        Some("--latest and containers cannot be used together")
    } else if given > 1 && args.attach {
        Some("you cannot start and attach multiple containers at once")
    } else if (given > 0 || targets.latest) && targets.all {
        Some("either start all containers or the container(s) provided in the arguments")
    } else if args.attach && targets.all {
        Some("you cannot start and attach all containers at once")
    } else if args.sig_proxy == Some(true) && !args.attach {
        Some("you cannot use sig-proxy without --attach: invalid argument")
    } else {
        None
    };
    if let Some(complaint) = complaint {
        return Err(CommandError::other(complaint));
    }
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    // Only --all leaves out those that run already.
    let states: &[ContainerState] = if targets.filter.is_empty() || targets.all {
        &[
            ContainerState::Created,
            ContainerState::Exited,
            ContainerState::Stopped,
            ContainerState::Initialized,
        ]
    } else {
        &[]
    };
    let chosen = targets.choose(engine, states, false, &mut failures).await?;
    if args.attach || args.interactive {
        let Some(container) = chosen.first() else { return failures.finish() };
        return attached(context, &container.id, &args).await;
    }
    for container in chosen {
        if failures.note(engine.containers().start(&container.id).await.map_err(start_error)).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}

/// Whatever keeps a container from starting ends with 125.
fn start_error(error: cove_api::Error) -> CommandError {
    CommandError::from(error).with_code(crate::command_error::OWN_ERROR)
}

async fn attached(context: &Context, name: &str, args: &Args) -> CommandResult {
    let engine = context.engine().await?;
    let container = engine.containers().inspect(name, false).await?;
    let id = container.id.clone();
    let proxy = args.sig_proxy.unwrap_or(true);
    let mut signals = Signals::catch()?;
    let stdin = args.interactive && container.config.open_stdin;
    let mut session = Session {
        printer: &context.printer,
        engine,
        target: Target::Container(&id),
        tty: container.config.tty,
        proxy,
        keys: super::detach_keys(context, args.detach_keys.as_deref())?,
        stdout: true,
        stderr: true,
    };
    let options = AttachOptions { stdin, stdout: true, stderr: true, ..AttachOptions::default() };
    let stream = match signals.during(engine.containers().attach(&id, options)).await {
        Ok(stream) => stream?,
        Err(number) => return Ok(ended_by(number)),
    };
    let raw = session.raw_mode(stdin)?;
    session.resize().await;
    match signals.during(engine.containers().start(&id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            drop(raw);
            return Err(start_error(error));
        }
        Err(number) => return Ok(ended_by(number)),
    }
    let ended = session.run(stream, &mut signals).await;
    drop(raw);
    match ended? {
        Ended::Detached => Ok(0),
        Ended::Signal(number) => Ok(ended_by(number)),
        Ended::Output => super::exit_code(engine, &id, &mut signals, proxy).await,
    }
}
