//! Finding and removing what is damaged, and what belongs to nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as _;
use std::time::Duration;

use cove_archive::{DigestAlgorithm, Hasher};
use jiff::Timestamp;

use crate::error::{Result, StorageError};
use crate::record::{Container, Image, Layer};
use crate::store::Store;

/// What a check looks at.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions {
    /// Only what the tables and directories tell: contents are not read.
    pub quick: bool,
    /// How old a layer may be that nothing needs: younger ones may belong to a pull that goes on.
    pub age: Duration,
}

/// What is wrong with each layer, image and container, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// Layers.
    pub layers: BTreeMap<String, Vec<String>>,
    /// Images.
    pub images: BTreeMap<String, Vec<String>>,
    /// Containers, also those of other tools.
    pub containers: BTreeMap<String, Vec<String>>,
}

impl Damage {
    /// Whether all is well.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.layers.is_empty() && self.images.is_empty() && self.containers.is_empty()
    }

    fn layer(&mut self, id: &str, what: impl Into<String>) {
        self.layers.entry(id.to_owned()).or_default().push(what.into());
    }

    fn image(&mut self, id: &str, what: impl Into<String>) {
        self.images.entry(id.to_owned()).or_default().push(what.into());
    }

    fn container(&mut self, id: &str, what: impl Into<String>) {
        self.containers.entry(id.to_owned()).or_default().push(what.into());
    }
}

/// The tables as they were at one moment.
struct Tables {
    layers: Vec<Layer>,
    images: Vec<Image>,
    containers: Vec<Container>,
}

impl Tables {
    /// The layers that an image or a container needs, and those that somebody knows by a name.
    fn needed(&self) -> HashSet<String> {
        let roots = self
            .images
            .iter()
            .flat_map(|image| image.mapped_top_layers.iter().chain([&image.top_layer]))
            .chain(self.containers.iter().map(|container| &container.layer))
            .chain(self.layers.iter().filter(|layer| !layer.names.is_empty()).map(|layer| &layer.id));
        with_ancestors(&self.layers, roots.cloned().collect())
    }
}

/// These layers and all below them.
fn with_ancestors(layers: &[Layer], mut needed: HashSet<String>) -> HashSet<String> {
    let parents: HashMap<&str, &str> =
        layers.iter().map(|layer| (layer.id.as_str(), layer.parent.as_str())).collect();
    let mut queue: Vec<String> = needed.iter().cloned().collect();
    while let Some(id) = queue.pop() {
        if let Some(parent) = parents.get(id.as_str()).filter(|parent| !parent.is_empty())
            && needed.insert((*parent).to_owned())
        {
            queue.push((*parent).to_owned());
        }
    }
    needed
}

/// Whether a layer is older than `age`.
fn is_older(layer: &Layer, age: Duration) -> bool {
    let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    layer.created.as_second() <= Timestamp::now().as_second().saturating_sub(age)
}

impl Store {
    /// Looks for damage. Contents of layers are compared with what they were when they came in, as far as that is known.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn check(&self, options: &CheckOptions) -> Result<Damage> {
        let tables = {
            let layers = self.read_layers()?;
            let images = self.images.read()?;
            let containers = self.containers.read()?;
            Tables { layers: layers.to_vec(), images: images.to_vec(), containers: containers.to_vec() }
        };
        let mut damage = Damage::default();
        self.check_layers(&tables, options, &mut damage)?;
        self.check_images(&tables, &mut damage);
        self.check_containers(&tables, &mut damage);
        Ok(damage)
    }

    fn check_layers(&self, tables: &Tables, options: &CheckOptions, damage: &mut Damage) -> Result<()> {
        let known: HashSet<&str> = tables.layers.iter().map(|layer| layer.id.as_str()).collect();
        let needed = tables.needed();
        for layer in &tables.layers {
            if !layer.parent.is_empty() && !known.contains(layer.parent.as_str()) {
                damage.layer(&layer.id, format!("layer missing: {}, which it is on", layer.parent));
            }
            if !self.driver.diff(&layer.id).is_dir() {
                damage.layer(&layer.id, "layer content missing: it has no files");
            } else if !options.quick
                && let Some(what) = self.changed(layer)
                // It may have been removed meanwhile.
                && self.find_layer(&layer.id)?.is_some()
            {
                damage.layer(&layer.id, what);
            }
            if !needed.contains(&layer.id) && is_older(layer, options.age) {
                damage.layer(&layer.id, "layer not referenced: no image or container needs it");
            }
        }
        for id in self.unknown_layers()? {
            damage.layer(&id, "layer in lower level storage driver not accounted for");
        }
        Ok(())
    }

    /// How the contents of a layer differ from what came in; nothing where they do not, or where that is not known.
    fn changed(&self, layer: &Layer) -> Option<String> {
        if layer.diff_digest.is_empty() || !self.tar_split(&layer.id).exists() {
            return None;
        }
        match self.digest_of(layer) {
            Ok(found) if found == layer.diff_digest => None,
            Ok(found) => {
                Some(format!("checksum failed: layer content is {found}, not {}", layer.diff_digest))
            }
            Err(error) => Some(format!("checksum failed: {error}")),
        }
    }

    fn digest_of(&self, layer: &Layer) -> Result<String> {
        let mut archive = self.diff_tar(&layer.id)?;
        let mut digester = Hasher::new(DigestAlgorithm::Sha256);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match archive.read(&mut buffer).map_err(StorageError::Stream)? {
                0 => return Ok(digester.finish().to_string()),
                count => digester.update(&buffer[..count]),
            }
        }
    }

    fn check_images(&self, tables: &Tables, damage: &mut Damage) {
        for image in &tables.images {
            let chain =
                with_ancestors(&tables.layers, image.top_layer().map(str::to_owned).into_iter().collect());
            for layer in chain {
                if let Some(what) = broken(tables, damage, &layer) {
                    damage.image(&image.id, what);
                }
            }
            for name in &image.data_names {
                match self.image_data(&image.id, name) {
                    Err(error) => damage.image(&image.id, format!("image data item is missing: {error}")),
                    Ok(data) => {
                        let size = i64::try_from(data.len()).ok();
                        if image.data_sizes.get(name).is_some_and(|wanted| Some(*wanted) != size) {
                            damage.image(&image.id, format!("image data item has incorrect size: {name:?}"));
                        }
                        let digest = cove_archive::Digest::sha256(&data).to_string();
                        let differs = |wanted: &String| wanted.starts_with("sha256:") && *wanted != digest;
                        // A manifest of the first schema is known by the digest of its payload.
                        if !name.starts_with("manifest") && image.data_digests.get(name).is_some_and(differs)
                        {
                            damage
                                .image(&image.id, format!("image data item has incorrect digest: {name:?}"));
                        }
                    }
                }
            }
        }
    }

    fn check_containers(&self, tables: &Tables, damage: &mut Damage) {
        for container in &tables.containers {
            let chain = with_ancestors(&tables.layers, [container.layer.clone()].into());
            for layer in chain {
                if let Some(what) = broken(tables, damage, &layer) {
                    damage.container(&container.id, what);
                }
            }
            if !container.image.is_empty() && !tables.images.iter().any(|image| image.id == container.image) {
                damage.container(&container.id, format!("image missing: {}", container.image));
            }
        }
    }

    /// Deletes damaged images that no container is made from, and damaged or unneeded layers that nothing needs any
    /// more. Containers are the caller's business, and come first. Answers the ids of the images and layers.
    ///
    /// # Errors
    /// A table cannot be read or written.
    pub fn repair(&self, damage: &Damage) -> Result<(Vec<String>, Vec<String>)> {
        let mut images = Vec::new();
        let mut removed = Vec::new();
        for id in damage.images.keys() {
            match self.delete_image(id) {
                Ok(deletion) => {
                    images.push(deletion.id);
                    removed.extend(deletion.layers);
                }
                Err(StorageError::ImageInUse { .. } | StorageError::ImageNotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        removed.extend(self.remove_unneeded(|layer| damage.layers.contains_key(&layer.id))?);
        removed.extend(self.collect_garbage()?);
        removed.retain(|id| damage.layers.contains_key(id));
        Ok((images, removed))
    }

    /// Removes layers that neither an image nor a container needs and that are at least `age` old: what an
    /// interrupted pull or an interrupted creation of a container left. Younger ones may belong to a pull
    /// that goes on. Answers their ids.
    ///
    /// # Errors
    /// A table cannot be read or written.
    pub fn prune_orphans(&self, age: Duration) -> Result<Vec<String>> {
        self.remove_unneeded(|layer| is_older(layer, age))
    }

    /// Removes the layers that are `doomed`, unless an image, a container, a name or a layer that stays needs them.
    fn remove_unneeded(&self, doomed: impl Fn(&Layer) -> bool) -> Result<Vec<String>> {
        let mut layers = self.write_layers()?;
        let images = self.images.read()?;
        let containers = self.containers.read()?;
        let tables =
            Tables { layers: layers.rows.clone(), images: images.to_vec(), containers: containers.to_vec() };
        let stay = layers.rows.iter().filter(|layer| !doomed(layer)).map(|layer| layer.id.clone());
        let mut needed = tables.needed();
        needed.extend(with_ancestors(&tables.layers, stay.collect()));
        let orphans: Vec<String> = layers
            .rows
            .iter()
            .filter(|layer| !needed.contains(&layer.id))
            .map(|layer| layer.id.clone())
            .collect();
        if orphans.is_empty() {
            return Ok(orphans);
        }
        let trash = self.remove_layers(&mut layers, &orphans)?;
        drop((layers, images, containers));
        drop(trash);
        Ok(orphans)
    }
}

/// What is wrong with a layer that an image or a container needs.
fn broken(tables: &Tables, damage: &Damage, layer: &str) -> Option<String> {
    if !tables.layers.iter().any(|known| known.id == layer) {
        return Some(format!("image layer is missing: {layer}"));
    }
    damage.layers.contains_key(layer).then(|| format!("layer is damaged: {layer}"))
}
