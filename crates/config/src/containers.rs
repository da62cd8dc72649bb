//! containers.conf (containers.conf(5)): defaults of containers, engine, networks, machines and secrets.
//!
//! Every key is optional in a file. [`ContainersConf::built_in`] holds the values where no file says otherwise;
//! a key without a built-in value stays `None`, and the crate that uses it decides at run time. Behind each key stands
//! whether it is used; what is not is refused with file, line and key (see [`Use`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::connections::Destination;
use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, ParseError, Result};
use crate::file::{self, Kind, Loaded};
use crate::merge::{Merge, Text, TextList, section};
use crate::usage;
use crate::usage::Use::{self, Moot, OneOf, Refused, Used};

const KIND: Kind = Kind {
    name: "containers.conf",
    variables: &[env::CONTAINERS_CONF],
    override_variable: env::CONTAINERS_CONF_OVERRIDE,
};

/// All of containers.conf.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainersConf {
    /// `[containers]`: defaults of new containers.
    pub containers: ContainersSection,
    /// `[engine]`: the engine itself.
    pub engine: EngineSection,
    /// `[network]`: networks.
    pub network: NetworkSection,
    /// `[machine]`: virtual machines.
    pub machine: MachineSection,
    /// `[secrets]`: where secrets are kept.
    pub secrets: DriverSection,
    /// `[configmaps]`: accepted, for Kubernetes objects.
    pub configmaps: DriverSection,
    /// `[farms]`: groups of connections.
    pub farms: FarmsSection,
    /// `[podmansh]`: login shell in a container.
    pub podmansh: PodmanshSection,
}

section! {
    /// `[containers]`: defaults of new containers.
    pub struct ContainersSection {
        /// Devices given to every container, as `--device`.
        devices: TextList = Refused,
        /// Volumes mounted into every container, as `-v`.
        volumes: TextList = Refused,
        /// AppArmor profile.
        apparmor_profile: String = Refused,
        /// Annotations `KEY=VALUE`.
        annotations: TextList = Refused,
        /// File that container hosts files start from: empty, `none`, `image` or a path.
        base_hosts_file: String = Used,
        /// Control group namespace: `private` or `host`.
        cgroupns: String = OneOf(&["private", "host"]),
        /// `enabled`, `disabled`, `no-conmon` or `split`.
        cgroups: String = OneOf(&["enabled"]),
        /// Raw control group settings `KEY=VALUE`.
        cgroup_conf: TextList = Refused,
        /// The host name is the container's name instead of the short id.
        container_name_as_hostname: bool = Used,
        /// Capabilities of containers that are not privileged.
        default_capabilities: TextList = Used,
        /// sysctls `NAME=VALUE`.
        default_sysctls: TextList = Used,
        /// Limits `NAME=SOFT:HARD`.
        default_ulimits: TextList = Used,
        /// DNS servers.
        dns_servers: TextList = Used,
        /// Resolver options.
        dns_options: TextList = Used,
        /// DNS search domains.
        dns_searches: TextList = Used,
        /// Give each container its own kernel keyring.
        keyring: bool = Refused,
        /// SELinux labels.
        label: bool = Refused,
        /// SELinux labels of users.
        label_users: bool = Refused,
        /// Environment `NAME=VALUE`.
        env: TextList = Used,
        /// Pass the whole host environment in.
        env_host: bool = Used,
        /// Address for `host.containers.internal`.
        host_containers_internal_ip: String = Used,
        /// Pass the proxy variables in.
        http_proxy: bool = Used,
        /// Run an init as process 1.
        init: bool = Used,
        /// Path of that init.
        init_path: String = Used,
        /// Name of the interface inside: empty or `device` (the host's name).
        interface_name: String = Refused,
        /// IPC namespace: `private`, `shareable`, `host`, `none`.
        ipcns: String = OneOf(&["private", "shareable", "host", "none"]),
        /// `k8s-file`, `journald`, `none`, `passthrough`.
        log_driver: String = OneOf(&["k8s-file", "json-file", "none"]),
        /// Folder of log files.
        log_path: String = Refused,
        /// Size in bytes at which a log file is rotated; -1 for none.
        log_size_max: i64 = Used,
        /// Template of the log tag.
        log_tag: String = Refused,
        /// Mounts of every container, as `--mount`.
        mounts: TextList = Refused,
        /// Network mode.
        netns: String = OneOf(&["private", "host", "none", "bridge", "pasta", "slirp4netns"]),
        /// Do not write `/etc/hosts`.
        no_hosts: bool = Used,
        /// OOM score adjustment.
        oom_score_adj: i64 = Refused,
        /// Most processes in a container; 0 or less for no limit.
        pids_limit: i64 = Used,
        /// Process id namespace.
        pidns: String = OneOf(&["private", "host"]),
        /// Copy image data into a new volume at creation.
        prepare_volume_on_create: bool = Refused,
        /// Every container is privileged.
        privileged: bool = Refused,
        /// Root file systems are read-only.
        read_only: bool = Refused,
        /// seccomp profile file.
        seccomp_profile: String = Used,
        /// Size of `/dev/shm`.
        shm_size: Text = Used,
        /// Time zone, or `local`.
        tz: String = Refused,
        /// umask, octal.
        umask: String = Used,
        /// UTS namespace.
        utsns: String = OneOf(&["private", "host"]),
        /// User namespace mode.
        userns: String = OneOf(&["host"]),
        /// Ids in an automatic user namespace; old.
        userns_size: i64 = Moot,
    }
}

section! {
    /// `[engine]`: the engine itself.
    pub struct EngineSection {
        /// Accepted for other tools.
        cgroup_check: bool = Moot,
        /// `systemd` or `cgroupfs`.
        cgroup_manager: String = OneOf(&["systemd", "cgroupfs"]),
        /// Environment of conmon.
        conmon_env_vars: TextList = Moot,
        /// Places of conmon.
        conmon_path: TextList = Moot,
        /// Places of conmon-rs.
        conmonrs_path: TextList = Moot,
        /// Short names mean Docker Hub in the Docker API.
        compat_api_enforce_docker_hub: bool = Refused,
        /// Programs for `cove compose`, the first that exists.
        compose_providers: TextList = Moot,
        /// Say which compose provider runs.
        compose_warning_logs: bool = Moot,
        /// Podman's own database; not ours.
        database_backend: String = Moot,
        /// Keys that detach from a container.
        detach_keys: String = Used,
        /// Keep published ports bound by the engine until the start.
        enable_port_reservation: bool = Moot,
        /// Environment set for the engine and its helpers, `NAME=VALUE`.
        env: TextList = Refused,
        /// File of the event log.
        events_logfile_path: String = Refused,
        /// Size at which the event log is rotated.
        events_logfile_max_size: Text = Refused,
        /// `journald`, `file` or `none`.
        events_logger: String = OneOf(&["file"]),
        /// Inspect data in create events.
        events_container_create_inspect_data: bool = Refused,
        /// Events of health checks.
        healthcheck_events: bool = Moot,
        /// Folders of helper programs; `$BINDIR` is the folder of our own binary.
        helper_binaries_dir: TextList = Used,
        /// Folders of OCI hooks.
        hooks_dir: TextList = Refused,
        /// Folders of CDI device specifications.
        cdi_spec_dirs: TextList = Refused,
        /// `oci` or `docker`.
        image_build_format: String = Moot,
        /// Transport of image names without one, `docker://`.
        image_default_transport: String = OneOf(&["docker://"]),
        /// Layers copied at the same time.
        image_parallel_copies: u32 = Refused,
        /// Manifest format of pushed images.
        image_default_format: String = Moot,
        /// What becomes of volumes that an image declares: `bind` (anonymous volume), `tmpfs`, `ignore`.
        image_volume_mode: String = OneOf(&["anonymous", "bind", "tmpfs", "ignore"]),
        /// Command of the pod's infra container.
        infra_command: String = Moot,
        /// Image of the pod's infra container.
        infra_image: String = Moot,
        /// Path of the container init.
        init_path: String = Used,
        /// `pod` or `deployment`.
        kube_generate_type: String = Moot,
        /// Accepted for podman; our locks have no number limit.
        lock_type: String = Moot,
        /// `save` may write several images.
        multi_image_archive: bool = Used,
        /// Podman's old name space of containers; not ours.
        namespace: String = Refused,
        /// Options of slirp4netns.
        network_cmd_options: TextList = Used,
        /// Old: path of slirp4netns.
        network_cmd_path: String = Refused,
        /// Do not use pivot_root(2).
        no_pivot_root: bool = Used,
        /// Accepted for podman; our locks have no number limit.
        num_locks: u32 = Moot,
        /// OCI runtime: a name of `runtimes`, or a path.
        runtime: String = Used,
        /// Paths of OCI runtimes by name.
        runtimes: BTreeMap<String, Vec<String>> = Used,
        /// Flags of OCI runtimes by name.
        runtimes_flags: BTreeMap<String, Vec<String>> = Used,
        /// OCI runtime for a platform.
        platform_to_oci_runtime: BTreeMap<String, String> = Refused,
        /// `continue` or `stop`.
        pod_exit_policy: String = Moot,
        /// `always`, `missing`, `never`, `newer`.
        pull_policy: String = OneOf(&["always", "missing", "never", "newer"]),
        /// Always talk to a remote engine.
        remote: bool = Used,
        /// Retries of registry operations.
        retry: u32 = Refused,
        /// First pause between retries.
        retry_delay: String = Refused,
        /// Old: URL of the remote engine.
        remote_uri: String = Refused,
        /// Old: ssh key for the remote engine.
        remote_identity: String = Refused,
        /// Name of the default connection.
        active_service: String = Used,
        /// Compressions that a pushed image also gets.
        add_compression: TextList = Moot,
        /// Connections by name.
        service_destinations: BTreeMap<String, Destination> = Used,
        /// ssh_config file.
        ssh_config: String = Moot,
        /// Folders of OCI runtimes.
        runtime_path: TextList = Used,
        /// Accepted for podman.
        runtime_supports_json: TextList = Moot,
        /// OCI runtimes that work without control groups.
        runtime_supports_nocgroup: TextList = Moot,
        /// Old spelling of runtime_supports_nocgroup.
        runtime_supports_nocgroups: TextList = Moot,
        /// OCI runtimes that are virtual machines.
        runtime_supports_kvm: TextList = Moot,
        /// Seconds without a connection after which the API service ends; 0 for never.
        service_timeout: u32 = Used,
        /// Podman's state folder; not ours.
        static_dir: String = Refused,
        /// Seconds between SIGTERM and SIGKILL.
        stop_timeout: u32 = Used,
        /// Seconds that ended exec sessions stay known.
        exit_command_delay: u32 = Moot,
        /// Folder of temporary files of image copies; `storage` for the graph root.
        image_copy_tmp_dir: String = Refused,
        /// Folder of the run-time state.
        tmp_dir: String = Refused,
        /// Folder of volumes.
        volume_path: String = Used,
        /// Seconds that a volume plugin may take.
        volume_plugin_timeout: u32 = Moot,
        /// Sockets of volume plugins by name.
        volume_plugins: BTreeMap<String, String> = Refused,
        /// `cp` changes owners.
        chown_copied_files: bool = Moot,
        /// Compression of pushed layers: `gzip`, `zstd`, `zstd:chunked`.
        compression_format: String = Moot,
        /// Its level.
        compression_level: i32 = Moot,
        /// Old: see `[podmansh]`.
        podmansh_timeout: u32 = Moot,
    }
}

section! {
    /// `[network]`: networks.
    pub struct NetworkSection {
        /// Only `netavark`.
        network_backend: String = OneOf(&["netavark"]),
        /// Folders of netavark plugins.
        netavark_plugin_dirs: TextList = Refused,
        /// Accepted for old installations with CNI.
        cni_plugin_dirs: TextList = Moot,
        /// `nftables`, `iptables`, `firewalld`, `none`.
        firewall_driver: String = OneOf(&["nftables"]),
        /// Name of the default network.
        default_network: String = Used,
        /// Subnet of the default network.
        default_subnet: String = Used,
        /// Pools for the subnets of new networks.
        default_subnet_pools: Vec<SubnetPool> = Refused,
        /// Rootless networking: `pasta` or `slirp4netns`.
        default_rootless_network_cmd: String = OneOf(&["pasta", "slirp4netns"]),
        /// Folder of network files.
        network_config_dir: String = Used,
        /// Port of the DNS server in bridge networks; 0 for 53.
        dns_bind_port: u16 = Used,
        /// Options of pasta.
        pasta_options: TextList = Used,
        /// Host addresses of published ports that name none.
        default_host_ips: TextList = Refused,
    }
}

section! {
    /// `[machine]`: virtual machines.
    pub struct MachineSection {
        /// Number of processors.
        cpus: u64 = Used,
        /// Disk size in GiB.
        disk_size: u64 = Used,
        /// Image.
        image: String = Refused,
        /// Memory in MiB.
        memory: u64 = Used,
        /// User inside.
        user: String = Refused,
        /// Shared folders, as `-v`.
        volumes: TextList = Refused,
        /// `qemu`, `wsl`, `applehv`.
        provider: String = Used,
        /// Rosetta on Apple silicon.
        rosetta: bool = Refused,
        /// Take the host's CAs over into the machine.
        import_native_ca: bool = Refused,
    }
}

section! {
    /// A driver and its options.
    pub struct DriverSection {
        /// `file`, `pass` or `shell`.
        driver: String = Moot,
        /// Its options.
        opts: BTreeMap<String, String> = Moot,
    }
}

section! {
    /// `[farms]`: groups of connections.
    pub struct FarmsSection {
        /// The default group.
        default: String = Moot,
        /// Connections by group.
        list: BTreeMap<String, Vec<String>> = Moot,
    }
}

section! {
    /// `[podmansh]`: login shell in a container.
    pub struct PodmanshSection {
        /// Shell inside.
        shell: String = Moot,
        /// Container.
        container: String = Moot,
        /// Seconds to wait for it.
        timeout: u32 = Moot,
    }
}

/// A pool from which subnets of new networks are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetPool {
    /// The whole pool, such as `10.89.0.0/16`.
    pub base: String,
    /// Prefix length of each subnet.
    pub size: u8,
}

/// PATH of a container whose image sets none.
pub(crate) const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl ContainersConf {
    /// The sections and their keys.
    pub(crate) const SECTIONS: &'static [(&'static str, &'static [(&'static str, Use)])] = &[
        ("containers", ContainersSection::KEYS),
        ("engine", EngineSection::KEYS),
        ("network", NetworkSection::KEYS),
        ("machine", MachineSection::KEYS),
        ("secrets", DriverSection::KEYS),
        ("configmaps", DriverSection::KEYS),
        ("farms", FarmsSection::KEYS),
        ("podmansh", PodmanshSection::KEYS),
    ];

    /// The values where no file says otherwise.
    pub fn built_in() -> Self {
        let text = |value: &str| Some(value.to_owned());
        let pool = |base: &str| SubnetPool { base: base.to_owned(), size: 24 };
        Self {
            containers: ContainersSection {
                cgroupns: text("private"),
                cgroups: text("enabled"),
                default_capabilities: Some(cove_api::DEFAULT_CAPABILITIES.into()),
                env: Some([DEFAULT_PATH].into()),
                env_host: Some(false),
                http_proxy: Some(true),
                init: Some(false),
                ipcns: text("shareable"),
                keyring: Some(true),
                log_size_max: Some(-1),
                netns: text("private"),
                no_hosts: Some(false),
                pids_limit: Some(2048),
                pidns: text("private"),
                shm_size: Some(Text("65536k".to_owned())),
                umask: text("0022"),
                utsns: text("private"),
                ..ContainersSection::default()
            },
            engine: EngineSection {
                cdi_spec_dirs: Some(["/etc/cdi", "/var/run/cdi"].into()),
                compat_api_enforce_docker_hub: Some(true),
                compose_providers: Some(
                    [
                        "$HOME/.docker/cli-plugins/docker-compose",
                        "/usr/local/lib/docker/cli-plugins/docker-compose",
                        "/usr/local/libexec/docker/cli-plugins/docker-compose",
                        "/usr/lib/docker/cli-plugins/docker-compose",
                        "/usr/libexec/docker/cli-plugins/docker-compose",
                        "docker-compose",
                        "podman-compose",
                    ]
                    .into(),
                ),
                compose_warning_logs: Some(true),
                compression_format: text("gzip"),
                detach_keys: text("ctrl-p,ctrl-q"),
                events_logfile_max_size: Some(Text("1m".to_owned())),
                exit_command_delay: Some(300),
                healthcheck_events: Some(true),
                helper_binaries_dir: Some(
                    [
                        "$BINDIR/../libexec/cove",
                        "$BINDIR",
                        "/usr/local/libexec/cove",
                        "/usr/libexec/cove",
                        "/usr/local/libexec/podman",
                        "/usr/local/lib/podman",
                        "/usr/libexec/podman",
                        "/usr/lib/podman",
                    ]
                    .into(),
                ),
                hooks_dir: Some(["/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"].into()),
                image_build_format: text("oci"),
                image_default_transport: text("docker://"),
                image_volume_mode: text("bind"),
                pod_exit_policy: text("continue"),
                pull_policy: text("missing"),
                retry: Some(3),
                service_timeout: Some(5),
                stop_timeout: Some(10),
                volume_plugin_timeout: Some(5),
                ..EngineSection::default()
            },
            network: NetworkSection {
                default_network: text("podman"),
                default_rootless_network_cmd: text("pasta"),
                default_subnet: text("10.88.0.0/16"),
                default_subnet_pools: Some(
                    ["10.89.0.0/16", "10.90.0.0/15", "10.92.0.0/14", "10.96.0.0/11", "10.128.0.0/9"]
                        .map(pool)
                        .into(),
                ),
                dns_bind_port: Some(0),
                ..NetworkSection::default()
            },
            machine: MachineSection { rosetta: Some(false), ..MachineSection::default() },
            secrets: DriverSection { driver: text("file"), opts: None },
            ..Self::default()
        }
    }

    /// Parses the text of one file; keys that are not in it are `None`. Also returns warnings about unknown keys.
    ///
    /// # Errors
    /// No TOML, a value of the wrong type, or one that this version would not obey.
    pub fn parse(text: &str) -> Result<(Self, Vec<String>), ParseError> {
        let (conf, _) = file::parse_toml(text)?;
        Ok((conf, usage::check(text)?))
    }

    /// Reads all files (containers.conf(5) says which) over the built-in values. `modules` are the names or
    /// paths given with `--module`.
    ///
    /// # Errors
    /// A file that is there cannot be read or parsed, or one that is named is missing.
    pub fn load(
        environment: &Environment,
        directories: &Directories,
        modules: &[String],
    ) -> Result<Loaded<Self>> {
        let mut loaded = Loaded { value: Self::built_in(), files: Vec::new(), warnings: Vec::new() };
        let mut sources = file::read_all(KIND, environment, directories, None)?;
        if !modules.is_empty() {
            // Modules come after all files but before the override.
            let last = environment.path(env::CONTAINERS_CONF_OVERRIDE).and_then(|_| sources.pop());
            for module in modules {
                sources.push(find_module(module, directories)?);
            }
            sources.extend(last);
        }
        for source in sources {
            let (value, warnings) =
                Self::parse(&source.text).map_err(|error| Error::parse(&source.path, error))?;
            loaded.value.merge(value);
            let shown = source.path.display();
            loaded.warnings.extend(warnings.into_iter().map(|warning| format!("{shown}: {warning}")));
            loaded.files.push(source.path);
        }
        Ok(loaded)
    }

    /// Folders in which helper programs are searched, before PATH. `binary_folder` is the folder of the running
    /// program and stands for `$BINDIR`.
    pub fn helper_folders(&self, environment: &Environment, binary_folder: Option<&Path>) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            environment.absolute_path(env::CONTAINERS_HELPER_BINARY_DIR).into_iter().collect();
        for entry in self.engine.helper_binaries_dir.iter().flat_map(|list| &list.values) {
            match entry.strip_prefix("$BINDIR") {
                Some(rest) => {
                    if let Some(folder) = binary_folder {
                        let rest = rest.trim_start_matches(['/', '\\']);
                        folders.push(if rest.is_empty() { folder.to_owned() } else { folder.join(rest) });
                    }
                }
                None => folders.push(PathBuf::from(entry)),
            }
        }
        folders.retain(|folder| folder.is_absolute());
        folders
    }

    /// Places of the OCI runtime `name`: those of `[engine.runtimes]`, else the usual folders.
    pub fn runtime_paths(&self, name: &str) -> Vec<PathBuf> {
        if let Some(paths) = self.engine.runtimes.as_ref().and_then(|runtimes| runtimes.get(name)) {
            return paths.iter().map(PathBuf::from).collect();
        }
        let mut folders: Vec<&str> =
            self.engine.runtime_path.iter().flat_map(|list| &list.values).map(String::as_str).collect();
        folders.extend(["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin"]);
        folders.push("/run/current-system/sw/bin");
        folders.iter().map(|folder| Path::new(folder).join(name)).collect()
    }
}

impl Merge for ContainersConf {
    fn merge(&mut self, later: Self) {
        self.containers.merge(later.containers);
        self.engine.merge(later.engine);
        self.network.merge(later.network);
        self.machine.merge(later.machine);
        self.secrets.merge(later.secrets);
        self.configmaps.merge(later.configmaps);
        self.farms.merge(later.farms);
        self.podmansh.merge(later.podmansh);
    }
}

fn find_module(module: &str, directories: &Directories) -> Result<file::Source> {
    let missing = |path: PathBuf| Error::Missing { path, named_by: "--module".to_owned() };
    if Path::new(module).is_absolute() {
        return file::read(module.into())?.ok_or_else(|| missing(module.into()));
    }
    for folder in file::folders(directories) {
        if let Some(source) = file::read(folder.join("containers.conf.modules").join(module))? {
            return Ok(source);
        }
    }
    Err(missing(module.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> ContainersConf {
        let mut conf = ContainersConf::built_in();
        for text in texts {
            conf.merge(ContainersConf::parse(text).unwrap().0);
        }
        conf
    }

    #[test]
    fn later_files_win_key_by_key() {
        let conf = merged(&[
            "[containers]\npids_limit = 5\nlog_driver = \"k8s-file\"\n[engine.runtimes]\nx = [\"/a\"]",
            "[containers]\npids_limit = 6\n[engine.runtimes]\ny = [\"/b\"]",
        ]);
        assert_eq!(conf.containers.pids_limit, Some(6));
        assert_eq!(conf.containers.log_driver.as_deref(), Some("k8s-file"));
        assert_eq!(conf.runtime_paths("x"), [Path::new("/a")]);
        assert_eq!(conf.runtime_paths("y"), [Path::new("/b")]);
        assert!(conf.runtime_paths("crun").contains(&PathBuf::from("/usr/bin/crun")));
    }

    #[test]
    fn lists_replace_or_append() {
        let values = |texts: &[&str]| merged(texts).containers.env.unwrap().values;
        assert_eq!(values(&["[containers]\nenv = [\"A=1\"]"]), ["A=1"]);
        assert_eq!(values(&["[containers]\nenv = [\"A=1\", {append=true}]"]), [DEFAULT_PATH, "A=1"]);
        let sticky = ["[containers]\nenv = [\"A=1\", {append=true}]", "[containers]\nenv = [\"B=1\"]"];
        assert_eq!(values(&sticky), [DEFAULT_PATH, "A=1", "B=1"]);
        assert_eq!(values(&["[containers]\nenv = []"]), [""; 0]);
    }

    #[test]
    fn errors_have_a_line_and_unknown_keys_are_listed() {
        let error = ContainersConf::parse("[containers]\n\npids_limit = \"many\"\n").unwrap_err();
        assert_eq!(error.line, Some(3));
        assert!(error.message.contains("invalid type"), "{error}");
        let error = ContainersConf::parse("[containers]\nenv = [1]\n").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert_eq!(ContainersConf::parse("[containers\n").unwrap_err().line, Some(1));
        for (text, expected) in [
            ("[engine]\nruntimes = 3", "engine.runtimes: invalid type"),
            ("[containers]\n\nenv = [\n \"A=1\",\n 2\n]", "containers.env: invalid type"),
            ("[containers]\nenv = [\"A=1\"\n \"B=2\"]", ""),
        ] {
            let error = ContainersConf::parse(text).unwrap_err();
            assert!(error.message.starts_with(expected) && error.line.is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn helper_folders() {
        let conf = merged(&["[engine]\nhelper_binaries_dir = [\"$BINDIR/../lib\", \"/x\", \"relative\"]"]);
        let folders = conf.helper_folders(&Environment::default(), Some(Path::new("/opt/bin")));
        assert_eq!(folders, [Path::new("/opt/bin/../lib"), Path::new("/x")]);
    }
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod load_tests {
    use super::*;
    use crate::file::tests::{directories, folder, put};

    #[test]
    fn loads_in_order_with_modules() {
        let base = folder("containers");
        put(&base.join("etc/containers.conf"), "[engine]\nstop_timeout = 1\nwrong = 1\n");
        put(
            &base.join("user/containers.conf.modules/fast.conf"),
            "[engine]\nstop_timeout = 2\nservice_timeout = 9\n",
        );
        put(&base.join("over.conf"), "[engine]\nstop_timeout = 3\n");
        let environment = Environment::default().with("CONTAINERS_CONF_OVERRIDE", base.join("over.conf"));
        let loaded =
            ContainersConf::load(&environment, &directories(&base, 0), &["fast.conf".to_owned()]).unwrap();
        assert_eq!(loaded.value.engine.stop_timeout, Some(3));
        assert_eq!(loaded.value.engine.service_timeout, Some(9));
        assert_eq!(loaded.files.len(), 3);
        assert!(loaded.warnings[0].contains("engine.wrong"), "{:?}", loaded.warnings);

        put(&base.join("etc/containers.conf"), "[engine]\nstop_timeout = \n");
        let error = ContainersConf::load(&environment, &directories(&base, 0), &[]).unwrap_err().to_string();
        assert!(error.contains("etc/containers.conf:2: "), "{error}");
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }
}
