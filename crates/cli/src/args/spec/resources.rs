//! Limits that the kernel keeps for a control group, and those of single processes.

use cove_api::{ContainerSpec, IntelRdt, Personality, Resources};
use cove_spec::resource;

use super::around::refs;
use crate::command_error::CommandError;

// Memory, processors and processes: what can also be changed while a container runs.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ResourceArgs {
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
    /// Microseconds of real-time scheduling in each period; cgroups of version 2 have none
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) cpu_rt_runtime: Option<i64>,
    /// Period of the limit of real-time scheduling in microseconds
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) cpu_rt_period: Option<u64>,
    /// CPUs it may use, such as 0-2
    #[arg(long, value_name = "LIST", help_heading = "Resources")]
    pub(crate) cpuset_cpus: Option<String>,
    /// Memory nodes it may use
    #[arg(long, value_name = "LIST", help_heading = "Resources")]
    pub(crate) cpuset_mems: Option<String>,
    /// Most processes, -1 for no limit
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) pids_limit: Option<i64>,
}

impl ResourceArgs {
    /// The limits; `None` where none is asked for.
    ///
    /// # Errors
    /// A value is wrong, or two contradict each other.
    pub(crate) fn limits(&self) -> Result<Option<Resources>, CommandError> {
        for (given, name) in
            [(self.cpu_period.is_some(), "--cpu-period"), (self.cpu_quota.is_some(), "--cpu-quota")]
        {
            if given && self.cpus.is_some() {
                return Err(CommandError::other(format!("{name} and --cpus cannot be set together")));
            }
        }
        Ok(resource::resources(&resource::ResourceFlags {
            memory: self.memory.clone(),
            memory_reservation: self.memory_reservation.clone(),
            memory_swap: self.memory_swap.clone(),
            memory_swappiness: self.memory_swappiness,
            cpus: self.cpus.clone(),
            cpu_shares: self.cpu_shares,
            cpu_period: self.cpu_period,
            cpu_quota: self.cpu_quota,
            cpu_rt_runtime: self.cpu_rt_runtime,
            cpu_rt_period: self.cpu_rt_period,
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            pids_limit: self.pids_limit,
            oom_kill_disable: false,
        })?)
    }

    /// Puts the limits into the specification.
    ///
    /// # Errors
    /// As [`ResourceArgs::limits`].
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        spec.resource_limits = self.limits()?;
        Ok(())
    }
}

// Limits of single processes, and where the control group is.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LimitArgs {
    /// Resource limit, NAME=SOFT[:HARD]
    #[arg(long, value_name = "LIMIT", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) ulimit: Vec<String>,
    /// Adjust how likely the kernel kills it when memory runs out
    #[arg(long, value_name = "NUMBER", help_heading = "Resources")]
    pub(crate) oom_score_adj: Option<i32>,
    /// Keep the kernel from killing it when memory runs out
    #[arg(long, help_heading = "Resources")]
    pub(crate) oom_kill_disable: bool,
    /// Gone from the kernel; asking for it is told, and changes nothing
    #[arg(long, value_name = "SIZE", hide = true)]
    pub(crate) kernel_memory: Option<String>,
    /// Control groups: enabled, disabled, no-conmon, split
    #[arg(long, value_name = "MODE", help_heading = "Resources")]
    pub(crate) cgroups: Option<String>,
    /// Write a value to a file of the control group, FILE=VALUE
    #[arg(long, value_name = "SETTING", help_heading = "Resources")]
    pub(crate) cgroup_conf: Vec<String>,
    /// Class of Intel's resource control for its share of the processor's cache
    #[arg(long, value_name = "CLASS", help_heading = "Resources")]
    pub(crate) rdt_class: Option<String>,
    /// Execution domain of the process: LINUX or LINUX32
    #[arg(long, value_name = "DOMAIN", help_heading = "Process")]
    pub(crate) personality: Option<String>,
    /// Parent control group
    #[arg(long, value_name = "PATH", help_heading = "Resources")]
    pub(crate) cgroup_parent: Option<String>,
}

impl LimitArgs {
    /// Puts the limits into the specification, after those of [`ResourceArgs`].
    ///
    /// # Errors
    /// A limit is wrong.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        if self.kernel_memory.is_some() {
            tracing::warn!("The --kernel-memory flag is no longer supported. This flag is a noop.");
        }
        if self.oom_kill_disable {
            let limits = spec.resource_limits.get_or_insert_default();
            limits.memory.get_or_insert_default().disable_oom_killer = Some(true);
        }
        spec.r_limits = resource::ulimits(refs(&self.ulimit))?;
        spec.oom_score_adj = self.oom_score_adj;
        spec.unified = resource::cgroup_settings(refs(&self.cgroup_conf))?;
        spec.intel_rdt = self.rdt_class.clone().map(|clos_id| IntelRdt { clos_id, ..IntelRdt::default() });
        spec.personality =
            self.personality.clone().map(|domain| Personality { domain, ..Personality::default() });
        spec.cgroups_mode = self.cgroups.clone().unwrap_or_default();
        spec.cgroup_parent = self.cgroup_parent.clone().unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn limits_stand_alone() {
        assert_eq!(parsed::<ResourceArgs>("").limits().unwrap(), None);
        let limits = parsed::<ResourceArgs>("-m 64m --cpus 1.5 --pids-limit 10").limits().unwrap().unwrap();
        assert_eq!(limits.memory.unwrap().limit, Some(64 << 20));
        assert_eq!(limits.cpu.unwrap().quota, Some(150_000));
        assert_eq!(limits.pids.unwrap().limit, 10);
    }

    #[test]
    fn contradictions() {
        let error = parsed::<ResourceArgs>("--cpus 1 --cpu-quota 5000").limits().unwrap_err();
        assert_eq!(error.messages(), ["--cpu-quota and --cpus cannot be set together"]);
    }

    #[test]
    fn process_limits() {
        let mut spec = ContainerSpec::default();
        parsed::<ResourceArgs>("-m 64m").apply(&mut spec).unwrap();
        parsed::<LimitArgs>("--ulimit nofile=10:20 --oom-kill-disable").apply(&mut spec).unwrap();
        assert_eq!((spec.r_limits[0].soft, spec.r_limits[0].hard), (10, 20));
        let memory = spec.resource_limits.unwrap().memory.unwrap();
        assert_eq!((memory.limit, memory.disable_oom_killer), (Some(64 << 20), Some(true)));
    }
}
