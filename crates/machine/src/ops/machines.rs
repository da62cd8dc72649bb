//! The entry point: folders, images, connections, and how to start an agent.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cove_config::connections::{Connections, Destination};
use cove_sys::lock::FileLock;
use cove_sys::{atomic, fs};

use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::paths::{MachineFolders, MachinePaths};
use crate::process;
use crate::provider::{ProviderKind, VmProvider, provider};
use crate::record::{MachineRecord, parse_record};

/// How long a command waits for another one on the same machine.
const LOCK_TIME: Duration = Duration::from_secs(60);
/// Largest accepted definition, in bytes.
const RECORD_LIMIT: u64 = 1 << 20;

/// All machines of a user, with what is needed to work on them. Cheap to make; holds no state.
#[derive(Clone, Debug)]
pub struct Machines {
    /// Where they are.
    pub folders: MachineFolders,
    /// Where images are looked for, in this order (see [`crate::image::default_folders`]).
    pub image_folders: Vec<PathBuf>,
    /// Where a machine registers itself.
    pub connections: Connections,
    /// The program and arguments of the agent; the machine's name is put behind them
    /// (`cove machine agent NAME`).
    pub agent_command: Vec<OsString>,
}

impl Machines {
    /// The provider of a kind.
    pub(crate) fn provider(&self, kind: ProviderKind) -> Box<dyn VmProvider> {
        provider(kind, &self.folders)
    }

    /// Finds a machine's folder, whatever its provider.
    pub(crate) fn find(&self, name: &MachineName) -> Result<(ProviderKind, MachinePaths)> {
        for kind in ProviderKind::ALL {
            let paths = self.folders.machine(kind, name);
            if paths.folder.is_dir() {
                return Ok((kind, paths));
            }
        }
        Err(Error::NotFound { name: name.to_string() })
    }

    /// Reads a machine's definition.
    pub(crate) fn load(&self, name: &MachineName) -> Result<(MachineRecord, MachinePaths)> {
        let (_, paths) = self.find(name)?;
        let path = paths.record();
        let bad = |reason: String| Error::BadRecord { name: name.to_string(), path: path.clone(), reason };
        let size = fs::metadata(&path).map_err(|error| bad(error.to_string()))?.len();
        if size > RECORD_LIMIT {
            return Err(bad(format!("it has {size} bytes")));
        }
        let text = fs::read_to_string(&path).map_err(|error| bad(error.to_string()))?;
        let record = parse_record(&text, name).map_err(bad)?;
        Ok((record, paths))
    }

    pub(crate) fn save(&self, record: &MachineRecord, paths: &MachinePaths) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(record).map_err(std::io::Error::other)?;
        json.push(b'\n');
        Ok(atomic::write(&paths.record(), &json, 0o600)?)
    }

    /// Takes the machine's lock, waiting for another command at most a minute.
    pub(crate) async fn lock(&self, name: &MachineName, paths: &MachinePaths) -> Result<FileLock> {
        if let Some(folder) = paths.lock.parent() {
            crate::paths::private_folder(folder)?;
        }
        let started = Instant::now();
        loop {
            if let Some(lock) = FileLock::try_exclusive(&paths.lock)? {
                return Ok(lock);
            }
            if started.elapsed() > LOCK_TIME {
                return Err(Error::Locked { name: name.to_string(), seconds: LOCK_TIME.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether a command works on the machine at this moment.
    pub(crate) fn is_locked(paths: &MachinePaths) -> bool {
        process::is_held(&paths.lock)
    }

    /// Whether an agent serves the machine at this moment.
    pub(crate) fn has_agent(paths: &MachinePaths) -> bool {
        process::is_held(&paths.agent_lock())
    }

    /// Registers the machine's forwarded socket under its name.
    pub(crate) fn register(&self, name: &MachineName, paths: &MachinePaths, first: bool) -> Result<()> {
        let destination = Destination {
            uri: format!("unix://{}", paths.api().display()),
            is_machine: true,
            ..Destination::default()
        };
        if let Ok(known) = self.connections.get(name.as_str())
            && (known.destination == destination || !known.writable)
        {
            return Ok(());
        }
        self.connections.set(name.as_str(), destination, first)?;
        Ok(())
    }

    /// Removes the machine's connection; one of that name that is no machine's stays.
    pub(crate) fn unregister(&self, name: &MachineName) -> Result<()> {
        match self.connections.get(name.as_str()) {
            Ok(connection) if connection.destination.is_machine && connection.writable => {
                Ok(self.connections.remove(&[name.as_str()])?)
            }
            _ => Ok(()),
        }
    }
}
