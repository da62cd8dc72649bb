//! `machine rm`.

use std::path::Path;

use cove_sys::fs;

use super::machines::Machines;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::provider::{ProviderKind, Stop};
use crate::record::{MachineRecord, RECORD_VERSION, RecordedImage};

/// Beginning of the names of folders that are being removed.
pub(super) const REMOVED: &str = ".removed-";

impl Machines {
    /// Removes a machine with its disk, keys, logs and connection. With `force` a running one is switched off
    /// first, one with an unreadable definition is removed too, and a missing one is no error.
    ///
    /// # Errors
    /// It does not exist, it runs (without `force`), or its files cannot be removed.
    pub async fn remove(&self, name: &MachineName, force: bool) -> Result<()> {
        let (kind, paths) = match self.find(name) {
            Err(Error::NotFound { .. }) if force => return Ok(()),
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
        match self.connections.get(name.as_str()) {
            Ok(connection) if connection.destination.is_machine && connection.writable => {
                self.connections.remove(&[name.as_str()])?;
            }
            _ => {}
        }
        let condemned = self.folders.provider(kind).join(format!("{REMOVED}{name}-{}", std::process::id()));
        fs::rename(&paths.folder, &condemned)?;
        // An `init` in this moment sweeps it, too.
        remove_whole(&condemned)?;
        remove_whole(&paths.runtime)
    }
}

/// Removes a folder that may be gone already.
fn remove_whole(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Enough of a definition to stop a machine whose own cannot be read.
fn placeholder(name: &MachineName, provider: ProviderKind) -> MachineRecord {
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
    }
}
