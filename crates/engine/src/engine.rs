//! The engine itself: its options, its lazily opened parts, and the way to them.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cove_api::{Error, Result};
use cove_config::Registries;
use cove_runtime::Launch;
use cove_sys::fs;

use crate::container::Waiting;
use crate::event::EventLog;
use crate::feed::Feeds;
use crate::lock::ObjectLock;
use crate::options::EngineOptions;
use crate::parts::{Parts, lazily};
use crate::state::Database;
use crate::supervised::SupervisedRuns;

/// The engine on this host, in this process.
#[derive(Debug, Clone)]
pub struct LocalEngine {
    pub(crate) core: Arc<Core>,
}

/// What all use-cases share: the parts, and what the engine remembers.
#[derive(Debug)]
pub(crate) struct Core {
    parts: Arc<Parts>,
    pub(crate) events: EventLog,
    /// What is told to those who follow.
    pub(crate) feeds: Arc<Feeds>,
    /// Containers and exec sessions whose monitor waits for the order to start, by id.
    prepared: Mutex<HashMap<String, Launch>>,
    /// Runs that this process supervises, by id of the container or exec session.
    pub(crate) supervised: SupervisedRuns,
    /// Those who have attached to a container that had ended, by its id.
    waiting: Mutex<HashMap<String, Vec<Waiting>>>,
    /// Numbers of the caller's descriptors that a container made by this process gets, by its id.
    passed: Mutex<HashMap<String, Vec<u32>>>,
    database: OnceLock<Database>,
    registries: OnceLock<Registries>,
    boot_id: OnceLock<String>,
}

impl LocalEngine {
    /// Opens the engine. Cheap: no file is touched before it is needed.
    ///
    /// # Errors
    /// A directory of the options is not absolute.
    pub fn open(options: EngineOptions) -> Result<Self> {
        for (what, path) in
            [("graph root", &options.storage.graph_root), ("run root", &options.storage.run_root)]
        {
            if !path.is_absolute() {
                return Err(Error::invalid(format!("the {what} {path:?} is not an absolute path")));
            }
        }
        let events = EventLog::new(options.events()?);
        Ok(Self {
            core: Arc::new(Core {
                parts: Arc::new(Parts::new(options)),
                events,
                feeds: Arc::default(),
                prepared: Mutex::default(),
                supervised: SupervisedRuns::default(),
                waiting: Mutex::default(),
                passed: Mutex::default(),
                database: OnceLock::new(),
                registries: OnceLock::new(),
                boot_id: OnceLock::new(),
            }),
        })
    }

    /// Starts the containers that the last reboot has ended and whose restart policy says so; answers what failed. A
    /// second call finds nothing to do.
    ///
    /// # Errors
    /// The state database cannot be read.
    pub async fn start_after_reboot(&self) -> Result<Vec<Error>> {
        blocking(&self.core, crate::container::start_after_reboot).await
    }

    /// Runs a program in the network namespace that the user's containers share.
    ///
    /// # Errors
    /// The namespace cannot be made or entered; the program cannot be started.
    pub fn run_in_shared_network(
        &self,
        command: &mut std::process::Command,
    ) -> Result<std::process::ExitStatus> {
        Ok(self.core.networks()?.run_in_shared(command)?)
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.core.options
    }
}

impl Deref for Core {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Core {
    /// The state database, opened at the first call.
    pub(crate) fn database(&self) -> Result<&Database> {
        lazily(&self.database, || {
            let parts = Arc::clone(&self.parts);
            let upgrade = move |text: &str| crate::container::upgrade(&parts, text);
            Ok(Database::open(&self.options.state_dir(), Box::new(upgrade))?)
        })
    }

    /// Takes the monitor that waits for the order to start, where this process has launched one.
    pub(crate) fn take_prepared(&self, id: &str) -> Option<Launch> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Keeps a monitor that waits for the order to start.
    pub(crate) fn keep_prepared(&self, id: &str, launch: Launch) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), launch);
    }

    /// Whether this process has launched a monitor that waits for the order to start.
    pub(crate) fn has_prepared(&self, id: &str) -> bool {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// Keeps which of the caller's descriptors a container gets at its first start.
    pub(crate) fn pass(&self, id: &str, numbers: Vec<u32>) {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), numbers);
    }

    /// Which of the caller's descriptors a container gets.
    pub(crate) fn take_passed(&self, id: &str) -> Vec<u32> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).remove(id).unwrap_or_default()
    }

    /// Keeps somebody who waits for the next start.
    pub(crate) fn add_waiting(&self, id: &str, waiting: Waiting) {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, list| {
            list.retain(|one| !one.has_gone());
            !list.is_empty()
        });
        all.entry(id.to_owned()).or_default().push(waiting);
    }

    /// Takes those who wait for the next start.
    pub(crate) fn take_waiting(&self, id: &str) -> Vec<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id).unwrap_or_default()
    }

    /// Whether nobody waits for the next start of any container.
    pub(crate) fn nobody_waits(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// registries.conf, loaded by `load` at the first call.
    pub(crate) fn lazy_registries(&self, load: impl FnOnce() -> Result<Registries>) -> Result<&Registries> {
        lazily(&self.registries, load)
    }

    /// Which boot of the host this is.
    pub(crate) fn boot_id(&self) -> &str {
        self.boot_id.get_or_init(|| {
            fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        })
    }

    /// Run-time files of a container: bundle, hosts, resolv.conf and so on.
    pub(crate) fn container_run_dir(&self, id: &str) -> PathBuf {
        self.options.run_dir().join("containers").join(id)
    }

    /// Lasting files of a container: its log.
    pub(crate) fn container_dir(&self, id: &str) -> PathBuf {
        self.options.state_dir().join("containers").join(id)
    }

    /// Locks a container against other threads and processes.
    pub(crate) fn lock_container(&self, id: &str) -> Result<ObjectLock> {
        ObjectLock::acquire(&self.options.run_dir().join("locks"), id)
    }

    /// Whether nobody holds a container's lock at this moment.
    pub(crate) fn is_unlocked(&self, id: &str) -> bool {
        let directory = self.options.run_dir().join("locks");
        !directory.join(id).exists() || ObjectLock::try_acquire(&directory, id).is_some()
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

/// Removes a directory with all in it; one that is not there is fine.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
