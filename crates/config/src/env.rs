//! Every environment variable that Cove reads, in one place, and the value that carries them.
//!
//! Only the binary reads the process environment, once, into an [`Environment`]; all other code gets that value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

macro_rules! variables {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+
    };
}

variables! {
    /// Folders in which helper programs and OCI runtimes are searched, after those of containers.conf.
    PATH = "PATH";
    /// The user's home folder; without it (or where it is relative) the password database is asked.
    HOME = "HOME";
    /// Folder for temporary files; `/var/tmp` is used for large ones where it is not set.
    TMPDIR = "TMPDIR";
    /// Folder of the user's configuration files; `~/.config` where it is not set.
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME";
    /// Folder of the user's data, such as the rootless graph root; `~/.local/share` where it is not set.
    XDG_DATA_HOME = "XDG_DATA_HOME";
    /// Folder of the user's caches, such as short-name aliases; `~/.cache` where it is not set.
    XDG_CACHE_HOME = "XDG_CACHE_HOME";
    /// Folder of the user's sockets and run-time files; ignored where it is not the user's own.
    XDG_RUNTIME_DIR = "XDG_RUNTIME_DIR";
    /// Windows: folder of the user's roaming settings, used as the configuration folder.
    APPDATA = "APPDATA";
    /// Windows: folder of the user's local data, used for machines and caches.
    LOCALAPPDATA = "LOCALAPPDATA";
    /// Windows: folder of the machine-wide settings.
    PROGRAMDATA = "ProgramData";
    /// Windows: the user's home folder.
    USERPROFILE = "USERPROFILE";
    /// Address of the D-Bus session, to talk to the user's systemd.
    DBUS_SESSION_BUS_ADDRESS = "DBUS_SESSION_BUS_ADDRESS";

    /// This containers.conf is read instead of the usual ones and their drop-ins.
    CONTAINERS_CONF = "CONTAINERS_CONF";
    /// This containers.conf is read after all others.
    CONTAINERS_CONF_OVERRIDE = "CONTAINERS_CONF_OVERRIDE";
    /// This registries.conf is read instead of the usual ones and their drop-ins.
    CONTAINERS_REGISTRIES_CONF = "CONTAINERS_REGISTRIES_CONF";
    /// This registries.conf is read after all others.
    CONTAINERS_REGISTRIES_CONF_OVERRIDE = "CONTAINERS_REGISTRIES_CONF_OVERRIDE";
    /// Default of the flag `--registries-conf` for other tools; means the same as CONTAINERS_REGISTRIES_CONF.
    REGISTRIES_CONFIG_PATH = "REGISTRIES_CONFIG_PATH";
    /// This storage.conf is read instead of the usual ones and their drop-ins.
    CONTAINERS_STORAGE_CONF = "CONTAINERS_STORAGE_CONF";
    /// This storage.conf is read after all others.
    CONTAINERS_STORAGE_CONF_OVERRIDE = "CONTAINERS_STORAGE_CONF_OVERRIDE";
    /// Storage driver (overlay, vfs) before the one of storage.conf.
    STORAGE_DRIVER = "STORAGE_DRIVER";
    /// Options of the storage driver, separated by commas, instead of those of storage.conf.
    STORAGE_OPTS = "STORAGE_OPTS";
    /// Files with the clusters of Kubernetes that `kube apply` knows, separated by colons.
    KUBECONFIG = "KUBECONFIG";
    /// The only file in which registry credentials are read and written.
    REGISTRY_AUTH_FILE = "REGISTRY_AUTH_FILE";
    /// Folder of Docker's config.json, read for credentials after our own files.
    DOCKER_CONFIG = "DOCKER_CONFIG";
    /// File of the connections that `cove system connection` writes.
    PODMAN_CONNECTIONS_CONF = "PODMAN_CONNECTIONS_CONF";

    /// User namespace of new containers where no flag says otherwise, as `--userns`.
    PODMAN_USERNS = "PODMAN_USERNS";

    /// Whether steps of builds become images that later builds use, where no flag says otherwise.
    BUILDAH_LAYERS = "BUILDAH_LAYERS";

    /// URL of the engine to talk to (`unix://`, `ssh://`, `tcp://`, `npipe://`); implies `--remote`.
    CONTAINER_HOST = "CONTAINER_HOST";
    /// Name of the connection to use; implies `--remote`.
    CONTAINER_CONNECTION = "CONTAINER_CONNECTION";
    /// Private key for ssh connections.
    CONTAINER_SSHKEY = "CONTAINER_SSHKEY";
    /// Passphrase of that private key.
    CONTAINER_PASSPHRASE = "CONTAINER_PASSPHRASE";
    /// CA file for `tcp://` connections with TLS.
    CONTAINER_TLS_CA = "CONTAINER_TLS_CA";
    /// Client certificate for `tcp://` connections with TLS.
    CONTAINER_TLS_CERT = "CONTAINER_TLS_CERT";
    /// Client key for `tcp://` connections with TLS.
    CONTAINER_TLS_KEY = "CONTAINER_TLS_KEY";
    /// Docker's address of an engine. Followed only where the program is called `docker`: it usually names a Docker daemon.
    /// Passed on to compose providers, set to Cove's socket.
    DOCKER_HOST = "DOCKER_HOST";
    /// Name of Docker's context in place of the current one. Followed only where the program is called `docker`.
    DOCKER_CONTEXT = "DOCKER_CONTEXT";
    /// Docker's word for `tcp://` with TLS. Followed only together with `DOCKER_HOST`.
    DOCKER_TLS_VERIFY = "DOCKER_TLS_VERIFY";
    /// Folder with `ca.pem`, `cert.pem` and `key.pem` for `DOCKER_HOST`, in place of Docker's configuration folder.
    DOCKER_CERT_PATH = "DOCKER_CERT_PATH";
    /// The user's ssh agent.
    SSH_AUTH_SOCK = "SSH_AUTH_SOCK";
    /// Hypervisor for `cove machine` (qemu, wsl, applehv) before the one of containers.conf.
    CONTAINERS_MACHINE_PROVIDER = "CONTAINERS_MACHINE_PROVIDER";
    /// Folder of helper programs searched before all others.
    CONTAINERS_HELPER_BINARY_DIR = "CONTAINERS_HELPER_BINARY_DIR";

    /// `oci` or `docker`: image format of `cove build` where `--format` is not given.
    BUILDAH_FORMAT = "BUILDAH_FORMAT";
    /// `chroot`, `oci` or `rootless`: how `cove build` runs commands where `--isolation` is not given.
    BUILDAH_ISOLATION = "BUILDAH_ISOLATION";
    /// Unix time for the images that `cove build` makes.
    SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH";
    /// Default of `--platform`.
    DOCKER_DEFAULT_PLATFORM = "DOCKER_DEFAULT_PLATFORM";
    /// Unit file name that systemd's units of Cove pass in, kept as a label.
    PODMAN_SYSTEMD_UNIT = "PODMAN_SYSTEMD_UNIT";
    /// Folders of Quadlet's unit files, separated by colons, in place of all others.
    QUADLET_UNIT_DIRS = "QUADLET_UNIT_DIRS";
    /// Compose provider before those of containers.conf.
    PODMAN_COMPOSE_PROVIDER = "PODMAN_COMPOSE_PROVIDER";
    /// Whether to say which compose provider runs, before the word of containers.conf.
    PODMAN_COMPOSE_WARNING_LOGS = "PODMAN_COMPOSE_WARNING_LOGS";
    /// Filter for Cove's own log lines where neither `--log-level` nor `--debug` is given, as tracing-subscriber
    /// writes it (`debug`, `warn,cove_registry=trace`).
    COVE_LOG = "COVE_LOG";

    /// Turns colour off where it is set and not empty.
    NO_COLOR = "NO_COLOR";
    /// Turns colour on also where the output is no terminal.
    CLICOLOR_FORCE = "CLICOLOR_FORCE";
    /// Kind of terminal; passed into containers with `-t`.
    TERM = "TERM";
    /// Width of the output where it is no terminal.
    COLUMNS = "COLUMNS";
    /// Editor for `cove … edit` commands.
    EDITOR = "EDITOR";
    /// Time zone for shown times.
    TZ = "TZ";

    /// Proxy for `http://`; also passed into containers.
    HTTP_PROXY_LOWER = "http_proxy";
    /// As http_proxy.
    HTTP_PROXY = "HTTP_PROXY";
    /// Proxy for `https://`; also passed into containers.
    HTTPS_PROXY_LOWER = "https_proxy";
    /// As https_proxy.
    HTTPS_PROXY = "HTTPS_PROXY";
    /// Proxy for FTP; only passed into containers.
    FTP_PROXY_LOWER = "ftp_proxy";
    /// As ftp_proxy.
    FTP_PROXY = "FTP_PROXY";
    /// Hosts that are reached without a proxy; also passed into containers.
    NO_PROXY_LOWER = "no_proxy";
    /// As no_proxy.
    NO_PROXY = "NO_PROXY";
    /// Proxy for everything else; also passed into containers.
    ALL_PROXY_LOWER = "all_proxy";
    /// As all_proxy.
    ALL_PROXY = "ALL_PROXY";
    /// PEM file of CAs trusted beside the system's.
    SSL_CERT_FILE = "SSL_CERT_FILE";
    /// Folder of PEM files of CAs trusted beside the system's.
    SSL_CERT_DIR = "SSL_CERT_DIR";

    /// Set by systemd for socket activation: number of passed sockets.
    LISTEN_FDS = "LISTEN_FDS";
    /// Set by systemd for socket activation: the process they are for.
    LISTEN_PID = "LISTEN_PID";
    /// Set by systemd for socket activation: their names.
    LISTEN_FDNAMES = "LISTEN_FDNAMES";
    /// Where systemd wants to hear of readiness.
    NOTIFY_SOCKET = "NOTIFY_SOCKET";
    /// Inside a rootless user namespace: the user's id outside (also set by podman and buildah).
    ROOTLESS_UID = "_CONTAINERS_ROOTLESS_UID";
    /// Inside a rootless user namespace: the user's group id outside (also set by podman and buildah).
    ROOTLESS_GID = "_CONTAINERS_ROOTLESS_GID";
    /// Set (`done`) where the user namespace is already configured.
    USERNS_CONFIGURED = "_CONTAINERS_USERNS_CONFIGURED";
    /// For programs that `unshare` runs: the graph root.
    CONTAINERS_GRAPHROOT = "CONTAINERS_GRAPHROOT";
    /// For programs that `unshare` runs: the run root.
    CONTAINERS_RUNROOT = "CONTAINERS_RUNROOT";
    /// `docker` in some containers; set to `podman` or `oci` inside ours.
    CONTAINER = "container";
}

/// The proxy variables that a container inherits, unless `--http-proxy=false`.
pub(crate) const PROXY_VARIABLES: [&str; 10] = [
    HTTP_PROXY_LOWER,
    HTTPS_PROXY_LOWER,
    FTP_PROXY_LOWER,
    NO_PROXY_LOWER,
    ALL_PROXY_LOWER,
    HTTP_PROXY,
    HTTPS_PROXY,
    FTP_PROXY,
    NO_PROXY,
    ALL_PROXY,
];

/// The process environment as it was at the start; a value, so that tests and libraries need no real one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Captures the given variables; the binary passes `std::env::vars_os()`.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// The value of a variable; `None` where it is unset, empty, or not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.os(name).and_then(OsStr::to_str)
    }

    /// The value of a variable as the system has it; `None` where it is unset or empty.
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Whether a variable is set, even to nothing.
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(OsStr::new(name))
    }

    /// A variable as a path; `None` where it is unset or empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from)
    }

    /// A variable as an absolute path; `None` where it is unset, empty or relative, as the XDG base directory
    /// specification demands.
    pub fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.path(name).filter(|path| path.is_absolute())
    }

    /// A number, `None` where it is unset or no number.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }

    /// All variables whose name and value are UTF-8, sorted by name; also those set to nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// The value of a variable even where it is empty; for `-e NAME`, which takes it over as it is.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.variables.get(OsStr::new(name)).and_then(|value| value.to_str())
    }

    /// A copy with one variable set; for the environment of a child process and for tests.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The proxy variables that are set, as `(name, value)`.
    pub fn proxies(&self) -> Vec<(String, String)> {
        PROXY_VARIABLES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.get(name)?.to_owned())))
            .collect()
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values hold tokens and passwords.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_counts_as_unset() {
        let environment = Environment::new([("HOME", ""), ("TMPDIR", "tmp"), ("PATH", "/bin")]);
        assert_eq!(environment.get(HOME), None);
        assert!(environment.is_set(HOME));
        assert_eq!(environment.raw(HOME), Some(""));
        assert_eq!(environment.absolute_path(TMPDIR), None);
        assert_eq!(environment.absolute_path(PATH), Some("/bin".into()));
    }

    #[test]
    fn debug_hides_values() {
        let environment = Environment::new([("TOKEN", "secret")]);
        assert!(!format!("{environment:?}").contains("secret"));
    }
}
