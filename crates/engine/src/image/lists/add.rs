//! Adding images to a list.

use std::sync::Arc;

use cove_api::{RegistryAccess, Result};
use cove_registry::manifest::ListEntry;
use cove_registry::{Digest, ImageManifest, Platform, RawManifest, artifact_type, list_entries};
use cove_storage::Image;

use super::place::{self, Found};
use super::stored::{self, StoredList};
use crate::engine::{Core, blocking};
use crate::error::storage;
use crate::image::lookup;

/// An entry on its way into a list, and where its image is.
pub(super) struct Addition {
    pub(super) entry: ListEntry,
    pub(super) place: String,
}

/// The entries that a name brings.
pub(super) async fn entries(
    core: &Arc<Core>,
    name: &str,
    all: bool,
    access: &RegistryAccess,
) -> Result<Vec<Addition>> {
    let host = Platform::host();
    let (found, place) = match place::find(core, name, access).await? {
        Found::Stored(image) => {
            return blocking(core, move |core| of_stored(core, &image, all)).await;
        }
        Found::Registry(source) => {
            let place = format!("docker://{}", source.reference());
            (list_entries(&*source, &host, all).await?, place)
        }
        Found::Archive(source, place) => (list_entries(&*source, &host, all).await?, place),
    };
    Ok(found.into_iter().map(|entry| Addition { entry, place: place.clone() }).collect())
}

fn of_stored(core: &Core, image: &Image, all: bool) -> Result<Vec<Addition>> {
    let Some(list) = stored::of_image(core, image)? else {
        let (entry, _) = own_entry(core, image)?;
        return Ok(vec![Addition { entry, place: place::of_image(core, image)? }]);
    };
    let chosen: Vec<&ListEntry> = if all {
        list.list.manifests.iter().collect()
    } else {
        let host = Platform::host();
        let entry = list
            .list
            .choose(&host)
            .ok_or_else(|| cove_api::Error::not_found(format!("list {}: no image for {host}", image.id)))?;
        vec![entry]
    };
    let addition = |entry: &ListEntry| Addition {
        entry: entry.clone(),
        place: list.places.get(&entry.digest.to_string()).cloned().unwrap_or_default(),
    };
    Ok(chosen.into_iter().map(addition).collect())
}

/// The entry for an image of the store, and its manifest as it came.
pub(super) fn own_entry(core: &Core, image: &Image) -> Result<(ListEntry, RawManifest)> {
    let bytes = core.store()?.image_data(&image.id, "manifest").map_err(storage)?;
    let raw = RawManifest::new(bytes, "");
    let kind = match cove_registry::manifest::parse(&raw, &image.id)? {
        cove_registry::Document::Image(parsed) => ImageManifest::media_type(&parsed),
        cove_registry::Document::Index(_) => {
            return Err(cove_api::Error::invalid(format!("image {} is a list of images", image.id)));
        }
    };
    let mut entry = ListEntry::new(kind, Digest::sha256(&raw.bytes), raw.bytes.len() as u64);
    entry.artifact_type = artifact_type(&raw);
    let document = lookup::document(core, image)?;
    entry.platform.os = document.os;
    entry.platform.architecture = document.architecture;
    entry.platform.variant = document.variant;
    Ok((entry, RawManifest::new(raw.bytes, kind)))
}

impl StoredList {
    /// Enters what was found. An image that has a place keeps it.
    pub(super) fn add(&mut self, additions: Vec<Addition>) {
        for Addition { entry, place } in additions {
            if !place.is_empty() {
                self.places.entry(entry.digest.to_string()).or_insert(place);
            }
            self.list.put(entry);
        }
    }
}
