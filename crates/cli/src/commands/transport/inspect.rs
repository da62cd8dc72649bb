//! `cove image inspect-remote`

mod config;

use std::collections::BTreeMap;

use cove_registry::manifest::parse;
use cove_registry::{
    Digest, Document, ImageLocation, RawManifest, Reference, ResolvedImage, resolve, top_manifest,
};
use serde::Serialize;

use self::config::Config;
use super::args::{PlaceArgs, Reach, WholeArgs};
use super::ends::{client, failed, failed_by_engine, in_time, location, platform, source};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, Value, is_json, to_json, to_value};

/// Show what an image is, wherever it is, without copying it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image with its transport, such as docker://quay.io/org/name:tag
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// The configuration
    #[arg(long)]
    config: bool,
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// Ask the registry for no list of tags
    #[arg(long, short)]
    no_tags: bool,
    /// The manifest, or with --config the configuration, as it is
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    whole: WholeArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] TRANSPORT:IMAGE", Images);

/// What is shown. JSON: skopeo's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    digest: String,
    repo_tags: Vec<String>,
    created: Option<cove_api::Timestamp>,
    docker_version: String,
    labels: Option<BTreeMap<String, String>>,
    architecture: String,
    os: String,
    layers: Vec<String>,
    layers_data: Vec<LayerData>,
    env: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LayerData {
    #[serde(rename = "MIMEType")]
    mime_type: String,
    digest: String,
    size: u64,
    annotations: Option<BTreeMap<String, String>>,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let [image] = args.images.as_slice() else {
        return Err(CommandError::other("Exactly one argument expected"));
    };
    args.whole.check()?;
    if args.raw && args.format.is_some() {
        return Err(CommandError::other("raw output does not support format option"));
    }
    let reach = args.place.reach(&args.whole)?;
    let at = location(image, "image")?;
    in_time(&args.whole, async {
        if let ImageLocation::Storage(name) = &at {
            return show_stored(context, &args, name).await;
        }
        let source = source(context, &at, &reach).await?;
        let fault = |error| failed(context, error);
        if args.raw && !args.config {
            let top = top_manifest(&*source).await.map_err(fault)?;
            return context.printer.bytes(&top.bytes);
        }
        let image = resolve(&*source, &platform(&args.whole)).await.map_err(fault)?;
        if args.raw {
            return context.printer.bytes(&image.config);
        }
        let config = Config::parse(&image.config)?;
        if args.config {
            return write(context, &args, to_value(&config));
        }
        let (name, tags) = names(context, &args, &at, &reach).await?;
        let top = image.index.as_ref().unwrap_or(&image.manifest);
        write(context, &args, to_value(&summary(name, tags, top, &image, config)))
    })
    .await?;
    Ok(0)
}

/// The name of a repository and its tags; nothing for another transport.
async fn names(
    context: &Context,
    args: &Args,
    at: &ImageLocation,
    reach: &Reach,
) -> Result<(String, Vec<String>), CommandError> {
    match at {
        ImageLocation::Registry(reference) if args.no_tags => Ok((reference.name(), Vec::new())),
        ImageLocation::Registry(reference) => match client(context, reach)?.tags(reference).await {
            Ok(tags) => Ok((reference.name(), tags)),
            // Some registries let nobody list tags.
            Err(
                cove_registry::Error::Denied { .. }
                | cove_registry::Error::RepositoryUnknown { .. }
                | cove_registry::Error::Status { status: 404, .. },
            ) => {
                tracing::warn!("Registry disallows tag list retrieval; skipping");
                Ok((reference.name(), Vec::new()))
            }
            Err(error) => Err(failed(context, error)),
        },
        ImageLocation::DockerArchive(_, Some(name)) => {
            Ok((Reference::parse(name).map(|name| name.name()).unwrap_or_default(), Vec::new()))
        }
        _ => Ok((String::new(), Vec::new())),
    }
}

fn summary(
    name: String,
    repo_tags: Vec<String>,
    top: &RawManifest,
    image: &ResolvedImage,
    config: Config,
) -> Summary {
    let algorithm = image.parsed.config.digest.algorithm();
    let layer = |layer: &cove_registry::Descriptor| LayerData {
        mime_type: layer.media_type.clone(),
        digest: layer.digest.to_string(),
        size: layer.size,
        annotations: Some(layer.annotations.clone()).filter(|all| !all.is_empty()),
    };
    Summary {
        name,
        digest: Digest::of(algorithm, &top.bytes).to_string(),
        repo_tags,
        created: config.created,
        docker_version: config.docker_version.clone(),
        labels: config.config.labels.clone(),
        architecture: config.architecture.clone(),
        os: config.os.clone(),
        layers: image.parsed.layers.iter().map(|layer| layer.digest.to_string()).collect(),
        layers_data: image.parsed.layers.iter().map(layer).collect(),
        env: config.config.env,
    }
}

/// Shows an image of the store.
async fn show_stored(context: &Context, args: &Args, name: &str) -> Result<(), CommandError> {
    let documents = context.engine().await?.images().documents(name).await;
    let documents = documents.map_err(|error| failed_by_engine(context, error))?;
    match (args.raw, args.config) {
        (true, false) => return context.printer.bytes(documents.manifest.as_bytes()),
        (true, true) => return context.printer.bytes(documents.config.as_bytes()),
        _ => {}
    }
    let config = Config::parse(documents.config.as_bytes())?;
    if args.config {
        return write(context, args, to_value(&config));
    }
    let raw = RawManifest::new(documents.manifest, "");
    let Document::Image(parsed) = parse(&raw, name).map_err(|error| failed(context, error))? else {
        return Err(CommandError::other(format!("{name}: its manifest is a list")));
    };
    let shown = Reference::parse(&documents.name).map(|name| name.name()).unwrap_or_default();
    let (config_bytes, parsed_config) = (documents.config.into(), cove_registry::ImageConfig::default());
    let image = ResolvedImage {
        manifest: raw.clone(),
        parsed: *parsed,
        index: None,
        config: config_bytes,
        parsed_config,
    };
    write(context, args, to_value(&summary(shown, Vec::new(), &raw, &image, config)))
}

fn write(context: &Context, args: &Args, value: Value) -> Result<(), CommandError> {
    match args.format.as_deref() {
        None | Some("") => context.printer.document(&to_json(&value, 4)),
        Some(format) if is_json(format) => context.printer.document(&to_json(&value, 4)),
        Some(format) => {
            let report = Report::user("inspect", format)?;
            context.printer.text(&report.render(vec![value], None)?)
        }
    }
}
