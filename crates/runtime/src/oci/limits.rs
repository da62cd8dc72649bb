//! Resource limits: POSIX limits of the process, cgroup limits of the container.

use cove_api::{BlockIo, Rlimit};
use oci_spec::runtime::{
    LinuxCpu, LinuxMemory, LinuxPids, LinuxResources, PosixRlimit, PosixRlimitBuilder, PosixRlimitType,
};

use super::input::SpecInput;
use super::settings::{CpuLimits, MemoryLimits, Settings};
use crate::cgroup::CgroupMode;
use crate::error::{Error, Result};

/// What nofile and nproc are where nobody says otherwise.
const DEFAULT_LIMIT: u64 = 1_048_576;

/// `process.rlimits`.
pub(crate) fn rlimits(input: &SpecInput<'_>) -> Result<Vec<PosixRlimit>> {
    let mut limits: Vec<PosixRlimit> = Vec::new();
    let mut set = |kind: PosixRlimitType, soft: u64, hard: u64| -> Result<()> {
        limits.retain(|known| known.typ() != kind);
        limits.push(PosixRlimitBuilder::default().typ(kind).soft(soft).hard(hard).build()?);
        Ok(())
    };
    for kind in [PosixRlimitType::RlimitNofile, PosixRlimitType::RlimitNproc] {
        let limit = clamp(input, kind, DEFAULT_LIMIT);
        set(kind, limit, limit)?;
    }
    for limit in &input.settings.limits.default_rlimits {
        let kind = kind(limit)?;
        let hard = clamp(input, kind, limit.hard);
        set(kind, limit.soft.min(hard), hard)?;
    }
    for limit in &input.settings.limits.rlimits {
        let kind = kind(limit)?;
        if limit.soft > limit.hard {
            return Err(Error::invalid(
                format!("ulimit {}", limit.kind),
                "the soft limit is above the hard limit",
            ));
        }
        let possible = clamp(input, kind, limit.hard);
        if possible < limit.hard {
            return Err(Error::Unsupported {
                what: format!("ulimit {}={}:{}", limit.kind, limit.soft, limit.hard),
                why: format!("this process may not raise its own hard limit of {possible}"),
            });
        }
        set(kind, limit.soft, limit.hard)?;
    }
    Ok(limits)
}

fn kind(limit: &Rlimit) -> Result<PosixRlimitType> {
    let upper = limit.kind.to_ascii_uppercase();
    let name = if upper.starts_with("RLIMIT_") { upper } else { format!("RLIMIT_{upper}") };
    name.parse().map_err(|_| Error::invalid(format!("ulimit {:?}", limit.kind), "unknown"))
}

fn clamp(input: &SpecInput<'_>, kind: PosixRlimitType, wanted: u64) -> u64 {
    if input.host.may_raise_limits {
        return wanted;
    }
    input
        .host
        .hard_limits
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or(wanted, |(_, hard)| wanted.min(*hard))
}

/// What limits of a cgroup are made from.
pub(crate) struct Room<'a> {
    /// What is asked for.
    pub(crate) settings: &'a Settings,
    /// How cgroups are managed.
    pub(crate) cgroup: &'a CgroupMode,
}

/// `linux.resources` without devices.
pub(crate) fn resources(input: &Room<'_>) -> Result<LinuxResources> {
    let wanted = &input.settings.limits;
    let mut result = LinuxResources::default();
    if wanted.memory != MemoryLimits::default() {
        require(input, "memory", "memory limits")?;
        result.set_memory(Some(memory(wanted.memory)));
    }
    if wanted.cpu != CpuLimits::default() {
        let wanted = &wanted.cpu;
        if wanted.shares.is_some() || wanted.quota.is_some() || wanted.period.is_some() {
            require(input, "cpu", "CPU limits")?;
        }
        if wanted.realtime_runtime.is_some() || wanted.realtime_period.is_some() {
            return Err(Error::Unsupported {
                what: "a limit of real-time scheduling".to_owned(),
                why: "cgroups of version 2 have none".to_owned(),
            });
        }
        if !wanted.cpus.is_empty() || !wanted.mems.is_empty() {
            require(input, "cpuset", "cpuset limits")?;
        }
        result.set_cpu(Some(cpu(wanted)));
    }
    if wanted.block_io != BlockIo::default() {
        require(input, "io", "limits of block devices")?;
        result.set_block_io(Some(super::block::block_io(&wanted.block_io)?));
    }
    if !wanted.unified.is_empty() {
        for file in wanted.unified.keys() {
            let controller = file.split_once('.').map_or(file.as_str(), |(controller, _)| controller);
            require(input, controller, &format!("the cgroup setting {file}"))?;
        }
        result.set_unified(Some(wanted.unified.clone().into_iter().collect()));
    }
    let processes = match wanted.pids {
        Some(limit) if limit > 0 => {
            require(input, "pids", "a limit of processes")?;
            Some(limit)
        }
        Some(_) => None,
        None => Some(wanted.default_pids).filter(|limit| *limit > 0 && input.cgroup.has("pids")),
    };
    result.set_pids(processes.map(|limit| *LinuxPids::default().set_limit(limit)));
    Ok(result)
}

fn memory(wanted: MemoryLimits) -> LinuxMemory {
    // As Podman: memory and swap together are twice the memory where only memory is limited.
    let doubled = wanted.limit.filter(|limit| *limit > 0).map(|limit| limit.saturating_mul(2));
    let mut memory = LinuxMemory::default();
    memory
        .set_limit(wanted.limit)
        .set_reservation(wanted.reservation)
        .set_swap(wanted.swap.or(doubled))
        .set_swappiness(wanted.swappiness)
        .set_disable_oom_killer(wanted.disable_oom_killer);
    memory
}

fn cpu(wanted: &CpuLimits) -> LinuxCpu {
    let list = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut cpu = LinuxCpu::default();
    cpu.set_shares(wanted.shares)
        .set_quota(wanted.quota)
        .set_period(wanted.period)
        .set_realtime_runtime(wanted.realtime_runtime)
        .set_realtime_period(wanted.realtime_period)
        .set_cpus(list(&wanted.cpus))
        .set_mems(list(&wanted.mems));
    cpu
}

fn require(input: &Room<'_>, controller: &str, what: &str) -> Result<()> {
    if input.cgroup.has(controller) && input.settings.cgroup.own {
        return Ok(());
    }
    let why = match input.cgroup {
        _ if !input.settings.cgroup.own => "cgroups are disabled for this container".to_owned(),
        crate::cgroup::CgroupMode::Disabled { reason, .. } => reason.clone(),
        _ => format!("the cgroup controller {controller} is not available"),
    };
    Err(Error::Unsupported { what: what.to_owned(), why })
}
