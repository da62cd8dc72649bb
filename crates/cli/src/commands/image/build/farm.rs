//! `cove farm build`: an image for several platforms, each of which is built where it is at home.

use std::collections::BTreeMap;
use std::io::Write as _;

use cove_api::{
    BuildContext, BuildOptions, Engine, ManifestCreateOptions, ManifestModifyOptions, ManifestOperation,
    ManifestRemoveOptions, Progress, PushOptions, RegistryAccess,
};
use cove_registry::{Platform, Reference};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use super::args::Args as BuildArgs;
use super::log::Log;
use super::{Signals, context as gathering, named_file, request};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::system::connection::connections;
use crate::commands::{Leaf, leaf};
use crate::connect::open_remote;
use crate::context::Context;

/// How this machine is called among nodes.
const LOCAL: &str = "(local)";
/// How a destination ends that gets an image by its digest alone.
const UNTAGGED: &str = "@@unknown-digest@@";

/// Build an image on all nodes of a farm and put what comes of it into a list in a registry
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    build: BuildArgs,
    /// Remove the images from the nodes when the list is complete
    #[arg(long, help_heading = "Farms")]
    cleanup: bool,
    /// Farm that builds; without one the default farm, else every connection
    #[arg(long, value_name = "FARM", help_heading = "Farms")]
    farm: Option<String>,
    /// Build on this machine as well, which is the default
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Farms")]
    local: Option<bool>,
    /// Platforms that it is built for; without any those of all nodes
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = "Farms")]
    platforms: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTEXT]");

/// An engine that builds.
struct Node<'a> {
    name: String,
    engine: &'a dyn Engine,
    native: Platform,
    emulated: Vec<Platform>,
}

/// A build of one node.
struct Job<'n, 'a> {
    node: &'n Node<'a>,
    platform: Platform,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let list = name(&args.build)?;
    let options = request::options(context, &args.build)?;
    refuse(&args.build, &options)?;
    args.build.check()?;
    let mut id_file = named_file(args.build.iidfile.as_deref())?;
    let mut raw_id_file = named_file(args.build.iidfile_raw.as_deref())?;
    let mut log = Log::open(&args.build, &options)?;
    let remotes = remotes(context, &args)?;
    let own = context.engine().await?;
    let nodes = nodes(own, &remotes, args.local != Some(false)).await?;
    let jobs = schedule(&nodes, &args.platforms)?;
    let ids = built(context, &args.build, &options, &jobs, &mut log).await;
    // Also of a build that failed.
    if let Some(log) = log {
        log.finish()?;
    }
    let ids = ids?;
    let pushed = join_all(jobs.iter().zip(&ids).map(|(job, id)| push(job, id, &list, &options.access))).await;
    let digests = pushed.into_iter().collect::<Result<Vec<String>, _>>()?;
    let id = assemble(own, &list, &digests, &options.access).await?;
    for (file, text) in [(&mut id_file, format!("sha256:{id}")), (&mut raw_id_file, id)] {
        if let Some(mut file) = file.take() {
            file.write_all(text.as_bytes())?;
            file.finish()?;
        }
    }
    context.printer.line(&format!("Saved list to {:?}", list.to_string()))?;
    if args.cleanup {
        for (job, id) in jobs.iter().zip(&ids).filter(|(job, _)| job.node.name != LOCAL) {
            let report = job.node.engine.images().remove(vec![id.clone()], Default::default()).await?;
            if let Some(error) = report.failure() {
                return Err(error.context("removing intermediate images").into());
            }
        }
    }
    Ok(0)
}

/// The name of the list, by which nodes reach the registry.
fn name(args: &BuildArgs) -> Result<Reference, CommandError> {
    let Some(tag) = args.tag.first() else {
        return Err(CommandError::other(
            "cannot create manifest list without a name, value for --tag is required",
        ));
    };
    if args.tag.len() > 1 {
        return Err(CommandError::other("only one --tag is supported: it is where the list is pushed to"));
    }
    if !tag.contains('/') {
        return Err(CommandError::other(format!("{tag:?} is not a full image reference name")));
    }
    Ok(Reference::parse(tag).map_err(cove_api::Error::from)?.or_latest())
}

/// Options of builds that mean nothing here: what comes of each node goes into the list, and nowhere else.
fn refuse(args: &BuildArgs, options: &BuildOptions) -> Result<(), CommandError> {
    let given = [
        ("platform, --arch, --os or --variant", !options.platforms.is_empty()),
        ("all-platforms", options.all_platforms),
        ("manifest", !options.manifest.is_empty()),
        ("output", !args.output.is_empty()),
        ("stdin", args.stdin),
        ("check", args.check),
        ("compress", args.compress),
        ("disable-content-trust", args.disable_content_trust),
        ("logsplit", args.logsplit == Some(true)),
        ("metadata-file", args.metadata_file.is_some()),
        ("sbom", options.sbom.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => {
            Err(CommandError::other(format!("--{name} is an unsupported flag for farm build")))
        }
        None if args.words.first().is_some_and(|word| word == "-")
            || args.file.iter().any(|file| file == "-") =>
        {
            Err(CommandError::other("farm build cannot send standard input to several nodes"))
        }
        None => Ok(()),
    }
}

/// The ways to nodes, by the names of their connections.
type Remotes = Vec<(String, Box<dyn Engine>)>;

fn remotes(context: &Context, args: &Args) -> Result<Remotes, CommandError> {
    let connections = connections(context);
    let farms = connections.farms()?;
    let farm = match &args.farm {
        Some(name) => {
            let found = farms.into_iter().find(|farm| farm.name == *name);
            Some(found.ok_or_else(|| CommandError::other(format!("farm {name:?} not found")))?)
        }
        None => farms.into_iter().find(|farm| farm.is_default),
    };
    let all = connections.list()?;
    let wanted: Vec<_> = match farm {
        None => all,
        Some(farm) => {
            let find = |name: &String| {
                let found = all.iter().find(|connection| connection.name == *name).cloned();
                found.ok_or_else(|| {
                    CommandError::other(format!("farm {:?}: connection {name:?} not found", farm.name))
                })
            };
            farm.connections.iter().map(find).collect::<Result<_, _>>()?
        }
    };
    wanted
        .into_iter()
        .map(|connection| {
            let engine = open_remote(context, &connection.destination)
                .map_err(|error| error.preceded_by(format!("the connection {:?}:", connection.name)))?;
            Ok((connection.name, engine))
        })
        .collect()
}

/// Asks all of them what they build for.
async fn nodes<'a>(
    own: &'a dyn Engine,
    remotes: &'a [(String, Box<dyn Engine>)],
    with_own: bool,
) -> Result<Vec<Node<'a>>, CommandError> {
    let mut all: Vec<(&str, &dyn Engine)> =
        remotes.iter().map(|(name, engine)| (name.as_str(), engine.as_ref())).collect();
    if with_own {
        all.insert(0, (LOCAL, own));
    }
    if all.is_empty() {
        return Err(CommandError::other(
            "there is no node to build on: add connections, or leave --local=false out",
        ));
    }
    join_all(all.into_iter().map(|(name, engine)| node(name, engine))).await.into_iter().collect()
}

async fn node<'a>(name: &str, engine: &'a dyn Engine) -> Result<Node<'a>, CommandError> {
    let info = engine.system().info().await.map_err(|error| error.context(format!("node {name:?}")))?;
    let text = |key: &str| info.host.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    let platform = [text("os"), text("arch"), text("variant")];
    let platform = platform.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let native = Platform::parse(&platform)
        .ok_or_else(|| CommandError::other(format!("node {name:?} says no platform that it builds for")))?;
    let emulated = info.host.get("emulatedArchitectures").and_then(|all| all.as_array());
    let emulated = emulated.into_iter().flatten().filter_map(|one| Platform::parse(one.as_str()?)).collect();
    Ok(Node { name: name.to_owned(), engine, native, emulated })
}

/// Who builds for what: the first node that is at home there, else the first that can.
fn schedule<'n, 'a>(nodes: &'n [Node<'a>], wanted: &[String]) -> Result<Vec<Job<'n, 'a>>, CommandError> {
    let mut platforms = BTreeMap::new();
    for text in wanted {
        let platform = Platform::parse(text).ok_or_else(|| {
            CommandError::other(format!("the platform {text:?} is none: OS/ARCH[/VARIANT]"))
        })?;
        platforms.insert(written(&platform), platform);
    }
    if platforms.is_empty() {
        platforms.extend(nodes.iter().map(|node| (written(&node.native), node.native.clone())));
    }
    let job = |(text, platform): (String, Platform)| {
        let is_native = |native: &Platform| {
            let same = (&native.os, &native.architecture) == (&platform.os, &platform.architecture);
            same && (platform.variant.is_empty() || native.variant == platform.variant)
        };
        let native = nodes.iter().find(|node| is_native(&node.native));
        let node = native.or_else(|| nodes.iter().find(|node| node.emulated.contains(&platform)));
        let node = node.ok_or_else(|| {
            CommandError::other(format!("no builder capable of building for platform {text:?} available"))
        })?;
        Ok(Job { node, platform })
    };
    platforms.into_iter().map(job).collect()
}

fn written(platform: &Platform) -> String {
    let Platform { os, architecture, variant, .. } = platform;
    match variant.is_empty() {
        true => format!("{os}/{architecture}"),
        false => format!("{os}/{architecture}/{variant}"),
    }
}

/// Has all of them build at once, and answers the ids of the images.
async fn built(
    context: &Context,
    args: &BuildArgs,
    options: &BuildOptions,
    jobs: &[Job<'_, '_>],
    log: &mut Option<Log>,
) -> Result<Vec<String>, CommandError> {
    let mut builds = Vec::new();
    let mut stops = Vec::new();
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    for job in jobs {
        let (files, build) = gathering::gather(context, args).await?;
        stops.push(build.given_up.clone());
        let platforms = vec![written(&job.platform)];
        let options = BuildOptions { files, platforms, tags: Vec::new(), ..options.clone() };
        builds.push(one(job, build, options, sender.clone()));
    }
    drop(sender);
    let mut signals = Signals::new()?;
    let mut all = std::pin::pin!(join_all(builds));
    let mut asked = None;
    let ended = loop {
        tokio::select! {
            biased;
            Some(line) = lines.recv() => tell(context, log, &line)?,
            ended = &mut all => break ended,
            code = signals.next() => {
                if asked.is_some() {
                    return Err(interrupted(code));
                }
                asked = Some(code);
                // The ends of the builds tell that everything is taken apart.
                stops.iter().for_each(|stop| stop.cancel());
            }
        }
    };
    while let Ok(line) = lines.try_recv() {
        tell(context, log, &line)?;
    }
    match asked {
        Some(code) => Err(interrupted(code)),
        None => ended.into_iter().collect(),
    }
}

fn interrupted(code: u8) -> CommandError {
    CommandError::other("the build was interrupted").with_code(code)
}

fn tell(context: &Context, log: &mut Option<Log>, line: &str) -> Result<(), CommandError> {
    match log {
        Some(log) => Ok(log.line(line)?),
        None => Ok(context.printer.line(line)?),
    }
}

/// Builds on one node and answers the image's id.
async fn one(
    job: &Job<'_, '_>,
    build: BuildContext,
    options: BuildOptions,
    lines: tokio::sync::mpsc::UnboundedSender<String>,
) -> Result<String, CommandError> {
    let (platform, node) = (written(&job.platform), &job.node.name);
    let at = |error: cove_api::Error| error.context(format!("building for {platform:?} on {node:?}"));
    let mut steps = job.node.engine.images().build(build, options).await.map_err(at)?;
    let mut report = None;
    while let Some(step) = steps.next().await {
        match step.map_err(at)? {
            Progress::Message(line) => drop(lines.send(format!("[{platform}@{node}] {line}"))),
            Progress::Blob(_) => {}
            Progress::Done(done) => report = Some(done),
        }
    }
    let report = report.ok_or_else(|| at(cove_api::Error::internal("the build ended without an image")))?;
    match report.failed {
        Some(failed) => {
            let code = u8::try_from(failed.code).unwrap_or(125);
            Err(CommandError::from(at(cove_api::Error::invalid(failed.message))).with_code(code))
        }
        None => Ok(report.id),
    }
}

/// Has a node push its image without a tag, and answers its name by digest.
async fn push(
    job: &Job<'_, '_>,
    id: &str,
    list: &Reference,
    access: &RegistryAccess,
) -> Result<String, CommandError> {
    let at = |error: cove_api::Error| error.context(format!("pushing image {id:?} to registry"));
    let options = PushOptions {
        destination: format!("{list}{UNTAGGED}"),
        access: access.clone(),
        ..PushOptions::default()
    };
    let mut steps = job.node.engine.images().push(id, options).await.map_err(at)?;
    while let Some(step) = steps.next().await {
        if let Progress::Done(report) = step.map_err(at)? {
            return Ok(format!("docker://{}@{}", list.clone().without_tag(), report.manifest_digest));
        }
    }
    Err(at(cove_api::Error::internal("it ended without a digest")).into())
}

/// Makes the list of what was pushed, pushes it, and answers its id.
async fn assemble(
    engine: &dyn Engine,
    list: &Reference,
    images: &[String],
    access: &RegistryAccess,
) -> Result<String, CommandError> {
    let (manifests, name) = (engine.manifests(), list.to_string());
    if manifests.exists(&name).await? {
        // What it had was of other builds.
        let removed = manifests.remove(&name, ManifestRemoveOptions::default()).await?;
        if let Some(error) = removed.failure() {
            return Err(error.context(format!("clearing list {name:?}")).into());
        }
    }
    let options = ManifestCreateOptions { access: access.clone(), ..ManifestCreateOptions::default() };
    manifests.create(&name, options).await?;
    let change = ManifestModifyOptions {
        operation: Some(ManifestOperation::Update),
        images: images.to_vec(),
        access: access.clone(),
        ..ManifestModifyOptions::default()
    };
    let report = manifests.modify(&name, change).await?;
    let options = PushOptions { destination: name.clone(), access: access.clone(), ..PushOptions::default() };
    let mut steps = manifests.push(&name, options).await?;
    while let Some(step) = steps.next().await {
        step?;
    }
    Ok(report.id)
}
