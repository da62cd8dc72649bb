//! `deploy`: how many containers, and what they may use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::absent::{Absent, model};
use super::{Bytes, DeviceRequest, Duration};

model! {
    /// `deploy`.
    pub struct Deploy {
        /// `replicated` or `global`.
        pub mode: String,
        /// How many containers.
        pub replicas: Option<i64>,
        /// Labels of the service, not of its containers.
        pub labels: BTreeMap<String, String>,
        /// How containers are replaced.
        pub update_config: Option<UpdateConfig>,
        /// How a failed update is undone.
        pub rollback_config: Option<UpdateConfig>,
        /// Limits and reservations.
        pub resources: Resources,
        /// When a container is started again.
        pub restart_policy: Option<RestartPolicy>,
        /// Which machines.
        pub placement: Placement,
        /// `vip` or `dnsrr`.
        pub endpoint_mode: String,
    }

    /// How containers are replaced.
    pub struct UpdateConfig {
        /// How many at a time.
        pub parallelism: Option<u64>,
        /// The pause in between.
        pub delay: Duration,
        /// What a failure means.
        pub failure_action: String,
        /// How long failures are watched for.
        pub monitor: Duration,
        /// How many may fail.
        pub max_failure_ratio: f32,
        /// `start-first` or `stop-first`.
        pub order: String,
    }

    /// Limits and reservations.
    pub struct Resources {
        /// At most.
        pub limits: Option<Resource>,
        /// At least.
        pub reservations: Option<Resource>,
    }

    /// What a container may use.
    pub struct Resource {
        /// Processors.
        pub cpus: f32,
        /// Memory.
        pub memory: Bytes,
        /// Processes.
        pub pids: i64,
        /// Devices.
        pub devices: Vec<DeviceRequest>,
        /// Resources of the user's own.
        pub generic_resources: Vec<GenericResource>,
    }

    /// A resource of the user's own.
    pub struct GenericResource {
        /// One that is counted.
        pub discrete_resource_spec: Option<DiscreteResource>,
    }

    /// When a container is started again.
    pub struct RestartPolicy {
        /// `none`, `on-failure` or `any`.
        pub condition: String,
        /// The pause before.
        pub delay: Option<Duration>,
        /// How often at most.
        pub max_attempts: Option<u64>,
        /// How long a start is watched before it counts as one.
        pub window: Option<Duration>,
    }

    /// Which machines.
    pub struct Placement {
        /// Conditions.
        pub constraints: Vec<String>,
        /// Wishes.
        pub preferences: Vec<PlacementPreference>,
        /// Most containers on one machine.
        pub max_replicas_per_node: u64,
    }

    /// A wish about machines.
    pub struct PlacementPreference {
        /// The label over whose values containers are spread.
        pub spread: String,
    }
}

/// A resource that is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscreteResource {
    /// Its name.
    pub kind: String,
    /// How many.
    pub value: i64,
}

/// It is written even where it says nothing, as `{}`.
impl Absent for Resources {
    fn absent(&self) -> bool {
        false
    }
}

/// It is written even where it says nothing, as `{}`.
impl Absent for Placement {
    fn absent(&self) -> bool {
        false
    }
}
