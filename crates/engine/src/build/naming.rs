//! The names of what was built.

use std::collections::BTreeMap;

use cove_api::{BuildOptions, Result};
use cove_storage::NameChange;

use super::report::Teller;
use crate::engine::Core;
use crate::error::storage;
use crate::image::{lists, names};

/// Names that are asked for, in full.
pub(super) struct Naming {
    tags: Vec<String>,
    /// The list that images are added to.
    list: Option<String>,
}

impl Naming {
    /// Reads them; that of something else than a list is no list's.
    pub(super) fn of(core: &Core, options: &BuildOptions) -> Result<Self> {
        let full = |name: &String| Ok(names::normalize(name)?.to_string());
        let list = Some(&options.manifest).filter(|name| !name.is_empty()).map(full).transpose()?;
        if let Some(list) = &list {
            lists::check_list(core, list)?;
        }
        let mut tags = options.tags.iter().map(full).collect::<Result<Vec<String>>>()?;
        // A name that is the list's is no image's.
        tags.retain(|tag| Some(tag) != list.as_ref());
        Ok(Self { tags, list })
    }

    /// Gives names to what was built, and answers the id of the image, or of the list where there is one: of several
    /// images, and of what is added to one.
    pub(super) fn name(&self, core: &Core, mut ids: Vec<String>, teller: &Teller) -> Result<String> {
        let built = |id: &str, name: &str| {
            let attributes = BTreeMap::from([("name".to_owned(), name.to_owned())]);
            core.events.write("image", "build", id, attributes);
        };
        let first = self.tags.first().map(String::as_str).unwrap_or_default();
        let is_one = ids.len() == 1;
        let id = match &self.list {
            Some(list) => lists::add_images(core, list, &ids)?,
            None if is_one => ids.remove(0),
            None => lists::of_images(core, self.tags.clone(), &ids)?,
        };
        // One image that is added to a list keeps its names to itself.
        let named = match self.list {
            Some(_) if is_one => ids.first().unwrap_or(&id),
            _ => &id,
        };
        let store = core.store()?;
        for tag in &self.tags {
            store.change_image_names(named, std::slice::from_ref(tag), NameChange::Add).map_err(storage)?;
            teller.line(format!("Successfully tagged {tag}"));
        }
        built(named, first);
        Ok(id)
    }
}
