//! Changing a container that is there, and making another like it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::NotDone;
use crate::{
    BlockIo, ContainerSpec, CpuLimits, DeviceCgroup, HugepageLimit, MemoryLimits, NetworkClass, PidsLimit,
    Rdma, Resources, Rlimit, ThrottleDevice, ThrottleDevices, Unified, WeightDevice,
};

/// What is to be another at a container: what is absent stays. JSON: libpod's `UpdateEntities`, but for the restart
/// policy, which is in the query there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerUpdate {
    /// Memory limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryLimits>,
    /// CPU limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuLimits>,
    /// Process number limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<PidsLimit>,
    /// Rules about devices.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub devices: NotDone<Vec<DeviceCgroup>>,
    /// Limits of block devices.
    #[serde(rename = "blockIO", skip_serializing_if = "Option::is_none")]
    pub block_io: Option<BlockIo>,
    /// Weights of devices, by their paths.
    #[serde(rename = "BlkIOWeightDevice", skip_serializing_if = "Vec::is_empty")]
    pub weight_devices: Vec<DeviceWeight>,
    /// Most bytes that are read from devices in a second.
    #[serde(rename = "DeviceReadBPs", skip_serializing_if = "Vec::is_empty")]
    pub read_bps: Vec<DeviceRate>,
    /// Most bytes that are written to devices in a second.
    #[serde(rename = "DeviceWriteBPs", skip_serializing_if = "Vec::is_empty")]
    pub write_bps: Vec<DeviceRate>,
    /// Most reads from devices in a second.
    #[serde(rename = "DeviceReadIOPs", skip_serializing_if = "Vec::is_empty")]
    pub read_iops: Vec<DeviceRate>,
    /// Most writes to devices in a second.
    #[serde(rename = "DeviceWriteIOPs", skip_serializing_if = "Vec::is_empty")]
    pub write_iops: Vec<DeviceRate>,
    /// Limits of huge pages.
    #[serde(rename = "hugepageLimits", skip_serializing_if = "NotDone::is_absent")]
    pub hugepage_limits: NotDone<Vec<HugepageLimit>>,
    /// Classes of packets.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub network: NotDone<NetworkClass>,
    /// Limits of remote direct memory access.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub rdma: NotDone<std::collections::BTreeMap<String, Rdma>>,
    /// Files of the cgroup.
    #[serde(skip_serializing_if = "NotDone::is_absent")]
    pub unified: NotDone<Unified>,
    /// Variables to be set, `NAME=value`.
    #[serde(rename = "Env", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Variables to be left out.
    #[serde(rename = "UnsetEnv", skip_serializing_if = "Vec::is_empty")]
    pub unset_env: Vec<String>,
    /// Limits of single processes, in place of all it had; for its next start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub r_limits: Vec<Rlimit>,
    /// Its health check, for its next start.
    #[serde(rename = "health_cmd", skip_serializing_if = "Option::is_none")]
    pub health_command: Option<String>,
    /// Time between two checks, or `disable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_interval: Option<String>,
    /// Time after which a check has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_timeout: Option<String>,
    /// Time in which failures do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_start_period: Option<String>,
    /// Failures in a row that make it unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_retries: Option<u32>,
    /// The check that must succeed first.
    #[serde(rename = "health_startup_cmd", skip_serializing_if = "Option::is_none")]
    pub health_startup_command: Option<String>,
    /// Time between two of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_startup_interval: Option<String>,
    /// Time after which it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_startup_timeout: Option<String>,
    /// Failures after which the container is started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_startup_retries: Option<u32>,
    /// Successes that are needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_startup_success: Option<u32>,
    /// What is done when it turns unhealthy: `none`, `kill`, `restart`, `stop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_on_failure: Option<String>,
    /// Where results are kept: a folder, `local`, `events_logger`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_log_destination: Option<String>,
    /// Most results that are kept; 0 is any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_max_log_count: Option<u32>,
    /// Most characters of a result; 0 is any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_max_log_size: Option<u32>,
    /// Check nothing any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_healthcheck: Option<bool>,
    /// When it is started again.
    #[serde(skip)]
    pub restart: Option<RestartUpdate>,
}

/// The weight of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeviceWeight {
    /// Its path on the host.
    pub path: String,
    /// 10 to 1000.
    pub weight: u16,
}

/// A limit of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeviceRate {
    /// Its path on the host.
    pub path: String,
    /// In a second.
    pub rate: u64,
}

/// Another restart policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestartUpdate {
    /// `no`, `always`, `on-failure`, `unless-stopped`.
    pub policy: String,
    /// Attempts of `on-failure`; 0 is any number.
    pub tries: u32,
}

impl ContainerUpdate {
    /// An update of limits.
    #[must_use]
    pub fn of(resources: Resources) -> Self {
        let Resources { memory, cpu, pids, devices, block_io, hugepage_limits, network, rdma, unified } =
            resources;
        Self {
            memory,
            cpu,
            pids,
            devices,
            block_io,
            hugepage_limits,
            network,
            rdma,
            unified,
            ..Self::default()
        }
    }

    /// An update of the limits that a request has.
    #[must_use]
    pub fn of_request(request: &ContainerSpec) -> Self {
        let rates = |devices: &ThrottleDevices| {
            let one = |(path, device): (&String, &ThrottleDevice)| DeviceRate {
                path: path.clone(),
                rate: device.rate,
            };
            devices.iter().map(one).collect()
        };
        let weights = request.weight_device.iter();
        let weights = weights
            .filter_map(|(path, device)| Some(DeviceWeight { path: path.clone(), weight: device.weight? }));
        Self {
            weight_devices: weights.collect(),
            read_bps: rates(&request.throttle_read_bps_device),
            write_bps: rates(&request.throttle_write_bps_device),
            read_iops: rates(&request.throttle_read_iops_device),
            write_iops: rates(&request.throttle_write_iops_device),
            ..Self::of(request.resource_limits.clone().unwrap_or_default())
        }
    }

    /// Puts the limits of devices into a request; those of other devices stay.
    pub fn put_devices(&self, request: &mut ContainerSpec) {
        for DeviceWeight { path, weight } in &self.weight_devices {
            let device = WeightDevice { weight: Some(*weight), ..WeightDevice::default() };
            request.weight_device.insert(path.clone(), device);
        }
        for (rates, devices) in [
            (&self.read_bps, &mut request.throttle_read_bps_device),
            (&self.write_bps, &mut request.throttle_write_bps_device),
            (&self.read_iops, &mut request.throttle_read_iops_device),
            (&self.write_iops, &mut request.throttle_write_iops_device),
        ] {
            for DeviceRate { path, rate } in rates {
                devices.insert(path.clone(), ThrottleDevice { rate: *rate, ..ThrottleDevice::default() });
            }
        }
    }

    /// The limits of it.
    #[must_use]
    pub fn resources(&self) -> Resources {
        Resources {
            memory: self.memory.clone(),
            cpu: self.cpu.clone(),
            pids: self.pids,
            block_io: self.block_io.clone(),
            ..Resources::default()
        }
    }
}

/// How a copy of a container differs from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerClone {
    /// Its name; empty is the other's with `-clone` behind it.
    pub name: String,
    /// Its image; empty is the other's.
    pub image: String,
    /// The pod it is in; empty is the other's.
    pub pod: String,
    /// Limits in place of the other's; what is absent stays.
    pub limits: ContainerUpdate,
    /// Remove the other one.
    pub destroy: bool,
    /// Remove it even where it runs.
    pub force: bool,
    /// Start the copy.
    pub run: bool,
}
