//! Making an image of a container: its changes are a layer over the image's, its configuration is the image's.

use std::io::{BufWriter, Read, Write as _};
use std::sync::Arc;

use cove_api::{
    CommitFormat, CommitOptions, ContainerState, Error, ImageConfig, ImageHistory, Result, Timestamp,
};
use cove_registry::manifest::{Descriptor, LayerCompression, ManifestFormat, layer_media_type, media_type};
use cove_registry::{ImageManifest, Platform, Reference};
use cove_spec::change;
use cove_storage::{Expectations, ImageOptions, Layer, LayerCommit, StagedLayer};
use cove_tree::Root;
use serde_json::{Map, Value, json};

use super::root_fs::{Owners, RootFs};
use crate::container::lookup::Locked;
use crate::container::{freeze, thaw};
use crate::engine::Core;
use crate::error::storage;
use crate::image::{lookup, names};
use crate::state::ContainerRow;

/// Makes the image and answers its id. Blocks.
pub(super) fn commit(core: &Arc<Core>, name: &str, options: &CommitOptions) -> Result<String> {
    let mut row = core.find_container(name)?;
    core.refresh(&mut row)?;
    if row.config.rootfs.is_some() {
        return Err(Error::unsupported("cannot commit a container that uses an exploded rootfs"));
    }
    if options.format == CommitFormat::Oci && !options.comment.is_empty() {
        return Err(Error::invalid("messages are only compatible with the docker image format (-f docker)"));
    }
    let reference = reference(options)?;
    let config = configuration(core, &row, options)?;
    let base = Base::of(core, &row)?;
    let frozen = Frozen::new(core, &row, options.pause)?;
    let staged = if options.squash { whole(core, &row)? } else { changed(core, &row)? };
    drop(frozen);
    let made = Made { base, config, reference, options, row: &row };
    let id = made.finish(core, staged)?;
    core.tell("commit", &row);
    Ok(id)
}

/// A container that is frozen as long as this lives.
struct Frozen<'a>(Option<(&'a Arc<Core>, &'a str)>);

impl<'a> Frozen<'a> {
    fn new(core: &'a Arc<Core>, row: &'a ContainerRow, wanted: bool) -> Result<Self> {
        if !wanted || row.state != ContainerState::Running {
            return Ok(Self(None));
        }
        freeze(core, &row.id)
            .map_err(|error| error.context(format!("pausing container {:?} to commit", row.id)))?;
        Ok(Self(Some((core, &row.id))))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Some((core, id)) = self.0
            && let Err(error) = thaw(core, id)
        {
            tracing::error!("unpausing container {id}: {error}");
        }
    }
}

/// The name of the image.
fn reference(options: &CommitOptions) -> Result<Option<Reference>> {
    if options.repo.is_empty() {
        return Ok(None);
    }
    let name = match options.tag.as_str() {
        "" => options.repo.clone(),
        tag => format!("{}:{tag}", options.repo),
    };
    names::normalize(&name).map(Some)
}

/// The image's configuration: its base's, with what the container is, and what the request says.
fn configuration(core: &Core, row: &ContainerRow, options: &CommitOptions) -> Result<ImageConfig> {
    let is = &row.config;
    let mut config = is.image.config.clone();
    config.entrypoint.clone_from(&is.entrypoint);
    config.cmd.clone_from(&is.command);
    config.env.clone_from(&is.env);
    config.labels.clone_from(&is.labels);
    if !is.user.is_empty() {
        config.user.clone_from(&is.user);
    }
    config.working_dir.clone_from(&is.work_dir);
    let published = is.ports.iter().map(|port| format!("{}/{}", port.container_port, port.protocol));
    let exposed = is.exposed.iter().map(ToString::to_string);
    config.exposed_ports.extend(published.chain(exposed).map(|port| (port, json!({}))));
    for volume in &is.volumes {
        let anonymous = match core.database()?.volume(&volume.name)? {
            Some(known) => known.anonymous,
            None => volume.anonymous,
        };
        if anonymous || options.include_volumes {
            config.volumes.insert(volume.destination.clone(), json!({}));
        }
    }
    if options.include_volumes {
        config.volumes.extend(is.mounts.iter().map(|mount| (mount.destination.clone(), json!({}))));
    }
    if let Some(other) = options.config.clone() {
        change::merge(&mut config, other);
    }
    change::apply(&mut config, &options.changes)?;
    Ok(config)
}

/// What the container was made from.
struct Base {
    /// The image's configuration document; empty where the image is gone.
    document: Map<String, Value>,
    /// Its layers, the lowest first.
    layers: Vec<Layer>,
}

impl Base {
    fn of(core: &Core, row: &ContainerRow) -> Result<Self> {
        let store = core.store()?;
        let container = store.container(&row.id).map_err(storage)?;
        let chain = store.layer_chain(&container.layer).map_err(storage)?;
        // A copy of a layer with other owners is no layer of an image.
        let mut layers: Vec<Layer> =
            chain.into_iter().skip(1).filter(|layer| !layer.diff_digest.is_empty()).collect();
        layers.reverse();
        let document = match store.image(&row.config.image.id) {
            Ok(image) => lookup::document_text(core, &image)?,
            Err(cove_storage::StorageError::ImageNotFound(_)) => b"{}".to_vec(),
            Err(error) => return Err(storage(error)),
        };
        let document = serde_json::from_slice(&document).map_err(|error| {
            Error::internal(format!("the configuration of image {} is damaged: {error}", row.config.image.id))
        })?;
        Ok(Self { document, layers })
    }
}

/// What the container changed, unpacked as a layer.
fn changed(core: &Core, row: &ContainerRow) -> Result<StagedLayer> {
    let store = core.store()?;
    let changes = store.container_diff_tar(&row.id).map_err(storage)?;
    store.stage_layer(changes, &Expectations::default()).map_err(storage)
}

/// All that the container has, unpacked as a layer.
fn whole(core: &Arc<Core>, row: &ContainerRow) -> Result<StagedLayer> {
    let root_fs = {
        let Locked { row, lock: _lock } = core.locked_container(&row.id)?;
        RootFs::mount(core, &row)?
    };
    let (root, owners) = (Root::open(root_fs.path())?, Owners::of(core, row)?);
    let (mut reader, writer) = std::io::pipe()?;
    std::thread::scope(|scope| {
        let packed = scope.spawn(move || -> Result<()> {
            let mut out = BufWriter::with_capacity(256 << 10, writer);
            super::copy::pack_all(&root, &owners, &mut out)?;
            Ok(out.flush()?)
        });
        let staged = core.store()?.stage_layer(&mut reader, &Expectations::default()).map_err(storage);
        // Whoever still writes has nobody to read it.
        let _ = std::io::copy(&mut reader.by_ref(), &mut std::io::sink());
        packed.join().unwrap_or_else(|_| Err(Error::internal("the thread that packs panicked")))?;
        staged
    })
}

/// An image in the making.
struct Made<'a> {
    base: Base,
    config: ImageConfig,
    reference: Option<Reference>,
    options: &'a CommitOptions,
    row: &'a ContainerRow,
}

impl Made<'_> {
    fn finish(self, core: &Core, staged: StagedLayer) -> Result<String> {
        let now = Timestamp::now();
        let below = if self.options.squash { &[][..] } else { &self.base.layers };
        let mut digests: Vec<(String, u64)> = below
            .iter()
            .map(|layer| (layer.diff_digest.clone(), u64::try_from(layer.diff_size).unwrap_or_default()))
            .collect();
        let extracted = staged.extracted();
        digests.push((extracted.diff_id.to_string(), extracted.diff_size));
        let format = match self.options.format {
            CommitFormat::Oci => ManifestFormat::Oci,
            CommitFormat::Docker => ManifestFormat::Docker,
        };
        let document = serde_json::to_vec(&self.document(now, &digests)).map_err(internal)?;
        let config_type = match format {
            ManifestFormat::Oci => media_type::OCI_CONFIG,
            ManifestFormat::Docker => media_type::DOCKER_CONFIG,
        };
        let config = Descriptor::of(config_type, &document);
        let layer_type = layer_media_type(format, LayerCompression::None);
        let layers = digests.iter().map(|(digest, size)| {
            let digest = digest.parse().map_err(|_| Error::internal("a layer without a digest"))?;
            Ok(Descriptor::new(layer_type, digest, *size))
        });
        let manifest =
            ImageManifest::build(format, config.clone(), layers.collect::<Result<Vec<_>>>()?).to_raw();
        let store = core.store()?;
        let parent = below.last().map(|layer| layer.id.clone());
        let layer = LayerCommit { staged, id: None, parent, compressed_digest: None, compressed_size: None };
        let layer = store.commit_layer(layer).map_err(storage)?;
        let digest = manifest.digest();
        let id = config.digest.hex().to_owned();
        let image = ImageOptions {
            id: id.clone(),
            names: self.reference.iter().map(ToString::to_string).collect(),
            top_layer: Some(layer.id),
            created: Some(now),
            metadata: "{}".into(),
            data: vec![
                ("manifest".into(), manifest.bytes.to_vec()),
                (format!("manifest-{digest}"), manifest.bytes.to_vec()),
                (config.digest.to_string(), document),
            ],
            digest: Some(digest),
        };
        store.create_image(image).map_err(storage)?;
        Ok(id)
    }

    /// The configuration document: the base's, but for what is said anew.
    fn document(&self, now: Timestamp, layers: &[(String, u64)]) -> Map<String, Value> {
        let options = self.options;
        let mut document = self.base.document.clone();
        let host = Platform::host();
        document.entry("architecture").or_insert_with(|| host.architecture.into());
        document.entry("os").or_insert_with(|| host.os.into());
        document.insert("created".into(), json!(now));
        for (key, value) in [("author", &options.author), ("comment", &options.comment)] {
            document.remove(key);
            if !value.is_empty() {
                document.insert(key.into(), value.as_str().into());
            }
        }
        // Of a container that is no more; what was true of the base's need not be true of this one.
        for key in ["container", "container_config", "id", "parent", "Size"] {
            document.remove(key);
        }
        document.insert("config".into(), self.config_value(&document));
        let digests: Vec<&str> = layers.iter().map(|(digest, _)| digest.as_str()).collect();
        document.insert("rootfs".into(), json!({"type": "layers", "diff_ids": digests}));
        let mut history = match document.remove("history") {
            Some(Value::Array(history)) if !options.squash => history,
            _ => Vec::new(),
        };
        history.push(json!(self.step(now)));
        document.insert("history".into(), history.into());
        document
    }

    /// The part for the run time, with what this version does not know as it was.
    fn config_value(&self, document: &Map<String, Value>) -> Value {
        const KNOWN: [&str; 12] = [
            "User",
            "ExposedPorts",
            "Env",
            "Entrypoint",
            "Cmd",
            "Volumes",
            "WorkingDir",
            "Labels",
            "StopSignal",
            "OnBuild",
            "Shell",
            "Healthcheck",
        ];
        let mut value = document.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
        value.retain(|key, _| !KNOWN.contains(&key.as_str()));
        if let Ok(Value::Object(config)) = serde_json::to_value(&self.config) {
            value.extend(config);
        }
        value.into()
    }

    fn step(&self, now: Timestamp) -> ImageHistory {
        let from = &self.row.config.image.name;
        let comment = match self.options.comment.as_str() {
            "" if from.is_empty() => String::new(),
            "" => format!("FROM {from}"),
            comment => comment.to_owned(),
        };
        ImageHistory {
            created: Some(now),
            created_by: "/bin/sh".into(),
            author: self.options.author.clone(),
            comment,
            empty_layer: false,
        }
    }
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}
