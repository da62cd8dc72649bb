//! `machine rm`.

use std::path::{Path, PathBuf};

use cove_sys::fs;
use cove_sys::lock::FileLock;

use super::machines::Machines;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::paths::{MachinePaths, private_folder};
use crate::provider::{ProviderKind, Stop};
use crate::record::{MachineRecord, RECORD_VERSION, RecordedImage};

/// Beginning of the names of folders that are being removed.
pub(super) const REMOVED: &str = ".removed-";

impl Machines {
    /// What [`Machines::remove`] would remove, for a question: folders, and with `keep_disk` all but the disk.
    ///
    /// # Errors
    /// It does not exist, cannot be read, or runs.
    pub fn condemned(&self, name: &MachineName, keep_disk: bool) -> Result<Vec<PathBuf>> {
        let (record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        if provider.is_alive(&paths) {
            return Err(Error::RunningNotRemoved { name: name.to_string() });
        }
        let mut condemned = Vec::new();
        if keep_disk {
            for entry in fs::read_dir(&paths.folder)? {
                let path = entry?.path();
                if path.file_name().is_none_or(|file| file != provider.files().disk) {
                    condemned.push(path);
                }
            }
            condemned.sort();
        } else {
            condemned.push(paths.folder.clone());
        }
        condemned.extend(paths.runtime.is_dir().then(|| paths.runtime.clone()));
        Ok(condemned)
    }

    /// Removes a machine with its disk, keys, logs and connection. With `force` a running one is switched off
    /// first, one with an unreadable definition is removed too, and a missing one is no error. With `keep_disk` its
    /// disk becomes a file of [`crate::MachineFolders::saved`], which is the answer.
    ///
    /// # Errors
    /// It does not exist, it runs (without `force`), or its files cannot be removed.
    pub async fn remove(&self, name: &MachineName, force: bool, keep_disk: bool) -> Result<Option<PathBuf>> {
        let (kind, paths) = match self.find(name) {
            Err(Error::NotFound { .. }) if force => return Ok(None),
            found => found?,
        };
        let _lock = self.lock(name, &paths).await?;
        let record = match self.load(name) {
            Ok((record, _)) => record,
            Err(_) if force => placeholder(name, kind),
            Err(error) => return Err(error),
        };
        let provider = self.provider(kind);
        if provider.is_alive(&paths) {
            if !force {
                return Err(Error::RunningNotRemoved { name: name.to_string() });
            }
            provider.stop(&record, &paths, Stop::Hard).await?;
        }
        self.end_agent(&paths).await;
        provider.remove(&paths).await?;
        // First the connection: a name that leads nowhere is worse than a folder without a name.
        self.unregister(name)?;
        let kept = if keep_disk { self.keep_disk(name, &paths, provider.files().disk)? } else { None };
        let condemned = self.folders.provider(kind).join(format!("{REMOVED}{name}-{}", std::process::id()));
        fs::rename(&paths.folder, &condemned)?;
        // An `init` in this moment sweeps it, too.
        remove_whole(&condemned)?;
        remove_whole(&paths.runtime)?;
        Ok(kept)
    }

    /// Moves the disk out of the machine's folder, under a name that no other kept one has; `None` where an
    /// interrupted call has done it already.
    fn keep_disk(&self, name: &MachineName, paths: &MachinePaths, disk: &str) -> Result<Option<PathBuf>> {
        let saved = self.folders.saved();
        private_folder(&saved)?;
        let _alone = FileLock::exclusive(&saved.join(".lock"))?;
        let from = paths.folder.join(disk);
        if !from.is_file() {
            return Ok(None);
        }
        let to = (0_u64..)
            .map(|number| match number {
                0 => saved.join(format!("{name}-{disk}")),
                number => saved.join(format!("{name}-{number}-{disk}")),
            })
            .find(|path| !path.exists())
            .unwrap_or_default();
        fs::rename(&from, &to)?;
        Ok(Some(to))
    }
}

/// Removes a folder that may be gone already.
pub(super) fn remove_whole(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Enough of a definition to stop a machine whose own cannot be read.
pub(super) fn placeholder(name: &MachineName, provider: ProviderKind) -> MachineRecord {
    MachineRecord {
        version: RECORD_VERSION,
        name: name.clone(),
        provider,
        created: String::new(),
        last_up: None,
        cpus: 0,
        memory_mib: 0,
        disk_gib: 0,
        ssh_port: 0,
        host_key: String::new(),
        image: RecordedImage {
            arch: String::new(),
            variant: String::new(),
            kernel_version: String::new(),
            cove_version: String::new(),
            disk_sha256: String::new(),
        },
        timezone: None,
        swap_mib: 0,
        shared_folders: Vec::new(),
        username: None,
        import_native_ca: false,
    }
}
