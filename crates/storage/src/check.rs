//! Finding and removing what belongs to nothing.

use std::collections::HashSet;
use std::time::Duration;

use cove_sys::fs;
use jiff::Timestamp;

use crate::dirs;
use crate::error::Result;
use crate::id::is_full_id;
use crate::store::Store;

/// What was wrong and is put right.
#[derive(Debug, Clone, Default)]
pub struct RepairReport {
    /// Directories of layers the tables do not know.
    pub directories: Vec<String>,
    /// Images' documents without an image.
    pub image_data: Vec<String>,
    /// Containers' directories without a container.
    pub container_data: Vec<String>,
    /// Layers whose files are missing; their records are kept, since images may still name them.
    pub missing: Vec<String>,
}

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

    /// Compares the tables with the directories, and removes directories that belong to nothing.
    ///
    /// # Errors
    /// A table or directory cannot be read.
    pub fn repair(&self) -> Result<RepairReport> {
        let layers = self.write_layers()?;
        let images = self.images.write()?;
        let containers = self.containers.write()?;
        let mut report = RepairReport::default();
        let mut trash = crate::tempdir::TempDir::new(&self.driver.temp_root())?;
        let directories = self.driver.list()?;
        for id in &directories {
            if !layers.rows.iter().any(|layer| layer.id == *id) {
                self.driver.remove(id, &mut trash)?;
                dirs::remove_file(&self.tar_split(id))?;
                report.directories.push(id.clone());
            }
        }
        for layer in &layers.rows {
            if !directories.contains(&layer.id) {
                report.missing.push(layer.id.clone());
            }
        }
        for (kind, known, found) in [
            ("images", images.rows.iter().map(|row| &row.id).collect::<Vec<_>>(), &mut report.image_data),
            ("containers", containers.rows.iter().map(|row| &row.id).collect(), &mut report.container_data),
        ] {
            for entry in fs::read_dir(self.graph_dir(kind))? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if is_full_id(&name) && !known.contains(&&name) {
                    dirs::remove_all(&self.graph_dir(kind).join(&name))?;
                    found.push(name);
                }
            }
        }
        drop((layers, images, containers));
        drop(trash);
        Ok(report)
    }
}
