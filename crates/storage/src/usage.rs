//! What images take on the disk.

use std::collections::HashMap;

use crate::archive::tree_size;
use crate::error::Result;
use crate::layers::chain;
use crate::record::{Image, Layer};
use crate::store::Store;

/// The bytes of an image: those of layers that other images have, too, and the rest.
#[derive(Debug, Clone)]
pub struct ImageUsage {
    /// The image.
    pub image: Image,
    /// Bytes of layers that further images have.
    pub shared: u64,
    /// Bytes of its other layers and of its documents.
    pub unique: u64,
}

impl Store {
    /// The disk use of every image, in the order of [`Store::images`], and of all together: what several share counts
    /// once there. A layer that is missing counts nothing.
    ///
    /// # Errors
    /// A table or a layer whose size is not kept cannot be read.
    pub fn image_usage(&self) -> Result<(Vec<ImageUsage>, u64)> {
        let layers = self.read_layers()?;
        let images = self.images.read()?;
        let chains: Vec<Vec<Layer>> = images.iter().map(|image| layers_of(image, &layers)).collect();
        let mut holders: HashMap<&str, u32> = HashMap::new();
        for layer in chains.iter().flatten() {
            *holders.entry(layer.id.as_str()).or_default() += 1;
        }
        let mut sizes: HashMap<&str, u64> = HashMap::new();
        let mut usages = Vec::new();
        let mut total: u64 = 0;
        for (image, chain) in images.iter().zip(&chains) {
            let documents = image.data_sizes.values().sum::<i64>();
            let mut usage = ImageUsage {
                image: image.clone(),
                shared: 0,
                unique: u64::try_from(documents).unwrap_or_default(),
            };
            total = total.saturating_add(usage.unique);
            for layer in chain {
                let id = layer.id.as_str();
                let size = match sizes.get(id) {
                    Some(size) => *size,
                    None => {
                        let size = self.layer_size(layer)?;
                        total = total.saturating_add(size);
                        sizes.insert(id, size);
                        size
                    }
                };
                let part = if holders.get(id) > Some(&1) { &mut usage.shared } else { &mut usage.unique };
                *part = part.saturating_add(size);
            }
            usages.push(usage);
        }
        Ok((usages, total))
    }

    /// The bytes of a layer's files; counted where the store does not know them.
    fn layer_size(&self, layer: &Layer) -> Result<u64> {
        match u64::try_from(layer.diff_size) {
            Ok(size) => Ok(size),
            Err(_) => tree_size(&self.driver.diff(&layer.id)),
        }
    }
}

/// The layers of an image that are there.
fn layers_of(image: &Image, layers: &[Layer]) -> Vec<Layer> {
    image.top_layer().and_then(|top| chain(layers, top).ok()).unwrap_or_default()
}
