//! The engine itself: its options, its lazily opened parts, and the way to them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use cove_api::{Error, Result};
use cove_sys::fs;

use crate::event::EventLog;
use crate::lock::ObjectLock;
use crate::options::EngineOptions;
use crate::state::Database;

/// The engine on this host, in this process.
#[derive(Debug, Clone)]
pub struct LocalEngine {
    pub(crate) core: Arc<Core>,
}

/// What all use-cases share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) options: EngineOptions,
    pub(crate) events: EventLog,
    database: OnceLock<Database>,
    boot_id: OnceLock<String>,
}

impl LocalEngine {
    /// Opens the engine. Cheap: no file is touched before it is needed.
    ///
    /// # Errors
    /// A directory of the options is not absolute.
    pub fn open(options: EngineOptions) -> Result<Self> {
        for (what, path) in [("graph root", &options.graph_root), ("run root", &options.run_root)] {
            if !path.is_absolute() {
                return Err(Error::invalid(format!("the {what} {path:?} is not an absolute path")));
            }
        }
        let events = EventLog::new(&options.run_dir());
        Ok(Self {
            core: Arc::new(Core { options, events, database: OnceLock::new(), boot_id: OnceLock::new() }),
        })
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.core.options
    }
}

impl Core {
    /// The state database, opened at the first call.
    pub(crate) fn database(&self) -> Result<&Database> {
        if let Some(database) = self.database.get() {
            return Ok(database);
        }
        let opened = Database::open(&self.options.state_dir())?;
        Ok(self.database.get_or_init(|| opened))
    }

    /// Which boot of the host this is.
    pub(crate) fn boot_id(&self) -> &str {
        self.boot_id.get_or_init(|| {
            fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        })
    }

    /// Run-time files of a container.
    pub(crate) fn container_run_dir(&self, id: &str) -> PathBuf {
        self.options.run_dir().join("containers").join(id)
    }

    /// Lasting files of a container.
    pub(crate) fn container_dir(&self, id: &str) -> PathBuf {
        self.options.state_dir().join("containers").join(id)
    }

    /// Locks a container against other threads and processes.
    pub(crate) fn lock_container(&self, id: &str) -> Result<ObjectLock> {
        ObjectLock::acquire(&self.options.run_dir().join("locks"), id)
    }
}

/// Runs blocking work on a thread made for it.
pub(crate) async fn blocking<T: Send + 'static>(
    core: &Arc<Core>,
    work: impl FnOnce(&Arc<Core>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let core = Arc::clone(core);
    match tokio::task::spawn_blocking(move || work(&core)).await {
        Ok(result) => result,
        Err(error) => Err(Error::internal(format!("a worker thread ended: {error}"))),
    }
}
