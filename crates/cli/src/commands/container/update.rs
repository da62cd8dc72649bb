//! `cove update`

use cove_api::{ContainerSpec, ContainerUpdate, RestartUpdate};
use cove_spec::{environment, policy, resource};

use crate::args::spec::{BlockArgs, HealthArgs, ResourceArgs};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Change limits, environment and restart policy of a container; its health check from its next start on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Environment variable NAME=VALUE; NAME alone takes the value over
    #[arg(long, short, value_name = "VARIABLE")]
    env: Vec<String>,
    /// Leave out an environment variable
    #[arg(long, value_name = "NAME")]
    unsetenv: Vec<String>,
    /// Start it again when it ends: no, always, on-failure[:TRIES], unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Resource limit of its next start, NAME=SOFT[:HARD]
    #[arg(long, value_name = "LIMIT", value_delimiter = ',')]
    ulimit: Vec<String>,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    block: BlockArgs,
    #[command(flatten)]
    health: HealthArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    let complaint = match (args.names.len(), args.latest) {
        (0, false) => Some("requires a name, id, or the \"--latest\" flag".to_owned()),
        (1.., true) => Some("--latest and containers cannot be used together".to_owned()),
        (2.., false) => Some(format!("accepts 1 arg(s), received {}", args.names.len())),
        _ => None,
    };
    if let Some(complaint) = complaint {
        return Err(CommandError::other(complaint));
    }
    let update = update(context, &args)?;
    let engine = context.engine().await?;
    let name = match args.names.first() {
        Some(name) => name.strip_prefix('/').unwrap_or(name).to_owned(),
        None => super::latest(engine).await?,
    };
    let id = engine.containers().update(&name, update).await?;
    context.printer.line(&id)?;
    Ok(0)
}

/// What the options ask for.
fn update(context: &Context, args: &Args) -> Result<ContainerUpdate, CommandError> {
    let own: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let env = environment::parse(args.env.iter().map(String::as_str), &own)?;
    let restart = match &args.restart {
        Some(text) => {
            let restart = policy::restart(text)?;
            Some(RestartUpdate { policy: restart.policy, tries: restart.tries.unwrap_or(0) })
        }
        None => None,
    };
    let mut limits = ContainerSpec::default();
    args.resources.apply(&mut limits)?;
    args.block.apply(&mut limits)?;
    let health = args.health.clone();
    Ok(ContainerUpdate {
        env: env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        unset_env: args.unsetenv.clone(),
        r_limits: resource::ulimits(args.ulimit.iter().map(String::as_str))?,
        restart,
        health_command: health.health_cmd,
        health_interval: health.health_interval,
        health_timeout: health.health_timeout,
        health_start_period: health.health_start_period,
        health_retries: health.health_retries,
        health_startup_command: health.health_startup_cmd,
        health_startup_interval: health.health_startup_interval,
        health_startup_timeout: health.health_startup_timeout,
        health_startup_retries: health.health_startup_retries,
        health_startup_success: health.health_startup_success,
        health_on_failure: health.health_on_failure,
        health_log_destination: health.health_log_destination,
        health_max_log_count: health.health_max_log_count,
        health_max_log_size: health.health_max_log_size,
        no_healthcheck: health.no_healthcheck.then_some(true),
        ..ContainerUpdate::of_request(&limits)
    })
}
