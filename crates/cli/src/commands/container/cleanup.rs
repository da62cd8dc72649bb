//! `cove container cleanup`: what a monitor runs when its container has ended.

use cove_api::{ContainerState, Engine, ErrorKind, ImageRemoveOptions, RemoveOptions};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Clear up after containers that have ended
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container
    #[arg(long, short)]
    all: bool,
    /// Clear up after that exec session of the container instead
    #[arg(long, value_name = "SESSION")]
    exec: Option<String>,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Then remove the container
    #[arg(long)]
    rm: bool,
    /// Then remove its image
    #[arg(long)]
    rmi: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [CONTAINER...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let targets: super::Targets = super::Targets {
        names: args.containers.clone(),
        all: args.all,
        latest: args.latest,
        ..Default::default()
    };
    targets.check()?;
    check(&args)?;
    let engine = context.engine().await?;
    if let Some(session) = &args.exec {
        return session_cleanup(engine, session, args.rm).await;
    }
    let mut failures = Failures::default();
    let ended = [ContainerState::Exited, ContainerState::Stopped, ContainerState::Created];
    for container in targets.choose(engine, &ended, false, &mut failures).await? {
        if failures.note(one(engine, &container.id, args.rm, args.rmi).await).is_some() {
            context.printer.line(&container.shown)?;
        }
    }
    failures.finish()
}

fn check(args: &Args) -> Result<(), CommandError> {
    let complaint = match args.exec {
        Some(_) if args.all => "--all and --exec cannot be set together",
        Some(_) if args.containers.len() > 1 => {
            "cannot use exec option when more than one container is given"
        }
        Some(_) if args.rmi => "--exec and --rmi cannot be set together",
        _ => return Ok(()),
    };
    Err(CommandError::other(complaint))
}

/// An exec session leaves nothing that would not go with it; one that is gone is no error.
async fn session_cleanup(engine: &dyn Engine, session: &str, remove: bool) -> CommandResult {
    let done = match remove {
        true => engine.execs().remove(session, false).await,
        false => engine.execs().inspect(session).await.map(drop),
    };
    match done {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(0),
    }
}

async fn one(engine: &dyn Engine, id: &str, remove: bool, remove_image: bool) -> Result<(), CommandError> {
    let image = match remove_image {
        true => engine.containers().inspect(id, false).await?.image,
        false => String::new(),
    };
    engine.containers().cleanup(id).await?;
    if remove {
        // The restart policy may have started it again, or it was to be removed by itself.
        let gone = match engine.containers().inspect(id, false).await {
            Err(error) if error.kind == ErrorKind::NotFound => true,
            found => found?.state.status.is_alive(),
        };
        if !gone {
            let options = RemoveOptions { volumes: true, ignore: true, ..RemoveOptions::default() };
            engine.containers().remove(id, options).await?;
        }
    }
    if remove_image {
        let options = ImageRemoveOptions { ignore: true, ..ImageRemoveOptions::default() };
        let report = engine.images().remove(vec![image], options).await?;
        report.failure().map_or(Ok(()), Err)?;
    }
    Ok(())
}
