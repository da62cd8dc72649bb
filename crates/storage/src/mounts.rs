//! Which layers are mounted, how often: `mountpoints.json` in the run root.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dirs;
use crate::driver::MountRequest;
use crate::error::{Result, StorageError};
use crate::layers::chain;
use crate::lock::{Held, Mode};
use crate::store::Store;
use crate::table::replace;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct MountPoint {
    id: String,
    path: PathBuf,
    count: i64,
}

impl Store {
    /// Mounts a layer over its ancestors, or counts one user more, and answers where.
    pub(crate) fn mount_layer(&self, id: &str, request: &MountRequest) -> Result<PathBuf> {
        // Keeps podman from ending its use of the driver, which would unmount the driver's home.
        let _driver = self.lock_driver()?;
        let layers = self.read_layers()?;
        let chain = chain(&layers, id)?;
        let lowers: Vec<String> = chain[1..].iter().map(|layer| layer.id.clone()).collect();
        let request = MountRequest {
            label: if request.label.is_empty() {
                chain[0].mount_label.clone()
            } else {
                request.label.clone()
            },
            ..request.clone()
        };
        self.with_mounts(|mounts| {
            if let Some(mount) = mounts.iter_mut().find(|mount| mount.id == id)
                && mount.count > 0
                && self.driver.is_mounted(&mount.path)
            {
                mount.count += 1;
                return Ok(mount.path.clone());
            }
            let path = self.driver.mount(id, &lowers, &request)?;
            mounts.retain(|mount| mount.id != id);
            mounts.push(MountPoint { id: id.to_owned(), path: path.clone(), count: 1 });
            Ok(path)
        })
    }

    /// Counts one user less, and unmounts after the last, or at once with `force`. Answers whether it is
    /// still mounted.
    pub(crate) fn unmount_layer(&self, id: &str, force: bool) -> Result<bool> {
        let _driver = self.lock_driver()?;
        let _layers = self.read_layers()?;
        self.with_mounts(|mounts| {
            let Some(index) = mounts.iter().position(|mount| mount.id == id) else {
                return Err(StorageError::NotMounted(id.to_owned()));
            };
            if !force && mounts[index].count > 1 {
                mounts[index].count -= 1;
                return Ok(true);
            }
            self.driver.unmount(id)?;
            mounts.remove(index);
            Ok(false)
        })
    }

    /// Where a layer is mounted at present.
    pub(crate) fn layer_mount(&self, id: &str) -> Result<Option<(PathBuf, i64)>> {
        let _held = Held::acquire(&self.run_dir("layers").join("mountpoints.lock"), Mode::Shared)?;
        let mounts = load(&self.run_dir("layers").join("mountpoints.json"))?;
        let found = mounts.into_iter().find(|mount| mount.id == id && mount.count > 0);
        Ok(found.filter(|mount| self.driver.is_mounted(&mount.path)).map(|mount| (mount.path, mount.count)))
    }

    /// Drops what is known of mounts of layers that go away. The driver unmounts them.
    pub(crate) fn forget_mounts(&self, ids: &[String]) -> Result<()> {
        self.with_mounts(|mounts| {
            mounts.retain(|mount| !ids.contains(&mount.id));
            Ok(())
        })
    }

    fn with_mounts<T>(&self, change: impl FnOnce(&mut Vec<MountPoint>) -> Result<T>) -> Result<T> {
        let directory = self.run_dir("layers");
        let held = Held::acquire(&directory.join("mountpoints.lock"), Mode::Exclusive)?;
        let path = directory.join("mountpoints.json");
        let mut mounts = load(&path)?;
        let before = mounts.clone();
        let result = change(&mut mounts)?;
        let same = before.len() == mounts.len()
            && before
                .iter()
                .zip(&mounts)
                .all(|(a, b)| a.id == b.id && a.count == b.count && a.path == b.path);
        if !same {
            let data = serde_json::to_vec(&mounts)
                .map_err(|source| StorageError::BadJson { path: path.clone(), source })?;
            held.record_write()?;
            // The run root does not survive a reboot, so there is nothing to sync.
            replace(&path, &data)?;
        }
        Ok(result)
    }
}

fn load(path: &Path) -> Result<Vec<MountPoint>> {
    match dirs::read_optional(path)? {
        Some(data) if !data.is_empty() => serde_json::from_slice::<Option<_>>(&data)
            .map(Option::unwrap_or_default)
            .map_err(|source| StorageError::BadJson { path: path.to_path_buf(), source }),
        _ => Ok(Vec::new()),
    }
}
