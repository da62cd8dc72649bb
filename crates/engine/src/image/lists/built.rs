//! Lists for what builds make, and what images are there for.

use std::collections::BTreeMap;
use std::sync::Arc;

use cove_api::{RegistryAccess, Result};
use cove_registry::manifest::ManifestList;
use cove_registry::{Digest, Platform};

use super::add::{self, Addition};
use super::place;
use super::stored::{self, StoredList};
use crate::engine::Core;
use crate::error::storage;

/// Makes a list of images of the store, which has those names at once and alone, and answers its id.
pub(crate) fn of_images(core: &Core, names: Vec<String>, ids: &[String]) -> Result<String> {
    let mut list = StoredList {
        id: cove_storage::random_id().map_err(storage)?,
        list: ManifestList::default(),
        places: BTreeMap::new(),
        artifacts: stored::Artifacts::default(),
    };
    list.add(additions(core, ids)?);
    let format = list.list.usual_format();
    list.save(core, names, format)?;
    Ok(list.id)
}

/// Adds images of the store to the list of that name, which is made where there is none, and answers its id.
pub(crate) fn add_images(core: &Core, name: &str, ids: &[String]) -> Result<String> {
    // Of two that find none, one makes it.
    let _lock = stored::lock(core, Digest::sha256(name.as_bytes()).hex())?;
    let images = core.store()?.images().map_err(storage)?;
    if !images.iter().any(|image| image.names.iter().any(|known| known == name)) {
        return of_images(core, vec![name.to_owned()], ids);
    }
    let additions = additions(core, ids)?;
    StoredList::change(core, name, |list| {
        list.add(additions);
        Ok(list.id.clone())
    })
}

/// Refuses the name of an image that is no list.
pub(crate) fn check_list(core: &Core, name: &str) -> Result<()> {
    let images = core.store()?.images().map_err(storage)?;
    match images.iter().find(|image| image.names.iter().any(|known| known == name)) {
        Some(image) if !stored::is_list(core, image) => Err(stored::no_list(name)),
        _ => Ok(()),
    }
}

fn additions(core: &Core, ids: &[String]) -> Result<Vec<Addition>> {
    let addition = |id: &String| {
        let image = core.store()?.image(id).map_err(storage)?;
        let (entry, _) = add::own_entry(core, &image)?;
        Ok(Addition { entry, place: place::of_image(core, &image)? })
    };
    ids.iter().map(addition).collect()
}

/// The platforms that an image is there for: of a list all of them, else its own.
pub(crate) async fn platforms(
    core: &Arc<Core>,
    name: &str,
    access: &RegistryAccess,
) -> Result<Vec<Platform>> {
    let entries = add::entries(core, name, true, access).await?;
    let all = entries.into_iter().filter(|addition| addition.entry.artifact_type.is_empty());
    let all = all.map(|addition| addition.entry.platform.platform());
    // What tells of another image of the list is for no platform.
    Ok(all.filter(|one| !one.os.is_empty() && one.os != "unknown").collect())
}
