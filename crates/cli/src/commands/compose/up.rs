//! `cove compose up`

use std::collections::BTreeMap;

use cove_compose::model::Project;
use cove_project::plan::Recreate;
use cove_project::run::{self, Event, Status, UpOptions};

use super::attended::{Ending, Follow, attended};
use super::bring::Bring;
use super::line::{Line, line, not_supported};
use super::progress::Progress;
use super::watch;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// How containers are made: of `up` and `create`.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(super) struct Making {
    /// Build images before
    #[arg(long)]
    build: bool,
    /// Build none, even where one is missing
    #[arg(long, conflicts_with = "build")]
    no_build: bool,
    /// Make all containers anew
    #[arg(long)]
    force_recreate: bool,
    /// Keep containers, even where they are not what the file describes
    #[arg(long, conflicts_with = "force_recreate")]
    no_recreate: bool,
    /// When to pull: always, missing, never, or policy for what each service says
    #[arg(long, value_name = "WHEN", value_parser = ["always", "missing", "never", "build", "policy"])]
    pull: Option<String>,
    /// Say nothing of pulls
    #[arg(long)]
    quiet_pull: bool,
    /// Remove containers of services that the file has not
    #[arg(long)]
    remove_orphans: bool,
    /// Make so many containers of a service: SERVICE=NUMBER
    #[arg(long, value_name = "SERVICE=NUMBER")]
    scale: Vec<String>,
    /// Answer every question with yes; none is asked
    #[arg(long, short)]
    yes: bool,
}

/// Make and start what a project's files describe
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Args {
    /// Services, with what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    making: Making,
    /// Stop all as soon as one ends
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    abort_on_container_exit: bool,
    /// Stop all as soon as one fails
    #[arg(long, conflicts_with_all = ["detach", "wait", "abort_on_container_exit"])]
    abort_on_container_failure: bool,
    /// Also make anew what the services depend on
    #[arg(long)]
    always_recreate_deps: bool,
    /// Show only the output of these services
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    attach: Vec<String>,
    /// Also show the output of what the services depend on
    #[arg(long, conflicts_with = "detach")]
    attach_dependencies: bool,
    /// Leave them running, and end
    #[arg(long, short)]
    detach: bool,
    /// End with the exit code of this service; stops all when one ends
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["detach", "wait"])]
    exit_code_from: Option<String>,
    /// Not done: the keys of a menu
    #[arg(long, hide = true)]
    menu: bool,
    /// Do not show the output of these services
    #[arg(long, value_name = "SERVICE")]
    no_attach: Vec<String>,
    /// No colours
    #[arg(long)]
    no_color: bool,
    /// Without what the services depend on
    #[arg(long)]
    no_deps: bool,
    /// Not the container's name before each line
    #[arg(long)]
    no_log_prefix: bool,
    /// Make containers, start none
    #[arg(long)]
    no_start: bool,
    /// New anonymous volumes for containers that are made anew
    #[arg(long, short = 'V')]
    renew_anon_volumes: bool,
    /// Seconds that a stop waits before it kills
    #[arg(long, short, value_name = "SECONDS", allow_hyphen_values = true, value_parser = crate::args::stop_time)]
    timeout: Option<u32>,
    /// The time of each line
    #[arg(long)]
    timestamps: bool,
    /// Wait until the containers run and are healthy; implies --detach
    #[arg(long)]
    wait: bool,
    /// Seconds that --wait waits at most
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    wait_timeout: Option<u64>,
    /// Bring changed files into containers meanwhile, as the develop sections say
    #[arg(long, short, conflicts_with_all = ["detach", "wait", "no_start", "abort_on_container_exit", "abort_on_container_failure", "exit_code_from"])]
    watch: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

/// Tells steps in the style that the command line asks for.
pub(super) fn sink<'a>(context: &'a Context, line: &Line) -> impl Fn(Event) + Send + Sync + 'a {
    told(context, Progress::of(context, line))
}

/// The same with a style of its own.
pub(super) fn told<'a>(context: &'a Context, progress: Progress<'a>) -> impl Fn(Event) + Send + Sync + 'a {
    move |event: Event| match event.status {
        Status::Warning => context.printer.error_line(&cove_api::shown::line(&event.text)),
        _ => progress.step(&event.object, &event.text),
    }
}

impl Making {
    fn bring(&self) -> Bring {
        Bring {
            build: self.build,
            no_build: self.no_build,
            policy: self.pull.clone().filter(|policy| policy != "policy"),
            quiet_pull: self.quiet_pull,
            quiet_build: false,
        }
    }

    fn scale(&self, project: &Project) -> Result<BTreeMap<String, u32>, CommandError> {
        self.scale
            .iter()
            .map(|text| {
                let pair = text.split_once('=').and_then(|(name, number)| Some((name, number.parse().ok()?)));
                let (name, number) = pair.ok_or_else(|| {
                    CommandError::other(format!("invalid --scale option {text:?}. Should be SERVICE=NUM"))
                })?;
                if !project.services.contains_key(name) {
                    return Err(CommandError::other(format!("no such service: {name}")));
                }
                Ok((name.to_owned(), number))
            })
            .collect()
    }

    fn options(&self, context: &Context, line: &Line, project: &Project) -> Result<UpOptions, CommandError> {
        let recreate = match (self.force_recreate, self.no_recreate) {
            (true, _) => Recreate::Force,
            (_, true) => Recreate::Never,
            _ => Recreate::Diverged,
        };
        Ok(UpOptions {
            recreate,
            recreate_dependencies: if self.no_recreate { Recreate::Never } else { Recreate::Diverged },
            scale: self.scale(project)?,
            remove_orphans: self.remove_orphans,
            ignore_orphans: ignores_orphans(context),
            env_files: line.env_files.clone(),
            at_once: Some(line.at_once(context)),
            ..UpOptions::default()
        })
    }
}

/// Whether nothing is to be said of containers of services that the file has not.
pub(super) fn ignores_orphans(context: &Context) -> bool {
    matches!(context.environment.get("COMPOSE_IGNORE_ORPHANS"), Some("1" | "true" | "True"))
}

/// `create`.
pub(super) async fn make(context: &Context, services: Vec<String>, making: &Making) -> CommandResult {
    let line = line(context)?;
    let project = line.project(context, &services)?;
    let options = UpOptions { services, no_start: true, ..making.options(context, line, &project)? };
    let engine = context.engine().await?;
    run::check(engine, &project, &options.scale).await?;
    making.bring().bring(context, engine, &project, &Progress::of(context, line)).await?;
    let tell = sink(context, line);
    run::up(engine, &project, &options, &tell).await?;
    Ok(0)
}

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.menu {
        return Err(not_supported("--menu"));
    }
    let line = line(context)?;
    let mut project = line.project(context, &args.services)?;
    if args.no_deps && !args.services.is_empty() {
        alone(&mut project, &args.services);
    }
    if args.watch {
        watch::check(&project, &args.services, args.making.no_build)?;
    }
    let detached = args.detach || args.wait || args.no_start;
    let base = args.making.options(context, line, &project)?;
    let options = UpOptions {
        // Volumes come anew with their containers.
        recreate: if args.renew_anon_volumes { Recreate::Force } else { base.recreate },
        recreate_dependencies: if args.always_recreate_deps {
            Recreate::Force
        } else {
            base.recreate_dependencies
        },
        services: args.services.clone(),
        timeout: args.timeout,
        renew_anonymous_volumes: args.renew_anon_volumes,
        no_start: args.no_start,
        wait: args.wait,
        ..base
    };
    let follow = if detached { None } else { Some(follow(context, line, &project, &args)?) };
    let engine = context.engine().await?;
    run::check(engine, &project, &options.scale).await?;
    args.making.bring().bring(context, engine, &project, &Progress::of(context, line)).await?;
    let tell = sink(context, line);
    let Some(follow) = follow else {
        let up = run::up(engine, &project, &options, &tell);
        match args.wait_timeout {
            None => drop(up.await?),
            Some(seconds) => {
                let limit = std::time::Duration::from_secs(seconds);
                let done = tokio::time::timeout(limit, up).await;
                drop(done.map_err(|_| {
                    CommandError::other(format!("application not healthy after {limit:?}"))
                })??);
            }
        }
        return Ok(0);
    };
    attended(context, engine, &project, &options, &follow, &tell).await
}

/// The project without what the services depend on; that is none that the file has not.
pub(super) fn alone(project: &mut Project, services: &[String]) {
    let all = std::mem::take(&mut project.services);
    let (meant, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(name, _)| services.contains(name));
    project.services = meant;
    project.disabled_services.extend(others);
    for service in project.services.values_mut() {
        service.depends_on.retain(|name, _| services.contains(name));
    }
}

fn follow(context: &Context, line: &Line, project: &Project, args: &Args) -> Result<Follow, CommandError> {
    let ending = match (&args.exit_code_from, args.abort_on_container_exit, args.abort_on_container_failure) {
        (Some(name), ..) if project.services.contains_key(name) => Ending::CodeOf(name.clone()),
        (Some(name), ..) => return Err(CommandError::other(format!("no such service: {name}"))),
        (None, true, _) => Ending::FirstExit,
        (None, _, true) => Ending::FirstFailure,
        _ => Ending::All,
    };
    if let Some(name) =
        args.attach.iter().chain(&args.no_attach).find(|name| !project.services.contains_key(*name))
    {
        return Err(CommandError::other(format!("no such service: {name}")));
    }
    let named = |name: &String| match (args.attach.is_empty(), args.services.is_empty()) {
        (false, _) => args.attach.contains(name),
        (true, true) => true,
        (true, false) => args.services.contains(name) || args.attach_dependencies,
    };
    let shown = project.services.iter().filter(|(name, service)| {
        named(name) && !args.no_attach.contains(name) && service.attach != Some(false)
    });
    Ok(Follow {
        services: shown.map(|(name, _)| name.clone()).collect(),
        ending,
        colours: !args.no_color && line.colours(context),
        prefix: !args.no_log_prefix,
        timestamps: args.timestamps,
        watch: args.watch,
    })
}
