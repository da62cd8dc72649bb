//! The folder of installed unit files, and which of its files came together.
//!
//! As Podman does, a hidden file `.NAME.app` lists the files of an application, a name on each line: units and what
//! they need beside them. Its files are removed together.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_sys::{fs, read};

use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::load::MAX_FILE;
use crate::{bundle, path};

/// Largest file that is installed, in bytes; a unit has a limit of its own.
const MAX_ASSET: u64 = 64 << 20;
/// Most files of one folder that are installed or looked through.
const MAX_FILES: usize = 10_000;

/// A file to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name in the folder.
    pub name: String,
    /// What it says.
    pub data: Vec<u8>,
}

impl Source {
    /// Reads a file; of a bundle, the units in it.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no bundle although it is called so.
    pub fn read(file: &Path) -> Result<Vec<Self>> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let data = read::bounded(file, largest(&name))?.ok_or_else(|| {
            let message = format!("{}: no such file or directory", file.display());
            std::io::Error::new(std::io::ErrorKind::NotFound, message)
        })?;
        Self::named(name, data)
    }

    /// As [`Source::read`], of what is read already.
    ///
    /// # Errors
    /// It is no bundle although it is called so, or is too large.
    pub fn named(name: String, data: Vec<u8>) -> Result<Vec<Self>> {
        within_limit(&name, &data)?;
        if !is_bundle(&name) {
            return Ok(vec![Self { name, data }]);
        }
        let text =
            std::str::from_utf8(&data).map_err(|_| Error::invalid(format!("{name} is not UTF-8 text")))?;
        let units = bundle::split(text)?;
        Ok(units.into_iter().map(|(name, text)| Self { name, data: text.into_bytes() }).collect())
    }

    /// Refuses what may not be installed, whatever is there: before anything is.
    ///
    /// # Errors
    /// A name that may not be there, or a file that is too large.
    pub fn check(&self) -> Result<()> {
        if !path::is_plain_name(&self.name) || self.name.starts_with('.') {
            return Err(Error::Name { what: "a unit or a file beside it", name: self.name.clone() });
        }
        within_limit(&self.name, &self.data)
    }
}

fn within_limit(name: &str, data: &[u8]) -> Result<()> {
    let limit = largest(name);
    match data.len() as u64 > limit {
        true => Err(Error::TooMuch { path: name.into(), message: format!("more than {limit} bytes") }),
        false => Ok(()),
    }
}

fn is_bundle(name: &str) -> bool {
    name.ends_with(".quadlets")
}

/// Most bytes of a file of that name.
fn largest(name: &str) -> u64 {
    if is_bundle(name) || Kind::of(name).is_some() { MAX_FILE } else { MAX_ASSET }
}

/// The files that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application(String);

impl Application {
    /// That of a folder.
    ///
    /// # Errors
    /// A name that no file may have.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        Self::called(&fs::canonicalize(folder)?.file_name().unwrap_or_default().to_string_lossy())
    }

    /// That of a unit or a bundle of that name.
    ///
    /// # Errors
    /// A file that is none of these, and a name that no file may have.
    pub fn of_file(name: &str) -> Result<Self> {
        if Kind::of(name).is_some() {
            return Self::called(name);
        }
        match name.strip_suffix(".quadlets") {
            Some(base) => Self::called(base),
            None => {
                let extension = name.rfind('.').map(|dot| name[dot..].to_owned());
                Err(Error::Kind(extension.unwrap_or_default()))
            }
        }
    }

    /// That of this name.
    ///
    /// # Errors
    /// A name that no file may have.
    pub fn called(name: &str) -> Result<Self> {
        if !path::is_plain_name(name) || name.len() > 200 {
            return Err(Error::Name { what: "the application", name: name.to_owned() });
        }
        Ok(Self(format!(".{name}.app")))
    }

    /// What it was called, which is a part of [`Application::name`].
    pub fn plain_name(&self) -> &str {
        self.0.strip_prefix('.').and_then(|name| name.strip_suffix(".app")).unwrap_or(&self.0)
    }

    /// The name of the file that lists its files, which is what it is called.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// True for what [`Application::name`] may be.
    pub fn is_name(name: &str) -> bool {
        name.starts_with('.') && name.ends_with(".app") && path::is_plain_name(name)
    }
}

/// The folder.
#[derive(Debug, Clone)]
pub struct Installed {
    folder: PathBuf,
}

impl Installed {
    /// That folder, which need not be there.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// True for a file in it, by whatever way it is named.
    pub fn holds(&self, file: &Path) -> bool {
        let parent = file.parent().and_then(|parent| fs::canonicalize(parent).ok());
        parent.is_some() && parent == fs::canonicalize(&self.folder).ok()
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(&self) -> Result<()> {
        Ok(fs::create_dir_all(&self.folder)?)
    }

    /// The files of a folder that are installed with it, by their names. Folders in it are an error each.
    ///
    /// # Errors
    /// It cannot be read or has too many files.
    pub fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            files.push(entry?.path());
            if files.len() > MAX_FILES {
                let message = format!("more than {MAX_FILES} files");
                return Err(Error::TooMuch { path: folder.to_owned(), message });
            }
        }
        files.sort();
        Ok(files)
    }

    /// Puts a file there and lists it as one of the application's. There is the whole file or none.
    ///
    /// # Errors
    /// A name that may not be there, one that is there unless it is to be replaced, or the file system.
    pub fn put(&self, application: &Application, source: &Source, replace: bool) -> Result<PathBuf> {
        let name = &source.name;
        source.check()?;
        let target = self.folder.join(name);
        if replace {
            cove_sys::atomic::write(&target, &source.data, 0o644)?;
        } else {
            // A second name for a whole file fails where there is one already, which a move would replace.
            let temporary = self.folder.join(format!(".{name}.{}.tmp", std::process::id()));
            cove_sys::atomic::write(&temporary, &source.data, 0o644)?;
            let linked = fs::hard_link(&temporary, &target);
            let _ = fs::remove_file(&temporary);
            match linked {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::Exists(name.clone()));
                }
                other => other?,
            }
        }
        self.list(application, name)?;
        Ok(target)
    }

    /// Adds a name to an application's list, where it is not in it.
    fn list(&self, application: &Application, name: &str) -> Result<()> {
        let list = self.folder.join(&application.0);
        if self.files(&application.0)?.iter().any(|file| file == name) {
            return Ok(());
        }
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(list)?;
        Ok(file.write_all(format!("{name}\n").as_bytes())?)
    }

    /// The files that are listed in one of that name. What is no plain name is none of ours.
    fn files(&self, list: &str) -> Result<Vec<String>> {
        let text = read::bounded_text(&self.folder.join(list), MAX_FILE)?.unwrap_or_default();
        let names = text.lines().map(str::trim).filter(|name| path::is_plain_name(name));
        Ok(names.map(str::to_owned).collect())
    }

    /// All applications with their files.
    ///
    /// # Errors
    /// The folder or a list cannot be read.
    pub fn applications(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            other => other?,
        };
        let mut applications = BTreeMap::new();
        for entry in entries.take(MAX_FILES) {
            if let Ok(name) = entry?.file_name().into_string()
                && Application::is_name(&name)
            {
                let files = self.files(&name)?;
                applications.insert(name, files);
            }
        }
        Ok(applications)
    }

    /// Removes files of the folder, the list last, so that the next attempt goes on from there. What is gone is none.
    ///
    /// # Errors
    /// One of them cannot be removed.
    pub fn remove(&self, list: &str, files: &[String]) -> Result<()> {
        for name in files.iter().map(String::as_str).chain([list]) {
            remove_file(&self.folder.join(name))?;
        }
        Ok(())
    }

    /// Removes what an older version has listed as belonging to a unit.
    ///
    /// # Errors
    /// One of the files cannot be removed.
    pub fn remove_assets(&self, unit: &str) -> Result<()> {
        let list = format!(".{unit}.asset");
        let files = self.files(&list)?;
        self.remove(&list, &files)
    }
}

/// Removes a file that may be gone already.
fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, data: &str) -> Source {
        Source { name: name.to_owned(), data: data.as_bytes().to_vec() }
    }

    #[test]
    fn files_come_and_go_together() {
        let root = tempfile::tempdir().unwrap();
        let installed = Installed::new(root.path().join("units"));
        assert!(installed.applications().unwrap().is_empty());
        installed.create().unwrap();
        let application = Application::of_file("web.container").unwrap();
        assert_eq!(application.name(), ".web.container.app");
        for (name, replace) in [("web.container", false), ("index.html", false), ("index.html", true)] {
            installed.put(&application, &source(name, "1"), replace).unwrap();
        }
        let refused = installed.put(&application, &source("web.container", "2"), false).unwrap_err();
        assert!(refused.to_string().contains("refusing to overwrite"), "{refused}");
        assert_eq!(fs::read_to_string(installed.folder().join("web.container")).unwrap(), "1");
        let files = installed.applications().unwrap()[application.name()].clone();
        assert_eq!(files, ["web.container", "index.html"]);
        installed.remove(application.name(), &files).unwrap();
        assert_eq!(fs::read_dir(installed.folder()).unwrap().count(), 0);
    }

    #[test]
    fn names_from_outside() {
        let root = tempfile::tempdir().unwrap();
        let installed = Installed::new(root.path().to_owned());
        let application = Application::of_folder(root.path()).unwrap();
        for name in ["../a.container", ".a.app", "", "a\nb.container"] {
            assert!(installed.put(&application, &source(name, ""), true).is_err(), "{name}");
        }
        // A list that somebody else has written.
        fs::write(root.path().join(".x.app"), "../../etc/passwd\na.container\n\n").unwrap();
        assert_eq!(installed.applications().unwrap()[".x.app"], ["a.container"]);
        for name in ["readme.txt", "none", "", "a\n.pod"] {
            assert!(Application::of_file(name).is_err(), "{name}");
        }
        assert!(Application::of_folder(Path::new("/")).is_err());
        assert_eq!(Application::of_file("web.quadlets").unwrap().name(), ".web.app");
    }

    #[test]
    fn a_bundle_is_its_units() {
        let text = "# FileName=a\n[Pod]\n---\n# FileName=b\n[Network]\n";
        let sources = Source::named("x.quadlets".to_owned(), text.into()).unwrap();
        assert_eq!(
            sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(),
            ["a.pod", "b.network"]
        );
        assert!(Source::named("x.quadlets".to_owned(), b"\xff".to_vec()).is_err());
        assert_eq!(Source::named("x.conf".to_owned(), b"\xff".to_vec()).unwrap().len(), 1);
    }
}
