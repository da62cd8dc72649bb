//! Working containers: where the files of an image in the making are changed.
//!
//! One is a container of the store with a file that says what it is, and a lock that is held as long as its build lives.
//! What the builds of killed programs have left is taken away by the next one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{Error, ErrorKind, Result, Timestamp};
use cove_storage::{ContainerMountOptions, ContainerOptions, StorageError, container_metadata};
use cove_sys::fs;

use crate::container::scratch;
use crate::engine::Core;
use crate::error::{joined, storage};
use crate::lock::ObjectLock;
use crate::name;
use crate::sandbox::{self, Remains};

/// The file in a container's folder of the store that says that it belongs to a build.
pub(crate) const BUILD_FILE: &str = "cove-build";

/// A working container; dropping it takes it away, unless it is somebody's ([`Working::keep`]).
pub(super) struct Working {
    core: Arc<Core>,
    pub(super) id: String,
    lock: Option<ObjectLock>,
    /// It outlives this value.
    kept: bool,
}

impl Working {
    /// Makes one over an image, or over nothing.
    pub(super) fn new(core: &Arc<Core>, image: Option<&str>) -> Result<Self> {
        Ok(Self::made(core, image, None)?)
    }

    /// One with a name of its own, which is to be kept.
    pub(super) fn named(
        core: &Arc<Core>,
        image: Option<&str>,
        name: &str,
    ) -> std::result::Result<Self, NotMade> {
        Self::made(core, image, Some(name))
    }

    fn made(
        core: &Arc<Core>,
        image: Option<&str>,
        given: Option<&str>,
    ) -> std::result::Result<Self, NotMade> {
        let id = name::random_id()?;
        let lock = ObjectLock::acquire(&locks(core), &id)?;
        let working = Self { core: Arc::clone(core), id: id.clone(), lock: Some(lock), kept: false };
        let label = match given {
            Some(name) => name.to_owned(),
            None => format!("{}-working-container", name::short(&id)),
        };
        let created = Timestamp::now().as_second();
        let store = core.store()?;
        store
            .create_container(ContainerOptions {
                id: Some(id.clone()),
                names: vec![label.clone()],
                image: image.map(ToOwned::to_owned),
                metadata: container_metadata(&label, "", image.unwrap_or_default(), created),
                volatile: given.is_none(),
                ..ContainerOptions::default()
            })
            .map_err(|error| match error {
                StorageError::NameInUse { .. } => NotMade::Taken,
                error => NotMade::Other(storage(error)),
            })?;
        let folder = store.container_directory(&id);
        fs::create_dir_all(&folder).map_err(Error::from)?;
        fs::write(folder.join(BUILD_FILE), b"").map_err(Error::from)?;
        Ok(working)
    }

    /// One that is somebody's, for as long as this value lives.
    pub(super) fn open(core: &Arc<Core>, id: &str) -> Result<Self> {
        let locks = core.options.run_dir().join("working");
        crate::state::make_private(&locks)?;
        let lock = Some(ObjectLock::acquire(&locks, id)?);
        Ok(Self { core: Arc::clone(core), id: id.to_owned(), lock, kept: true })
    }

    /// From now on it is no build's but somebody's, who has said what it is.
    pub(super) fn keep(mut self) -> Result<()> {
        let marker = self.core.store()?.container_directory(&self.id).join(BUILD_FILE);
        fs::remove_file(marker)?;
        self.kept = true;
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
        Ok(())
    }

    /// Takes one away that is somebody's.
    pub(super) fn delete(mut self) -> Result<()> {
        let store = self.core.store()?;
        self.release("")?;
        match store.unmount_container(&self.id, true) {
            Ok(_) | Err(StorageError::NotMounted(_)) => {}
            Err(error) => return Err(storage(error)),
        }
        store.delete_container(&self.id).map_err(storage)?;
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
        Ok(())
    }

    /// Runs something with its root file system mounted.
    pub(super) fn with_root<T>(&self, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let store = self.core.store()?;
        let path = store.mount_container(&self.id, &ContainerMountOptions::default()).map_err(storage)?;
        let result = work(&path);
        match store.unmount_container(&self.id, false) {
            Ok(_) | Err(StorageError::NotMounted(_)) => result,
            Err(error) => result.and_then(|_| Err(storage(error))),
        }
    }

    /// Takes apart what a command needed.
    pub(super) fn release(&self, runtime: &str) -> Result<()> {
        joined(release(&self.core, &self.id, runtime, true))
    }

    /// The same, but for the first `kept` mounts of its root file system, which are somebody's.
    pub(super) fn release_but(&self, runtime: &str, kept: i64) -> Result<()> {
        let mut errors = release(&self.core, &self.id, runtime, kept == 0);
        while kept > 0 && self.mounts()? > kept {
            if let Err(error) = self.core.store()?.unmount_container(&self.id, false) {
                errors.push(storage(error));
                break;
            }
        }
        joined(errors)
    }

    /// How often its root file system is mounted.
    pub(super) fn mounts(&self) -> Result<i64> {
        let mount = self.core.store()?.container_mount(&self.id).map_err(storage)?;
        Ok(mount.map_or(0, |(_, count)| count))
    }
}

/// Why a working container was not made.
pub(super) enum NotMade {
    /// Another container has the name.
    Taken,
    /// Something else.
    Other(Error),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<NotMade> for Error {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::Taken => Self::new(ErrorKind::AlreadyExists, "that name is already in use"),
            NotMade::Other(error) => error,
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        match self.core.store().map(|store| store.delete_container(&self.id)) {
            Ok(Ok(()) | Err(StorageError::ContainerNotFound(_))) => {}
            Ok(Err(error)) => tracing::warn!("removing the working container {}: {error}", self.id),
            Err(error) => tracing::warn!("removing the working container {}: {error}", self.id),
        }
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

/// Where the locks of builds are: each names a working container or a context.
pub(super) fn locks(core: &Core) -> PathBuf {
    core.options.run_dir().join("builds")
}

/// The lock of a working container whose build is no more.
pub(crate) fn lock_left(core: &Core, id: &str) -> Option<ObjectLock> {
    let locks = locks(core);
    crate::state::make_private(&locks).ok()?;
    ObjectLock::try_acquire(&locks, id)
}

fn release(core: &Core, id: &str, runtime: &str, layer: bool) -> Vec<Error> {
    sandbox::release(
        core,
        &Remains {
            id,
            folder: core.container_run_dir(id),
            scratch: scratch(core, id),
            runtime,
            network: true,
            layer,
        },
    )
}

/// Takes away what builds have left that were killed.
pub(super) fn sweep(core: &Arc<Core>) -> Result<()> {
    let store = core.store()?;
    let locks = locks(core);
    crate::state::make_private(&locks)?;
    let containers = store.containers().map_err(storage)?;
    let marked = containers.iter().filter(|row| store.container_directory(&row.id).join(BUILD_FILE).exists());
    let mut ids: BTreeSet<String> = marked.map(|row| row.id.clone()).collect();
    // One that was killed before it could mark its container has left its lock. All of them go with a reboot, the marks
    // do not.
    for entry in fs::read_dir(&locks)? {
        ids.extend(entry?.file_name().into_string());
    }
    for id in ids {
        let Some(lock) = ObjectLock::try_acquire(&locks, &id) else { continue };
        for error in release(core, &id, "", true) {
            tracing::warn!("clearing up after a build: {error}");
        }
        drop(Working { core: Arc::clone(core), id, lock: Some(lock), kept: false });
    }
    Ok(())
}
