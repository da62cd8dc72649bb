//! The keys of containers.conf. Behind each stands whether it is used; what is not is refused with file, line and key
//! (see [`crate::usage::Use`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connections::Destination;
use crate::merge::{Text, TextList, section};
use crate::usage::Use::{Means, Moot, OneOf, Refused, Used};

section! {
    /// `[containers]`: defaults of new containers.
    pub struct ContainersSection {
        /// Devices given to every container, as `--device`.
        devices: TextList = Refused,
        /// Volumes mounted into every container, as `-v`.
        volumes: TextList = Used,
        /// AppArmor profile of containers for which no other is asked: a name, `container-default` or `unconfined`.
        apparmor_profile: String = Used,
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
        log_driver: String = Means(&["k8s-file", "json-file", "none"]),
        /// Folder of log files.
        log_path: String = Refused,
        /// Size in bytes at which a log file is rotated; -1 for none.
        log_size_max: i64 = Used,
        /// Template of the log tag.
        log_tag: String = Refused,
        /// Mounts of every container, as `--mount`.
        mounts: TextList = Used,
        /// Network mode.
        netns: String = OneOf(&["private", "host", "none", "bridge", "pasta", "slirp4netns"]),
        /// Do not write `/etc/hosts`.
        no_hosts: bool = Used,
        /// OOM score adjustment.
        oom_score_adj: i64 = Used,
        /// Most processes in a container; 0 or less for no limit.
        pids_limit: i64 = Used,
        /// Process id namespace.
        pidns: String = OneOf(&["private", "host"]),
        /// Copy image data into a new volume at creation.
        prepare_volume_on_create: bool = Refused,
        /// Every container is privileged.
        privileged: bool = Refused,
        /// Root file systems are read-only.
        read_only: bool = Used,
        /// seccomp profile file.
        seccomp_profile: String = Used,
        /// Size of `/dev/shm`.
        shm_size: Text = Used,
        /// Time zone, or `local`.
        tz: String = Used,
        /// umask, octal.
        umask: String = Used,
        /// UTS namespace.
        utsns: String = OneOf(&["private", "host"]),
        /// User namespace mode.
        userns: String = Used,
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
        compose_providers: TextList = Used,
        /// Say which compose provider runs.
        compose_warning_logs: bool = Used,
        /// Podman's own database; not ours.
        database_backend: String = Moot,
        /// Keys that detach from a container.
        detach_keys: String = Used,
        /// Keep published ports bound by the engine until the start.
        enable_port_reservation: bool = Moot,
        /// Environment set for the engine and its helpers, `NAME=VALUE`.
        env: TextList = Refused,
        /// File of the event log.
        events_logfile_path: String = Used,
        /// Size at which the event log is rotated.
        events_logfile_max_size: Text = Used,
        /// `file`, `journald` or `none`.
        events_logger: String = Means(&["file", "journald", "none"]),
        /// Inspect data in create events.
        events_container_create_inspect_data: bool = Used,
        /// Events of health checks.
        healthcheck_events: bool = Used,
        /// Folders of helper programs; `$BINDIR` is the folder of our own binary.
        helper_binaries_dir: TextList = Used,
        /// Folders of OCI hooks.
        hooks_dir: TextList = Used,
        /// Folders of CDI device specifications.
        cdi_spec_dirs: TextList = Used,
        /// `oci` or `docker`.
        image_build_format: String = Used,
        /// Transport of image names without one, `docker://`.
        image_default_transport: String = OneOf(&["docker://"]),
        /// Layers copied at the same time.
        image_parallel_copies: u32 = Refused,
        /// Manifest format of pushed images.
        image_default_format: String = Refused,
        /// What becomes of volumes that an image declares: `bind` (anonymous volume), `tmpfs`, `ignore`.
        image_volume_mode: String = OneOf(&["anonymous", "bind", "tmpfs", "ignore"]),
        /// Command of the pod's infra container.
        infra_command: String = Used,
        /// Image of the pod's infra container.
        infra_image: String = Used,
        /// Path of the container init.
        init_path: String = Used,
        /// What Kubernetes YAML is made of pods: `pod`, `deployment`, `daemonset`, `statefulset` or `job`.
        kube_generate_type: String = Used,
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
        pod_exit_policy: String = Used,
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
        add_compression: TextList = Refused,
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
        chown_copied_files: bool = Refused,
        /// Compression of pushed layers: `gzip`, `zstd`, `zstd:chunked`.
        compression_format: String = Used,
        /// Its level.
        compression_level: i32 = Used,
        /// Old: see `[podmansh]`.
        podmansh_timeout: u32 = Moot,
    }
}

section! {
    /// `[network]`: networks.
    pub struct NetworkSection {
        /// Only `netavark`.
        network_backend: String = Means(&["netavark"]),
        /// Folders of netavark plugins.
        netavark_plugin_dirs: TextList = Refused,
        /// Accepted for old installations with CNI.
        cni_plugin_dirs: TextList = Moot,
        /// `nftables`, `iptables`, `firewalld`, `none`.
        firewall_driver: String = Means(&["nftables"]),
        /// Name of the default network.
        default_network: String = Used,
        /// Subnet of the default network.
        default_subnet: String = Used,
        /// Pools for the subnets of new networks.
        default_subnet_pools: Vec<SubnetPool> = Used,
        /// Rootless networking: `pasta` or `slirp4netns`.
        default_rootless_network_cmd: String = OneOf(&["pasta", "slirp4netns"]),
        /// Folder of network files.
        network_config_dir: String = Used,
        /// Port of the DNS server in bridge networks; 0 for 53.
        dns_bind_port: u16 = Used,
        /// Options of pasta.
        pasta_options: TextList = Used,
        /// Host addresses of published ports that name none.
        default_host_ips: TextList = Used,
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
        /// Shared folders, as `-v` of `machine init`.
        volumes: TextList = Used,
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
        driver: String = Used,
        /// Its options.
        opts: BTreeMap<String, String> = Used,
    }
}

section! {
    /// `[farms]`: groups of connections.
    pub struct FarmsSection {
        /// The default group.
        default: String = Used,
        /// Connections by group.
        list: BTreeMap<String, Vec<String>> = Used,
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
