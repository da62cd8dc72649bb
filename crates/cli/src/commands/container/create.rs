//! `cove create`, and what it shares with `cove run`

use std::io::Write as _;
use std::path::Path;

use cove_api::{Engine, ErrorKind, PodRemoveOptions, PullOptions, PullPolicy, RemoveOptions};
use cove_sys::output::{Existing, OutputFile};

use crate::args::at_least;
use crate::args::spec::{ImageArgs, SpecArgs, Surroundings};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::pull;
use crate::commands::{Leaf, leaf, pod};
use crate::context::Context;

/// Make a container without starting it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image, then the command to run in the container
    #[arg(value_name = "IMAGE [COMMAND [ARG...]]")]
    words: Vec<String>,
    /// Accepted and kept for the start: stdin, stdout, stderr
    #[arg(long, short, value_name = "STREAM")]
    attach: Vec<String>,
    /// In a pod: run to its end before the others start, always or only once
    #[arg(long, value_name = "TYPE", help_heading = "Container")]
    init_ctr: Option<String>,
    #[command(flatten)]
    spec: SpecArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [COMMAND [ARG...]]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    super::check_streams(&args.attach)?;
    let init = init_type(&args)?;
    let engine = context.engine().await?;
    let id = create(context, engine, &args.spec, &args.words, |spec| spec.init_container_type = init).await?;
    context.printer.line(&id)?;
    Ok(0)
}

/// The container that is asked for.
///
/// # Errors
/// As [`create`], before an engine is asked.
#[cfg(target_os = "linux")]
pub(crate) fn described(context: &Context, args: &Args) -> Result<Described, CommandError> {
    let mut described = Described::of(context, &args.spec, &args.words)?;
    described.spec.init_container_type = init_type(args)?;
    described.outside.extend((!args.attach.is_empty()).then_some("--attach"));
    Ok(described)
}

/// What a command line says of a container, without an engine.
#[cfg(target_os = "linux")]
pub(crate) struct Described {
    /// The request.
    pub(crate) spec: cove_api::ContainerSpec,
    /// When the image is pulled; empty where nothing is said.
    pub(crate) pull: String,
    /// Options that are not of the container but of the command.
    pub(crate) outside: Vec<&'static str>,
}

#[cfg(target_os = "linux")]
impl Described {
    /// That of the options and the words after them.
    pub(super) fn of(context: &Context, args: &SpecArgs, words: &[String]) -> Result<Self, CommandError> {
        let (image, command) = words
            .split_first()
            .ok_or_else(|| CommandError::other("requires at least 1 arg(s), only received 0"))?;
        let mut spec = args.build(image, command, &Surroundings::of(context))?;
        // It says whose service this command runs in.
        spec.labels.remove(cove_config::env::PODMAN_SYSTEMD_UNIT);
        Ok(Self { spec, pull: args.image.pull.clone().unwrap_or_default(), outside: args.outside() })
    }
}

fn init_type(args: &Args) -> Result<String, CommandError> {
    let Some(kind) = &args.init_ctr else { return Ok(String::new()) };
    if args.spec.pod.pod.is_none() && args.spec.pod.pod_id_file.is_none() {
        return Err(CommandError::other("must specify pod value with init-ctr"));
    }
    if !matches!(kind.as_str(), "always" | "once") {
        return Err(CommandError::other("init-ctr value must be 'always' or 'once'"));
    }
    Ok(kind.clone())
}

/// Pulls the image where that is needed, makes the container and answers its id. `adjust` has the last word on the
/// specification. What is refused is refused before anything is pulled, made or removed.
pub(crate) async fn create(
    context: &Context,
    engine: &dyn Engine,
    args: &SpecArgs,
    words: &[String],
    adjust: impl FnOnce(&mut cove_api::ContainerSpec),
) -> Result<String, CommandError> {
    let (image, command) = words
        .split_first()
        .ok_or_else(|| CommandError::other("requires at least 1 arg(s), only received 0"))?;
    let around = Surroundings::of(context);
    let mut spec = args.build(image, command, &around)?;
    adjust(&mut spec);
    let mut id_file = args.identity.cidfile.as_deref().map(id_file).transpose()?;
    let wanted =
        if args.image.rootfs { None } else { missing_image(context, engine, &args.image, image).await? };
    if wanted.is_some() || args.identity.replace || spec.pod.starts_with("new:") {
        engine.containers().check(spec.clone()).await?;
    }
    if let Some(policy) = wanted {
        spec.image = pull_image(context, engine, &args.image, image, policy).await?;
    }
    if args.identity.replace {
        let options = RemoveOptions { force: true, ..Default::default() };
        match engine.containers().remove(&spec.name, options).await {
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let is_new = pod::new_for(context, engine, &mut spec).await?;
    let pod = spec.pod.clone();
    let created = match engine.containers().create(spec).await {
        Ok(created) => created,
        Err(error) => {
            if is_new {
                // It was made for this container alone.
                let options = PodRemoveOptions { force: true, ..PodRemoveOptions::default() };
                if let Err(second) = engine.pods().remove(&pod, options).await {
                    tracing::warn!("removing pod {pod}: {second}");
                }
            }
            return Err(conflict(error));
        }
    };
    for warning in &created.warnings {
        context.printer.error_line(warning);
    }
    if let Some(mut file) = id_file.take() {
        let written = file.write_all(created.id.as_bytes()).and_then(|()| file.finish());
        if let Err(error) = written {
            // A script that waits for the file would never learn of the container.
            let options = RemoveOptions { force: true, ..Default::default() };
            if let Err(second) = engine.containers().remove(&created.id, options).await {
                tracing::warn!("removing container {}: {second}", created.id);
            }
            return Err(CommandError::from(error));
        }
    }
    Ok(created.id)
}

/// The file for the container's id, which must not be there: whoever waits for it may read another's.
fn id_file(path: &str) -> Result<OutputFile, CommandError> {
    OutputFile::create(Path::new(path), Existing::Refuse).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CommandError::other(format!(
            "container id file exists. Ensure another container is not using it or delete {path}"
        )),
        _ => CommandError::from(cove_api::Error::from(error).context(format!("opening cidfile {path}"))),
    })
}

/// Adds the way out to a conflict of names.
fn conflict(error: cove_api::Error) -> CommandError {
    match error.kind {
        ErrorKind::AlreadyExists => {
            let text = format!("{}, or use --replace to instruct Podman to do so.", error.message);
            cove_api::Error::new(error.kind, text).context("creating container storage").into()
        }
        _ => error.into(),
    }
}

/// How the image is to be pulled before it can be used; [`None`] where it is to be taken as it is.
pub(super) async fn missing_image(
    context: &Context,
    engine: &dyn Engine,
    args: &ImageArgs,
    image: &str,
) -> Result<Option<PullPolicy>, CommandError> {
    let policy = args.pull.as_deref().or(context.conf.engine.pull_policy.as_deref()).unwrap_or("missing");
    let policy = pull::policy(policy)?;
    // Wrong keys are refused for an image that needs none, too.
    args.decryption.keys()?;
    let needed = match policy {
        PullPolicy::Never => false,
        PullPolicy::Always | PullPolicy::Newer => true,
        PullPolicy::Missing => {
            has_transport(image) || args.platform.is_given() || !engine.images().exists(image).await?
        }
    };
    Ok(needed.then_some(policy))
}

fn has_transport(image: &str) -> bool {
    ["docker:", "docker-archive:", "oci-archive:", "oci:", "dir:"]
        .iter()
        .any(|prefix| image.starts_with(prefix))
}

/// Pulls the image and answers by what name it is in the store.
pub(super) async fn pull_image(
    context: &Context,
    engine: &dyn Engine,
    args: &ImageArgs,
    image: &str,
    policy: PullPolicy,
) -> Result<String, CommandError> {
    let [os, arch, variant] = args.platform.parts()?;
    let access = args.registry.access()?;
    let signature_policy = args.trust.signature_policy.clone();
    let options = PullOptions {
        policy,
        os,
        arch,
        variant,
        access,
        decryption_keys: args.decryption.keys()?,
        signature_policy,
        ..PullOptions::default()
    };
    let ids = pull::pull(context, engine, image, options, args.quiet).await?;
    // A name with a transport is none in the store, and a platform may differ from what the name means later.
    let by_id = has_transport(image) || args.platform.is_given();
    Ok(match ids.last() {
        Some(id) if by_id => id.clone(),
        _ => image.to_owned(),
    })
}
