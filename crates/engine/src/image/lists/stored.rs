//! A list in the store: an image without layers, whose manifest is the list, and beside it where its images come from.

use std::collections::BTreeMap;

use cove_api::{Error, ErrorKind, Result};
use cove_registry::manifest::ManifestList;
use cove_registry::{Digest, ManifestFormat, Platform, RawManifest};
use cove_storage::{Image, ImageOptions, LockedFile, StorageError, lock_file};
use serde::{Deserialize, Serialize};

use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

const MANIFEST: &str = "manifest";
const INSTANCES: &str = "instances.json";
const ARTIFACTS: &str = "artifacts.json";

/// What is known of the artifacts in a list, by digest of their manifests; the JSON is podman's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Artifacts {
    /// The manifests themselves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) manifests: BTreeMap<String, String>,
    /// The files they were made of.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) files: BTreeMap<String, Vec<String>>,
    /// Digests of their configurations.
    #[serde(rename = "config", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) configs: BTreeMap<String, String>,
    /// Digests of what they hold.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) layers: BTreeMap<String, Vec<String>>,
    /// The file that has the blob of a digest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) detached: BTreeMap<String, String>,
    /// The blob of a digest, in base64.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) blobs: BTreeMap<String, String>,
}

/// A list with its name in the store.
#[derive(Debug, Clone)]
pub(crate) struct StoredList {
    /// Id of its row.
    pub(crate) id: String,
    /// The list.
    pub(crate) list: ManifestList,
    /// Where the images are, by digest of their manifests: locations with a transport.
    pub(super) places: BTreeMap<String, String>,
    pub(super) artifacts: Artifacts,
}

/// Whether the image is a list. A list has no layers, so most images are known without a look at their manifest.
pub(crate) fn is_list(core: &Core, image: &Image) -> bool {
    of_image(core, image).is_ok_and(|list| list.is_some())
}

/// The list that the image is; `None` where it is an ordinary one.
pub(crate) fn of_image(core: &Core, image: &Image) -> Result<Option<StoredList>> {
    if image.top_layer().is_some() {
        return Ok(None);
    }
    let Some(manifest) = document(core, image, MANIFEST)? else { return Ok(None) };
    let declared = serde_json::from_slice::<serde_json::Value>(&manifest)
        .ok()
        .and_then(|value| Some(value.get("mediaType")?.as_str()?.to_owned()))
        .unwrap_or_default();
    let Some(list) = ManifestList::parse(&RawManifest::new(manifest, &declared), &image.id)? else {
        return Ok(None);
    };
    let damaged = |name: &str, error| {
        Error::internal(format!("list {}: its document {name} is damaged: {error}", image.id))
    };
    let mut places: BTreeMap<String, String> = match document(core, image, INSTANCES)? {
        Some(text) => serde_json::from_slice(&text).map_err(|error| damaged(INSTANCES, error))?,
        None => BTreeMap::new(),
    };
    // Under no digest podman notes the list itself.
    places.remove("");
    let artifacts = match document(core, image, ARTIFACTS)? {
        Some(text) => serde_json::from_slice(&text).map_err(|error| damaged(ARTIFACTS, error))?,
        None => Artifacts::default(),
    };
    Ok(Some(StoredList { id: image.id.clone(), list, places, artifacts }))
}

fn document(core: &Core, image: &Image, name: &str) -> Result<Option<Vec<u8>>> {
    if !image.data_names.iter().any(|known| known == name) {
        return Ok(None);
    }
    core.store()?.image_data(&image.id, name).map(Some).map_err(storage)
}

/// The error for an image that is an ordinary one.
pub(super) fn no_list(name: &str) -> Error {
    Error::invalid(format!("{name}: image is not a manifest list"))
}

/// The image of the store that a list has for the platform; `None` where it has none, or not in this store.
pub(crate) fn instance(core: &Core, list: &StoredList, platform: &Platform) -> Result<Option<Image>> {
    let Some(entry) = list.list.choose(platform) else { return Ok(None) };
    let found = core.store()?.images_by_digest(&entry.digest).map_err(storage)?;
    Ok(found.into_iter().find(|image| image.id != list.id))
}

impl StoredList {
    /// The list of that name or id.
    pub(super) fn open(core: &Core, name: &str) -> Result<Self> {
        let image = lookup::find(core, name)?.image;
        of_image(core, &image)?.ok_or_else(|| no_list(name))
    }

    /// Makes an empty one and answers its id.
    pub(super) fn create(core: &Core, name: &str) -> Result<String> {
        let new = Self {
            id: cove_storage::random_id().map_err(storage)?,
            list: ManifestList::default(),
            places: BTreeMap::new(),
            artifacts: Artifacts::default(),
        };
        new.save(core, vec![name.to_owned()], ManifestFormat::Docker)?;
        Ok(new.id)
    }

    /// Changes a list while nobody else does, and answers what `change` does.
    pub(super) fn change<T>(
        core: &Core,
        name: &str,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let id = Self::open(core, name)?.id;
        let _lock = lock(core, &id)?;
        let mut list = Self::open(core, &id)?;
        let answer = change(&mut list)?;
        let format = list.list.usual_format();
        list.save(core, Vec::new(), format)?;
        Ok(answer)
    }

    pub(super) fn save(&self, core: &Core, names: Vec<String>, format: ManifestFormat) -> Result<()> {
        let failed = |error: serde_json::Error| Error::from_chain(ErrorKind::Internal, &error);
        let manifest = self.list.to_raw(format);
        let options = ImageOptions {
            id: self.id.clone(),
            names,
            top_layer: None,
            digest: Some(manifest.digest()),
            created: None,
            metadata: String::new(),
            data: vec![
                (MANIFEST.to_owned(), manifest.bytes.to_vec()),
                (INSTANCES.to_owned(), serde_json::to_vec(&self.places).map_err(failed)?),
                (ARTIFACTS.to_owned(), serde_json::to_vec(&self.artifacts).map_err(failed)?),
            ],
        };
        core.store()?.create_image(options).map_err(storage)?;
        Ok(())
    }

    /// Takes an entry out with all that is known of it.
    pub(super) fn remove(&mut self, digest: &Digest) -> Result<()> {
        if !self.list.remove(digest) {
            return Err(Error::not_found(format!(
                "no instance matching digest {:?} found in manifest list: file does not exist",
                digest.to_string()
            )));
        }
        let key = digest.to_string();
        self.places.remove(&key);
        self.artifacts.manifests.remove(&key);
        self.artifacts.files.remove(&key);
        self.artifacts.configs.remove(&key);
        self.artifacts.layers.remove(&key);
        Ok(())
    }
}

/// The lock that podman takes, too, before it changes a list.
pub(super) fn lock(core: &Core, id: &str) -> Result<LockedFile> {
    let store = core.store()?;
    let folder = store.run_root().join(format!("{}-locks", store.driver().name()));
    lock_file(&folder.join(format!("sha256:{id}"))).map_err(|error: StorageError| storage(error))
}
