//! Containers: a writable layer, a record, and directories for their creator's files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::archive::shift_owners;
use crate::dirs;
use crate::driver::{Contents, MountRequest, to_host};
use crate::error::{Result, StorageError};
use crate::id::{check_full_id, random_id};
use crate::layers::{Addition, chain};
use crate::record::{Container, IdMap, Layer};
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
    /// Mapping of user ids; empty for none. Give both mappings or neither.
    pub uid_map: Vec<IdMap>,
    /// Mapping of group ids.
    pub gid_map: Vec<IdMap>,
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
        let is_mapped = !options.uid_map.is_empty() || !options.gid_map.is_empty();
        let root_owner = to_host(&options.uid_map, 0).zip(to_host(&options.gid_map, 0));
        if is_mapped && (options.uid_map.is_empty() || options.gid_map.is_empty() || root_owner.is_none()) {
            return Err(StorageError::Unsupported(
                "an id mapping without the ids 0 of users and groups".into(),
            ));
        }
        let mapped_top = match &options.image {
            Some(image) if is_mapped && !self.driver.can_shift() => {
                self.mapped_top_layer(image, &options.uid_map, &options.gid_map)?
            }
            _ => None,
        };
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
        let top =
            mapped_top.or_else(|| image.as_ref().and_then(|image| image.top_layer().map(str::to_owned)));
        let mut layer = Layer::new(random_id()?, top.as_deref());
        layer.mount_label.clone_from(&options.mount_label);
        layer.location = location;
        layer.uid_map.clone_from(&options.uid_map);
        layer.gid_map.clone_from(&options.gid_map);
        let layer_id = layer.id.clone();
        let finish = || match root_owner {
            Some((uid, gid)) if is_mapped => self.driver.set_root_owner(&layer_id, uid, gid),
            _ => Ok(()),
        };
        let addition = Addition { layer, contents: Contents::Empty, finish: Box::new(finish) };
        self.add_layers(&mut layers, vec![addition])?;
        let mut container = Container {
            id: id.clone(),
            names: options.names,
            image: image.map(|image| image.id).unwrap_or_default(),
            layer: layer_id.clone(),
            metadata: options.metadata,
            data_names: Vec::new(),
            data_sizes: std::collections::BTreeMap::new(),
            data_digests: std::collections::BTreeMap::new(),
            created: Timestamp::now(),
            uid_map: options.uid_map,
            gid_map: options.gid_map,
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
            let _ = self.remove_layers(&mut layers, &[layer_id]);
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
        let is_mapped = !container.uid_map.is_empty() || !container.gid_map.is_empty();
        let request = MountRequest {
            volatile: container.location == VOLATILE,
            options: options.options.clone(),
            shift: (is_mapped && self.driver.can_shift())
                .then(|| (container.uid_map.clone(), container.gid_map.clone())),
            ..MountRequest::default()
        };
        let path = self.mount_layer(&container.layer, &request)?;
        if is_mapped {
            make_reachable(&path, to_host(&container.uid_map, 0))?;
        }
        Ok(path)
    }

    /// The copy of an image's top layer whose files belong to the mapped owners, made where there is none yet.
    fn mapped_top_layer(&self, image: &str, users: &[IdMap], groups: &[IdMap]) -> Result<Option<String>> {
        let mut layers = self.write_layers()?;
        let mut images = self.images.write()?;
        let found =
            lookup(&images.rows, image)?.ok_or_else(|| StorageError::ImageNotFound(image.to_owned()))?;
        let Some(top) = found.top_layer().map(str::to_owned) else { return Ok(None) };
        let image_id = found.id.clone();
        let fits = |layer: &Layer| layer.uid_map == users && layer.gid_map == groups;
        let existing =
            layers.rows.iter().find(|layer| found.mapped_top_layers.contains(&layer.id) && fits(layer));
        if let Some(layer) = existing {
            return Ok(Some(layer.id.clone()));
        }
        let chain: Vec<String> = chain(&layers.rows, &top)?.into_iter().map(|layer| layer.id).collect();
        let mut layer = Layer::new(random_id()?, Some(&top));
        layer.uid_map = users.to_vec();
        layer.gid_map = groups.to_vec();
        let id = layer.id.clone();
        let finish = || {
            let merged = self.driver.mount(&id, &chain, &MountRequest::default())?;
            let shifted = shift_owners(&merged, users, groups);
            self.driver.unmount(&id)?;
            shifted
        };
        let addition = Addition { layer, contents: Contents::Empty, finish: Box::new(finish) };
        self.add_layers(&mut layers, vec![addition])?;
        if let Some(row) = images.rows.iter_mut().find(|row| row.id == image_id) {
            row.mapped_top_layers.push(id.clone());
        }
        images.save(STABLE, true)?;
        Ok(Some(id))
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
    pub(crate) fn container_run_directory(&self, id: &str) -> PathBuf {
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

/// Lets the container's root user, who is nobody here (`owner`), pass through the directories above its root.
///
/// # Errors
/// A directory cannot be changed.
pub fn make_reachable(path: &Path, owner: Option<u32>) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    for directory in path.ancestors().filter(|directory| *directory != Path::new("/")) {
        let data = cove_sys::fs::metadata(directory)?;
        if Some(data.uid()) == owner && directory != path {
            return Ok(());
        }
        if data.mode() & 0o111 != 0o111 && directory != path {
            let mode = std::fs::Permissions::from_mode((data.mode() & 0o7777) | 0o111);
            cove_sys::fs::set_permissions(directory, mode)?;
        }
    }
    Ok(())
}

fn index_of(containers: &Writing<'_, Container>, key: &str) -> Result<usize> {
    let found =
        lookup(&containers.rows, key)?.ok_or_else(|| StorageError::ContainerNotFound(key.to_owned()))?;
    let id = found.id.clone();
    containers.rows.iter().position(|row| row.id == id).ok_or(StorageError::ContainerNotFound(id))
}
