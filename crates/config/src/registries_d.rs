//! registries.d (containers-registries.d(5)): where the signatures of images are kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::dirs::Directories;
use crate::error::{Error, ParseError, Result};
use crate::file;
use crate::policy::docker_scopes;

/// What one namespace says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct SignaturePlace {
    /// Where signatures are read, and written where there is no `lookaside_staging`: a URL.
    #[serde(alias = "sigstore")]
    pub lookaside: Option<String>,
    /// Where they are written: a URL.
    #[serde(alias = "sigstore-staging")]
    pub lookaside_staging: Option<String>,
    /// Whether sigstore signatures are read from and written to the registry itself.
    pub use_sigstore_attachments: Option<bool>,
}

/// One file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RawFile {
    default_docker: Option<SignaturePlace>,
    docker: Option<BTreeMap<String, SignaturePlace>>,
}

/// All files of the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignaturePlaces {
    /// Where no namespace says otherwise.
    pub default: Option<SignaturePlace>,
    /// By registry, repository or name.
    pub docker: BTreeMap<String, SignaturePlace>,
    /// The folder that is used where nothing is configured.
    pub folder: Option<PathBuf>,
}

impl SignaturePlaces {
    /// Reads all `*.yaml` of the user's folder, or where that is not there of the administrator's, or of `explicit`.
    ///
    /// # Errors
    /// A file cannot be read or parsed, or two say something about one namespace.
    pub fn load(directories: &Directories, explicit: Option<&Path>) -> Result<Self> {
        let mut places = Self::read(&Self::place(directories, explicit))?;
        places.folder = Some(if directories.user.rootless {
            directories.user_data.join("sigstore")
        } else {
            PathBuf::from("/var/lib/containers/sigstore")
        });
        Ok(places)
    }

    /// The folder that is read.
    pub fn place(directories: &Directories, explicit: Option<&Path>) -> PathBuf {
        let users = directories.user_config.join("registries.d");
        match explicit {
            Some(folder) => folder.to_owned(),
            None if users.is_dir() => users,
            None => directories.system_config.join("registries.d"),
        }
    }

    fn read(folder: &Path) -> Result<Self> {
        let mut all = Self::default();
        let mut files: Vec<PathBuf> = match cove_sys::fs::read_dir(folder) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<std::io::Result<_>>()
                .map_err(|error| Error::read(folder, error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
            Err(error) => return Err(Error::read(folder, error)),
        };
        files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        for path in files {
            let Some(source) = file::read(path)? else { continue };
            all.add(&source.text).map_err(|error| Error::parse(&source.path, error))?;
        }
        Ok(all)
    }

    /// Adds the text of one file.
    fn add(&mut self, text: &str) -> Result<(), ParseError> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(());
        }
        let file: RawFile = serde_saphyr::from_str(text).map_err(|error| {
            ParseError::new(error.to_string().lines().next().unwrap_or("it is no YAML").to_owned())
        })?;
        if let Some(default) = file.default_docker
            && self.default.replace(default).is_some()
        {
            return Err(ParseError::new("\"default-docker\" is defined in another file, too"));
        }
        for (namespace, place) in file.docker.unwrap_or_default() {
            if self.docker.contains_key(&namespace) {
                return Err(ParseError::new(format!("{namespace:?} is defined in another file, too")));
            }
            self.docker.insert(namespace, place);
        }
        Ok(())
    }

    /// What is said first about an image (its full reference), from its name to the default.
    fn first<T>(&self, image: &str, say: impl Fn(&SignaturePlace) -> Option<T>) -> Option<T> {
        docker_scopes(image)
            .iter()
            .filter_map(|scope| self.docker.get(scope))
            .chain(&self.default)
            .find_map(say)
    }

    /// The URL beneath which an image's signatures are read; `None` is [`SignaturePlaces::folder`].
    pub fn read_url(&self, image: &str) -> Option<String> {
        self.first(image, |place| filled(&place.lookaside))
    }

    /// The URL beneath which they are written; `None` is [`SignaturePlaces::folder`].
    pub fn write_url(&self, image: &str) -> Option<String> {
        self.first(image, |place| filled(&place.lookaside_staging).or_else(|| filled(&place.lookaside)))
    }

    /// Whether the registry keeps sigstore signatures of an image.
    pub fn attachments(&self, image: &str) -> bool {
        self.first(image, |place| place.use_sigstore_attachments).unwrap_or(false)
    }

    /// The URL that is read for a scope of policy.json; empty is the default's. For display alone.
    pub fn shown_url(&self, scope: &str) -> String {
        let place = match scope {
            "" => self.default.as_ref(),
            scope => {
                docker_scopes(scope).iter().find_map(|scope| self.docker.get(scope)).or(self.default.as_ref())
            }
        };
        place.and_then(|place| place.lookaside.clone()).unwrap_or_default()
    }
}

fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_namespace_says_it() {
        let mut places = SignaturePlaces::default();
        places.add("# nothing\n").unwrap();
        places.add("default-docker:\n  sigstore: file:///all\n").unwrap();
        places
            .add(
                "docker:\n  r.io:\n    lookaside: https://r.io/sigs\n    lookaside-staging: file:///staging\n  \
                 r.io/team:\n    use-sigstore-attachments: true\n  \
                 r.io/team/app:\n    lookaside: file:///app\n",
            )
            .unwrap();
        let urls = |image: &str| (places.read_url(image).unwrap(), places.write_url(image).unwrap());
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(urls("q.io/x:1"), pair("file:///all", "file:///all"));
        assert_eq!(urls("r.io/x:1"), pair("https://r.io/sigs", "file:///staging"));
        assert_eq!(urls("r.io/team/app:1"), pair("file:///app", "file:///app"));
        assert!(places.attachments("r.io/team/app@sha256:00"));
        assert!(!places.attachments("r.io/x:1"));
        assert_eq!(SignaturePlaces::default().read_url("r.io/x:1"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut places = SignaturePlaces::default();
        places.add("docker:\n  r.io: {lookaside: 'file:///a'}\ndefault-docker: {}\n").unwrap();
        for (text, expected) in [
            ("docker:\n  r.io: {}\n", "\"r.io\" is defined in another file"),
            ("default-docker: {}\n", "\"default-docker\" is defined"),
            ("docker: [1]\n", ""),
            ("docker:\n  q.io: {use-sigstore-attachments: perhaps}\n", ""),
        ] {
            let error = places.add(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
