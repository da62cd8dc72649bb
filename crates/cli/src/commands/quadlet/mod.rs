//! Quadlet: unit files that describe containers, which the generator (`generator.rs`) turns into services of systemd.

pub(crate) mod from;
pub(crate) mod install;
pub(crate) mod list;
pub(crate) mod print;
pub(crate) mod remove;

use std::path::PathBuf;

use cove_config::{Environment, User, env};
use cove_quadlet::{Error, Installed, Kind, Remark, SearchPlaces};
use cove_sys::process;
use cove_sys::systemd::Systemd;

use crate::command_error::CommandError;
use crate::connect::Destination;
use crate::context::Context;

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NotFound(_) => cove_api::ErrorKind::NotFound,
            Error::Exists(_) => cove_api::ErrorKind::AlreadyExists,
            Error::File(_) => cove_api::ErrorKind::Internal,
            _ => cove_api::ErrorKind::InvalidArgument,
        };
        cove_api::Error::new(kind, crate::command_error::chain(&error)).into()
    }
}

/// Where that user's unit files are looked for.
pub(crate) fn places(environment: &Environment, user: &User) -> SearchPlaces {
    let mut places = SearchPlaces::new(user.uid);
    places.unit_dirs = environment.get(env::QUADLET_UNIT_DIRS).map(str::to_owned);
    places.runtime = environment.absolute_path(env::XDG_RUNTIME_DIR);
    let home = user.home.as_ref().map(|home| home.join(".config"));
    places.config = environment.absolute_path(env::XDG_CONFIG_HOME).or(home);
    places
}

/// The unit files of whoever calls the command.
struct Quadlets {
    /// The folders that are searched.
    folders: Vec<PathBuf>,
    /// The one that is installed into.
    installed: Installed,
    /// The systemd that runs them.
    systemd: Systemd,
}

impl Quadlets {
    /// Those of this machine: the files and systemd are here, whatever engine their commands use.
    ///
    /// # Errors
    /// The engine is elsewhere, or the user has no folder for them.
    fn open(context: &Context) -> Result<Self, CommandError> {
        if let Destination::Remote(_) = context.destination {
            return Err(CommandError::other(format!(
                "cannot use command {:?} with the remote client",
                context.path
            )));
        }
        let user = &context.directories.user;
        let places = places(&context.environment, user);
        let folders = places.folders(user.rootless, &mut |remark| match remark {
            Remark::Detail(text) => tracing::debug!("{text}"),
            Remark::Warning(text) | Remark::Fault(text) => tracing::warn!("{text}"),
        });
        let folder = places
            .install_folder(user.rootless)
            .ok_or_else(|| CommandError::other("there is no folder for the user's unit files"))?;
        let standard = || PathBuf::from(format!("/run/user/{}", user.uid));
        let runtime = user.rootless.then(|| places.runtime.clone().unwrap_or_else(standard));
        let systemd = Systemd::of(runtime);
        Ok(Self { folders, installed: Installed::new(folder), systemd })
    }

    /// Has systemd read its units again.
    fn reload(&self) -> Result<(), CommandError> {
        if !self.systemd.reload().map_err(asking)? {
            tracing::warn!("systemd is not running, so nothing is reloaded");
        }
        Ok(())
    }

    /// Where the unit of that name is.
    ///
    /// # Errors
    /// The name is of no unit, or no folder has it.
    fn find(&self, name: &str) -> Result<PathBuf, CommandError> {
        if Kind::of(name).is_none() || name.contains('/') {
            let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
            return Err(Error::Kind(extension.to_owned()).into());
        }
        let paths = self.folders.iter().map(|folder| folder.join(name));
        let found = paths.into_iter().find(|path| path.is_file());
        Ok(found.ok_or_else(|| Error::NotFound(name.to_owned()))?)
    }

    /// All units, those first that count where there are several of a name.
    fn all(&self) -> Vec<PathBuf> {
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

/// What a command may be given: units, and applications where they are taken too.
pub(crate) fn names(context: &Context, verb: &str) -> Vec<String> {
    let Ok(quadlets) = Quadlets::open(context) else { return Vec::new() };
    let mut names: Vec<String> = quadlets.all().iter().map(|path| file_name(path)).collect();
    if verb == "rm" {
        names.extend(quadlets.installed.applications().unwrap_or_default().into_keys());
    }
    names
}

/// The last part of a path as text.
fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The error for a systemd that does not do what it is asked for.
fn asking(error: process::Error) -> CommandError {
    CommandError::other(format!("asking systemd: {}", crate::command_error::chain(&error)))
}
