//! `up` that stays: the output of the containers is shown until they end or the user has them stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use cove_api::{Engine, ErrorKind, LogOptions, StopOptions, WaitOptions};
use cove_compose::model::Project;
use cove_project::plan::container_name;
use cove_project::run::{self, Event, Status, UpOptions};
use cove_project::{Found, FoundContainer};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::line::line;
use super::logs::{prefixed, print};
use super::watch::Watching;
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
    /// Whether files are watched meanwhile; it then ends when the user says so.
    pub(super) watch: bool,
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
    let told_before = Mutex::new(told_before(engine, project).await?);
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
    let mut names = Followed::default();
    let mut watching = match follow.watch {
        true => Some(Watching::of(context, engine, line(context)?, project, options, &told)?),
        false => None,
    };
    let mut watched = std::pin::pin!(async {
        match &mut watching {
            Some(watching) => watching.run().await,
            None => std::future::pending().await,
        }
    });
    let mut watches = follow.watch;
    let mut is_up = false;
    let mut ending: Option<u8> = None;
    loop {
        tokio::select! {
            done = &mut up, if !is_up => {
                done?;
                is_up = true;
            }
            ended = &mut watched, if is_up && watches => {
                watches = false;
                let error: CommandError = match ended {
                    Err(error) => error,
                    Ok(never) => match never {},
                };
                context.printer.error_line(&format!("Watch disabled: {}", error.messages().join("; ")));
            }
            Some(name) = arriving.recv() => {
                if names.begin(&name) {
                    followed.push(one(context, engine, project, follow, name, &told_before, width));
                }
            }
            Some((name, ended)) = followed.next(), if !followed.is_empty() => {
                if names.end(&name) {
                    followed.push(one(context, engine, project, follow, name, &told_before, width));
                }
                let Ended { service, name, code } = match ended {
                    // A new one has taken its place.
                    Err(error) if watches && error.kind() == Some(ErrorKind::NotFound) => continue,
                    ended => ended?,
                };
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
        if is_up && followed.is_empty() && arriving.is_empty() && !watches {
            return Ok(ending.unwrap_or(0));
        }
    }
}

/// The containers whose output is shown, by name.
#[derive(Default)]
struct Followed {
    now: BTreeSet<String>,
    /// They have been started again meanwhile.
    again: BTreeSet<String>,
}

impl Followed {
    /// Whether the output of one that has been started is not shown yet.
    fn begin(&mut self, name: &str) -> bool {
        let is_new = self.now.insert(name.to_owned());
        if !is_new {
            self.again.insert(name.to_owned());
        }
        is_new
    }

    /// One has ended: whether it has been started again.
    fn end(&mut self, name: &str) -> bool {
        let again = self.again.remove(name);
        if !again {
            self.now.remove(name);
        }
        again
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
            && let Some(after) = after(line.time)
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

/// Shows the output of one container until it ends; with its name.
async fn one(
    context: &Context,
    engine: &dyn Engine,
    project: &Project,
    follow: &Follow,
    name: String,
    told_before: &Mutex<ToldBefore>,
    width: usize,
) -> (String, Result<Ended, CommandError>) {
    let shown = shown(context, engine, project, follow, &name, told_before, width).await;
    (name, shown)
}

async fn shown(
    context: &Context,
    engine: &dyn Engine,
    project: &Project,
    follow: &Follow,
    name: &str,
    told_before: &Mutex<ToldBefore>,
    width: usize,
) -> Result<Ended, CommandError> {
    let inspect = engine.containers().inspect(name, false).await?;
    let told = || told_before.lock().unwrap_or_else(PoisonError::into_inner);
    let service = inspect.config.labels.get(cove_project::label::SERVICE).cloned().unwrap_or_default();
    if follow.services.contains(&service) {
        let at = project.services.keys().position(|known| *known == service).unwrap_or(0);
        let prefix = match follow.prefix {
            true => prefixed(name, &project.name, width, follow.colours.then_some(at)),
            false => String::new(),
        };
        let since = told().get(&inspect.id).copied();
        let options = LogOptions { follow: true, since, stdout: true, stderr: true, ..LogOptions::default() };
        let mut lines = engine.containers().logs(&inspect.id, options).await?;
        while let Some(line) = lines.next().await {
            let line = line?;
            print(context, &prefix, &line, follow.timestamps)?;
            if let Some(after) = after(line.time) {
                told().insert(inspect.id.clone(), after);
            }
        }
    }
    let code = engine.containers().wait(&inspect.id, WaitOptions::default()).await?;
    let start = format!("{}-", project.name);
    Ok(Ended { service, name: name.strip_prefix(&start).unwrap_or(name).to_owned(), code })
}

fn after(time: jiff::Timestamp) -> Option<jiff::Timestamp> {
    time.checked_add(jiff::SignedDuration::from_nanos(1)).ok()
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
