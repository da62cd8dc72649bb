//! Finding and reading configuration files: the main file, the drop-ins, the overrides.
//!
//! The order is Podman's: the first main file that is there (user, administrator, vendor), then all drop-ins
//! sorted by file name, where a name in the user's folder hides the same name in `/etc` and `/usr/share`, then the
//! file that the `…_OVERRIDE` variable names. A later file wins, key by key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::dirs::Directories;
use crate::env::Environment;
use crate::error::{Error, ParseError, Result};
use crate::usage::Notes;

/// Largest configuration file that is read, in bytes.
pub(crate) const SIZE_LIMIT: u64 = 4 << 20;

/// A configuration put together from files.
#[derive(Debug, Clone, Default)]
pub struct Loaded<T> {
    /// The configuration.
    pub value: T,
    /// The files it came from, in the order they were read.
    pub files: Vec<PathBuf>,
    /// What is tolerated but worth a message, such as unknown keys.
    pub warnings: Vec<String>,
    /// What the distribution's own file says in vain; nobody of this host has asked for it.
    pub remarks: Vec<String>,
}

impl<T> Loaded<T> {
    /// A configuration that no file has changed yet.
    pub(crate) fn new(value: T) -> Self {
        Self { value, files: Vec::new(), warnings: Vec::new(), remarks: Vec::new() }
    }

    /// Notes that a file has been read, and what is to be said about it.
    pub(crate) fn add(&mut self, file: PathBuf, notes: Notes) {
        let shown = file.display();
        self.warnings.extend(notes.warnings.into_iter().map(|text| format!("{shown}: {text}")));
        self.remarks.extend(notes.remarks.into_iter().map(|text| format!("{shown}: {text}")));
        self.files.push(file);
    }
}

/// One kind of configuration file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// File name such as `containers.conf`.
    pub(crate) name: &'static str,
    /// Variable that replaces the main file and drop-ins.
    pub(crate) variables: &'static [&'static str],
    /// Variable that adds a last file.
    pub(crate) override_variable: &'static str,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Reads all files of `kind` in order. `explicit` is a file that the user named with a flag.
pub(crate) fn read_all(
    kind: Kind,
    environment: &Environment,
    directories: &Directories,
    explicit: Option<&Path>,
) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let named = explicit
        .map(|path| (path.to_owned(), "a flag"))
        .or_else(|| kind.variables.iter().find_map(|name| environment.path(name).map(|path| (path, *name))));
    match named {
        Some((path, by)) => sources.push(read_named(path, by)?),
        None => {
            for folder in folders(directories) {
                if let Some(source) = read(folder.join(kind.name))? {
                    sources.push(source);
                    break;
                }
            }
            for path in drop_ins(kind.name, directories)? {
                sources.extend(read(path)?);
            }
        }
    }
    if explicit.is_none()
        && let Some(path) = environment.path(kind.override_variable)
    {
        sources.push(read_named(path, kind.override_variable)?);
    }
    Ok(sources)
}

/// Reads a file that has to be there, because somebody named it.
pub(crate) fn read_named(path: PathBuf, named_by: &str) -> Result<Source> {
    match read(path.clone())? {
        Some(source) => Ok(source),
        None => Err(Error::Missing { path, named_by: named_by.to_owned() }),
    }
}

/// Reads one file; `None` where it is not there.
pub(crate) fn read(path: PathBuf) -> Result<Option<Source>> {
    let text = cove_sys::read::bounded_text(&path, SIZE_LIMIT).map_err(|error| Error::read(&path, error))?;
    Ok(text.map(|text| Source { path, text }))
}

/// Configuration folders, the most important first.
pub(crate) fn folders(directories: &Directories) -> Vec<PathBuf> {
    let mut folders = vec![directories.user_config.clone(), directories.system_config.clone()];
    folders.extend(directories.vendor_config.clone());
    folders
}

/// Drop-in files in the order they are read.
fn drop_ins(name: &str, directories: &Directories) -> Result<Vec<PathBuf>> {
    let mut found: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    // The least important folder first, so that later ones replace a file of the same name.
    for folder in drop_in_folders(name, directories).into_iter().rev() {
        let entries = match cove_sys::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::read(&folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| Error::read(&folder, error))?;
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "conf") && !path.is_dir() {
                found.insert(entry.file_name(), path);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Drop-in folders, the most important first.
fn drop_in_folders(name: &str, directories: &Directories) -> Vec<PathBuf> {
    let stem = name.strip_suffix(".conf").unwrap_or(name);
    let mut folders = vec![directories.user_config.join(format!("{name}.d"))];
    for base in [Some(&directories.system_config), directories.vendor_config.as_ref()].into_iter().flatten() {
        if cfg!(unix) {
            if directories.user.rootless {
                let special = base.join(format!("{stem}.rootless.conf.d"));
                folders.push(special.join(directories.user.uid.to_string()));
                folders.push(special);
            } else {
                folders.push(base.join(format!("{stem}.rootful.conf.d")));
            }
        }
        folders.push(base.join(format!("{name}.d")));
    }
    folders
}

/// Parses TOML; also returns the keys that `T` does not know, as `section.key`.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<(T, Vec<String>), ParseError> {
    let failed = |error: toml::de::Error| ParseError::from_toml(text, &error);
    let deserializer = toml::Deserializer::parse(text).map_err(failed)?;
    let mut unknown = Vec::new();
    let value =
        serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string())).map_err(failed)?;
    Ok((value, unknown))
}

#[cfg(all(test, unix, not(target_os = "macos")))]
pub(crate) mod tests {
    use super::*;
    use crate::dirs::User;

    /// Directories that all lie below `base`.
    pub(crate) fn directories(base: &Path, uid: u32) -> Directories {
        let user = User { uid, rootless: uid != 0, home: Some(base.join("home")) };
        let mut directories = Directories::new(&Environment::default(), user, |_| None).unwrap();
        directories.vendor_config = Some(base.join("usr"));
        directories.system_config = base.join("etc");
        directories.user_config = base.join("user");
        directories
    }

    /// A fresh folder for one test.
    pub(crate) fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("cove-config-{name}-{}", std::process::id()));
        let _ = cove_sys::fs::remove_dir_all(&path);
        cove_sys::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a file and its parents.
    pub(crate) fn put(path: &Path, text: &str) {
        cove_sys::fs::create_dir_all(path.parent().unwrap()).unwrap();
        cove_sys::fs::write(path, text).unwrap();
    }

    const KIND: Kind = Kind { name: "x.conf", variables: &["X_CONF"], override_variable: "X_CONF_OVERRIDE" };

    fn names(base: &Path, environment: &Environment, uid: u32) -> Vec<String> {
        read_all(KIND, environment, &directories(base, uid), None)
            .unwrap()
            .iter()
            .map(|source| source.path.strip_prefix(base).unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn order() {
        let base = folder("order");
        for name in [
            "usr/x.conf",
            "etc/x.conf",
            "usr/x.conf.d/10-a.conf",
            "etc/x.conf.d/10-a.conf",
            "etc/x.conf.d/20-b.conf",
            "etc/x.conf.d/readme.txt",
            "user/x.conf.d/15-c.conf",
            "etc/x.rootless.conf.d/1000/30-me.conf",
            "etc/x.rootful.conf.d/30-root.conf",
            "other.conf",
        ] {
            put(&base.join(name), "");
        }
        let expected =
            ["etc/x.conf", "etc/x.conf.d/10-a.conf", "user/x.conf.d/15-c.conf", "etc/x.conf.d/20-b.conf"];
        let plain = Environment::default();
        let rootless = [&expected[..], &["etc/x.rootless.conf.d/1000/30-me.conf"]].concat();
        assert_eq!(names(&base, &plain, 1000), rootless);
        let root = [&expected[..], &["etc/x.rootful.conf.d/30-root.conf"]].concat();
        assert_eq!(names(&base, &plain, 0), root);

        let named = Environment::default().with("X_CONF", base.join("usr/x.conf"));
        let named = named.with("X_CONF_OVERRIDE", base.join("other.conf"));
        assert_eq!(names(&base, &named, 0), ["usr/x.conf", "other.conf"]);

        let missing = Environment::default().with("X_CONF", base.join("none"));
        let error = read_all(KIND, &missing, &directories(&base, 0), None).unwrap_err();
        assert!(error.to_string().contains("X_CONF"), "{error}");
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn unusual_files() {
        let base = folder("unusual");
        cove_sys::fs::create_dir_all(base.join("etc/x.conf")).unwrap();
        let environment = Environment::default();
        let error = read_all(KIND, &environment, &directories(&base, 0), None).unwrap_err();
        assert!(error.to_string().contains("etc/x.conf is a directory"), "{error}");
        cove_sys::fs::remove_dir(base.join("etc/x.conf")).unwrap();
        let large = cove_sys::fs::File::create(base.join("etc/x.conf")).unwrap();
        large.set_len(100 << 20).unwrap();
        let error = read_all(KIND, &environment, &directories(&base, 0), None).unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
        let null = environment.with("X_CONF", "/dev/null");
        assert_eq!(read_all(KIND, &null, &directories(&base, 0), None).unwrap()[0].text, "");
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }
}
