//! The options of `run` and `create`.

use crate::commands::image::pull::{PlatformArgs, RegistryArgs};

// What the container is to be. The values are texts as the user wrote them; `spec` turns them into a specification.
#[derive(Debug, Clone, Default, clap::Args)]
#[allow(missing_docs, reason = "the help texts are the documentation")]
pub(crate) struct SpecArgs {
    /// Name of the container
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    pub(crate) name: Option<String>,
    /// Remove a container of the same name first
    #[arg(long, help_heading = "Container")]
    pub(crate) replace: bool,
    /// Remove the container when it ends
    #[arg(long, help_heading = "Container")]
    pub(crate) rm: bool,
    /// Label, KEY=VALUE
    #[arg(long, short, value_name = "LABEL", help_heading = "Container")]
    pub(crate) label: Vec<String>,
    /// File with a label per line
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) label_file: Vec<String>,
    /// Annotation for the OCI runtime, KEY=VALUE
    #[arg(long, value_name = "ANNOTATION", help_heading = "Container")]
    pub(crate) annotation: Vec<String>,
    /// Write the container's id to this file
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) cidfile: Option<String>,
    /// Start it again when it ends: no, always, on-failure[:TRIES], unless-stopped
    #[arg(long, value_name = "POLICY", help_heading = "Container")]
    pub(crate) restart: Option<String>,
    /// Signal that asks it to stop
    #[arg(long, value_name = "SIGNAL", help_heading = "Container")]
    pub(crate) stop_signal: Option<String>,
    /// Seconds between the stop signal and SIGKILL
    #[arg(long, value_name = "SECONDS", help_heading = "Container")]
    pub(crate) stop_timeout: Option<i64>,
    /// Seconds after which it is killed
    #[arg(long, value_name = "SECONDS", help_heading = "Container")]
    pub(crate) timeout: Option<u32>,
    /// Where its output is kept: k8s-file, json-file, none, passthrough
    #[arg(long, value_name = "DRIVER", help_heading = "Container")]
    pub(crate) log_driver: Option<String>,
    /// Option of the log driver, KEY=VALUE
    #[arg(long, value_name = "OPTION", help_heading = "Container")]
    pub(crate) log_opt: Vec<String>,
    /// Special care for systemd in the container: only false
    #[arg(long, value_name = "MODE", help_heading = "Container")]
    pub(crate) systemd: Option<String>,
    /// Run no health checks
    #[arg(long, help_heading = "Container")]
    pub(crate) no_healthcheck: bool,

    /// When to ask the registry for the image: always, missing, newer, never
    #[arg(long, value_name = "POLICY", help_heading = "Image")]
    pub(crate) pull: Option<String>,
    /// No progress of a pull
    #[arg(long, short, help_heading = "Image")]
    pub(crate) quiet: bool,
    /// The first argument is a folder with a root file system instead of an image
    #[arg(long, help_heading = "Image")]
    pub(crate) rootfs: bool,
    /// What becomes of the volumes that the image declares: anonymous, tmpfs, ignore
    #[arg(long, value_name = "MODE", help_heading = "Image")]
    pub(crate) image_volume: Option<String>,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long, hide = true)]
    pub(crate) disable_content_trust: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,

    /// Program to run in place of the image's, a path or a JSON list
    #[arg(long, value_name = "PROGRAM", help_heading = "Process")]
    pub(crate) entrypoint: Option<String>,
    /// Environment variable NAME=VALUE; NAME alone takes the value over
    #[arg(long, short, value_name = "VARIABLE", help_heading = "Process")]
    pub(crate) env: Vec<String>,
    /// File with an environment variable per line
    #[arg(long, value_name = "FILE", help_heading = "Process")]
    pub(crate) env_file: Vec<String>,
    /// Take over the whole environment
    #[arg(long, help_heading = "Process")]
    pub(crate) env_host: bool,
    /// Take over the proxy variables
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Process")]
    pub(crate) http_proxy: Option<bool>,
    /// Leave out a variable of the image
    #[arg(long, value_name = "NAME", help_heading = "Process")]
    pub(crate) unsetenv: Vec<String>,
    /// Leave out all variables of the image
    #[arg(long, help_heading = "Process")]
    pub(crate) unsetenv_all: bool,
    /// Keep standard input open
    #[arg(long, short, help_heading = "Process")]
    pub(crate) interactive: bool,
    /// Give it a terminal
    #[arg(long, short, help_heading = "Process")]
    pub(crate) tty: bool,
    /// User, a name or number, perhaps with a group: USER[:GROUP]
    #[arg(long, short, value_name = "USER", help_heading = "Process")]
    pub(crate) user: Option<String>,
    /// Further group
    #[arg(long, value_name = "GROUP", help_heading = "Process", value_delimiter = ',')]
    pub(crate) group_add: Vec<String>,
    /// Working directory
    #[arg(long, short, value_name = "DIR", help_heading = "Process")]
    pub(crate) workdir: Option<String>,
    /// Run an init that reaps processes as the first one
    #[arg(long, help_heading = "Process")]
    pub(crate) init: bool,
    /// The init to use
    #[arg(long, value_name = "FILE", help_heading = "Process")]
    pub(crate) init_path: Option<String>,
    /// Time zone, or local for the host's
    #[arg(long, value_name = "ZONE", help_heading = "Process")]
    pub(crate) tz: Option<String>,
    /// Umask, octal
    #[arg(long, value_name = "MASK", help_heading = "Process")]
    pub(crate) umask: Option<String>,
    /// Add the user to the container's /etc/passwd where it is missing there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Process")]
    pub(crate) passwd: Option<bool>,

    /// Mount a folder or volume: [SOURCE:]DESTINATION[:OPTIONS]
    #[arg(long, short, value_name = "VOLUME", help_heading = "Files")]
    pub(crate) volume: Vec<String>,
    /// Mount: type=bind|volume|tmpfs,source=SOURCE,destination=DESTINATION,...
    #[arg(long, value_name = "MOUNT", help_heading = "Files")]
    pub(crate) mount: Vec<String>,
    /// Mount a tmpfs: DESTINATION[:OPTIONS]
    #[arg(long, value_name = "TMPFS", help_heading = "Files")]
    pub(crate) tmpfs: Vec<String>,
    /// Mount what another container mounts: CONTAINER[:OPTIONS]
    #[arg(long, value_name = "CONTAINER", help_heading = "Files")]
    pub(crate) volumes_from: Vec<String>,
    /// Root file system read-only
    #[arg(long, help_heading = "Files")]
    pub(crate) read_only: bool,
    /// With --read-only, writable /dev/shm, /run, /tmp and /var/tmp
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Files")]
    pub(crate) read_only_tmpfs: Option<bool>,
    /// Device of the host: HOST[:CONTAINER][:PERMISSIONS]
    #[arg(long, value_name = "DEVICE", help_heading = "Files", value_delimiter = ',')]
    pub(crate) device: Vec<String>,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE", help_heading = "Files")]
    pub(crate) shm_size: Option<String>,

    /// Network: bridge, host, none, pasta, slirp4netns, container:NAME, ns:PATH or a network's name
    #[arg(long, alias = "net", value_name = "NETWORK", help_heading = "Network")]
    pub(crate) network: Vec<String>,
    /// Further name on the networks
    #[arg(long, alias = "net-alias", value_name = "NAME", help_heading = "Network")]
    pub(crate) network_alias: Vec<String>,
    /// Publish a port: [[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]
    #[arg(long, short, value_name = "PORT", help_heading = "Network", value_delimiter = ',')]
    pub(crate) publish: Vec<String>,
    /// Publish all exposed ports on free ports of the host
    #[arg(long, short = 'P', help_heading = "Network")]
    pub(crate) publish_all: bool,
    /// Expose a port or range
    #[arg(long, value_name = "PORT", help_heading = "Network", value_delimiter = ',')]
    pub(crate) expose: Vec<String>,
    /// Host name
    #[arg(long, short = 'h', value_name = "NAME", help_heading = "Network")]
    pub(crate) hostname: Option<String>,
    /// Line for /etc/hosts, NAME:ADDRESS
    #[arg(long, value_name = "HOST", help_heading = "Network", value_delimiter = ',')]
    pub(crate) add_host: Vec<String>,
    /// Leave the image's /etc/hosts as it is
    #[arg(long, help_heading = "Network")]
    pub(crate) no_hosts: bool,
    /// Leave the image's /etc/hostname as it is
    #[arg(long, help_heading = "Network")]
    pub(crate) no_hostname: bool,
    /// Name server
    #[arg(long, value_name = "ADDRESS", help_heading = "Network", value_delimiter = ',')]
    pub(crate) dns: Vec<String>,
    /// Option of the resolver
    #[arg(long, alias = "dns-opt", value_name = "OPTION", help_heading = "Network", value_delimiter = ',')]
    pub(crate) dns_option: Vec<String>,
    /// Search domain
    #[arg(long, value_name = "DOMAIN", help_heading = "Network", value_delimiter = ',')]
    pub(crate) dns_search: Vec<String>,
    /// IPv4 address
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) ip: Option<String>,
    /// IPv6 address
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) ip6: Option<String>,
    /// Hardware address
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) mac_address: Option<String>,

    /// Add a capability, or all
    #[arg(long, value_name = "CAPABILITY", help_heading = "Security", value_delimiter = ',')]
    pub(crate) cap_add: Vec<String>,
    /// Drop a capability, or all
    #[arg(long, value_name = "CAPABILITY", help_heading = "Security", value_delimiter = ',')]
    pub(crate) cap_drop: Vec<String>,
    /// All capabilities and devices, nothing masked
    #[arg(long, help_heading = "Security")]
    pub(crate) privileged: bool,
    /// Security option such as no-new-privileges or seccomp=FILE
    #[arg(long, value_name = "OPTION", help_heading = "Security")]
    pub(crate) security_opt: Vec<String>,
    /// User namespace: host, keep-id, auto, nomap, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) userns: Option<String>,
    /// Process namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) pid: Option<String>,
    /// IPC namespace: host, private, shareable, none, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) ipc: Option<String>,
    /// UTS namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) uts: Option<String>,
    /// Control group namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) cgroupns: Option<String>,
    /// Kernel parameter, NAME=VALUE
    #[arg(long, value_name = "PARAMETER", help_heading = "Security", value_delimiter = ',')]
    pub(crate) sysctl: Vec<String>,

    /// Memory limit, such as 512m
    #[arg(long, short, value_name = "SIZE", help_heading = "Resources")]
    pub(crate) memory: Option<String>,
    /// Memory kept for it under pressure
    #[arg(long, value_name = "SIZE", help_heading = "Resources")]
    pub(crate) memory_reservation: Option<String>,
    /// Memory and swap together, -1 for no limit
    #[arg(long, value_name = "SIZE", help_heading = "Resources")]
    pub(crate) memory_swap: Option<String>,
    /// Eagerness to swap, 0 to 100
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) memory_swappiness: Option<i64>,
    /// Number of CPUs, such as 1.5
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) cpus: Option<String>,
    /// CPU share relative to others
    #[arg(long, short = 'c', value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) cpu_shares: Option<u64>,
    /// Period of the CPU limit in microseconds
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) cpu_period: Option<u64>,
    /// CPU time per period in microseconds
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) cpu_quota: Option<i64>,
    /// CPUs it may use, such as 0-2
    #[arg(long, value_name = "LIST", help_heading = "Resources")]
    pub(crate) cpuset_cpus: Option<String>,
    /// Memory nodes it may use
    #[arg(long, value_name = "LIST", help_heading = "Resources")]
    pub(crate) cpuset_mems: Option<String>,
    /// Most processes, -1 for no limit
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) pids_limit: Option<i64>,
    /// Resource limit, NAME=SOFT[:HARD]
    #[arg(long, value_name = "LIMIT", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) ulimit: Vec<String>,
    /// Adjust how likely the kernel kills it when memory runs out
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) oom_score_adj: Option<i32>,
    /// Keep the kernel from killing it when memory runs out
    #[arg(long, help_heading = "Resources")]
    pub(crate) oom_kill_disable: bool,
    /// Control groups: enabled, disabled, no-conmon, split
    #[arg(long, value_name = "MODE", help_heading = "Resources")]
    pub(crate) cgroups: Option<String>,
    /// Parent control group
    #[arg(long, value_name = "PATH", help_heading = "Resources")]
    pub(crate) cgroup_parent: Option<String>,
}
