//! Finding and removing what belongs to nothing.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::Result;
use crate::store::Store;

impl Store {
    /// Removes layers that neither an image nor a container needs and that are at least `age` old: what an
    /// interrupted pull or an interrupted creation of a container left. Younger ones may belong to a pull
    /// that goes on. Answers their ids.
    ///
    /// # Errors
    /// A table cannot be read or written.
    pub fn prune_orphans(&self, age: Duration) -> Result<Vec<String>> {
        let mut layers = self.write_layers()?;
        let images = self.images.read()?;
        let containers = self.containers.read()?;
        let mut needed: HashSet<String> = images
            .iter()
            .flat_map(|image| image.mapped_top_layers.iter().chain([&image.top_layer]))
            .chain(containers.iter().map(|container| &container.layer))
            .cloned()
            .collect();
        let limit =
            Timestamp::now().as_second().saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        // Named layers belong to someone who knows them by that name.
        needed.extend(
            layers
                .rows
                .iter()
                .filter(|layer| !layer.names.is_empty() || layer.created.as_second() > limit)
                .map(|layer| layer.id.clone()),
        );
        let mut queue: Vec<String> = needed.iter().cloned().collect();
        while let Some(id) = queue.pop() {
            let parent = layers.rows.iter().find(|layer| layer.id == id).and_then(|layer| layer.parent());
            if let Some(parent) = parent
                && needed.insert(parent.to_owned())
            {
                queue.push(parent.to_owned());
            }
        }
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
