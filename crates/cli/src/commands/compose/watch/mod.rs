//! `cove compose watch`: containers follow the files that they are made of.

mod apply;
mod archive;
mod changes;
mod rules;

pub(super) use apply::Watching;

use cove_compose::model::Project;
use cove_project::run::{self, UpOptions};

use rules::Rules;

use super::bring::Bring;
use super::line::line;
use super::progress::Progress;
use super::up::{ignores_orphans, sink};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{Arrived, Signals, ended_by};

/// Bring changed files into containers, build anew or restart, as the develop sections of services say
///
/// Services are built and started before, unless --no-up is given. It goes on until it is interrupted; what runs goes on
/// running.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Build and start nothing before
    #[arg(long)]
    no_up: bool,
    /// Remove images that a new build has replaced, which is usual: --prune=false keeps them
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    prune: Option<bool>,
    /// Say nothing of the steps of builds
    #[arg(long)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// Whether the files of these services can be watched, or of all.
///
/// # Errors
/// They cannot.
pub(super) fn check(project: &Project, services: &[String], no_build: bool) -> Result<(), CommandError> {
    let (rules, _) = Rules::of(project, services)?;
    match rules.rebuilds() && no_build {
        true => Err(CommandError::other("--no-build is incompatible with the watch action rebuild")),
        false => Ok(()),
    }
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let line = line(context)?;
    let project = line.project(context, &args.services)?;
    let engine = context.engine().await?;
    let tell = sink(context, line);
    let up = UpOptions {
        services: args.services.clone(),
        ignore_orphans: ignores_orphans(context),
        env_files: line.env_files.clone(),
        at_once: Some(line.at_once(context)),
        ..UpOptions::default()
    };
    let mut watching = Watching::of(context, engine, line, &project, &up, &tell)?;
    watching.prune = args.prune != Some(false);
    watching.quiet = args.quiet;
    let mut signals = Signals::catch()?;
    let work = async {
        if !args.no_up {
            run::check(engine, &project, &up.scale).await?;
            // What is watched is built of the files as they are now.
            let mut fresh = project.clone();
            for service in fresh.services.values_mut().filter(|service| service.develop.is_some()) {
                if service.build.is_some() {
                    service.pull_policy = "build".to_owned();
                }
            }
            let bring = Bring { quiet_build: args.quiet, ..Bring::default() };
            bring.bring(context, engine, &fresh, &Progress::of(context, line)).await?;
            run::up(engine, &project, &up, &tell).await?;
        }
        watching.run().await
    };
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => {
                let error: CommandError = match ended {
                    Err(error) => error,
                    Ok(never) => match never {},
                };
                return Err(error);
            }
            arrived = signals.next() => match arrived {
                Arrived::Signal(number @ (1 | 2 | 3 | 15)) | Arrived::Insisted(number) => {
                    context.printer.line("  ⦿ Watch disabled")?;
                    return Ok(ended_by(number));
                }
                Arrived::Signal(_) | Arrived::Resized => {}
            },
        }
    }
}
