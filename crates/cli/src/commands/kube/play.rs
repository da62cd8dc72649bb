//! `cove kube play`

use cove_api::{Engine, KubePlayOptions, KubeReport, PodState, StringMap, WaitOptions};

use super::down::take_down;
use super::images::Images;
use super::service::{Propagation, runs, serve};
use super::text::Text;
use crate::args::at_least;
use crate::args::registry::RegistryArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::interrupted;

/// Make and start the pods, volumes and secrets that Kubernetes YAML describes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or addresses, or - for standard input
    #[arg(value_name = "KUBEFILE")]
    files: Vec<String>,
    /// Annotation of the pods and volumes, KEY=VALUE
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Build images for which there is a folder of their name with a build file; false never does
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    build: Option<bool>,
    /// Folder in which the folders of images are; needs --build
    #[arg(long, value_name = "DIR")]
    context_dir: Option<String>,
    /// File with config maps
    #[arg(long, value_name = "FILE")]
    configmap: Vec<String>,
    /// Address of a pod; the first is the first pod's
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    ip: Vec<String>,
    /// Run the job of this CronJob, once; its schedule is not kept
    #[arg(long, value_name = "NAME")]
    job: Vec<String>,
    /// Hardware address of a pod; the first is the first pod's
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    mac_address: Vec<String>,
    /// Where output is kept: k8s-file, json-file, journald, none, passthrough
    #[arg(long, value_name = "DRIVER")]
    log_driver: Option<String>,
    /// Option of the log driver, KEY=VALUE
    #[arg(long, value_name = "OPTION")]
    log_opt: Vec<String>,
    /// Network of the pods: bridge, host, none, pasta, slirp4netns, ns:PATH or a network's name
    #[arg(long, visible_alias = "net", value_name = "NETWORK")]
    network: Vec<String>,
    /// Leave the images' /etc/hostname as it is
    #[arg(long)]
    no_hostname: bool,
    /// Leave the images' /etc/hosts as it is
    #[arg(long)]
    no_hosts: bool,
    /// Name containers as the file does, without the pod's name before
    #[arg(long)]
    no_pod_prefix: bool,
    /// Publish a port: [[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]; in place of what the file says of it
    #[arg(long, value_name = "PORT", value_delimiter = ',')]
    publish: Vec<String>,
    /// Publish all ports that the file names
    #[arg(long)]
    publish_all: bool,
    /// Say nothing of pulls
    #[arg(long, short)]
    quiet: bool,
    /// Remove pods of the same names first
    #[arg(long)]
    replace: bool,
    /// Folder of seccomp profiles that the file names
    #[arg(long, value_name = "DIR")]
    seccomp_profile_root: Option<String>,
    /// Start the pods
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    start: Option<bool>,
    /// Refuse fields and kinds that have no effect
    #[arg(long)]
    strict: bool,
    /// User namespace of the pods
    #[arg(long, value_name = "MODE")]
    userns: Option<String>,
    /// Wait until the pods have ended or a signal comes, then remove all of it
    #[arg(long, short)]
    wait: bool,
    /// Remove what the file describes
    #[arg(long, hide = true)]
    down: bool,
    /// With --down, also the volumes
    #[arg(long)]
    force: bool,
    /// Never shorten annotations, which is so in any case
    #[arg(long, hide = true)]
    no_trunc: bool,
    /// Stay until the pods have ended, and tell systemd when they run: what the services of .kube files do
    #[arg(long, hide = true)]
    service_container: bool,
    /// With --service-container, when to end with 125: if all or any of the containers failed, or never (none)
    #[arg(long, hide = true, value_name = "POLICY")]
    service_exit_code_propagation: Option<String>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] KUBEFILE [KUBEFILE...]|-");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.files, 1)?;
    let options = options(&args)?;
    if args.force && !args.down {
        return Err(CommandError::other("--force may be specified only with --down"));
    }
    if args.down {
        let text = Text::read(&args.files).await?;
        take_down(context, context.engine().await?, &text, args.force).await?;
        return Ok(0);
    }
    if args.context_dir.is_some() && args.build != Some(true) {
        return Err(CommandError::other("--build must be specified when using --context-dir option"));
    }
    if args.wait && !options.start {
        return Err(CommandError::other("--wait and --start=false cannot be set together"));
    }
    if args.service_container && !options.start {
        return Err(CommandError::other("--service-container does not work with --start=stop"));
    }
    let propagation = Propagation::of(args.service_exit_code_propagation.as_deref())?;
    let mut text = Text::read(&args.files).await?;
    text.add_config_maps(&args.configmap).await?;
    text.choose_jobs(&args.job)?;
    tell_unused(context, &args, &text)?;
    text.application.check_playable().map_err(cove_api::Error::from)?;
    let engine = context.engine().await?;
    let images = Images {
        build: args.build,
        folder: args.context_dir.as_deref(),
        access: &options.access,
        quiet: args.quiet,
        registry: args.registry.words(),
    };
    let built = images.bring(context, engine, &text).await?;
    let options = KubePlayOptions { built, ..options };
    if args.wait {
        return play_and_wait(context, engine, &text, options).await;
    }
    let report = engine.kube().play(text.bytes.clone(), options).await?;
    let told = tell(context, &report);
    if args.service_container && runs(&report) {
        return serve(context, engine, &report, propagation).await;
    }
    told?;
    Ok(0)
}

fn options(args: &Args) -> Result<KubePlayOptions, CommandError> {
    let mut annotations = StringMap::new();
    for text in &args.annotation {
        let Some((key, value)) = text.split_once('=') else {
            return Err(CommandError::other(format!("annotation {text:?} must include an '=' sign")));
        };
        annotations.insert(key.to_owned(), value.to_owned());
    }
    let folder = std::env::current_dir()?.to_string_lossy().into_owned();
    Ok(KubePlayOptions {
        annotations,
        log_driver: args.log_driver.clone().unwrap_or_default(),
        log_options: args.log_opt.clone(),
        network: args.network.clone(),
        no_hostname: args.no_hostname,
        no_hosts: args.no_hosts,
        no_pod_prefix: args.no_pod_prefix,
        no_trunc: args.no_trunc,
        publish_all_ports: args.publish_all,
        publish_ports: args.publish.clone(),
        replace: args.replace,
        start: args.start != Some(false),
        static_ips: args.ip.clone(),
        static_macs: args.mac_address.clone(),
        jobs: args.job.clone(),
        userns: args.userns.clone().unwrap_or_default(),
        access: args.registry.access()?,
        folder: Some(folder),
        seccomp_profile_root: absolute(args.seccomp_profile_root.as_deref())?,
        ..KubePlayOptions::default()
    })
}

/// A folder as it is seen from anywhere.
fn absolute(folder: Option<&str>) -> Result<Option<String>, CommandError> {
    let Some(folder) = folder else { return Ok(None) };
    Ok(Some(std::path::absolute(folder)?.to_string_lossy().into_owned()))
}

/// Tells what has no effect, or refuses it.
fn tell_unused(context: &Context, args: &Args, text: &Text) -> Result<(), CommandError> {
    if args.strict && !text.unused.is_empty() {
        return Err(CommandError::other(format!("these have no effect: {}", text.unused.join("; "))));
    }
    for unused in &text.unused {
        tracing::info!("{unused} has no effect");
    }
    for remark in &text.application.remarks {
        context.printer.error_line(&format!("Warning: {remark}"));
    }
    Ok(())
}

/// Tells what was made, in Podman's form.
fn tell(context: &Context, report: &KubeReport) -> Result<(), CommandError> {
    let printer = &context.printer;
    let volumes = report.volumes.iter().map(|volume| &volume.name);
    let secrets = report.secrets.iter().map(|secret| &secret.create_report.id);
    for (title, lines) in [("Volumes:", volumes.collect::<Vec<_>>()), ("Secrets:", secrets.collect())] {
        if !lines.is_empty() {
            printer.line(title)?;
        }
        lines.into_iter().try_for_each(|line| printer.line(line))?;
    }
    for line in report.pods.iter().flat_map(|pod| &pod.logs) {
        printer.error_line(line.trim_end());
    }
    let mut failed = 0;
    for pod in &report.pods {
        printer.line("Pod:")?;
        printer.line(&pod.id)?;
        match pod.containers.len() {
            0 => {}
            1 => printer.line("Container:")?,
            _ => printer.line("Containers:")?,
        }
        pod.containers.iter().try_for_each(|id| printer.line(id))?;
        failed += pod.container_errors.len();
        if !pod.container_errors.is_empty() {
            printer.line("")?;
        }
        pod.container_errors.iter().for_each(|error| printer.error_line(error));
        if !pod.containers.is_empty() {
            printer.line("")?;
        }
    }
    if failed > 0 {
        return Err(CommandError::other(format!("failed to start {failed} containers")));
    }
    Ok(())
}

/// Plays, waits for the end of all pods or for a signal, and takes all of it down.
async fn play_and_wait(
    context: &Context,
    engine: &dyn Engine,
    text: &Text,
    options: KubePlayOptions,
) -> CommandResult {
    context.printer.line("Use ctrl+c to clean up or wait for pods to exit")?;
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    let mut made = false;
    let played = async {
        let report = engine.kube().play(text.bytes.clone(), options).await?;
        made = true;
        let told = tell(context, &report);
        wait_for_pods(engine, &report).await?;
        told
    };
    let outcome = tokio::select! {
        outcome = played => {
            if outcome.is_ok() {
                context.printer.line("Cleaning up containers, pods, and volumes...")?;
            }
            outcome
        }
        () = &mut interrupted => {
            context.printer.line("\nCleaning up containers, pods, and volumes...")?;
            Ok(())
        }
    };
    if !made && outcome.is_err() {
        // What is there by these names may be an earlier play's, with its data.
        return outcome.map(|()| 0);
    }
    // Also where containers did not start: whoever waits wants nothing to be left.
    let down = take_down(context, engine, text, true).await;
    outcome.and(down)?;
    Ok(0)
}

/// Waits until nothing of the pods runs, whatever their restart policies did meanwhile.
pub(super) async fn wait_for_pods(engine: &dyn Engine, report: &KubeReport) -> Result<(), CommandError> {
    for pod in &report.pods {
        loop {
            for container in &pod.containers {
                ended(engine.containers().wait(container, WaitOptions::default()).await.map(drop))?;
            }
            let state = match engine.pods().inspect(&pod.id).await {
                Err(error) if error.kind == cove_api::ErrorKind::NotFound => break,
                found => found?.state,
            };
            if !matches!(state, PodState::Running | PodState::Degraded) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// What was removed has ended, too.
fn ended(waited: cove_api::Result<()>) -> Result<(), CommandError> {
    match waited {
        Err(error) if error.kind == cove_api::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}
