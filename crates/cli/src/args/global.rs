//! Options that belong to no command.

use std::path::PathBuf;

use super::refused::RefusedArgs;

/// Options that stand before the command only.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct RootArgs {
    /// URL of the engine to talk to: unix://PATH, ssh://[USER@]HOST[:PORT]/PATH or tcp://HOST:PORT
    /// (CONTAINER_HOST)
    #[arg(long, value_name = "URL", short_alias = 'H', alias = "host")]
    pub(crate) url: Option<String>,
    /// Name of the connection to use (CONTAINER_CONNECTION)
    #[arg(long, short = 'c', value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// Private key for ssh connections (CONTAINER_SSHKEY)
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<String>,
    /// Which ssh client connections use: only golang, the one built in
    #[arg(long, hide = true, value_name = "MODE", value_parser = ["golang"])]
    pub(crate) ssh: Option<String>,
    /// File with the certificates that a server's must be signed by (CONTAINER_TLS_CA)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<String>,
    /// File with the certificate to show to a server (CONTAINER_TLS_CERT)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<String>,
    /// File with the key of that certificate (CONTAINER_TLS_KEY)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// Talk to an engine over its API, even to the one of this host
    #[arg(long, short = 'r')]
    pub(crate) remote: bool,
    /// Folder with Docker's config.json, for credentials (DOCKER_CONFIG)
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Name of the context of Docker to use, or else of a connection
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Write what goes to standard output to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write nothing to standard output
    #[arg(long, hide = true)]
    pub(crate) noout: bool,
    /// Same as --log-level=debug
    #[arg(long, short = 'D', hide = true)]
    pub(crate) debug: bool,
    /// Print the version and end
    #[arg(long, short = 'v')]
    pub(crate) version: bool,
}

/// Options that stand before or after the command.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub(crate) struct SharedArgs {
    /// Folder of images, containers and state
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) root: Option<PathBuf>,
    /// Folder of files that do not outlive a reboot
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) runroot: Option<PathBuf>,
    /// Storage driver: overlay or vfs
    #[arg(long, value_name = "NAME", help_heading = "Global options")]
    pub(crate) storage_driver: Option<String>,
    /// Option of the storage driver, KEY=VALUE
    #[arg(long, value_name = "OPTION", help_heading = "Global options")]
    pub(crate) storage_opt: Vec<String>,
    /// OCI runtime, a name or a path
    #[arg(long, value_name = "NAME", help_heading = "Global options")]
    pub(crate) runtime: Option<String>,
    /// Flag of the OCI runtime, without its dashes
    #[arg(long, value_name = "FLAG", help_heading = "Global options")]
    pub(crate) runtime_flag: Vec<String>,
    /// Folder with OCI hooks; one of a later folder comes before another of its name
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) hooks_dir: Vec<PathBuf>,
    /// Folder with descriptions of devices (CDI); a later one comes before an earlier one
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) cdi_spec_dir: Vec<PathBuf>,
    /// Who makes control groups: cgroupfs or systemd
    #[arg(long, value_name = "NAME", help_heading = "Global options")]
    pub(crate) cgroup_manager: Option<String>,
    /// Folder of the networks' configuration
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) network_config_dir: Option<PathBuf>,
    /// Folder of the engine's own run-time files
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) tmpdir: Option<PathBuf>,
    /// Folder of the volumes' data
    #[arg(long, value_name = "DIR", help_heading = "Global options")]
    pub(crate) volumepath: Option<PathBuf>,
    /// What of the host every container gets a copy of: this file, in place of mounts.conf
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) default_mounts_file: Option<PathBuf>,
    /// Where events are kept: file, journald, or none
    #[arg(long, value_name = "NAME", help_heading = "Global options")]
    pub(crate) events_backend: Option<String>,
    /// Use this registries.conf only
    #[arg(long, value_name = "FILE", help_heading = "Global options")]
    pub(crate) registries_conf: Option<PathBuf>,
    /// File with settings that come before containers.conf's, a path or a name in containers.conf.modules
    #[arg(long, value_name = "FILE", help_heading = "Global options")]
    pub(crate) module: Vec<String>,
    /// Log messages from that level on: trace, debug, info, warn, error, fatal, panic
    #[arg(long, value_name = "LEVEL", help_heading = "Global options")]
    pub(crate) log_level: Option<String>,
    #[command(flatten)]
    pub(crate) refused: RefusedArgs,
}

impl SharedArgs {
    /// These options, with `later` before them.
    fn merged(self, later: Self) -> Self {
        Self {
            root: later.root.or(self.root),
            runroot: later.runroot.or(self.runroot),
            storage_driver: later.storage_driver.or(self.storage_driver),
            storage_opt: list(self.storage_opt, later.storage_opt),
            runtime: later.runtime.or(self.runtime),
            runtime_flag: list(self.runtime_flag, later.runtime_flag),
            hooks_dir: list(self.hooks_dir, later.hooks_dir),
            cdi_spec_dir: list(self.cdi_spec_dir, later.cdi_spec_dir),
            cgroup_manager: later.cgroup_manager.or(self.cgroup_manager),
            network_config_dir: later.network_config_dir.or(self.network_config_dir),
            tmpdir: later.tmpdir.or(self.tmpdir),
            volumepath: later.volumepath.or(self.volumepath),
            default_mounts_file: later.default_mounts_file.or(self.default_mounts_file),
            events_backend: later.events_backend.or(self.events_backend),
            registries_conf: later.registries_conf.or(self.registries_conf),
            module: list(self.module, later.module),
            log_level: later.log_level.or(self.log_level),
            refused: self.refused.merged(later.refused),
        }
    }

    /// The options as arguments again, for a command that another process is to run.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                arguments.push(format!("--{name}={value}"));
            }
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        add("root", path(&self.root));
        add("runroot", path(&self.runroot));
        add("storage-driver", self.storage_driver.clone());
        for option in &self.storage_opt {
            add("storage-opt", Some(option.clone()));
        }
        add("runtime", self.runtime.clone());
        for flag in &self.runtime_flag {
            add("runtime-flag", Some(flag.clone()));
        }
        for (name, paths) in [
            ("hooks-dir", self.hooks_dir.as_slice()),
            ("cdi-spec-dir", self.cdi_spec_dir.as_slice()),
            ("default-mounts-file", self.default_mounts_file.as_slice()),
        ] {
            for path in absolute(paths) {
                add(name, Some(path));
            }
        }
        add("cgroup-manager", self.cgroup_manager.clone());
        add("network-config-dir", path(&self.network_config_dir));
        add("tmpdir", path(&self.tmpdir));
        add("volumepath", path(&self.volumepath));
        add("events-backend", self.events_backend.clone());
        add("registries-conf", path(&self.registries_conf));
        for module in &self.module {
            add("module", Some(module.clone()));
        }
        arguments
    }
}

fn list<T>(earlier: Vec<T>, later: Vec<T>) -> Vec<T> {
    if later.is_empty() { earlier } else { later }
}

/// Paths as they are called from everywhere.
pub(crate) fn absolute(paths: &[PathBuf]) -> Vec<String> {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    paths.iter().map(|path| absolute(path).display().to_string()).collect()
}

/// All global options together.
#[derive(Debug, Clone, Default)]
pub(crate) struct GlobalOptions {
    /// Those before the command.
    pub(crate) root: RootArgs,
    /// Those anywhere.
    pub(crate) shared: SharedArgs,
    /// Folder of temporary files, in place of TMPDIR.
    pub(crate) temporary: Option<PathBuf>,
}

impl GlobalOptions {
    /// Takes further shared options, which come before those that were there.
    pub(crate) fn take(&mut self, later: SharedArgs) {
        self.shared = std::mem::take(&mut self.shared).merged(later);
    }
}
