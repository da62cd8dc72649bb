//! `cove exec`

use std::io::IsTerminal;

use cove_api::{Engine, ErrorKind, ExecSpec, ExecStartOptions};

use crate::args::DescriptorArgs;
use crate::args::spec::VariableArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{Arrived, Ended, Session, Signals, Target, ended_by};

/// Run a command in a running container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container, then the command
    #[arg(value_name = "CONTAINER COMMAND [ARG...]")]
    words: Vec<String>,
    /// Run it in the background and print the session's id
    #[arg(long, short)]
    detach: bool,
    /// Keys that leave it running, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    #[command(flatten)]
    variables: VariableArgs,
    /// Keep standard input open
    #[arg(long, short)]
    interactive: bool,
    /// Give it a terminal
    #[arg(long, short)]
    tty: bool,
    /// User, a name or number, perhaps with a group: USER[:GROUP]
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Working directory
    #[arg(long, short, value_name = "DIR")]
    workdir: Option<String>,
    /// All capabilities
    #[arg(long)]
    privileged: bool,
    #[command(flatten)]
    descriptors: DescriptorArgs,
    /// Tell nobody else of the session
    #[arg(long)]
    no_session: bool,
    /// File with the id of the container
    #[arg(long, value_name = "FILE")]
    cidfile: Option<String>,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER COMMAND [ARG...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    args.descriptors.check()?;
    if args.no_session && (args.detach || args.detach_keys.is_some()) {
        return Err(CommandError::other("--no-session cannot be used with --detach or --detach-keys"));
    }
    let engine = context.engine().await?;
    let mut words = args.words.clone();
    if args.latest {
        words.insert(0, super::latest(engine).await?);
    } else if let Some(path) = &args.cidfile {
        words.insert(0, super::id_in(path)?);
    }
    let Some((name, command)) = words.split_first() else {
        return Err(CommandError::other(
            "exec requires the name or ID of a container or the --latest or --cidfile flag",
        ));
    };
    if command.is_empty() {
        return Err(CommandError::other(
            "must provide a non-empty command to start an exec session: invalid argument",
        ));
    }
    if args.tty && args.interactive && !args.detach && !std::io::stdin().is_terminal() {
        tracing::warn!(
            "The input device is not a TTY. The --tty and --interactive flags might not work properly"
        );
    }
    let name = name.strip_prefix('/').unwrap_or(name);
    let variables = args.variables.variables(&context.environment)?;
    let keys = super::detach_keys(context, args.detach_keys.as_deref())?;
    let spec = ExecSpec {
        attach_stdin: args.interactive && !args.detach,
        attach_stdout: !args.detach,
        attach_stderr: !args.detach,
        detach_keys: args.detach_keys.clone().unwrap_or_default(),
        env: variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        cmd: command.to_vec(),
        privileged: args.privileged,
        tty: args.tty,
        user: args.user.clone().unwrap_or_default(),
        working_dir: args.workdir.clone().unwrap_or_default(),
        preserve_fds: 0,
        preserve_fd: args.descriptors.numbers(),
        no_session: args.no_session,
    };
    if args.detach {
        let id = background(engine, name, spec).await?;
        context.printer.line(&id)?;
        return Ok(0);
    }
    attended(context, engine, name, spec, keys).await
}

/// Makes a session.
async fn made(engine: &dyn Engine, name: &str, spec: ExecSpec) -> Result<String, CommandError> {
    engine.execs().create(name, spec).await.map_err(|error| match error.kind {
        // As Podman: a session that cannot be made at all.
        ErrorKind::WrongState => CommandError::from(error).with_code(255),
        _ => error.into(),
    })
}

/// Runs a command that nobody waits for, and answers its session's id.
///
/// # Errors
/// It could not be started.
pub(crate) async fn background(
    engine: &dyn Engine,
    name: &str,
    spec: ExecSpec,
) -> Result<String, CommandError> {
    let id = made(engine, name, spec).await?;
    if let Err(error) =
        engine.execs().start(&id, ExecStartOptions { detach: true, ..Default::default() }).await
    {
        forget(engine, &id).await;
        // Nobody waits for it: whatever its command is, it was not started.
        return Err(CommandError::from(error).with_code(125));
    }
    Ok(id)
}

/// Runs a command with the streams of this process, to its end.
pub(crate) async fn attended(
    context: &Context,
    engine: &dyn Engine,
    name: &str,
    spec: ExecSpec,
    keys: crate::terminal::DetachKeys,
) -> CommandResult {
    let (tty, interactive) = (spec.tty, spec.attach_stdin);
    let id = made(engine, name, spec).await?;
    let execs = engine.execs();
    let mut signals = Signals::catch()?;
    let mut session = Session {
        printer: &context.printer,
        engine,
        target: Target::Exec(&id),
        tty,
        proxy: false,
        keys,
        stdout: true,
        stderr: true,
    };
    let raw = session.raw_mode(interactive)?;
    let size = crate::terminal::size().filter(|_| tty);
    let starting = execs.start(&id, ExecStartOptions { attended: true, size, ..Default::default() });
    let started = match signals.during(starting).await {
        Ok(started) => started,
        Err(number) => return Ok(ended_by(number)),
    };
    let stream = match started {
        Ok(stream) => stream,
        Err(error) => {
            drop(raw);
            forget(engine, &id).await;
            return Err(error.into());
        }
    };
    let ended = match stream {
        Some(stream) => session.run(stream, &mut signals).await?,
        None => Ended::Output,
    };
    let code = match ended {
        Ended::Detached => return Ok(0),
        Ended::Signal(number) => return Ok(ended_by(number)),
        Ended::Output => {
            let mut waiting = execs.wait(&id);
            loop {
                tokio::select! {
                    code = &mut waiting => break code?,
                    arrived = signals.next() => match arrived {
                        Arrived::Signal(number) | Arrived::Insisted(number) => return Ok(ended_by(number)),
                        Arrived::Resized => {}
                    },
                }
            }
        }
    };
    drop(raw);
    forget(engine, &id).await;
    Ok(super::session::narrow(code))
}

/// The session is of no use any more; one that is gone already is no error.
async fn forget(engine: &dyn Engine, id: &str) {
    match engine.execs().remove(id, true).await {
        Err(error) if error.kind != ErrorKind::NotFound => {
            tracing::debug!("forget exec session {id}: {error}")
        }
        _ => {}
    }
}
