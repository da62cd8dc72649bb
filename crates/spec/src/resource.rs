//! Resource limits: `--memory`, `--cpus`, `--pids-limit`, `--ulimit` and their kin.

use cove_api::{CpuLimits, MemoryLimits, PidsLimit, Resources, Rlimit, StringMap};

use crate::error::{Result, bail};
use crate::size;

/// Microseconds of the period that `--cpus` uses.
const CPU_PERIOD: u64 = 100_000;

/// The flags as the user wrote them; `None` where a flag is not given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceFlags {
    /// `--memory`.
    pub memory: Option<String>,
    /// `--memory-reservation`.
    pub memory_reservation: Option<String>,
    /// `--memory-swap`; `-1` for no limit.
    pub memory_swap: Option<String>,
    /// `--memory-swappiness`, 0 to 100; `-1` for the system's.
    pub memory_swappiness: Option<i64>,
    /// `--oom-kill-disable`.
    pub oom_kill_disable: bool,
    /// `--cpus`.
    pub cpus: Option<String>,
    /// `--cpu-shares`.
    pub cpu_shares: Option<u64>,
    /// `--cpu-period`, microseconds.
    pub cpu_period: Option<u64>,
    /// `--cpu-quota`, microseconds.
    pub cpu_quota: Option<i64>,
    /// `--cpu-rt-runtime`, microseconds.
    pub cpu_rt_runtime: Option<i64>,
    /// `--cpu-rt-period`, microseconds.
    pub cpu_rt_period: Option<u64>,
    /// `--cpuset-cpus`.
    pub cpuset_cpus: Option<String>,
    /// `--cpuset-mems`.
    pub cpuset_mems: Option<String>,
    /// `--pids-limit`; 0 or less for no limit.
    pub pids_limit: Option<i64>,
}

/// Turns the flags into limits; `None` where none is asked for.
///
/// # Errors
/// A value is wrong, or two contradict each other.
pub fn resources(flags: &ResourceFlags) -> Result<Option<Resources>> {
    let resources = Resources {
        memory: memory(flags)?,
        cpu: cpu(flags)?,
        pids: flags.pids_limit.map(|limit| PidsLimit { limit: if limit <= 0 { -1 } else { limit } }),
        ..Resources::default()
    };
    Ok(Some(resources).filter(|resources| *resources != Resources::default()))
}

fn memory(flags: &ResourceFlags) -> Result<Option<MemoryLimits>> {
    let amount = |text: &Option<String>, flag: &str| -> Result<Option<i64>> {
        let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        size::signed_bytes(text)
            .map(Some)
            .map_err(|error| crate::Error::new(format!("invalid value for {flag}: {error}")))
    };
    let limit = amount(&flags.memory, "memory")?.filter(|limit| *limit > 0);
    let reservation = amount(&flags.memory_reservation, "memory-reservation")?.filter(|limit| *limit > 0);
    let mut swap = match flags.memory_swap.as_deref() {
        None | Some("" | "0") => None,
        Some(text) => Some(
            size::bytes_or_unlimited(text)
                .map_err(|error| crate::Error::new(format!("invalid value for memory-swap: {error}")))?,
        ),
    };
    match (limit, swap) {
        (None, Some(swap)) if swap != -1 => bail!("memory-swap needs a memory limit: set --memory too"),
        (Some(limit), Some(swap)) if swap != -1 && swap < limit => {
            bail!("minimum memoryswap limit should be larger than memory limit")
        }
        // As much swap as memory: what Podman and Docker take where only --memory is set.
        (Some(limit), None) => swap = limit.checked_mul(2),
        _ => {}
    }
    if let (Some(limit), Some(reservation)) = (limit, reservation)
        && reservation > limit
    {
        bail!("minimum memory limit cannot be less than memory reservation limit");
    }
    let swappiness = match flags.memory_swappiness {
        None | Some(-1) => None,
        Some(value @ 0..=100) => Some(value as u64),
        Some(value) => bail!("invalid value: {value}, valid memory swappiness range is 0-100"),
    };
    let limits = MemoryLimits {
        limit,
        reservation,
        swap,
        swappiness,
        disable_oom_killer: flags.oom_kill_disable.then_some(true),
        ..MemoryLimits::default()
    };
    Ok(Some(limits).filter(|limits| *limits != MemoryLimits::default()))
}

fn cpu(flags: &ResourceFlags) -> Result<Option<CpuLimits>> {
    let mut limits = CpuLimits {
        shares: flags.cpu_shares.filter(|shares| *shares > 0),
        quota: flags.cpu_quota.filter(|quota| *quota != 0),
        period: flags.cpu_period.filter(|period| *period > 0),
        realtime_runtime: flags.cpu_rt_runtime.filter(|time| *time != 0),
        realtime_period: flags.cpu_rt_period.filter(|time| *time != 0),
        cpus: set(flags.cpuset_cpus.as_deref(), "cpuset-cpus")?,
        mems: set(flags.cpuset_mems.as_deref(), "cpuset-mems")?,
        ..CpuLimits::default()
    };
    if let Some(quota) = limits.quota.filter(|quota| *quota > 0 && *quota < 1000) {
        bail!("CPU cfs quota cannot be less than 1ms (i.e. 1000), got {quota}");
    }
    if let Some(period) = limits.period.filter(|period| !(1000..=1_000_000).contains(period)) {
        bail!(
            "CPU cfs period cannot be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000), got {period}"
        );
    }
    if let Some(text) = flags.cpus.as_deref().filter(|text| !text.is_empty()) {
        let (quota, period) = cpus(text)?;
        if quota != 0 {
            if limits.quota.is_some() {
                bail!("--cpus and --cpu-quota cannot be set together");
            }
            if limits.period.is_some() {
                bail!("--cpus and --cpu-period cannot be set together");
            }
            limits.quota = Some(quota);
            limits.period = Some(period);
        }
    }
    Ok(Some(limits).filter(|limits| *limits != CpuLimits::default()))
}

/// Checks limits that did not come from flags.
///
/// # Errors
/// One is negative where -1 does not mean "unlimited", or outside of what the kernel has.
pub fn check(resources: &Resources) -> Result<()> {
    let at_least = |name: &str, lowest: i64, value: Option<i64>| match value {
        Some(value) if value < lowest => bail!("invalid {name} {value}: it must be {lowest} or more"),
        _ => Ok(()),
    };
    if let Some(memory) = &resources.memory {
        at_least("memory limit", 0, memory.limit)?;
        at_least("memory reservation", 0, memory.reservation)?;
        at_least("limit of memory and swap", -1, memory.swap)?;
        if let Some(value) = memory.swappiness.filter(|value| *value > 100) {
            bail!("invalid value: {value}, valid memory swappiness range is 0-100");
        }
    }
    if let Some(cpu) = &resources.cpu {
        at_least("CPU quota", -1, cpu.quota)?;
        set(Some(&cpu.cpus), "cpuset-cpus")?;
        set(Some(&cpu.mems), "cpuset-mems")?;
    }
    at_least("limit of processes", -1, resources.pids.map(|pids| pids.limit))
}

/// Quota and period in microseconds for a number of processors, such as `1.5`; 0 for no limit.
///
/// # Errors
/// It is no number, is negative, or below the kernel's millisecond.
pub fn cpus(text: &str) -> Result<(i64, u64)> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let Some(number) = number.filter(|number| *number >= 0.0 && *number <= 65536.0) else {
        bail!("invalid value for cpus: {text:?} is not a number of processors");
    };
    let quota = (number * CPU_PERIOD as f64).round() as i64;
    if number > 0.0 && quota < 1000 {
        bail!("invalid value for cpus: {text:?} is less than 0.01");
    }
    Ok((quota, CPU_PERIOD))
}

/// Parses all `--cgroup-conf`: `FILE=VALUE`.
///
/// # Errors
/// There is no `=`, or the file is none of a cgroup's own.
pub fn cgroup_settings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<StringMap> {
    let mut all = StringMap::new();
    for text in texts {
        let Some((file, value)) = text.split_once('=') else {
            bail!("--cgroup-conf must be formatted KEY=VALUE");
        };
        cgroup_file(file)?;
        all.insert(file.to_owned(), value.to_owned());
    }
    Ok(all)
}

/// Checks the name of a file of a cgroup: `CONTROLLER.NAME`.
///
/// # Errors
/// It could be a path, or belongs to the cgroup itself, which decides where processes are.
pub fn cgroup_file(file: &str) -> Result<()> {
    let is_plain =
        file.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    match file.split_once('.') {
        Some((controller, name))
            if is_plain && controller != "cgroup" && !controller.is_empty() && !name.is_empty() =>
        {
            Ok(())
        }
        _ => bail!("invalid file {file:?} of a cgroup: CONTROLLER.NAME is expected, such as memory.high"),
    }
}

/// Checks a list of numbers and ranges such as `0-3,7`.
fn set(text: Option<&str>, flag: &str) -> Result<String> {
    let text = text.unwrap_or_default();
    let number = |text: &str| text.parse::<u16>().ok();
    let part = |part: &str| match part.split_once('-') {
        Some((start, end)) => {
            matches!((number(start), number(end)), (Some(start), Some(end)) if start <= end)
        }
        None => number(part).is_some(),
    };
    if text.is_empty() || text.split(',').all(part) {
        return Ok(text.to_owned());
    }
    bail!("invalid value {text:?} for {flag}: use numbers and ranges such as 0-3,7")
}

/// Parses one `--ulimit`: `NAME=SOFT[:HARD]`, `-1` for unlimited.
///
/// # Errors
/// The name or a number is unknown, or the soft limit is above the hard one.
pub fn ulimit(text: &str) -> Result<Rlimit> {
    let Some((name, limits)) = text.split_once('=') else { bail!("invalid ulimit argument: {text}") };
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("rlimit_").unwrap_or(&name);
    let known = [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
        "as",
    ];
    if !known.contains(&name) {
        bail!("invalid ulimit type: {name}");
    }
    let value = |text: &str| -> Result<u64> {
        match text {
            "-1" | "unlimited" => Ok(u64::MAX),
            text => match text.parse() {
                Ok(value) => Ok(value),
                Err(_) => bail!("invalid ulimit argument: {name}={limits}: {text:?} is not a number"),
            },
        }
    };
    let (soft, hard) = match limits.split(':').collect::<Vec<_>>()[..] {
        [both] => (value(both)?, value(both)?),
        [soft, hard] => (value(soft)?, value(hard)?),
        _ => bail!("too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`"),
    };
    if soft > hard {
        let shown = |value: u64, text: &str| match value {
            u64::MAX => format!("{text} (unlimited)"),
            _ => text.to_owned(),
        };
        let (first, second) = limits.split_once(':').unwrap_or((limits, limits));
        bail!(
            "ulimit option \"{text}\" requires name=SOFT:HARD, failed to be parsed: ulimit soft limit must be less than or equal to hard limit: soft: {}, hard: {}",
            shown(soft, first),
            shown(hard, second)
        );
    }
    Ok(Rlimit { kind: name.to_owned(), hard, soft })
}

/// Parses all `--ulimit` flags; a later one replaces an earlier one of the same name. `host` alone keeps the
/// limits of the calling process, which is an empty list with `host` as its only type.
///
/// # Errors
/// As [`ulimit`], or `host` is combined with others.
pub fn ulimits<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Rlimit>> {
    let texts: Vec<&str> = texts.into_iter().collect();
    if texts.contains(&"host") {
        if texts.len() != 1 {
            bail!("ulimit can use host only once");
        }
        return Ok(vec![Rlimit { kind: "host".to_owned(), hard: 0, soft: 0 }]);
    }
    let mut limits: Vec<Rlimit> = Vec::new();
    for text in texts {
        let limit = ulimit(text)?;
        limits.retain(|known| known.kind != limit.kind);
        limits.push(limit);
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn limits() {
        assert_eq!(resources(&ResourceFlags::default()).unwrap(), None);
        let flags = ResourceFlags {
            memory: text("100m"),
            cpus: text("1.5"),
            pids_limit: Some(0),
            cpuset_cpus: text("0-1,3"),
            ..ResourceFlags::default()
        };
        let found = resources(&flags).unwrap().unwrap();
        let memory = found.memory.unwrap();
        assert_eq!((memory.limit, memory.swap), (Some(100 << 20), Some(200 << 20)));
        let cpu = found.cpu.unwrap();
        assert_eq!((cpu.quota, cpu.period, cpu.cpus.as_str()), (Some(150_000), Some(100_000), "0-1,3"));
        assert_eq!(found.pids.unwrap().limit, -1);
    }

    #[test]
    fn contradictions() {
        let check = |flags: ResourceFlags, expected: &str| {
            let error = resources(&flags).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let none = ResourceFlags::default;
        check(ResourceFlags { memory: text("lots"), ..none() }, "invalid value for memory");
        check(ResourceFlags { memory_swap: text("1g"), ..none() }, "needs a memory limit");
        check(
            ResourceFlags { memory: text("1g"), memory_swap: text("1m"), ..none() },
            "larger than memory limit",
        );
        check(ResourceFlags { memory: text("1m"), memory_reservation: text("1g"), ..none() }, "reservation");
        check(ResourceFlags { memory_swappiness: Some(101), ..none() }, "0-100");
        check(ResourceFlags { cpus: text("1"), cpu_quota: Some(5000), ..none() }, "cannot be set together");
        check(ResourceFlags { cpus: text("one"), ..none() }, "number of processors");
        check(ResourceFlags { cpus: text("-1"), ..none() }, "number of processors");
        check(ResourceFlags { cpu_quota: Some(10), ..none() }, "less than 1ms");
        check(ResourceFlags { cpuset_cpus: text("3-1"), ..none() }, "cpuset-cpus");
        let unlimited = ResourceFlags { memory_swap: text("-1"), ..none() };
        assert_eq!(resources(&unlimited).unwrap().unwrap().memory.unwrap().swap, Some(-1));
    }

    #[test]
    fn settings_of_cgroups() {
        let all = cgroup_settings(["memory.high=1073741824", "pids.max=a=b"]).unwrap();
        assert_eq!((all["memory.high"].as_str(), all["pids.max"].as_str()), ("1073741824", "a=b"));
        for text in ["memory.high", "../x=1", "memory/x.y=1", "cgroup.procs=0", ".high=1", "memory.=1", "x=1"]
        {
            assert!(cgroup_settings([text]).is_err(), "{text}");
        }
    }

    #[test]
    fn ulimit_flags() {
        let limit = ulimit("nofile=1024:2048").unwrap();
        assert_eq!((limit.kind.as_str(), limit.soft, limit.hard), ("nofile", 1024, 2048));
        assert_eq!(ulimit("core=-1").unwrap().hard, u64::MAX);
        assert_eq!(ulimit("RLIMIT_NPROC=5").unwrap().soft, 5);
        for (text, expected) in [
            ("nofile", "invalid ulimit argument"),
            ("nofile=x", "not a number"),
            ("files=1", "invalid ulimit type"),
            ("nofile=1:2:3", "too many limit value"),
            ("nofile=5:4", "less than or equal"),
            ("nofile=-1:4", "less than or equal"),
        ] {
            assert!(ulimit(text).unwrap_err().to_string().contains(expected), "{text}");
        }
        assert_eq!(ulimits(["nofile=1", "nofile=2", "core=0"]).unwrap().len(), 2);
        assert_eq!(ulimits(["host"]).unwrap()[0].kind, "host");
        assert!(ulimits(["host", "core=0"]).is_err());
    }
}
