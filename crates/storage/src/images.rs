//! Images: creating, naming, finding, deleting, mounting.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use cove_archive::Digest;

use crate::data;
use crate::driver::MountRequest;
use crate::error::{Result, StorageError};
use crate::id::check_full_id;
use crate::layers::chain;
use crate::record::{Image, Layer};
use crate::store::Store;
use crate::table::{STABLE, Writing, lookup};

/// A new image, or additions to one.
#[derive(Debug, Clone, Default)]
pub struct ImageOptions {
    /// Its id; for ordinary images the hexadecimal digest of the configuration.
    pub id: String,
    /// Names it gets; images that have them lose them.
    pub names: Vec<String>,
    /// Its topmost layer; `None` for an image without layers.
    pub top_layer: Option<String>,
    /// Digest of its manifest.
    pub digest: Option<Digest>,
    /// When it was built; `None` for now.
    pub created: Option<Timestamp>,
    /// Free text; containers/image expects JSON, `{}` at least.
    pub metadata: String,
    /// Documents: `manifest`, `manifest-sha256:…`, and the configuration under its digest.
    pub data: Vec<(String, Vec<u8>)>,
}

/// How names are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameChange {
    /// Puts names in front of those there are.
    Add,
    /// Takes names away.
    Remove,
    /// Replaces all names.
    Set,
}

/// What deleting an image did.
#[derive(Debug, Clone, Default)]
pub struct ImageDeletion {
    /// The image's id.
    pub id: String,
    /// The layers that went with it.
    pub layers: Vec<String>,
}

impl Store {
    /// Makes an image, or adds names and documents to the one with that id. Answers it, and whether it is new.
    ///
    /// # Errors
    /// The top layer is missing; an image with that id has another top layer.
    pub fn create_image(&self, options: ImageOptions) -> Result<(Image, bool)> {
        check_full_id("image id", &options.id)?;
        let layers = self.read_layers()?;
        if let Some(top) = &options.top_layer
            && !layers.iter().any(|layer| layer.id == *top)
        {
            return Err(StorageError::LayerNotFound(top.clone()));
        }
        let mut images = self.images.write()?;
        let existing = images.rows.iter().position(|image| image.id == options.id);
        let index = existing.unwrap_or(images.rows.len());
        if existing.is_none() {
            images.rows.push(Image {
                id: options.id.clone(),
                digest: options.digest.as_ref().map(ToString::to_string).unwrap_or_default(),
                names: Vec::new(),
                names_history: Vec::new(),
                top_layer: options.top_layer.clone().unwrap_or_default(),
                mapped_top_layers: Vec::new(),
                metadata: options.metadata,
                data_names: Vec::new(),
                data_sizes: std::collections::BTreeMap::new(),
                data_digests: std::collections::BTreeMap::new(),
                created: options.created.unwrap_or_else(Timestamp::now),
                flags: serde_json::Map::new(),
                other: serde_json::Map::new(),
                location: STABLE,
            });
        } else if images.rows[index].top_layer() != options.top_layer.as_deref() {
            return Err(StorageError::IdInUse { kind: "image", id: options.id });
        }
        let directory = self.image_directory(&options.id);
        let image = &mut images.rows[index];
        if let Some(digest) = &options.digest {
            image.digest = digest.to_string();
        }
        for (key, value) in &options.data {
            put(image, &directory, key, value)?;
        }
        change_names(&mut images, index, &options.names, NameChange::Add);
        images.save(STABLE, true)?;
        Ok((images.rows[index].clone(), existing.is_none()))
    }

    /// All images.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn images(&self) -> Result<Arc<Vec<Image>>> {
        Ok(self.images.read()?.into_rows())
    }

    /// The image with that id, name, or unique beginning of an id.
    ///
    /// # Errors
    /// There is none; the table cannot be read.
    pub fn image(&self, key: &str) -> Result<Image> {
        let images = self.images.read()?;
        lookup(&images, key)?.cloned().ok_or_else(|| StorageError::ImageNotFound(key.to_owned()))
    }

    /// The images one of whose manifests has that digest.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn images_by_digest(&self, digest: &Digest) -> Result<Vec<Image>> {
        let images = self.images.read()?;
        Ok(images.iter().filter(|image| image.digests().contains(&digest.as_str())).cloned().collect())
    }

    /// Changes an image's names. A name another image has moves.
    ///
    /// # Errors
    /// There is no such image; the table cannot be written.
    pub fn change_image_names(&self, id: &str, names: &[String], change: NameChange) -> Result<Image> {
        let mut images = self.images.write()?;
        let index = index_of(&images, id)?;
        change_names(&mut images, index, names, change);
        images.save(STABLE, true)?;
        Ok(images.rows[index].clone())
    }

    /// A document of an image.
    ///
    /// # Errors
    /// There is no such image or document.
    pub fn image_data(&self, id: &str, key: &str) -> Result<Vec<u8>> {
        let image = self.image(id)?;
        data::get(&self.image_directory(&image.id), &image.id, key)
    }

    /// The layers of an image, the lowest first.
    ///
    /// # Errors
    /// The image or one of its layers is missing.
    pub fn image_layers(&self, id: &str) -> Result<Vec<Layer>> {
        let image = self.image(id)?;
        let Some(top) = image.top_layer() else { return Ok(Vec::new()) };
        let mut layers = self.layer_chain(top)?;
        layers.reverse();
        Ok(layers)
    }

    /// The bytes of an image: its uncompressed layers and its documents, as podman counts.
    ///
    /// # Errors
    /// The image or one of its layers is missing.
    pub fn image_size(&self, id: &str) -> Result<u64> {
        let image = self.image(id)?;
        let layers = self.read_layers()?;
        image_size(&image, &layers)
    }

    /// The bytes of each image, in the order of [`Store::images`]; `None` where layers are missing.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn image_sizes(&self) -> Result<Vec<(Image, Option<u64>)>> {
        let layers = self.read_layers()?;
        let images = self.images.read()?;
        Ok(images.iter().map(|image| (image.clone(), image_size(image, &layers).ok())).collect())
    }

    /// Deletes an image and the layers nothing else needs.
    ///
    /// # Errors
    /// There is no such image, or containers are made from it.
    pub fn delete_image(&self, id: &str) -> Result<ImageDeletion> {
        let mut layers = self.write_layers()?;
        let mut images = self.images.write()?;
        let containers = self.containers.read()?;
        let index = index_of(&images, id)?;
        let image = images.rows[index].clone();
        let users: Vec<String> = containers
            .iter()
            .filter(|container| container.image == image.id)
            .map(|container| container.id.clone())
            .collect();
        if !users.is_empty() {
            return Err(StorageError::ImageInUse { id: image.id, containers: users });
        }
        images.rows.remove(index);
        let kept: HashSet<&str> = images
            .rows
            .iter()
            .flat_map(|other| other.mapped_top_layers.iter().chain([&other.top_layer]))
            .chain(containers.iter().map(|container| &container.layer))
            .map(String::as_str)
            .collect();
        let doomed = unneeded_layers(&image, &layers.rows, &kept);
        images.save(STABLE, true)?;
        crate::dirs::remove_all(&self.image_directory(&image.id))?;
        let trash = if doomed.is_empty() { None } else { Some(self.remove_layers(&mut layers, &doomed)?) };
        drop(containers);
        drop(images);
        drop(layers);
        drop(trash);
        Ok(ImageDeletion { id: image.id, layers: doomed })
    }

    /// Mounts an image read-only, or counts one user more, and answers where.
    ///
    /// # Errors
    /// There is no such image, or it has no layers; the kernel refuses.
    pub fn mount_image(&self, id: &str) -> Result<PathBuf> {
        let top = self.top_layer_of(id)?;
        self.mount_layer(&top, &MountRequest { read_only: true, ..MountRequest::default() })
    }

    /// Counts one user of the mount less; answers whether it is still mounted.
    ///
    /// # Errors
    /// There is no such image, or it is not mounted.
    pub fn unmount_image(&self, id: &str, force: bool) -> Result<bool> {
        let top = self.top_layer_of(id)?;
        self.unmount_layer(&top, force)
    }

    /// Where an image is mounted, and how often.
    ///
    /// # Errors
    /// There is no such image.
    pub fn image_mount(&self, id: &str) -> Result<Option<(PathBuf, i64)>> {
        match self.image(id)?.top_layer() {
            Some(top) => self.layer_mount(top),
            None => Ok(None),
        }
    }

    fn top_layer_of(&self, id: &str) -> Result<String> {
        let image = self.image(id)?;
        let top = image.top_layer().map(str::to_owned);
        top.ok_or_else(|| {
            StorageError::Unsupported(format!("mounting image {}, which has no layers,", image.id))
        })
    }

    pub(crate) fn image_directory(&self, id: &str) -> PathBuf {
        self.graph_dir("images").join(id)
    }
}

fn index_of(images: &Writing<'_, Image>, key: &str) -> Result<usize> {
    let found = lookup(&images.rows, key)?.ok_or_else(|| StorageError::ImageNotFound(key.to_owned()))?;
    let id = found.id.clone();
    images.rows.iter().position(|image| image.id == id).ok_or(StorageError::ImageNotFound(id))
}

fn put(image: &mut Image, directory: &std::path::Path, key: &str, value: &[u8]) -> Result<()> {
    let mut index = data::Index {
        names: &mut image.data_names,
        sizes: &mut image.data_sizes,
        digests: &mut image.data_digests,
    };
    index.put(directory, key, value)
}

fn change_names(images: &mut Writing<'_, Image>, index: usize, names: &[String], change: NameChange) {
    let old = std::mem::take(&mut images.rows[index].names);
    let wanted: Vec<String> = match change {
        NameChange::Add => names.iter().cloned().chain(old).collect(),
        NameChange::Set => names.to_vec(),
        NameChange::Remove => old.into_iter().filter(|name| !names.contains(name)).collect(),
    };
    let mut unique: Vec<String> = Vec::new();
    for name in wanted {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    for (other, image) in images.rows.iter_mut().enumerate() {
        if other != index {
            image.names.retain(|name| !unique.contains(name));
        }
    }
    let image = &mut images.rows[index];
    // As the storage library does, so that both tools tell the same: the names that it has now come first.
    for name in &unique {
        image.names_history.retain(|known| known != name);
        image.names_history.insert(0, name.clone());
    }
    image.names = unique;
}

fn image_size(image: &Image, layers: &[Layer]) -> Result<u64> {
    let mut size: i64 = image.data_sizes.values().sum();
    if let Some(top) = image.top_layer() {
        size += chain(layers, top)?.iter().map(|layer| layer.diff_size.max(0)).sum::<i64>();
    }
    Ok(u64::try_from(size).unwrap_or_default())
}

/// The layers of an image, from the top, down to the first that an image, a container or a layer needs.
fn unneeded_layers(image: &Image, layers: &[Layer], kept: &HashSet<&str>) -> Vec<String> {
    let mut doomed = image.mapped_top_layers.clone();
    doomed.retain(|id| layers.iter().any(|layer| layer.id == *id));
    let mut next = image.top_layer().map(str::to_owned);
    while let Some(id) = next {
        let Some(layer) = layers.iter().find(|layer| layer.id == id) else { break };
        let has_child = layers.iter().any(|child| child.parent == id && !doomed.contains(&child.id));
        if kept.contains(id.as_str()) || has_child || doomed.contains(&id) {
            break;
        }
        next = layer.parent().map(str::to_owned);
        doomed.push(id);
    }
    doomed
}
