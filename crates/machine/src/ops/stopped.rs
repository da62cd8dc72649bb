//! A machine that is off and stays so while one command works on its files.

use cove_sys::fs;
use cove_sys::lock::FileLock;

use super::machines::Machines;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::paths::MachinePaths;
use crate::provider::VmProvider;
use crate::record::MachineRecord;

/// Beginning of the names of files in a machine's folder that one command makes for itself.
pub(super) const SCRATCH: &str = ".work-";

/// The machine, with its lock.
pub(super) struct Stopped {
    pub(super) record: MachineRecord,
    pub(super) paths: MachinePaths,
    pub(super) provider: Box<dyn VmProvider>,
    _lock: FileLock,
}

impl Stopped {
    /// The disk.
    pub(super) fn disk(&self) -> std::path::PathBuf {
        self.paths.folder.join(self.provider.files().disk)
    }
}

impl Machines {
    /// Takes a machine's lock, makes sure that it is off and that its disk can be worked on, and completes what a killed
    /// command began. `what` is what is to be changed.
    pub(super) async fn stopped(&self, name: &MachineName, what: &'static str) -> Result<Stopped> {
        let (_, paths) = self.find(name)?;
        let lock = self.lock(name, &paths).await?;
        let (mut record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        if !provider.capabilities().qcow2 {
            return Err(Error::ProviderUnsupported {
                provider: record.provider.to_string(),
                reason: "its disks are not files that this version works on",
            });
        }
        if provider.is_alive(&paths) {
            return Err(Error::RunningNotChanged { name: name.to_string(), what });
        }
        self.finish_restore(&mut record, &paths, provider.as_ref()).await?;
        sweep(&paths);
        Ok(Stopped { record, paths, provider, _lock: lock })
    }
}

/// Removes what killed commands left in a machine's folder; its lock is held.
fn sweep(paths: &MachinePaths) {
    let Ok(entries) = fs::read_dir(&paths.folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
