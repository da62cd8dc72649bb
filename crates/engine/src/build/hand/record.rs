//! What is known of a working container: Buildah's file, whose parts that this version does not know stay as they are.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use cove_api::{CommitFormat, Error, ErrorKind, ImageConfig, ImageHistory, Result, WorkingContainer};
use cove_registry::manifest::media_type;
use cove_storage::{Container, StorageError};
use cove_sys::{atomic, fs};
use serde_json::{Map, Value, json};

use super::super::state::ImageState;
use super::super::working::Working;
use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

/// The file in a container's folder of the store.
const FILE: &str = "buildah.json";
/// What Buildah's containers say they are.
const KIND: &str = "buildah 0.0.1";
/// Largest such file, in bytes.
const MAX_FILE: u64 = 32 << 20;
/// Where it has what is noted for the image's history.
const PREPENDED: &str = "PrependedEmptyLayers";
/// Those of the image's configuration that only Docker's form has.
const DOCKERS: [&str; 3] = ["Healthcheck", "OnBuild", "Shell"];

/// What is known of a working container.
pub(super) struct Record {
    /// Buildah's document.
    pub(super) document: Map<String, Value>,
}

/// The container of that name, which may be another program's.
pub(super) fn find(core: &Core, name: &str) -> Result<Container> {
    core.store()?.container(name).map_err(|error| match error {
        StorageError::ContainerNotFound(_) => {
            Error::not_found(format!("reading build container {name:?}: container not known"))
        }
        error => storage(error),
    })
}

/// A working container and what is known of it; nobody else changes it as long as it is there.
pub(super) fn open(core: &Arc<Core>, name: &str) -> Result<(Working, Record)> {
    let id = find(core, name)?.id;
    let working = Working::open(core, &id)?;
    let record = Record::read(core, &id)?.ok_or_else(|| not_ours(name))?;
    Ok((working, record))
}

/// The error for another program's container.
pub(super) fn not_ours(name: &str) -> Error {
    Error::new(ErrorKind::WrongState, format!("reading build container {name:?}: it is no working container"))
}

impl Record {
    /// That of a container; [`None`] where it is no working container.
    pub(super) fn read(core: &Core, id: &str) -> Result<Option<Self>> {
        let path = core.store()?.container_directory(id).join(FILE);
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut text = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut text)?;
        let document = match text.len() as u64 {
            size if size > MAX_FILE => None,
            _ => serde_json::from_slice(&text).ok(),
        };
        let document: Map<String, Value> =
            document.ok_or_else(|| Error::internal(format!("the file {} is damaged", path.display())))?;
        let is_ours = document.get("type").and_then(Value::as_str) == Some(KIND);
        Ok(is_ours.then_some(Self { document }))
    }

    /// Keeps it.
    pub(super) fn write(&self, core: &Core, id: &str) -> Result<()> {
        let path = core.store()?.container_directory(id).join(FILE);
        let text = serde_json::to_vec(&self.document).map_err(|error| Error::internal(error.to_string()))?;
        Ok(atomic::write(&path, &text, 0o600)?)
    }

    /// That of a new one.
    pub(super) fn new(
        core: &Core,
        name: &str,
        id: &str,
        state: &ImageState,
        format: CommitFormat,
    ) -> Result<Self> {
        let (mut config, mut manifest, mut digest) = (Vec::new(), Vec::new(), String::new());
        if let Some(image) = &state.id {
            let store = core.store()?;
            let image = store.image(image).map_err(storage)?;
            config = lookup::document_text(core, &image)?;
            manifest = store.image_data(&image.id, "manifest").map_err(storage)?;
            digest.clone_from(&image.digest);
        }
        let binary = |data: &[u8]| base64::engine::general_purpose::STANDARD.encode(data);
        let media_type = match format {
            CommitFormat::Oci => media_type::OCI_MANIFEST,
            CommitFormat::Docker => media_type::DOCKER_MANIFEST,
        };
        let document = json!({
            "type": KIND,
            "image": if state.base.is_empty() { "scratch" } else { &state.base },
            "image-id": state.id.clone().unwrap_or_default(),
            "image-digest": digest,
            "config": binary(&config),
            "manifest": binary(&manifest),
            "container-name": name,
            "container-id": id,
            "annotations": state.annotations,
            "ociv1": {},
            "docker": {},
            "IDMappingOptions": {"HostUIDMapping": true, "HostGIDMapping": true, "UIDMap": [], "GIDMap": []},
            "CommonBuildOpts": {"ShmSize": "65536k"},
            "TopLayer": state.layers.last().map(|layer| layer.id.clone()).unwrap_or_default(),
            "Format": media_type,
        });
        let Value::Object(document) = document else { return Err(Error::internal("no object")) };
        let mut record = Self { document };
        record.set_image(state);
        Ok(record)
    }

    /// A text of it.
    pub(super) fn text(&self, key: &str) -> &str {
        self.document.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets a text of it.
    pub(super) fn set_text(&mut self, key: &str, text: &str) {
        self.document.insert(key.to_owned(), text.into());
    }

    /// The image in the making, before what its files are is known.
    pub(super) fn state(&self, core: &Core) -> Result<ImageState> {
        let base = match self.text("image") {
            "scratch" => "",
            name => name,
        };
        let mut state = match self.text("image-id") {
            "" => ImageState::default(),
            id => ImageState::of(core, id, base)?,
        };
        // Those of the image are in the record, where some may have been taken away.
        state.annotations.clear();
        let image = self.document.get("ociv1").and_then(Value::as_object).cloned().unwrap_or_default();
        for key in ["architecture", "os", "variant", "os.version", "os.features"] {
            match image.get(key) {
                Some(value) => drop(state.document.insert(key.to_owned(), value.clone())),
                None => drop(state.document.remove(key)),
            }
        }
        state.author = image.get("author").and_then(Value::as_str).unwrap_or_default().to_owned();
        state.config = self.config()?;
        Ok(state)
    }

    /// The configuration of the image in the making.
    pub(super) fn config(&self) -> Result<ImageConfig> {
        let part = |key: &str| -> Map<String, Value> {
            let part =
                self.document.get(key).and_then(|image| image.get("config")).and_then(Value::as_object);
            part.cloned().unwrap_or_default()
        };
        let mut config = part("ociv1");
        config.extend(part("docker").into_iter().filter(|(key, _)| DOCKERS.contains(&key.as_str())));
        // Go writes nothing as null.
        config.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(config)).map_err(|error| {
            Error::internal(format!("the record of a working container is damaged: {error}"))
        })
    }

    /// Sets what the image in the making says of itself, in both forms.
    pub(super) fn set_image(&mut self, state: &ImageState) {
        let all = match serde_json::to_value(&state.config) {
            Ok(Value::Object(all)) => all,
            _ => Map::new(),
        };
        for (name, is_docker) in [("ociv1", false), ("docker", true)] {
            let mut image = self.document.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            for key in ["architecture", "os", "variant", "os.version", "os.features"] {
                match state.document.get(key) {
                    Some(value) => drop(image.insert(key.to_owned(), value.clone())),
                    None => drop(image.remove(key)),
                }
            }
            match state.author.is_empty() {
                true => drop(image.remove("author")),
                false => drop(image.insert("author".into(), state.author.as_str().into())),
            }
            let mut config = all.clone();
            if !is_docker {
                config.retain(|key, _| !DOCKERS.contains(&key.as_str()));
            }
            image.insert("config".into(), config.into());
            if !is_docker || !image.contains_key("rootfs") {
                let digests: Vec<&str> =
                    state.layers.iter().map(|layer| layer.diff_digest.as_str()).collect();
                image.insert("rootfs".into(), json!({"type": "layers", "diff_ids": digests}));
                image.insert("history".into(), json!(state.history));
            }
            self.document.insert(name.to_owned(), image.into());
        }
    }

    /// Notes something in the image's history.
    pub(super) fn add_history(&mut self, created_by: String) {
        let entry = json!({
            "created": cove_api::Timestamp::now(),
            "created_by": created_by,
            "empty_layer": true,
        });
        let mut entries = match self.document.remove(PREPENDED) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        entries.push(entry);
        self.document.insert(PREPENDED.into(), entries.into());
    }

    /// What was noted for the image's history.
    pub(super) fn added_history(&self) -> Vec<ImageHistory> {
        let entries = self.document.get(PREPENDED).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(|entry| serde_json::from_value(entry.clone()).ok()).collect()
    }

    /// All of it for people, as Buildah shows it.
    pub(super) fn shown(&self, mount_point: Option<&Path>) -> Value {
        let decoded = |key: &str| {
            let data = base64::engine::general_purpose::STANDARD.decode(self.text(key)).unwrap_or_default();
            String::from_utf8_lossy(&data).into_owned()
        };
        let part = |key: &str| self.document.get(key).cloned().unwrap_or_default();
        json!({
            "Type": self.text("type"),
            "FromImage": self.text("image"),
            "FromImageID": self.text("image-id"),
            "FromImageDigest": self.text("image-digest"),
            "Config": decoded("config"),
            "Manifest": decoded("manifest"),
            "Container": self.text("container-name"),
            "ContainerID": self.text("container-id"),
            "MountPoint": mount_point.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
            "ImageAnnotations": part("annotations"),
            "ImageCreatedBy": self.text("created-by"),
            "OCIv1": part("ociv1"),
            "Docker": part("docker"),
            "IDMappingOptions": part("IDMappingOptions"),
            "History": part(PREPENDED),
        })
    }

    /// Its row in a list.
    pub(super) fn summary(&self, container: &Container) -> WorkingContainer {
        WorkingContainer {
            id: container.id.clone(),
            name: container.names.first().cloned().unwrap_or_default(),
            image_id: self.text("image-id").to_owned(),
            image_name: self.text("image").to_owned(),
            is_builder: true,
        }
    }
}
