//! `up` that stays: the output of the containers is shown until they end or the user has them stopped.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{Engine, LogOptions, StopOptions, WaitOptions};
use cove_compose::model::Project;
use cove_project::plan::container_name;
use cove_project::run::{self, Event, Status, UpOptions};
use cove_project::{Found, FoundContainer};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::logs::{prefixed, print};
use crate::command_error::{CommandError, CommandResult};
use crate::context::Context;
use crate::terminal::{Arrived, Signals, ended_by};

/// What ends the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// All have ended.
    All,
    /// One has ended.
    FirstExit,
    /// One has failed.
    FirstFailure,
    /// One has ended; the code is this service's.
    CodeOf(String),
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Follow {
    /// The services whose output is shown.
    pub(super) services: BTreeSet<String>,
    /// What ends the command.
    pub(super) ending: Ending,
    /// Whether names are coloured.
    pub(super) colours: bool,
    /// Whether the container's name stands before each line.
    pub(super) prefix: bool,
    /// Whether the time of each line is shown.
    pub(super) timestamps: bool,
}

/// A container that has ended.
struct Ended {
    service: String,
    name: String,
    code: i32,
}

/// Does `up`, shows what the containers write from their start on, and stops them when the user asks for it: at the second
/// time at once.
pub(super) async fn attended(
    context: &Context,
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
    follow: &Follow,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> CommandResult {
    let mut signals = Signals::catch()?;
    let told_before = told_before(engine, project).await?;
    let (started, mut arriving) = tokio::sync::mpsc::unbounded_channel();
    let told = |event: Event| {
        if event.status == Status::Done && matches!(event.text.as_str(), "Started" | "Running") {
            let _ = started.send(event.object.trim_start_matches("Container ").to_owned());
        }
        tell(event);
    };
    let width = width(project, options);
    let mut up = std::pin::pin!(run::up(engine, project, options, &told));
    let mut followed = FuturesUnordered::new();
    let mut is_up = false;
    let mut ending: Option<u8> = None;
    loop {
        tokio::select! {
            done = &mut up, if !is_up => {
                done?;
                is_up = true;
            }
            Some(name) = arriving.recv() => {
                followed.push(one(context, engine, project, follow, name, &told_before, width));
            }
            Some(ended) = followed.next(), if !followed.is_empty() => {
                let Ended { service, name, code } = ended?;
                context.printer.line(&format!("{} exited with code {code}", cove_api::shown::line(&name)))?;
                let code = u8::try_from(code).unwrap_or(1);
                let ends = match &follow.ending {
                    Ending::All => false,
                    Ending::FirstFailure => code != 0,
                    Ending::FirstExit | Ending::CodeOf(_) => true,
                };
                if let Ending::CodeOf(wanted) = &follow.ending && *wanted == service {
                    ending = Some(code);
                } else if ends && ending.is_none() {
                    ending = Some(code);
                }
                if ends {
                    context.printer.error_line("Aborting on container exit...");
                    stop(engine, project, options, options.timeout, tell).await?;
                    if let Ending::CodeOf(wanted) = &follow.ending && *wanted != service {
                        ending = Some(code_of(engine, project, wanted).await?);
                    }
                    return Ok(ending.unwrap_or(0));
                }
            }
            arrived = signals.next() => match arrived {
                Arrived::Signal(number @ (2 | 15 | 1 | 3)) => {
                    context.printer.error_line("Gracefully Stopping... press Ctrl+C again to force");
                    let stopped = signals.during(stop(engine, project, options, options.timeout, tell)).await;
                    match stopped {
                        Ok(done) => done?,
                        Err(_) => stop(engine, project, options, Some(0), tell).await?,
                    }
                    return Ok(ended_by(number));
                }
                Arrived::Insisted(number) => {
                    stop(engine, project, options, Some(0), tell).await?;
                    return Ok(ended_by(number));
                }
                Arrived::Signal(_) | Arrived::Resized => {}
            },
        }
        if is_up && followed.is_empty() && arriving.is_empty() {
            return Ok(ending.unwrap_or(0));
        }
    }
}

/// The moment after the last line that a container has written, by its id.
type ToldBefore = BTreeMap<String, jiff::Timestamp>;

/// Where the output of containers that are there already goes on: by the engine's clock, which may not be this machine's.
async fn told_before(engine: &dyn Engine, project: &Project) -> Result<ToldBefore, CommandError> {
    let mut all = ToldBefore::new();
    for one in running(engine, project).await? {
        let options = LogOptions { tail: Some(1), stdout: true, stderr: true, ..LogOptions::default() };
        // One whose output is kept nowhere is no reason not to begin.
        let Ok(mut lines) = engine.containers().logs(&one.row.id, options).await else { continue };
        if let Some(Ok(line)) = lines.next().await
            && let Ok(after) = line.time.checked_add(jiff::SignedDuration::from_nanos(1))
        {
            all.insert(one.row.id, after);
        }
    }
    Ok(all)
}

/// The width of names before lines.
fn width(project: &Project, options: &UpOptions) -> usize {
    let start = format!("{}-", project.name);
    let names = project.services.values().map(|service| {
        let last = options.scale.get(&service.name).copied().unwrap_or(1).max(1);
        let name = container_name(project, service, last);
        name.strip_prefix(&start).unwrap_or(&name).chars().count()
    });
    names.max().unwrap_or(0)
}

/// Shows the output of one container until it ends.
async fn one(
    context: &Context,
    engine: &dyn Engine,
    project: &Project,
    follow: &Follow,
    name: String,
    told_before: &ToldBefore,
    width: usize,
) -> Result<Ended, CommandError> {
    let inspect = engine.containers().inspect(&name, false).await?;
    let service = inspect.config.labels.get(cove_project::label::SERVICE).cloned().unwrap_or_default();
    if follow.services.contains(&service) {
        let at = project.services.keys().position(|known| *known == service).unwrap_or(0);
        let prefix = match follow.prefix {
            true => prefixed(&name, &project.name, width, follow.colours.then_some(at)),
            false => String::new(),
        };
        let options = LogOptions {
            follow: true,
            since: told_before.get(&inspect.id).copied(),
            stdout: true,
            stderr: true,
            ..LogOptions::default()
        };
        let mut lines = engine.containers().logs(&inspect.id, options).await?;
        while let Some(line) = lines.next().await {
            print(context, &prefix, &line?, follow.timestamps)?;
        }
    }
    let code = engine.containers().wait(&inspect.id, WaitOptions::default()).await?;
    let start = format!("{}-", project.name);
    Ok(Ended { service, name: name.strip_prefix(&start).unwrap_or(&name).to_owned(), code })
}

async fn running(engine: &dyn Engine, project: &Project) -> Result<Vec<FoundContainer>, CommandError> {
    let found = Found::of(engine, &project.name).await?;
    let known = |one: &FoundContainer| !one.one_off && project.services.contains_key(&one.service);
    Ok(found.containers.into_iter().filter(known).collect())
}

/// Stops the project's containers, those that depend on others first.
async fn stop(
    engine: &dyn Engine,
    project: &Project,
    up: &UpOptions,
    timeout: Option<u32>,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> Result<(), CommandError> {
    let containers = running(engine, project).await?;
    let options = StopOptions { timeout, ignore: true, ..StopOptions::default() };
    Ok(run::stop(engine, &containers, &options, up.at_once, tell).await?)
}

async fn code_of(engine: &dyn Engine, project: &Project, service: &str) -> Result<u8, CommandError> {
    let containers = running(engine, project).await?;
    let code = containers.iter().filter(|one| one.service == service).map(|one| one.row.exit_code).max();
    Ok(u8::try_from(code.unwrap_or(0)).unwrap_or(1))
}
