//! Docker's contexts: named endpoints in the folder of Docker's configuration, shared with Docker's own programs.
//!
//! ```text
//! ~/.docker/config.json                      currentContext
//! ~/.docker/contexts/meta/DIGEST/meta.json   name, description, endpoint; DIGEST is the SHA-256 of the name
//! ~/.docker/contexts/tls/DIGEST/docker/      ca.pem, cert.pem, key.pem
//! ```
//!
//! The files belong to several programs: fields that we do not know are kept when they are written.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, ParseError, Result};
use crate::file;

mod document;

pub use document::{ContextEndpoint, DockerContext, NewEndpoint};
use document::{DOCKER, TLS_FILES, describe, object, put_endpoint};

/// The name that means no context.
pub const DEFAULT: &str = "default";

/// Largest file of TLS, in bytes.
const LONGEST_TLS_FILE: u64 = 1 << 20;

/// The contexts of one user.
#[derive(Debug, Clone)]
pub struct DockerContexts {
    folder: PathBuf,
}

impl DockerContexts {
    /// Those of the user; [`None`] where nobody knows their home.
    #[must_use]
    pub fn new(environment: &Environment, directories: &Directories) -> Option<Self> {
        let home = || Some(directories.user.home.as_ref()?.join(".docker"));
        environment.path(env::DOCKER_CONFIG).or_else(home).map(|folder| Self { folder })
    }

    /// Those in a folder with Docker's configuration.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Docker's config.json.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("config.json")
    }

    fn metadata_path(&self, name: &str) -> PathBuf {
        self.folder.join("contexts/meta").join(digest(name))
    }

    fn tls_path(&self, name: &str) -> PathBuf {
        self.folder.join("contexts/tls").join(digest(name))
    }

    /// All of them, by name. What is damaged is left out, and said.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<(Vec<DockerContext>, Vec<Error>)> {
        let folder = self.folder.join("contexts/meta");
        let entries = match cove_sys::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(Error::read(&folder, error)),
        };
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for entry in entries {
            let path = entry.map_err(|error| Error::read(&folder, error))?.path();
            match self.read(&path) {
                Ok(Some(context)) => found.push(context),
                Ok(None) => {}
                Err(error) => failures.push(error),
            }
        }
        found.sort_by(|one: &DockerContext, other| one.name.cmp(&other.name));
        Ok((found, failures))
    }

    /// One by its name.
    ///
    /// # Errors
    /// There is none of that name, or it is damaged.
    pub fn get(&self, name: &str) -> Result<DockerContext> {
        let path = self.metadata_path(name);
        let missing = || Error::ContextNotFound { name: name.to_owned(), path: path.join("meta.json") };
        self.read(&path)?.filter(|context| context.name == name).ok_or_else(missing)
    }

    fn read(&self, metadata_path: &Path) -> Result<Option<DockerContext>> {
        let path = metadata_path.join("meta.json");
        let Some(source) = file::read(path.clone())? else { return Ok(None) };
        let document = object(&source.text).map_err(|error| Error::parse(&path, error))?;
        let name = document.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
        check_name(&name).map_err(|error| Error::parse(&path, ParseError::new(error.to_string())))?;
        let tls_path = self.tls_path(&name);
        let there = |name: &&str| tls_path.join(DOCKER).join(name).is_file();
        let tls = TLS_FILES.iter().filter(|name| there(name)).map(|name| (*name).to_owned()).collect();
        Ok(Some(DockerContext { name, document, tls, metadata_path: metadata_path.to_owned(), tls_path }))
    }

    /// Makes one.
    ///
    /// # Errors
    /// The name is none, or is taken; a file cannot be written.
    pub fn create(&self, name: &str, description: &str, new: &NewEndpoint) -> Result<()> {
        let mut document = Map::new();
        document.insert("Metadata".into(), json!({}));
        document.insert("Endpoints".into(), json!({}));
        describe(&mut document, description);
        put_endpoint(&mut document, &new.endpoint);
        self.add(name, document, &new.tls)
    }

    /// Makes one of a document that comes from elsewhere, under a name of its own.
    ///
    /// # Errors
    /// As [`DockerContexts::create`].
    pub fn add(&self, name: &str, document: Map<String, Value>, tls: &[(String, Vec<u8>)]) -> Result<()> {
        self.check_new(name)?;
        self.write_tls(name, tls)?;
        self.write_document(name, document)
    }

    /// That one of that name can be made.
    ///
    /// # Errors
    /// The name is none, or is taken.
    pub fn check_new(&self, name: &str) -> Result<()> {
        check_name(name)?;
        if self.metadata_path(name).join("meta.json").exists() {
            return Err(Error::ContextExists { name: name.to_owned() });
        }
        Ok(())
    }

    /// Changes the description or the endpoint of one, with all that belongs to it.
    ///
    /// # Errors
    /// There is none of that name; a file cannot be written.
    pub fn update(&self, name: &str, description: Option<&str>, new: Option<&NewEndpoint>) -> Result<()> {
        let mut document = self.get(name)?.document;
        if let Some(description) = description {
            describe(&mut document, description);
        }
        if let Some(new) = new {
            put_endpoint(&mut document, &new.endpoint);
            self.write_tls(name, &new.tls)?;
        }
        self.write_document(name, document)
    }

    /// The contents of a context's TLS files, by their names.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn tls(&self, context: &DockerContext) -> Result<Vec<(String, Vec<u8>)>> {
        let read = |name: &String| {
            let path = context.tls_path.join(DOCKER).join(name);
            read_tls_file(&path).map(|data| (name.clone(), data))
        };
        context.tls.iter().map(read).collect()
    }

    fn write_document(&self, name: &str, mut document: Map<String, Value>) -> Result<()> {
        document.shift_insert(0, "Name".into(), name.into());
        let folder = self.metadata_path(name);
        make_folder(&folder)?;
        let path = folder.join("meta.json");
        let text = serde_json::to_vec(&document)
            .map_err(|error| Error::write(&path, std::io::Error::other(error)))?;
        cove_sys::atomic::write(&path, &text, 0o644).map_err(|error| Error::write(&path, error))
    }

    /// Puts TLS files in the place of those that are there.
    fn write_tls(&self, name: &str, files: &[(String, Vec<u8>)]) -> Result<()> {
        let whole = self.tls_path(name);
        if files.is_empty() {
            return remove_folder(&whole);
        }
        let folder = whole.join(DOCKER);
        make_folder(&folder)?;
        for known in TLS_FILES {
            let path = folder.join(known);
            match files.iter().find(|(name, _)| name == known) {
                Some((_, data)) => cove_sys::atomic::write(&path, data, 0o600),
                None if path.exists() => cove_sys::fs::remove_file(&path),
                None => Ok(()),
            }
            .map_err(|error| Error::write(&path, error))?;
        }
        Ok(())
    }

    /// Removes one with its TLS files.
    ///
    /// # Errors
    /// There is none of that name, or it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        let metadata_path = self.metadata_path(name);
        if !metadata_path.join("meta.json").exists() {
            return Err(Error::ContextNotFound {
                name: name.to_owned(),
                path: metadata_path.join("meta.json"),
            });
        }
        // What tells of it last, so that a removal that fails can be done again.
        remove_folder(&self.tls_path(name))?;
        remove_folder(&metadata_path)
    }

    /// The one that config.json names; [`None`] for the default.
    ///
    /// # Errors
    /// The file cannot be read or is none.
    pub fn configured(&self) -> Result<Option<String>> {
        let name =
            self.config()?.get("currentContext").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some(name).filter(|name| !name.is_empty() && name != DEFAULT))
    }

    /// Names another one in config.json, where all else stays as it is; [`None`] for the default.
    ///
    /// # Errors
    /// There is none of that name; the file is damaged or cannot be written.
    pub fn configure(&self, name: Option<&str>) -> Result<()> {
        if let Some(name) = name {
            self.get(name)?;
        }
        let mut config = self.config()?;
        match name {
            Some(name) => config.insert("currentContext".into(), name.into()),
            None => config.shift_remove("currentContext"),
        };
        make_folder(&self.folder)?;
        let path = self.config_file();
        // A link to a file elsewhere stays one.
        let path = cove_sys::fs::canonicalize(&path).unwrap_or(path);
        let failed = |error| Error::write(&path, error);
        let mode = mode_of(&path).unwrap_or(0o600);
        cove_sys::atomic::write(&path, &tabbed(&config).map_err(failed)?, mode).map_err(failed)
    }

    fn config(&self) -> Result<Map<String, Value>> {
        let path = self.config_file();
        match file::read(path.clone())? {
            Some(source) if !source.text.trim().is_empty() => {
                object(&source.text).map_err(|error| Error::parse(&path, error))
            }
            _ => Ok(Map::new()),
        }
    }
}

/// Reads a file of TLS, bounded.
///
/// # Errors
/// It cannot be read or is too large.
pub fn read_tls_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::read(path, error);
    let missing = || failed(std::io::Error::from(std::io::ErrorKind::NotFound));
    cove_sys::read::bounded(path, LONGEST_TLS_FILE).map_err(failed)?.ok_or_else(missing)
}

/// That a name can be a context's.
///
/// # Errors
/// It cannot.
pub fn check_name(name: &str) -> Result<()> {
    if name == DEFAULT {
        return Err(Error::ContextReserved);
    }
    let first = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    let rest = name.chars().skip(1).all(|letter| letter.is_ascii_alphanumeric() || "_.+-".contains(letter));
    if first && rest && (2..=255).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::ContextName { name: name.to_owned() })
}

/// The name of a context's folders.
fn digest(name: &str) -> String {
    Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON as Docker writes its configuration.
fn tabbed(config: &Map<String, Value>) -> std::io::Result<Vec<u8>> {
    use serde::Serialize as _;
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    config.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
    Ok(text)
}

fn make_folder(path: &Path) -> Result<()> {
    cove_sys::fs::create_dir_all(path).map_err(|error| Error::write(path, error))
}

fn remove_folder(path: &Path) -> Result<()> {
    match cove_sys::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::write(path, error)),
        _ => Ok(()),
    }
}

/// The permissions of a file that is there.
fn mode_of(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        Some(cove_sys::fs::metadata(path).ok()?.permissions().mode() & 0o777)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str) -> NewEndpoint {
        let endpoint = ContextEndpoint { host: host.into(), skip_tls_verify: false };
        NewEndpoint { endpoint, tls: Vec::new() }
    }

    fn names(contexts: &DockerContexts) -> Vec<String> {
        contexts.list().unwrap().0.into_iter().map(|context| context.name).collect()
    }

    #[test]
    fn life_of_a_context() {
        let folder = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::at(folder.path());
        assert_eq!((names(&contexts), contexts.configured().unwrap()), (vec![], None));
        let secured = NewEndpoint {
            tls: vec![("ca.pem".into(), b"ca".to_vec()), ("key.pem".into(), b"key".to_vec())],
            ..endpoint("tcp://h:1")
        };
        contexts.create("two", "", &endpoint("unix:///two")).unwrap();
        contexts.create("one", "first", &secured).unwrap();
        assert_eq!(names(&contexts), ["one", "two"]);
        // As Docker's program writes it: name, digest and keys in this order.
        let path = folder
            .path()
            .join("contexts/meta/7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed/meta.json");
        let text = cove_sys::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            r#"{"Name":"one","Metadata":{"Description":"first"},"Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":false}}}"#
        );
        let one = contexts.get("one").unwrap();
        assert_eq!(
            (one.description(), one.tls.as_slice()),
            ("first", &["ca.pem".to_owned(), "key.pem".to_owned()][..])
        );
        let to = one.destination().unwrap();
        assert_eq!((to.uri.as_str(), to.tls_cert.as_str()), ("tcp://h:1", ""));
        assert!(to.tls_ca.ends_with("/docker/ca.pem") && to.tls_key.ends_with("/docker/key.pem"), "{to:?}");
        assert!(matches!(contexts.create("one", "", &endpoint("x")), Err(Error::ContextExists { .. })));
        contexts.update("one", Some("other"), Some(&endpoint("ssh://h"))).unwrap();
        let one = contexts.get("one").unwrap();
        assert_eq!((one.description(), one.tls.len(), one.tls_path.exists()), ("other", 0, false));
        contexts.remove("two").unwrap();
        assert!(matches!(contexts.remove("two"), Err(Error::ContextNotFound { .. })));
        assert!(matches!(contexts.get("two"), Err(Error::ContextNotFound { .. })));
    }

    #[test]
    fn the_configuration_keeps_what_others_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::at(folder.path());
        contexts.create("one", "", &endpoint("unix:///one")).unwrap();
        let elsewhere = folder.path().join("elsewhere.json");
        cove_sys::fs::write(&elsewhere, r#"{"auths":{"r":{"auth":"c2VjcmV0"}},"new":[1]}"#).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&elsewhere, contexts.config_file()).unwrap();
        contexts.configure(Some("one")).unwrap();
        assert_eq!(contexts.configured().unwrap().as_deref(), Some("one"));
        let text = cove_sys::fs::read_to_string(&elsewhere).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, json!({"auths": {"r": {"auth": "c2VjcmV0"}}, "new": [1], "currentContext": "one"}));
        assert!(text.starts_with("{\n\t\"auths\""), "{text}");
        assert!(contexts.configure(Some("none")).is_err());
        contexts.configure(None).unwrap();
        let value: Value = serde_json::from_str(&cove_sys::fs::read_to_string(&elsewhere).unwrap()).unwrap();
        assert_eq!(value, json!({"auths": {"r": {"auth": "c2VjcmV0"}}, "new": [1]}));
        // One that is damaged is not lost.
        cove_sys::fs::write(&elsewhere, "{").unwrap();
        assert!(contexts.configure(Some("one")).is_err());
        assert_eq!(cove_sys::fs::read_to_string(&elsewhere).unwrap(), "{");
    }

    #[test]
    fn names_that_are_none() {
        for name in ["ab", "a.b+c-d_e", "0x"] {
            check_name(name).unwrap();
        }
        for name in ["", "a", "../x", "a/b", "-a", "a b", "ä1", &"x".repeat(256), DEFAULT] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn damaged_ones_are_left_out_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let contexts = DockerContexts::at(folder.path());
        contexts.create("good", "", &endpoint("unix:///x")).unwrap();
        for (number, text) in ["{", "[]", "{}", r#"{"Name":"../x"}"#].iter().enumerate() {
            let path = folder.path().join(format!("contexts/meta/{number}"));
            cove_sys::fs::create_dir_all(&path).unwrap();
            cove_sys::fs::write(path.join("meta.json"), text).unwrap();
        }
        let (found, failures) = contexts.list().unwrap();
        assert_eq!((found.len(), failures.len()), (1, 4));
        let mut document = found[0].document.clone();
        document["Endpoints"] = json!({"kubernetes": {}});
        contexts.add("odd", document, &[]).unwrap();
        assert!(contexts.get("odd").unwrap().destination().is_err());
        let any = ContextEndpoint { host: "tcp://h:1".into(), skip_tls_verify: true };
        contexts.create("any", "", &NewEndpoint { endpoint: any, tls: Vec::new() }).unwrap();
        assert!(
            contexts.get("any").unwrap().destination().unwrap_err().to_string().contains("skip-tls-verify")
        );
    }
}
