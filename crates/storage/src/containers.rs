//! Containers: a writable layer, a record, and directories for their creator's files.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::data;
use crate::dirs;
use crate::driver::{Contents, MountRequest};
use crate::error::{Result, StorageError};
use crate::id::{check_full_id, random_id};
use crate::record::{Container, Layer};
use crate::store::Store;
use crate::table::{STABLE, VOLATILE, Writing, lookup};

/// A new container.
#[derive(Debug, Clone, Default)]
pub struct ContainerOptions {
    /// Its id; `None` for a random one.
    pub id: Option<String>,
    /// Its names, which no other container may have.
    pub names: Vec<String>,
    /// The image it is made from (id or name); `None` for an empty root file system.
    pub image: Option<String>,
    /// What other tools show of it: JSON with `image-name`, `image-id`, `name` and `created-at` (see
    /// [`container_metadata`]).
    pub metadata: String,
    /// SELinux label of its mounts; empty for none.
    pub mount_label: String,
    /// Whether it may be lost with the power (a container removed on exit): nothing is synced then.
    pub volatile: bool,
}

/// How a container is mounted.
#[derive(Debug, Clone, Default)]
pub struct ContainerMountOptions {
    /// Options instead of the store's.
    pub options: Vec<String>,
}

/// The metadata podman writes, so that `podman ps --external` shows the container sensibly.
#[must_use]
pub fn container_metadata(name: &str, image_name: &str, image_id: &str, created_at: i64) -> String {
    serde_json::json!({
        "image-name": image_name,
        "image-id": image_id,
        "name": name,
        "created-at": created_at,
    })
    .to_string()
}

impl Store {
    /// Makes a container with an empty writable layer over the image's.
    ///
    /// # Errors
    /// The id or a name is in use; the image is missing.
    pub fn create_container(&self, options: ContainerOptions) -> Result<Container> {
        let id = options.id.map_or_else(random_id, Ok)?;
        check_full_id("container id", &id)?;
        let mut layers = self.write_layers()?;
        let images = self.images.read()?;
        let image = match &options.image {
            Some(key) => {
                Some(lookup(&images, key)?.ok_or_else(|| StorageError::ImageNotFound(key.clone()))?.clone())
            }
            None => None,
        };
        let mut containers = self.containers.write()?;
        if containers.rows.iter().any(|container| container.id == id) {
            return Err(StorageError::IdInUse { kind: "container", id });
        }
        for name in &options.names {
            if let Some(other) = containers.rows.iter().find(|container| container.names.contains(name)) {
                return Err(StorageError::NameInUse {
                    kind: "container",
                    name: name.clone(),
                    id: other.id.clone(),
                });
            }
        }
        let location = if options.volatile { VOLATILE } else { STABLE };
        let top = image.as_ref().and_then(|image| image.top_layer().map(str::to_owned));
        let mut layer = Layer::new(random_id()?, top.as_deref());
        layer.mount_label.clone_from(&options.mount_label);
        layer.location = location;
        let layer = self.add_layer(&mut layers, layer, Contents::Empty, || Ok(()))?;
        let mut container = Container {
            id: id.clone(),
            names: options.names,
            image: image.map(|image| image.id).unwrap_or_default(),
            layer: layer.id.clone(),
            metadata: options.metadata,
            data_names: Vec::new(),
            data_sizes: std::collections::BTreeMap::new(),
            data_digests: std::collections::BTreeMap::new(),
            created: Timestamp::now(),
            uid_map: Vec::new(),
            gid_map: Vec::new(),
            flags: serde_json::Map::new(),
            other: serde_json::Map::new(),
            location,
        };
        if !options.mount_label.is_empty() {
            container.flags.insert("MountLabel".into(), options.mount_label.into());
        }
        if options.volatile {
            container.flags.insert("Volatile".into(), true.into());
        }
        let recorded = (|| {
            dirs::create_private(&self.container_directory(&id))?;
            dirs::create_private(&self.container_run_directory(&id))?;
            containers.rows.push(container.clone());
            containers.save(location, true)
        })();
        if let Err(error) = recorded {
            let _ = self.remove_container_directories(&id);
            let _ = self.remove_layers(&mut layers, &[layer.id]);
            return Err(error);
        }
        Ok(container)
    }

    /// All containers, also those of other tools.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn containers(&self) -> Result<Arc<Vec<Container>>> {
        Ok(self.containers.read()?.into_rows())
    }

    /// The container with that id, name, or unique beginning of an id.
    ///
    /// # Errors
    /// There is none; the table cannot be read.
    pub fn container(&self, key: &str) -> Result<Container> {
        let containers = self.containers.read()?;
        lookup(&containers, key)?.cloned().ok_or_else(|| StorageError::ContainerNotFound(key.to_owned()))
    }

    /// Replaces a container's names.
    ///
    /// # Errors
    /// There is no such container; another has one of the names.
    pub fn set_container_names(&self, id: &str, names: &[String]) -> Result<()> {
        let mut containers = self.containers.write()?;
        let index = index_of(&containers, id)?;
        for (other, container) in containers.rows.iter().enumerate() {
            if other != index
                && let Some(name) = names.iter().find(|name| container.names.contains(name))
            {
                return Err(StorageError::NameInUse {
                    kind: "container",
                    name: name.clone(),
                    id: container.id.clone(),
                });
            }
        }
        containers.rows[index].names = names.to_vec();
        let location = containers.rows[index].location;
        containers.save(location, true)
    }

    /// Replaces a container's metadata.
    ///
    /// # Errors
    /// There is no such container; the table cannot be written.
    pub fn set_container_metadata(&self, id: &str, metadata: &str) -> Result<()> {
        let mut containers = self.containers.write()?;
        let index = index_of(&containers, id)?;
        metadata.clone_into(&mut containers.rows[index].metadata);
        let location = containers.rows[index].location;
        containers.save(location, true)
    }

    /// A data item of a container.
    ///
    /// # Errors
    /// There is no such container or item.
    pub fn container_data(&self, id: &str, key: &str) -> Result<Vec<u8>> {
        let container = self.container(id)?;
        data::get(&self.container_base(&container.id), &container.id, key)
    }

    /// Adds or replaces a data item of a container.
    ///
    /// # Errors
    /// There is no such container; the file cannot be written.
    pub fn set_container_data(&self, id: &str, key: &str, value: &[u8]) -> Result<()> {
        let mut containers = self.containers.write()?;
        let index = index_of(&containers, id)?;
        let container = &mut containers.rows[index];
        let directory = self.container_base(&container.id);
        let mut lists = data::Index {
            names: &mut container.data_names,
            sizes: &mut container.data_sizes,
            digests: &mut container.data_digests,
        };
        lists.put(&directory, key, value)?;
        let location = container.location;
        containers.save(location, true)
    }

    /// Deletes a container, its layer and its directories; unmounts it first.
    ///
    /// # Errors
    /// There is no such container; something of it cannot be removed.
    pub fn delete_container(&self, id: &str) -> Result<()> {
        let mut layers = self.write_layers()?;
        let mut containers = self.containers.write()?;
        let index = index_of(&containers, id)?;
        let container = containers.rows[index].clone();
        // The layer first: a record without a layer can be deleted again, a layer without a record is lost.
        let trash = if layers.rows.iter().any(|layer| layer.id == container.layer) {
            Some(self.remove_layers(&mut layers, std::slice::from_ref(&container.layer))?)
        } else {
            None
        };
        self.remove_container_directories(&container.id)?;
        containers.rows.remove(index);
        containers.save(container.location, true)?;
        drop(containers);
        drop(layers);
        drop(trash);
        Ok(())
    }

    /// Mounts a container's root file system, or counts one user more, and answers where.
    ///
    /// # Errors
    /// There is no such container; the kernel refuses.
    pub fn mount_container(&self, id: &str, options: &ContainerMountOptions) -> Result<PathBuf> {
        let container = self.container(id)?;
        let request = MountRequest {
            volatile: container.location == VOLATILE,
            options: options.options.clone(),
            ..MountRequest::default()
        };
        self.mount_layer(&container.layer, &request)
    }

    /// Counts one user of the mount less, unmounting after the last, or at once with `force`; answers whether
    /// it is still mounted.
    ///
    /// # Errors
    /// There is no such container, or it is not mounted.
    pub fn unmount_container(&self, id: &str, force: bool) -> Result<bool> {
        let container = self.container(id)?;
        match self.unmount_layer(&container.layer, force) {
            Err(StorageError::NotMounted(_)) => Err(StorageError::NotMounted(container.id)),
            other => other,
        }
    }

    /// Where a container is mounted, and how often.
    ///
    /// # Errors
    /// There is no such container.
    pub fn container_mount(&self, id: &str) -> Result<Option<(PathBuf, i64)>> {
        self.layer_mount(&self.container(id)?.layer)
    }

    /// `DRIVER-containers/ID/userdata` in the graph root: files that live as long as the container.
    #[must_use]
    pub fn container_directory(&self, id: &str) -> PathBuf {
        self.container_base(id).join("userdata")
    }

    /// `DRIVER-containers/ID/userdata` in the run root: files that do not survive a reboot.
    #[must_use]
    pub fn container_run_directory(&self, id: &str) -> PathBuf {
        self.run_dir("containers").join(id).join("userdata")
    }

    fn container_base(&self, id: &str) -> PathBuf {
        self.graph_dir("containers").join(id)
    }

    fn remove_container_directories(&self, id: &str) -> Result<()> {
        dirs::remove_all(&self.container_base(id))?;
        dirs::remove_all(&self.run_dir("containers").join(id))
    }
}

fn index_of(containers: &Writing<'_, Container>, key: &str) -> Result<usize> {
    let found =
        lookup(&containers.rows, key)?.ok_or_else(|| StorageError::ContainerNotFound(key.to_owned()))?;
    let id = found.id.clone();
    containers.rows.iter().position(|row| row.id == id).ok_or(StorageError::ContainerNotFound(id))
}
