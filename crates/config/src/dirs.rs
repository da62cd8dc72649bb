//! Where everything lies: directories of root, of a rootless user, and of the user of a client on macOS or
//! Windows. Pure functions over an [`Environment`] and a [`User`]; nothing is created here but by
//! [`create_private`].

use std::path::{Path, PathBuf};

use crate::env::{self, Environment};
use crate::error::{Error, Result};

/// Longest runtime directory we use: container sockets below it must stay under the 108 bytes of `sun_path`.
const LONGEST_RUNTIME_DIR: usize = 70;

/// For whom the directories are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id outside of any user namespace that we entered ourselves; 0 on Windows.
    pub uid: u32,
    /// Whether containers run without root's rights, in a user namespace.
    pub rootless: bool,
    /// Absolute path of the home folder; `None` where nobody knows one.
    pub home: Option<PathBuf>,
}

impl User {
    /// The user of this process: `euid` is its effective user id. Inside our own user namespace the variables
    /// `_CONTAINERS_ROOTLESS_UID` and `_CONTAINERS_USERNS_CONFIGURED` say who it is outside.
    ///
    /// This asks the system (crate `directories`, thus the password database) for the home folder where HOME is
    /// unset or relative.
    pub fn detect(environment: &Environment, euid: u32) -> Self {
        let outside = environment
            .number(env::ROOTLESS_UID)
            .filter(|_| euid == 0 && environment.get(env::USERNS_CONFIGURED).is_some());
        let uid = outside.unwrap_or(euid);
        let home = environment
            .absolute_path(if cfg!(windows) { env::USERPROFILE } else { env::HOME })
            .or_else(|| {
                directories::BaseDirs::new()
                    .map(|base| base.home_dir().to_owned())
                    .filter(|home| home.is_absolute())
            })
            .or_else(|| (uid == 0 && cfg!(unix)).then(|| PathBuf::from("/root")));
        Self { uid, rootless: uid != 0, home }
    }

    /// The home folder.
    ///
    /// # Errors
    /// [`Error::NoHome`].
    pub fn home(&self) -> Result<&Path> {
        self.home.as_deref().ok_or(Error::NoHome { uid: self.uid })
    }
}

/// All directories and well-known files of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// For whom.
    pub user: User,
    /// Configuration of the vendor, `/usr/share/containers`; `None` on Windows.
    pub vendor_config: Option<PathBuf>,
    /// Configuration of the administrator, `/etc/containers`.
    pub system_config: PathBuf,
    /// The user's configuration, `~/.config/containers`; root's too.
    pub user_config: PathBuf,
    /// The user's data, `~/.local/share/containers`.
    pub user_data: PathBuf,
    /// The user's cache, `~/.cache/containers` (root: `/var/cache/containers`).
    pub cache: PathBuf,
    /// Sockets and files until the next boot: `/run`, or the user's XDG_RUNTIME_DIR or its stand-in.
    pub runtime: PathBuf,
    /// Default graph root; storage.conf and `--root` come before it.
    pub graph_root: PathBuf,
    /// Default run root; storage.conf and `--runroot` come before it.
    pub run_root: PathBuf,
    /// The primary registry credentials file (containers-auth.json(5)).
    pub auth_file: PathBuf,
    /// Folder for large temporary files: TMPDIR or `/var/tmp`.
    pub temporary: PathBuf,
    /// Things worth telling the user once, such as an unusable XDG_RUNTIME_DIR.
    pub warnings: Vec<String>,
}

impl Directories {
    /// Works out all directories. `usable` says why a directory cannot be the runtime directory (`None`: it can);
    /// [`runtime_dir_problem`] is the real one.
    ///
    /// # Errors
    /// The home folder is unknown.
    pub fn new(
        environment: &Environment,
        user: User,
        usable: impl Fn(&Path) -> Option<String>,
    ) -> Result<Self> {
        if cfg!(windows) {
            return Self::windows(environment, user);
        }
        let home = user.home()?.to_owned();
        let xdg = |name: &str, fallback: &str| {
            environment.absolute_path(name).unwrap_or_else(|| home.join(fallback)).join("containers")
        };
        let user_data = xdg(env::XDG_DATA_HOME, ".local/share");
        let mut warnings = Vec::new();
        let (runtime, graph_root, run_root, cache);
        if user.rootless || cfg!(target_os = "macos") {
            runtime = runtime_dir(environment, user.uid, &usable, &mut warnings);
            graph_root = user_data.join("storage");
            run_root = runtime.join("containers");
            cache = xdg(env::XDG_CACHE_HOME, ".cache");
        } else {
            runtime = PathBuf::from("/run");
            graph_root = PathBuf::from("/var/lib/containers/storage");
            run_root = PathBuf::from("/run/containers/storage");
            cache = PathBuf::from("/var/cache/containers");
        }
        let own_runtime =
            environment.absolute_path(env::XDG_RUNTIME_DIR).filter(|path| usable(path).is_none());
        let auth_file = if cfg!(target_os = "macos") {
            home.join(".config/containers/auth.json")
        } else if user.rootless {
            runtime.join("containers/auth.json")
        } else if let Some(path) = own_runtime {
            path.join("containers/auth.json")
        } else {
            PathBuf::from(format!("/run/containers/{}/auth.json", user.uid))
        };
        let freebsd = cfg!(target_os = "freebsd");
        Ok(Self {
            vendor_config: Some(PathBuf::from(if freebsd {
                "/usr/local/share/containers"
            } else {
                "/usr/share/containers"
            })),
            system_config: PathBuf::from(if freebsd {
                "/usr/local/etc/containers"
            } else {
                "/etc/containers"
            }),
            user_config: xdg(env::XDG_CONFIG_HOME, ".config"),
            user_data,
            cache,
            runtime,
            graph_root,
            run_root,
            auth_file,
            temporary: environment.absolute_path(env::TMPDIR).unwrap_or_else(|| PathBuf::from("/var/tmp")),
            warnings,
            user,
        })
    }

    fn windows(environment: &Environment, user: User) -> Result<Self> {
        let home = user.home()?.to_owned();
        let local =
            environment.absolute_path(env::LOCALAPPDATA).unwrap_or_else(|| home.join("AppData/Local"));
        let roaming = environment.absolute_path(env::APPDATA).unwrap_or_else(|| home.join("AppData/Roaming"));
        let all_users =
            environment.absolute_path(env::PROGRAMDATA).unwrap_or_else(|| "C:/ProgramData".into());
        let data = local.join("containers");
        Ok(Self {
            vendor_config: None,
            system_config: all_users.join("containers"),
            user_config: roaming.join("containers"),
            auth_file: home.join(".config/containers/auth.json"),
            cache: data.join("cache"),
            runtime: data.join("run"),
            graph_root: data.join("storage"),
            run_root: data.join("run/storage"),
            temporary: environment.path("TEMP").unwrap_or_else(|| local.join("Temp")),
            user_data: data,
            warnings: Vec::new(),
            user,
        })
    }

    /// Whether a configuration file is the distribution's own, which nobody of this host wrote.
    pub(crate) fn is_vendors(&self, file: &Path) -> bool {
        self.vendor_config.as_ref().is_some_and(|folder| file.starts_with(folder))
    }

    /// Folder of the machines' disks and images (`…/containers/cove/machine` in the data folder).
    pub fn machine_data(&self) -> PathBuf {
        self.user_data.join("cove/machine")
    }

    /// Folder of the machines' sockets and pid files.
    pub fn machine_runtime(&self) -> PathBuf {
        self.runtime.join("cove/machine")
    }

    /// Folder of our own sockets: `/run/cove` or `$XDG_RUNTIME_DIR/cove`.
    pub fn sockets(&self) -> PathBuf {
        self.runtime.join("cove")
    }

    /// The API socket that `cove system service` serves.
    pub fn api_socket(&self) -> PathBuf {
        self.sockets().join("cove.sock")
    }

    /// Where podman's own service has its socket; clients fall back to it.
    pub fn podman_socket(&self) -> PathBuf {
        self.runtime.join("podman/podman.sock")
    }

    /// Networks' configuration files as netavark has them: `/etc/containers/networks`, or below the graph root.
    pub fn networks(&self, graph_root: &Path) -> PathBuf {
        if self.user.rootless { graph_root.join("networks") } else { self.system_config.join("networks") }
    }

    /// Folders of per-registry certificates (containers-certs.d(5)), first match wins.
    pub fn certificates(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.user_config.join("certs.d"), self.system_config.join("certs.d")];
        if !cfg!(windows) {
            folders.push("/etc/docker/certs.d".into());
        }
        folders
    }

    /// The machine-written short-name alias file (containers-registries.conf(5)).
    pub fn short_name_aliases(&self) -> PathBuf {
        self.cache.join("short-name-aliases.conf")
    }

    /// The connections file of `cove system connection`, shared with podman.
    pub fn connections_file(&self, environment: &Environment) -> PathBuf {
        environment
            .path(env::PODMAN_CONNECTIONS_CONF)
            .unwrap_or_else(|| self.user_config.join("podman-connections.json"))
    }
}

fn runtime_dir(
    environment: &Environment,
    uid: u32,
    usable: &impl Fn(&Path) -> Option<String>,
    warnings: &mut Vec<String>,
) -> PathBuf {
    if let Some(given) = environment.path(env::XDG_RUNTIME_DIR) {
        let problem = if !given.is_absolute() {
            Some("it is not an absolute path".to_owned())
        } else if given.as_os_str().len() > LONGEST_RUNTIME_DIR {
            Some(format!("it is longer than {LONGEST_RUNTIME_DIR} bytes, too long for socket paths"))
        } else {
            usable(&given)
        };
        match problem {
            None => return given,
            Some(reason) => {
                warnings.push(format!("XDG_RUNTIME_DIR {} is not used: {reason}", given.display()));
            }
        }
    }
    let standard = PathBuf::from(format!("/run/user/{uid}"));
    if usable(&standard).is_none() {
        return standard;
    }
    let temporary = environment
        .absolute_path(env::TMPDIR)
        .filter(|path| path.as_os_str().len() < LONGEST_RUNTIME_DIR - 30)
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    let fallback = temporary.join(format!("storage-run-{uid}"));
    if !warnings.is_empty() {
        warnings.push(format!("using {} for sockets and run-time files", fallback.display()));
    }
    fallback
}

/// Why `path` cannot be the runtime directory of the process's own user; `None` where it can.
#[cfg(unix)]
pub fn runtime_dir_problem(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = match cove_sys::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Some("it does not exist".to_owned());
        }
        Err(error) => return Some(error.to_string()),
    };
    if !metadata.is_dir() {
        return Some("it is not a directory".to_owned());
    }
    let euid = cove_sys::user::effective_uid();
    if metadata.uid() != euid {
        return Some(format!("it belongs to user {} and not to user {euid}", metadata.uid()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Some(format!("others may write to it (mode {:o})", metadata.mode() & 0o777));
    }
    None
}

/// Windows has no ownership to look at.
#[cfg(not(unix))]
pub fn runtime_dir_problem(path: &Path) -> Option<String> {
    (!path.is_dir()).then(|| "it is not a directory".to_owned())
}

/// Creates `path` (and its parents) with mode 0700 and makes sure that it is a directory of our own, no link and
/// closed to others: a runtime directory below `/tmp` could have been prepared by somebody else.
///
/// # Errors
/// It cannot be created, or it is not ours.
pub fn create_private(path: &Path) -> Result<()> {
    let failed = |source| Error::write(path, source);
    if let Some(parent) = path.parent() {
        cove_sys::fs::create_dir_all(parent).map_err(failed)?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        match runtime_dir_problem(path) {
            None => Ok(()),
            Some(reason) => Err(Error::Invalid {
                what: "runtime directory".to_owned(),
                value: path.display().to_string(),
                reason,
            }),
        }
    }
    #[cfg(not(unix))]
    {
        cove_sys::fs::create_dir_all(path).map_err(failed)
    }
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;

    fn user(uid: u32) -> User {
        User { uid, rootless: uid != 0, home: Some("/home/ann".into()) }
    }

    fn directories(variables: &[(&str, &str)], uid: u32) -> Directories {
        let environment = Environment::new(variables.iter().copied());
        Directories::new(&environment, user(uid), |path| {
            (!path.starts_with("/good")).then(|| "bad".to_owned())
        })
        .unwrap()
    }

    #[test]
    fn root() {
        let all = directories(&[("XDG_RUNTIME_DIR", "/good/0")], 0);
        assert_eq!(all.graph_root, Path::new("/var/lib/containers/storage"));
        assert_eq!(all.run_root, Path::new("/run/containers/storage"));
        assert_eq!(all.auth_file, Path::new("/good/0/containers/auth.json"));
        assert_eq!(all.networks(&all.graph_root), Path::new("/etc/containers/networks"));
        assert_eq!(all.api_socket(), Path::new("/run/cove/cove.sock"));
    }

    #[test]
    fn rootless() {
        let all = directories(&[("XDG_RUNTIME_DIR", "/good/1000"), ("XDG_DATA_HOME", "relative")], 1000);
        assert_eq!(all.graph_root, Path::new("/home/ann/.local/share/containers/storage"));
        assert_eq!(all.run_root, Path::new("/good/1000/containers"));
        assert_eq!(all.auth_file, Path::new("/good/1000/containers/auth.json"));
        assert!(all.warnings.is_empty());
    }

    #[test]
    fn runtime_dir_falls_back_and_says_so() {
        let long = format!("/good/{}", "x".repeat(200));
        for bad in ["/evil", "relative/path", long.as_str()] {
            let all = directories(&[("XDG_RUNTIME_DIR", bad)], 1000);
            assert_eq!(all.runtime, Path::new("/tmp/storage-run-1000"), "{bad}");
            assert!(all.warnings[0].contains("XDG_RUNTIME_DIR"), "{bad}");
        }
        let all = directories(&[], 1000);
        assert_eq!(all.runtime, Path::new("/tmp/storage-run-1000"));
        assert!(all.warnings.is_empty());
    }

    #[test]
    fn no_home_is_an_error() {
        let user = User { uid: 7, rootless: true, home: None };
        let error = Directories::new(&Environment::default(), user, |_| None).unwrap_err();
        assert!(error.to_string().contains("user 7"));
    }

    #[test]
    fn inside_our_user_namespace() {
        let environment = Environment::new([
            ("HOME", "/home/ann"),
            ("_CONTAINERS_ROOTLESS_UID", "1000"),
            ("_CONTAINERS_USERNS_CONFIGURED", "done"),
        ]);
        let inside = User::detect(&environment, 0);
        assert_eq!((inside.uid, inside.rootless), (1000, true));
        let outside = User::detect(&environment, 1001);
        assert_eq!(outside.uid, 1001);
    }

    #[test]
    fn private_directories() {
        let base = std::env::temp_dir().join(format!("cove-private-{}", std::process::id()));
        let path = base.join("run");
        create_private(&path).unwrap();
        create_private(&path).unwrap();
        let link = base.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(create_private(&link).is_err());
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }
}
