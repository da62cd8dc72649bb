//! Files in the store that no table knows: what other tools' interrupted commands left.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use cove_sys::fs;

use crate::dirs;
use crate::driver::DriverKind;
use crate::error::Result;
use crate::id::check_full_id;
use crate::store::Store;
use crate::tempdir::TempDir;

impl Store {
    /// Removes the directories of layers, images and containers that no table knows, and what interrupted commands left.
    /// Answers the ids.
    ///
    /// # Errors
    /// A table cannot be read, or a directory cannot be removed.
    pub fn collect_garbage(&self) -> Result<Vec<String>> {
        // Under these locks nobody makes such a directory whose row is still to come.
        let layers = self.write_layers()?;
        let images = self.images.write()?;
        let containers = self.containers.write()?;
        let mut trash = TempDir::new(&self.driver.temp_root())?;
        let mut gone = Vec::new();
        let known: HashSet<&str> = layers.rows.iter().map(|layer| layer.id.as_str()).collect();
        for id in strangers(&self.driver_home(), &known)? {
            self.driver.remove(&id, &mut trash)?;
            gone.push(id);
        }
        let of_images: HashSet<&str> = images.rows.iter().map(|image| image.id.as_str()).collect();
        let of_containers: HashSet<&str> = containers.rows.iter().map(|row| row.id.as_str()).collect();
        for (directory, known) in [
            (self.graph_dir("images"), &of_images),
            (self.graph_dir("containers"), &of_containers),
            (self.run_dir("containers"), &of_containers),
        ] {
            for id in strangers(&directory, known)? {
                dirs::remove_all(&directory.join(&id))?;
                gone.push(id);
            }
        }
        drop((containers, images, layers));
        drop(trash);
        gone.sort();
        gone.dedup();
        Ok(gone)
    }

    /// The directories of layers that the table does not know.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(crate) fn unknown_layers(&self) -> Result<Vec<String>> {
        let layers = self.read_layers()?;
        strangers(&self.driver_home(), &layers.iter().map(|layer| layer.id.as_str()).collect())
    }

    /// Where the directories of layers are.
    fn driver_home(&self) -> PathBuf {
        match self.driver.kind() {
            DriverKind::Overlay => self.graph_root.join("overlay"),
            DriverKind::Vfs => self.graph_root.join("vfs/dir"),
        }
    }
}

/// The directories named as ids that are not among those known.
fn strangers(directory: &Path, known: &HashSet<&str>) -> Result<Vec<String>> {
    let mut strangers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if check_full_id("id", &name).is_ok() && !known.contains(name.as_str()) && entry.file_type()?.is_dir()
        {
            strangers.push(name);
        }
    }
    Ok(strangers)
}
