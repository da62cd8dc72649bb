//! A service: what its containers are.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::absent::{Absent, model};
use super::{
    Build, Bytes, Command, Deploy, Duration, Extensions, FileReference, Hosts, Mount, ServiceNetwork,
};

model! {
    /// A service.
    pub struct Service {
        not written
        /// Its key in the project.
        pub name: String,
        /// Profiles of which one must be active; none is always.
        pub profiles: Vec<String>,
        /// OCI annotations.
        pub annotations: BTreeMap<String, String>,
        /// Whether `up` shows its output; none is yes.
        pub attach: Option<bool>,
        /// How its image is built.
        pub build: Option<Build>,
        /// What `watch` does.
        pub develop: Option<Develop>,
        /// Limits of block devices.
        pub blkio_config: Option<BlkioConfig>,
        /// Capabilities added.
        pub cap_add: Vec<String>,
        /// Capabilities dropped.
        pub cap_drop: Vec<String>,
        /// The cgroup above.
        pub cgroup_parent: String,
        /// The cgroup namespace, `host` or `private`.
        pub cgroup: String,
        /// Processors, as Windows counts them.
        pub cpu_count: i64,
        /// Percents of the processors, Windows.
        pub cpu_percent: f32,
        /// CFS period, microseconds.
        pub cpu_period: i64,
        /// CFS quota, microseconds.
        pub cpu_quota: i64,
        /// Real-time period, microseconds.
        pub cpu_rt_period: i64,
        /// Real-time runtime, microseconds.
        pub cpu_rt_runtime: i64,
        /// Processors.
        pub cpus: f32,
        /// Which processors.
        pub cpuset: String,
        /// Weight of processors.
        pub cpu_shares: i64,
        /// The command, in place of the image's.
        pub command: Command,
        /// Configs that are mounted.
        pub configs: Vec<FileReference>,
        /// The container's name, in place of the generated one.
        pub container_name: String,
        /// Credentials, Windows.
        pub credential_spec: Option<CredentialSpec>,
        /// Services that come first.
        pub depends_on: BTreeMap<String, Dependency>,
        /// Replicas and limits.
        pub deploy: Option<Deploy>,
        /// Rules of the devices' cgroup.
        pub device_cgroup_rules: Vec<String>,
        /// Devices.
        pub devices: Vec<DeviceMapping>,
        /// DNS servers.
        pub dns: Vec<String>,
        /// DNS options.
        pub dns_opt: Vec<String>,
        /// DNS search domains.
        pub dns_search: Vec<String>,
        /// The build file, in the oldest form.
        pub dockerfile: String,
        /// The domain's name.
        pub domainname: String,
        /// The entry point, in place of the image's.
        pub entrypoint: Command,
        /// A program that provides the service in place of containers.
        pub provider: Option<Provider>,
        /// Variables; one without a value was not set anywhere.
        pub environment: BTreeMap<String, Option<String>>,
        /// Files of variables. They are in `environment` already where it was resolved.
        pub env_file: Vec<EnvFile>,
        /// Ports that are documented.
        pub expose: Vec<String>,
        /// The service that this one was made from; resolved by the loader.
        pub extends: Option<Extends>,
        /// Links to containers of others.
        pub external_links: Vec<String>,
        /// Further lines of `/etc/hosts`.
        pub extra_hosts: Hosts,
        /// Further groups of the process.
        pub group_add: Vec<String>,
        /// Graphics processors.
        pub gpus: Vec<DeviceRequest>,
        /// The host's name.
        pub hostname: String,
        /// The health check.
        pub healthcheck: Option<Healthcheck>,
        /// The image.
        pub image: String,
        /// Whether an init is the first process.
        pub init: Option<bool>,
        /// The IPC namespace.
        pub ipc: String,
        /// Isolation technology.
        pub isolation: String,
        /// Labels of containers.
        pub labels: BTreeMap<String, String>,
        /// Files of labels. They are in `labels` already.
        pub label_file: Vec<String>,
        /// Services that are reached by further names, `SERVICE[:ALIAS]`.
        pub links: Vec<String>,
        /// Where output goes.
        pub logging: Option<Logging>,
        /// The log driver, in the oldest form.
        pub log_driver: String,
        /// The log driver's options, in the oldest form.
        pub log_opt: BTreeMap<String, String>,
        /// Most memory.
        pub mem_limit: Bytes,
        /// Memory that is kept.
        pub mem_reservation: Bytes,
        /// Most memory with swap.
        pub memswap_limit: Bytes,
        /// How willingly it swaps, 0 to 100.
        pub mem_swappiness: Bytes,
        /// A fixed hardware address.
        pub mac_address: String,
        /// AI models that it uses.
        pub models: BTreeMap<String, Option<ServiceModel>>,
        /// The network mode, in the oldest form.
        pub net: String,
        /// `host`, `none`, `bridge`, `service:NAME`, `container:NAME`.
        pub network_mode: String,
        /// Networks by the project's keys.
        pub networks: BTreeMap<String, Option<ServiceNetwork>>,
        /// Whether the kernel may not kill it when memory is out.
        pub oom_kill_disable: bool,
        /// How willingly the kernel kills it.
        pub oom_score_adj: i64,
        /// The PID namespace.
        pub pid: String,
        /// Most processes.
        pub pids_limit: i64,
        /// The platform, `os/arch[/variant]`.
        pub platform: String,
        /// Published ports, one each.
        pub ports: Vec<Port>,
        /// Whether it has all rights.
        pub privileged: bool,
        /// When the image is pulled.
        pub pull_policy: String,
        /// Whether the root file system cannot be written.
        pub read_only: bool,
        /// The restart policy.
        pub restart: String,
        /// The OCI runtime.
        pub runtime: String,
        /// How many containers.
        pub scale: Option<i64>,
        /// Secrets that are mounted.
        pub secrets: Vec<FileReference>,
        /// Security options.
        pub security_opt: Vec<String>,
        /// Size of `/dev/shm`.
        pub shm_size: Bytes,
        /// Whether standard input is kept open.
        pub stdin_open: bool,
        /// How long a stop waits before it kills.
        pub stop_grace_period: Option<Duration>,
        /// The signal that stops it.
        pub stop_signal: String,
        /// Options of the writable layer.
        pub storage_opt: BTreeMap<String, String>,
        /// Kernel parameters.
        pub sysctls: BTreeMap<String, String>,
        /// Temporary file systems, `PATH[:OPTIONS]`.
        pub tmpfs: Vec<String>,
        /// Whether it has a terminal.
        pub tty: bool,
        /// Limits of processes.
        pub ulimits: BTreeMap<String, Ulimit>,
        /// Whether the engine's API is reached from within.
        pub use_api_socket: bool,
        /// User and group.
        pub user: String,
        /// The user namespace.
        pub userns_mode: String,
        /// The UTS namespace.
        pub uts: String,
        /// The driver of volumes, in the oldest form.
        pub volume_driver: String,
        /// What is mounted.
        pub volumes: Vec<Mount>,
        /// Services or `container:NAME` whose mounts it has, `NAME[:MODE]`.
        pub volumes_from: Vec<String>,
        /// The working folder.
        pub working_dir: String,
        /// Commands run inside after its start.
        pub post_start: Vec<Hook>,
        /// Commands run inside before it is stopped.
        pub pre_stop: Vec<Hook>,
    }

    /// A program that provides a service.
    pub struct Provider {
        /// The program.
        pub r#type: String,
        /// Its options, each several times.
        pub options: BTreeMap<String, Vec<String>>,
    }

    /// What `watch` does.
    pub struct Develop {
        /// Its rules.
        pub watch: Vec<Trigger>,
    }

    /// Limits of block devices.
    pub struct BlkioConfig {
        /// Weight, 10 to 1000.
        pub weight: u16,
        /// Weights of devices.
        pub weight_device: Vec<WeightDevice>,
        /// Bytes read per second.
        pub device_read_bps: Vec<ThrottleDevice>,
        /// Reads per second.
        pub device_read_iops: Vec<ThrottleDevice>,
        /// Bytes written per second.
        pub device_write_bps: Vec<ThrottleDevice>,
        /// Writes per second.
        pub device_write_iops: Vec<ThrottleDevice>,
    }

    /// Credentials, Windows.
    pub struct CredentialSpec {
        /// A config that has them.
        pub config: String,
        /// A file that has them.
        pub file: String,
        /// A key of the registry that has them.
        pub registry: String,
    }

    /// A device.
    pub struct DeviceMapping {
        /// Its path, or the name of one that its vendor describes.
        pub source: String,
        /// Its path in the container.
        pub target: String,
        /// Of `rwm`.
        pub permissions: String,
    }

    /// Devices that are chosen by what they can do.
    pub struct DeviceRequest {
        /// What they must be able to do.
        pub capabilities: Vec<String>,
        /// The driver.
        pub driver: String,
        /// How many; −1 is all.
        pub count: i64,
        /// Which.
        pub device_ids: Vec<String>,
        /// The driver's options.
        pub options: BTreeMap<String, String>,
    }

    /// The health check.
    pub struct Healthcheck {
        /// `NONE`, `CMD` and words, or `CMD-SHELL` and a line.
        pub test: Vec<String>,
        /// How long a check may take.
        pub timeout: Option<Duration>,
        /// The pause in between.
        pub interval: Option<Duration>,
        /// How many must fail.
        pub retries: Option<u64>,
        /// How long failures do not count at first.
        pub start_period: Option<Duration>,
        /// The pause in between during that time.
        pub start_interval: Option<Duration>,
        /// Whether the image's check is off.
        pub disable: bool,
    }

    /// A command run inside.
    pub struct Hook {
        /// The command.
        pub command: Command,
        /// User and group.
        pub user: String,
        /// Whether it has all rights.
        pub privileged: bool,
        /// The working folder.
        pub working_dir: String,
        /// Variables.
        pub environment: BTreeMap<String, Option<String>>,
    }

    /// Where output goes.
    pub struct Logging {
        /// The driver.
        pub driver: String,
        /// Its options.
        pub options: BTreeMap<String, String>,
    }

    /// A published port.
    pub struct Port {
        /// A name for people.
        pub name: String,
        /// `ingress` or `host`.
        pub mode: String,
        /// The host's address.
        pub host_ip: String,
        /// The container's port.
        pub target: u32,
        /// The host's port, or a range of which one is taken; empty for any.
        pub published: String,
        /// `tcp`, `udp` or `sctp`.
        pub protocol: String,
        /// The protocol that is spoken.
        pub app_protocol: String,
    }

    /// How a service uses an AI model.
    pub struct ServiceModel {
        /// The variable with its address.
        pub endpoint_var: String,
        /// The variable with its name.
        pub model_var: String,
    }
}

/// A rule of `watch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trigger {
    /// What is watched, absolute.
    pub path: String,
    /// `sync`, `rebuild`, `restart`, `sync+restart`, `sync+exec`.
    pub action: String,
    /// Where files go in the container.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub target: String,
    /// The command of `sync+exec`.
    pub exec: Hook,
    /// Patterns of what counts.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub include: Vec<String>,
    /// Patterns of what does not.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub ignore: Vec<String>,
    /// Whether all is copied at the start.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub initial_sync: bool,
    /// Extensions, `x-…`.
    #[serde(rename = "#extensions", skip_serializing_if = "Absent::absent")]
    pub extensions: Extensions,
}

/// The weight of a block device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightDevice {
    /// The device.
    #[serde(rename = "Path", alias = "path")]
    pub path: String,
    /// Its weight.
    #[serde(rename = "Weight", alias = "weight")]
    pub weight: u16,
    /// Extensions, `x-…`.
    #[serde(rename = "#extensions", skip_serializing_if = "Absent::absent")]
    pub extensions: Extensions,
}

/// The limit of a block device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleDevice {
    /// The device.
    #[serde(rename = "Path", alias = "path")]
    pub path: String,
    /// Bytes or operations per second.
    #[serde(rename = "Rate", alias = "rate")]
    pub rate: Bytes,
    /// Extensions, `x-…`.
    #[serde(rename = "#extensions", skip_serializing_if = "Absent::absent")]
    pub extensions: Extensions,
}

/// A service that comes first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dependency {
    /// `service_started`, `service_healthy` or `service_completed_successfully`.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub condition: String,
    /// Whether a restart of it (by a command) restarts this one.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub restart: bool,
    /// Extensions, `x-…`.
    #[serde(rename = "#extensions", skip_serializing_if = "Absent::absent")]
    pub extensions: Extensions,
    /// Whether it must be there.
    pub required: bool,
}

impl Default for Dependency {
    fn default() -> Self {
        Self {
            condition: "service_started".to_owned(),
            restart: false,
            extensions: Extensions::new(),
            required: true,
        }
    }
}

/// The service that another one was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extends {
    /// The file it is in; empty for the same one.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub file: String,
    /// Its key.
    #[serde(skip_serializing_if = "Absent::absent")]
    pub service: String,
}

/// A file of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path, absolute.
    pub path: String,
    /// Whether it must be there.
    pub required: bool,
    /// `raw` for values without quotes and variables; empty for the usual format.
    pub format: String,
}

impl Serialize for EnvFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.required {
            return serializer.serialize_str(&self.path);
        }
        let mut value = serde_json::json!({ "path": self.path, "required": false });
        if !self.format.is_empty() {
            value["format"] = self.format.clone().into();
        }
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EnvFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            path: String,
            #[serde(default = "yes")]
            required: bool,
            #[serde(default)]
            format: String,
        }
        fn yes() -> bool {
            true
        }
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self { path, required: true, format: String::new() }),
            long => {
                let Long { path, required, format } = Long::deserialize(long).map_err(D::Error::custom)?;
                Ok(Self { path, required, format })
            }
        }
    }
}

/// A limit of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ulimit {
    /// Both limits are one.
    Single(i64),
    /// Each of its own.
    Both {
        /// What applies.
        soft: i64,
        /// Up to where a process may raise it.
        hard: i64,
    },
}

impl Ulimit {
    /// The limits: soft, hard.
    #[must_use]
    pub fn limits(self) -> (i64, i64) {
        match self {
            Self::Single(limit) => (limit, limit),
            Self::Both { soft, hard } => (soft, hard),
        }
    }
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both {
            #[serde(skip_serializing_if = "Absent::absent")]
            soft: i64,
            #[serde(skip_serializing_if = "Absent::absent")]
            hard: i64,
        }
        match *self {
            // Zero is "not one limit" to docker-compose.
            Self::Single(limit) if limit != 0 => serializer.serialize_i64(limit),
            _ => {
                let (soft, hard) = self.limits();
                Both { soft, hard }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Ulimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Both {
            #[serde(default)]
            soft: i64,
            #[serde(default)]
            hard: i64,
        }
        match Value::deserialize(deserializer)? {
            Value::Number(limit) => limit
                .as_i64()
                .map(Self::Single)
                .ok_or_else(|| D::Error::custom(format!("invalid limit {limit}"))),
            long => {
                let Both { soft, hard } = Both::deserialize(long).map_err(D::Error::custom)?;
                Ok(Self::Both { soft, hard })
            }
        }
    }
}
