//! Another pod like one that is there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Namespace, PodSpec, Resources};

/// Options of making a pod like another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PodCopyOptions {
    /// Remove the other one.
    pub destroy: bool,
    /// Start the new one.
    pub start: bool,
    /// What is to be different; an empty name is the old one with `-clone` after it.
    pub changes: PodSpec,
}

impl PodSpec {
    /// The request with the name and whatever else `changes` asks for. Lists and maps are added to.
    ///
    /// # Errors
    /// It asks for something that a copy has as the other one.
    pub fn changed_by(mut self, mut changes: Self) -> crate::Result<Self> {
        use std::mem::take;
        let text = |own: &mut String, new: String| {
            if !new.is_empty() {
                *own = new;
            }
        };
        let namespace = |own: &mut Namespace, new: Namespace| {
            if !new.is_default() {
                *own = new;
            }
        };
        self.name = take(&mut changes.name);
        // Two containers cannot have it.
        self.infra_name = take(&mut changes.infra_name);
        text(&mut self.hostname, take(&mut changes.hostname));
        text(&mut self.cgroup_parent, take(&mut changes.cgroup_parent));
        if !changes.restart_policy.is_empty() {
            self.restart_policy = take(&mut changes.restart_policy);
            self.restart_tries = take(&mut changes.restart_tries);
        }
        if !changes.infra_command.is_empty() {
            self.infra_command = take(&mut changes.infra_command);
        }
        namespace(&mut self.pidns, take(&mut changes.pidns));
        namespace(&mut self.userns, take(&mut changes.userns));
        namespace(&mut self.utsns, take(&mut changes.utsns));
        self.labels.extend(take(&mut changes.labels));
        self.sysctl.extend(take(&mut changes.sysctl));
        // As of the name: two cannot have it.
        self.infra_conmon_pid_file = take(&mut changes.infra_conmon_pid_file);
        self.idmappings = take(&mut changes.idmappings).or(self.idmappings);
        self.pod_devices.extend(take(&mut changes.pod_devices));
        self.gpus.extend(take(&mut changes.gpus));
        self.weight_device.extend(take(&mut changes.weight_device));
        self.throttle_read_bps_device.extend(take(&mut changes.throttle_read_bps_device));
        self.throttle_write_bps_device.extend(take(&mut changes.throttle_write_bps_device));
        self.throttle_read_iops_device.extend(take(&mut changes.throttle_read_iops_device));
        self.throttle_write_iops_device.extend(take(&mut changes.throttle_write_iops_device));
        self.security_opt.extend(take(&mut changes.security_opt));
        self.mounts.extend(take(&mut changes.mounts));
        self.volumes.extend(take(&mut changes.volumes));
        self.overlay_volumes.extend(take(&mut changes.overlay_volumes));
        self.image_volumes.extend(take(&mut changes.image_volumes));
        self.volumes_from.extend(take(&mut changes.volumes_from));
        self.shm_size = take(&mut changes.shm_size).or(self.shm_size);
        self.shm_size_systemd = take(&mut changes.shm_size_systemd).or(self.shm_size_systemd);
        self.resource_limits = match (self.resource_limits, take(&mut changes.resource_limits)) {
            (Some(own), Some(new)) => Some(Resources {
                memory: new.memory.or(own.memory),
                cpu: new.cpu.or(own.cpu),
                pids: new.pids.or(own.pids),
                block_io: new.block_io.or(own.block_io),
                ..own
            }),
            (own, new) => new.or(own),
        };
        match changes.first_field() {
            Some(field) => Err(crate::Error::unsupported(format!(
                "a copy of a pod cannot have another {field}: make a pod that has it"
            ))),
            None => Ok(self),
        }
    }

    /// A field that asks for something, by its name in JSON.
    fn first_field(&self) -> Option<String> {
        let fields = |spec: &Self| match serde_json::to_value(spec) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let nothing = fields(&Self::default());
        fields(self).into_iter().find(|(name, value)| nothing.get(name) != Some(value)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PortMapping, StringMap};

    #[test]
    fn changes_come_to_what_was_asked_for() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<StringMap>()
        };
        let old = PodSpec {
            name: "p".into(),
            infra_name: "i".into(),
            hostname: "h".into(),
            labels: labels(&[("a", "1"), ("b", "1")]),
            ..PodSpec::default()
        };
        let changes = PodSpec { labels: labels(&[("b", "2")]), ..PodSpec::default() };
        let changed = old.clone().changed_by(changes).unwrap();
        let expect =
            PodSpec { hostname: "h".into(), labels: labels(&[("a", "1"), ("b", "2")]), ..PodSpec::default() };
        assert_eq!(changed, expect);
        for (changes, field) in [
            (PodSpec { exit_policy: "stop".into(), ..PodSpec::default() }, "exit_policy"),
            (PodSpec { netns: Namespace::new("host"), ..PodSpec::default() }, "netns"),
            (PodSpec { portmappings: vec![PortMapping::default()], ..PodSpec::default() }, "portmappings"),
        ] {
            let error = old.clone().changed_by(changes).unwrap_err();
            assert!(error.message.contains(field), "{error}");
        }
    }
}
