//! Where unit files are.

use std::path::{Path, PathBuf};

use cove_api::{Error, ErrorKind, Result};
use cove_config::{Environment, User, env};
use cove_quadlet::{Installed, Kind, Remark, SearchPlaces};
use cove_sys::systemd::Systemd;

use crate::engine::Core;
use crate::unit::systemd_of;

/// Where that user's unit files are looked for.
#[must_use]
pub fn quadlet_places(environment: &Environment, user: &User) -> SearchPlaces {
    let mut places = SearchPlaces::new(user.uid);
    places.unit_dirs = environment.get(env::QUADLET_UNIT_DIRS).map(str::to_owned);
    places.runtime = environment.absolute_path(env::XDG_RUNTIME_DIR);
    let home = user.home.as_ref().map(|home| home.join(".config"));
    places.config = environment.absolute_path(env::XDG_CONFIG_HOME).or(home);
    places
}

/// The unit files of the engine's user.
pub(super) struct UnitFiles {
    /// The folders that are searched.
    pub(super) folders: Vec<PathBuf>,
    /// The one that is installed into.
    pub(super) installed: Installed,
    /// The systemd that runs them.
    pub(super) systemd: Systemd,
}

impl UnitFiles {
    /// # Errors
    /// The user has no folder for them.
    pub(super) fn open(core: &Core) -> Result<Self> {
        let (user, is_user) = (&core.options.directories.user, core.options.rootless);
        let places = quadlet_places(&core.options.environment, user);
        let folders = places.folders(is_user, &mut |remark| match remark {
            Remark::Detail(text) => tracing::debug!("{text}"),
            Remark::Warning(text) | Remark::Fault(text) => tracing::warn!("{text}"),
        });
        let folder = places
            .install_folder(is_user)
            .ok_or_else(|| Error::not_found("there is no folder for the user's unit files"))?;
        Ok(Self { folders, installed: Installed::new(folder), systemd: systemd_of(core) })
    }

    /// Has systemd read its units again.
    pub(super) fn reload(&self) -> Result<()> {
        if !self.systemd.reload().map_err(|error| asking(&error))? {
            tracing::warn!("systemd is not running, so nothing is reloaded");
        }
        Ok(())
    }

    /// Where the unit of that name is.
    ///
    /// # Errors
    /// The name is of no unit, or no folder has it.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf> {
        if Kind::of(name).is_none() || name.contains(['/', '\0']) {
            let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
            return Err(wrong(&cove_quadlet::Error::Kind(extension.to_owned())));
        }
        let paths = self.folders.iter().map(|folder| folder.join(name));
        let found = paths.into_iter().find(|path| path.is_file());
        found.ok_or_else(|| wrong(&cove_quadlet::Error::NotFound(name.to_owned())))
    }

    /// All units, those first that count where there are several of a name.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for folder in &self.folders {
            let Ok(entries) = cove_sys::fs::read_dir(folder) else { continue };
            let mut found: Vec<PathBuf> = entries
                .flatten()
                .filter(|entry| entry.file_name().to_str().is_some_and(|name| Kind::of(name).is_some()))
                .map(|entry| entry.path())
                .filter(|path| path.is_file())
                .collect();
            found.sort();
            paths.extend(found);
        }
        paths
    }
}

/// An error about unit files as the engine's.
pub(super) fn wrong(error: &cove_quadlet::Error) -> Error {
    let kind = match error {
        cove_quadlet::Error::NotFound(_) => ErrorKind::NotFound,
        cove_quadlet::Error::Exists(_) => ErrorKind::AlreadyExists,
        cove_quadlet::Error::File(_) => ErrorKind::Internal,
        _ => ErrorKind::InvalidArgument,
    };
    Error::from_chain(kind, error)
}

/// The error for a systemd that does not do what it is asked for.
pub(super) fn asking(error: &cove_sys::process::Error) -> Error {
    Error::from_chain(ErrorKind::Unavailable, error).context("asking systemd")
}

/// The last part of a path as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
