//! Looking up, keeping and forgetting credentials over all places.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{AuthFile, Helper};
use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, Result};
use crate::file;
use crate::registries::{AUTH_FILE_HELPER, Registries};

/// Docker Hub's name for credential helpers.
const DOCKER_HUB_SERVER: &str = "https://index.docker.io/v1/";

/// A user name with its password or token. The secrets are not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name; empty with an identity token.
    pub username: String,
    password: String,
    identity_token: Option<String>,
    registry_token: Option<String>,
}

impl Credentials {
    /// Credentials of a user name and password, or of an OAuth2 refresh token.
    pub fn new(username: String, password: String, identity_token: Option<String>) -> Self {
        Self { username, password, identity_token, registry_token: None }
    }

    /// The same with a token that the registry itself takes.
    #[must_use]
    pub fn with_registry_token(mut self, token: Option<String>) -> Self {
        self.registry_token = token;
        self
    }

    /// The token that is sent to the registry as it is; no token server is asked.
    pub fn registry_token(&self) -> Option<&str> {
        self.registry_token.as_deref()
    }

    /// The password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The OAuth2 refresh token that stands for a password.
    pub fn identity_token(&self) -> Option<&str> {
        self.identity_token.as_deref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Credentials and where they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The credentials.
    pub credentials: Credentials,
    /// The file or helper program.
    pub source: String,
}

/// Where credentials were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// In this file, base64 only.
    File(PathBuf),
    /// In a credential helper.
    Helper(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// auth.json
    Containers,
    /// Docker's config.json
    Docker,
    /// .dockercfg
    Legacy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    format: Format,
}

/// All places of credentials of one user. The first file is the one that is written.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    places: Vec<Place>,
    helpers: Vec<String>,
    search_path: Option<OsString>,
}

impl CredentialStore {
    /// The usual places; `explicit` (`--authfile`) or REGISTRY_AUTH_FILE names the only file.
    pub fn new(
        environment: &Environment,
        directories: &Directories,
        registries: &Registries,
        explicit: Option<&Path>,
    ) -> Self {
        let containers = |path: PathBuf| Place { path, format: Format::Containers };
        let named = explicit.map(Path::to_owned).or_else(|| environment.path(env::REGISTRY_AUTH_FILE));
        let places = match named {
            Some(path) => vec![containers(path)],
            None => {
                let mut places = vec![
                    containers(directories.auth_file.clone()),
                    containers(directories.user_config.join("auth.json")),
                ];
                let home = directories.user.home.as_deref();
                let docker = environment
                    .path(env::DOCKER_CONFIG)
                    .or_else(|| home.map(|home| home.join(".docker")))
                    .map(|folder| Place { path: folder.join("config.json"), format: Format::Docker });
                places.extend(docker);
                places
                    .extend(home.map(|home| Place { path: home.join(".dockercfg"), format: Format::Legacy }));
                places.dedup();
                places
            }
        };
        Self {
            places,
            helpers: registries.credential_helpers.clone(),
            search_path: environment.os(env::PATH).map(ToOwned::to_owned),
        }
    }

    /// Only Docker's config.json at `path`, read and written in Docker's way (`--compat-auth-file`).
    pub fn docker(environment: &Environment, path: PathBuf) -> Self {
        Self {
            places: vec![Place { path, format: Format::Docker }],
            helpers: vec![AUTH_FILE_HELPER.to_owned()],
            search_path: environment.os(env::PATH).map(ToOwned::to_owned),
        }
    }

    /// Credentials for `key`: `host[:port]`, or a repository `host[:port]/path` without tag.
    ///
    /// # Errors
    /// A place cannot be read and no other has credentials.
    pub fn get(&self, key: &str) -> Result<Option<Found>> {
        check_key(key)?;
        let registry = key.split('/').next().unwrap_or(key);
        let mut first_error = None;
        for helper in &self.helpers {
            let found = if helper == AUTH_FILE_HELPER {
                self.find_in_files(key, registry)
            } else {
                self.ask(helper, registry)
            };
            match found {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(None), Err)
    }

    fn find_in_files(&self, key: &str, registry: &str) -> Result<Option<Found>> {
        for place in &self.places {
            let auth_file = place.read()?;
            if let Some(helper) = auth_file.helper_for(registry) {
                return self.ask(helper, registry);
            }
            let found = auth_file.find(key).map_err(|error| Error::parse(&place.path, error))?;
            if let Some(credentials) = found {
                return Ok(Some(Found { credentials, source: place.path.display().to_string() }));
            }
            if let Some(helper) = auth_file.helper_for_all().filter(|_| place.format == Format::Docker) {
                // Docker's general helper is a stand-in for its file: one that is missing hides nothing else.
                let server = if registry == "docker.io" { DOCKER_HUB_SERVER } else { registry };
                if let Ok(Some(found)) = self.ask(helper, server) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    fn ask(&self, helper: &str, registry: &str) -> Result<Option<Found>> {
        let helper = self.helper(helper)?;
        let found = helper.get(registry)?;
        Ok(found.map(|credentials| Found { credentials, source: helper.program().to_owned() }))
    }

    fn helper(&self, name: &str) -> Result<Helper> {
        Helper::new(name, self.search_path.clone())
    }

    /// Keeps credentials, in the registry's helper where one is configured, else in the primary file (mode 0600).
    ///
    /// # Errors
    /// The key is not allowed, or the place cannot be written.
    pub fn set(&self, key: &str, credentials: &Credentials) -> Result<Saved> {
        check_key(key)?;
        if let Some(helper) = self.helpers.iter().find(|helper| *helper != AUTH_FILE_HELPER)
            && !self.helpers.iter().any(|helper| helper == AUTH_FILE_HELPER)
        {
            return self.store_in_helper(helper, key, credentials);
        }
        self.edit(|auth_file, place| {
            let general = auth_file.helper_for_all().filter(|_| place.format == Format::Docker);
            if let Some(helper) = auth_file.helper_for(key).or(general).map(str::to_owned) {
                return Ok((false, self.store_in_helper(&helper, key, credentials)?));
            }
            auth_file.set(key, credentials, place.format == Format::Docker);
            Ok((true, Saved::File(place.path.clone())))
        })
    }

    fn store_in_helper(&self, helper: &str, key: &str, credentials: &Credentials) -> Result<Saved> {
        if key.contains('/') {
            return Err(Error::Invalid {
                what: "registry".to_owned(),
                value: key.to_owned(),
                reason: format!("credential helper {helper} keeps credentials of whole registries only"),
            });
        }
        let helper = self.helper(helper)?;
        helper.store(key, credentials)?;
        Ok(Saved::Helper(helper.program().to_owned()))
    }

    /// Forgets the credentials of `key` in the primary file and the helpers.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`] where there are none, or a place cannot be written.
    pub fn remove(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let mut removed = false;
        for name in self.helpers.iter().filter(|name| *name != AUTH_FILE_HELPER) {
            let helper = self.helper(name)?;
            if helper.get(key)?.is_some() {
                removed |= helper.erase(key)?;
            }
        }
        removed |= self.edit(|auth_file, _| {
            if let Some(helper) = auth_file.helper_for(key).map(str::to_owned) {
                return Ok((false, self.helper(&helper)?.erase(key)?));
            }
            let removed = auth_file.remove(key);
            Ok((removed, removed))
        })?;
        if removed { Ok(()) } else { Err(Error::NotLoggedIn { registry: key.to_owned() }) }
    }

    /// Forgets all credentials of the primary file and returns their keys.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn remove_all(&self) -> Result<Vec<String>> {
        self.edit(|auth_file, _| {
            let keys = auth_file.clear();
            Ok((!keys.is_empty(), keys))
        })
    }

    /// All registries and repositories with credentials in any place, sorted.
    ///
    /// # Errors
    /// A place cannot be read.
    pub fn keys(&self) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        for place in &self.places {
            keys.extend(place.read()?.keys());
        }
        for name in self.helpers.iter().filter(|name| *name != AUTH_FILE_HELPER) {
            keys.extend(self.helper(name)?.list()?.into_keys());
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// All credentials by registry and repository, and why some could not be had.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn all(&self) -> Result<(BTreeMap<String, Credentials>, Vec<Error>)> {
        let (mut all, mut failures) = (BTreeMap::new(), Vec::new());
        let mut keys = std::collections::BTreeSet::new();
        for place in &self.places {
            keys.extend(place.read()?.keys());
        }
        for name in self.helpers.iter().filter(|name| *name != AUTH_FILE_HELPER) {
            match self.helper(name).and_then(|helper| helper.list()) {
                Ok(listed) => keys.extend(listed.into_keys()),
                Err(error) => failures.push(error),
            }
        }
        for key in keys {
            // What no registry is called is nobody's.
            let Ok(name) = registry_key(&key) else { continue };
            match self.get(&name) {
                Ok(Some(found)) => drop(all.insert(name, found.credentials)),
                Ok(None) => {}
                Err(error) => failures.push(error),
            }
        }
        Ok((all, failures))
    }

    fn edit<T>(&self, change: impl FnOnce(&mut AuthFile, &Place) -> Result<(bool, T)>) -> Result<T> {
        let place = &self.places[0];
        let failed = |error| Error::write(&place.path, error);
        if let Some(folder) = place.path.parent() {
            create_folder(folder).map_err(failed)?;
        }
        let mut lock_path = place.path.clone().into_os_string();
        lock_path.push(".lock");
        let _lock = cove_sys::lock::FileLock::exclusive(Path::new(&lock_path)).map_err(failed)?;
        let mut auth_file = place.read()?;
        let (changed, result) = change(&mut auth_file, place)?;
        if changed {
            // Through a link (dotfile collections), the file behind it is replaced, not the link.
            let target = cove_sys::fs::canonicalize(&place.path).unwrap_or_else(|_| place.path.clone());
            cove_sys::atomic::write(&target, auth_file.to_text().as_bytes(), 0o600).map_err(failed)?;
        }
        Ok(result)
    }
}

impl Place {
    fn read(&self) -> Result<AuthFile> {
        let Some(source) = file::read(self.path.clone())? else { return Ok(AuthFile::default()) };
        let parsed = match self.format {
            Format::Legacy => AuthFile::parse_legacy(&source.text),
            Format::Containers | Format::Docker => AuthFile::parse(&source.text),
        };
        parsed.map_err(|error| Error::parse(&self.path, error))
    }
}

fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// What a user wrote after `login` as a key: scheme and trailing slashes removed, Docker Hub's other names
/// unified.
///
/// # Errors
/// It has a tag, white space, or nothing in it.
pub fn registry_key(text: &str) -> Result<String> {
    let text = text.trim();
    let rest = ["https://", "http://", "docker://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text);
    let rest = rest.trim_end_matches('/');
    let key = match rest {
        "index.docker.io/v1" | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io",
        rest => rest,
    };
    check_key(key)?;
    Ok(key.to_owned())
}

fn check_key(key: &str) -> Result<()> {
    let reason = if key.is_empty() {
        "it is empty"
    } else if key.contains("://") {
        "a scheme is not allowed"
    } else if key.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@') {
        "white space, control characters and digests are not allowed"
    } else if key.split_once('/').is_some_and(|(_, path)| path.contains(':')) {
        "a tag is not allowed"
    } else if key.ends_with('/') || key.starts_with('/') {
        "it starts or ends with '/'"
    } else {
        return Ok(());
    };
    Err(Error::Invalid { what: "registry".to_owned(), value: key.to_owned(), reason: reason.to_owned() })
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;
    use crate::file::tests::{directories, folder, put};

    fn store(base: &Path, environment: &Environment, explicit: Option<&Path>) -> CredentialStore {
        let mut directories = directories(base, 1000);
        directories.auth_file = base.join("run/auth.json");
        CredentialStore::new(environment, &directories, &Registries::built_in(), explicit)
    }

    fn user(name: &str) -> Credentials {
        Credentials::new(name.to_owned(), "p".to_owned(), None)
    }

    #[test]
    fn life_of_credentials() {
        use std::os::unix::fs::PermissionsExt;
        let base = folder("auth");
        let environment = Environment::new([("DOCKER_CONFIG", base.join("docker"))]);
        let all = store(&base, &environment, None);
        put(&base.join("docker/config.json"), r#"{"auths":{"r.io":{"auth":"ZG9ja2VyOng="}}}"#);
        assert_eq!(all.get("r.io/a").unwrap().unwrap().credentials.username, "docker");
        assert_eq!(all.set("r.io", &user("ann")).unwrap(), Saved::File(base.join("run/auth.json")));
        let found = all.get("r.io/a").unwrap().unwrap();
        assert_eq!(found.credentials.username, "ann");
        assert!(found.source.ends_with("run/auth.json"));
        let mode = cove_sys::fs::metadata(base.join("run/auth.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(all.keys().unwrap(), ["r.io"]);
        assert_eq!(all.all().unwrap().0["r.io"].username, "ann");
        all.remove("r.io").unwrap();
        assert!(matches!(all.remove("r.io"), Err(Error::NotLoggedIn { .. })));
        assert_eq!(all.get("r.io").unwrap().unwrap().credentials.username, "docker");

        let only = store(&base, &environment, Some(&base.join("x.json")));
        assert_eq!(only.get("r.io").unwrap(), None);
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn helpers() {
        use std::os::unix::fs::PermissionsExt;
        let base = folder("helpers");
        let program = base.join("bin/docker-credential-fake");
        put(
            &program,
            "#!/bin/sh\nread -r in\ncase \"$1 $in\" in\n\"get h.io\") echo '{\"ServerURL\":\"h.io\",\"Username\":\"<token>\",\"Secret\":\"tok\"}';;\nget*) echo 'credentials not found in native keychain'; exit 1;;\nstore*) printf '%s' \"$in\" >\"${0%/*}/stored\";;\n*) echo 'no way' ; exit 1;;\nesac\n",
        );
        cove_sys::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", base.join("bin").display());
        let environment = Environment::new([("PATH", path)]);
        let all = store(&base, &environment, None);
        put(&base.join("run/auth.json"), r#"{"credHelpers":{"h.io":"fake","i.io":"fake","j.io":"../evil"}}"#);
        let found = all.get("h.io/x").unwrap().unwrap();
        assert_eq!(found.credentials.identity_token(), Some("tok"));
        assert_eq!(all.get("i.io").unwrap(), None);
        assert!(all.get("j.io").is_err());
        let (known, failures) = all.all().unwrap();
        assert_eq!((known.len(), known["h.io"].identity_token()), (1, Some("tok")));
        assert_eq!(failures.len(), 1);
        assert_eq!(all.set("i.io", &user("u")).unwrap(), Saved::Helper("docker-credential-fake".to_owned()));
        let stored = cove_sys::fs::read_to_string(base.join("bin/stored")).unwrap();
        assert!(stored.contains("\"Username\":\"u\""), "{stored}");
        assert!(all.remove("i.io").unwrap_err().to_string().contains("no way"));
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn a_failing_helper_stops_no_other() {
        use std::os::unix::fs::PermissionsExt;
        let base = folder("failing-helper");
        let good = "case \"$1\" in\nlist) echo '{\"h.io\":\"u\"}';;\n*) echo '{\"Username\":\"u\",\"Secret\":\"p\"}';;\nesac";
        for (name, script) in [("bad", "echo 'no way'; exit 1"), ("good", good)] {
            let program = base.join(format!("bin/docker-credential-{name}"));
            put(&program, &format!("#!/bin/sh\nread -r in\n{script}\n"));
            cove_sys::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        put(&base.join("run/auth.json"), r#"{"auths":{"f.io":{"auth":"YW5uOng="}}}"#);
        let path = format!("{}:/usr/bin:/bin", base.join("bin").display());
        let environment = Environment::new([("PATH", path)]);
        let mut directories = directories(&base, 1000);
        directories.auth_file = base.join("run/auth.json");
        let registries = Registries {
            credential_helpers: ["bad", AUTH_FILE_HELPER, "good"].map(str::to_owned).to_vec(),
            ..Registries::built_in()
        };
        let store = CredentialStore::new(&environment, &directories, &registries, None);
        let (known, failures) = store.all().unwrap();
        let known: Vec<_> =
            known.iter().map(|(key, found)| (key.as_str(), found.username.as_str())).collect();
        assert_eq!(known, [("f.io", "ann"), ("h.io", "u")]);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].to_string().contains("no way"), "{failures:?}");
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn keys() {
        for (text, expected) in [
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("localhost:5000/", Some("localhost:5000")),
            ("http://r.io/a/b", Some("r.io/a/b")),
            ("", None),
            ("r.io/a:tag", None),
            ("r io", None),
            ("r.io@sha256:1", None),
        ] {
            assert_eq!(registry_key(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(
            !format!("{:?}", Credentials::new("u".into(), "hush".into(), Some("hush".into())))
                .contains("hush")
        );
    }
}
