//! Opening a store: its directories, its driver, its tables.

use std::path::{Path, PathBuf};

use crate::dirs;
use crate::driver::{Driver, DriverKind, Overlay, OverlayOptions, Vfs};
use crate::error::{Result, StorageError};
use crate::lock::{Held, Mode};
use crate::record::{Container, Image, Layer};
use crate::table::Table;
use crate::tempdir;

/// Where the store is and how it works.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// What survives a reboot: layers, images, containers.
    pub graph_root: PathBuf,
    /// What does not: mount counts, feature probes.
    pub run_root: PathBuf,
    /// The driver; `None` takes what the store has, else the best that works here.
    pub driver: Option<DriverKind>,
    /// Settings of the overlay driver.
    pub overlay: OverlayOptions,
    /// Whether we are in a user namespace of an ordinary user.
    pub rootless: bool,
}

/// An open store. It may be shared by threads; other processes (podman, buildah) may work on it meanwhile.
///
/// Locks are taken in the order storage, layers, images, containers, mount points.
#[derive(Debug)]
pub struct Store {
    pub(crate) graph_root: PathBuf,
    pub(crate) run_root: PathBuf,
    pub(crate) rootless: bool,
    pub(crate) ignore_chown_errors: bool,
    pub(crate) driver: Driver,
    pub(crate) layers: Table<Layer>,
    pub(crate) images: Table<Image>,
    pub(crate) containers: Table<Container>,
}

impl Store {
    /// Opens the store, making what is missing of it. Reads no metadata yet.
    ///
    /// # Errors
    /// The directories cannot be made; the store has another driver than asked for; no driver works here.
    pub fn open(options: &StoreOptions) -> Result<Self> {
        dirs::create_private(&options.graph_root)?;
        dirs::create_private(&options.run_root)?;
        // Paths go into mount options and links, so they must not depend on the working directory.
        let graph_root = cove_sys::fs::canonicalize(&options.graph_root)?;
        let run_root = cove_sys::fs::canonicalize(&options.run_root)?;
        let held = Held::acquire(&graph_root.join("storage.lock"), Mode::Exclusive)?;
        let driver = open_driver(&graph_root, &run_root, options)?;
        drop(held);
        let name = driver.kind().name();
        for kind in ["layers", "images", "containers"] {
            dirs::ensure(&graph_root.join(format!("{name}-{kind}")), 0o700)?;
        }
        for kind in ["layers", "containers", "locks"] {
            dirs::ensure(&run_root.join(format!("{name}-{kind}")), 0o700)?;
        }
        let file = |kind: &str, file: &str| graph_root.join(format!("{name}-{kind}")).join(file);
        Ok(Self {
            layers: Table::new(
                file("layers", "layers.lock"),
                vec![file("layers", "layers.json"), file("layers", "volatile-layers.json")],
            ),
            images: Table::new(file("images", "images.lock"), vec![file("images", "images.json")]),
            containers: Table::new(
                file("containers", "containers.lock"),
                vec![file("containers", "containers.json"), file("containers", "volatile-containers.json")],
            ),
            rootless: options.rootless,
            ignore_chown_errors: options.overlay.ignore_chown_errors,
            driver,
            graph_root,
            run_root,
        })
    }

    /// The directory that survives a reboot.
    #[must_use]
    pub fn graph_root(&self) -> &Path {
        &self.graph_root
    }

    /// The directory that does not.
    #[must_use]
    pub fn run_root(&self) -> &Path {
        &self.run_root
    }

    /// The driver in use.
    #[must_use]
    pub fn driver(&self) -> DriverKind {
        self.driver.kind()
    }

    /// What `info` shows of the driver: pairs of name and value, in podman's words.
    #[must_use]
    pub fn driver_status(&self) -> Vec<(String, String)> {
        self.driver.status()
    }

    /// `GRAPHROOT/DRIVER-KIND`.
    pub(crate) fn graph_dir(&self, kind: &str) -> PathBuf {
        self.graph_root.join(format!("{}-{kind}", self.driver.kind().name()))
    }

    /// `RUNROOT/DRIVER-KIND`.
    pub(crate) fn run_dir(&self, kind: &str) -> PathBuf {
        self.run_root.join(format!("{}-{kind}", self.driver.kind().name()))
    }

    /// The lock under which mounts are changed, and under which podman ends its use of the driver.
    pub(crate) fn lock_driver(&self) -> Result<Held> {
        Held::acquire(&self.graph_root.join("storage.lock"), Mode::Exclusive)
    }

    /// Removes what interrupted commands left. Call it without a lock: it may be much.
    pub(crate) fn recover(&self) {
        tempdir::recover(&self.driver.temp_root());
        tempdir::recover(&self.graph_dir("layers").join("tmp"));
    }
}

fn open_driver(graph: &Path, run: &Path, options: &StoreOptions) -> Result<Driver> {
    let existing = [DriverKind::Overlay, DriverKind::Vfs].into_iter().find(|kind| {
        // An empty list is `[]`; anything longer means the driver has layers.
        let layers = graph.join(format!("{}-layers/layers.json", kind.name()));
        layers.metadata().is_ok_and(|data| data.len() > 2)
    });
    match (options.driver, existing) {
        (Some(wanted), Some(found)) if wanted != found => Err(StorageError::OtherDriver {
            root: graph.to_path_buf(),
            found: found.name().to_owned(),
            wanted: wanted.name().to_owned(),
        }),
        (Some(DriverKind::Vfs), _) | (None, Some(DriverKind::Vfs)) => Ok(Driver::Vfs(Vfs::open(graph)?)),
        (Some(DriverKind::Overlay), _) | (None, Some(DriverKind::Overlay)) => {
            Ok(Driver::Overlay(Overlay::open(graph, run, &options.overlay, options.rootless)?))
        }
        (None, None) => match Overlay::open(graph, run, &options.overlay, options.rootless) {
            Ok(driver) => Ok(Driver::Overlay(driver)),
            Err(_) => Ok(Driver::Vfs(Vfs::open(graph)?)),
        },
    }
}
