//! Slices of systemd with limits of their own, for the containers of a pod. systemd is asked with busctl(1).

use std::path::Path;
use std::process::Command;

use cove_api::{BlockIo, Resources};
use cove_sys::process::{self, RunOptions};

use crate::error::{Error, Result};

/// systemd's manager on the bus.
const MANAGER: [&str; 3] =
    ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];

/// A slice.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a> {
    /// The program busctl.
    pub busctl: &'a Path,
    /// It is the user's own systemd's.
    pub user: bool,
    /// Its name, such as `machine-cove_pod_ID.slice`.
    pub name: &'a str,
}

impl Slice<'_> {
    /// Starts it with limits, or sets them where it is there.
    ///
    /// # Errors
    /// systemd refuses it, or cannot be reached.
    pub fn start(&self, limits: &Resources) -> Result<()> {
        let properties = properties(limits);
        let count = properties.len().to_string();
        let words = properties.iter().flatten().map(String::as_str);
        if self.is_known() {
            let head = ["SetUnitProperties", "sba(sv)", self.name, "true", &count];
            self.call(head.into_iter().chain(words))?;
            return self.call(["StartUnit", "ss", self.name, "fail"].into_iter());
        }
        let head = ["StartTransientUnit", "ssa(sv)a(sa(sv))", self.name, "fail", &count];
        self.call(head.into_iter().chain(words).chain(["0"]))
    }

    /// Stops it, with whatever is in it.
    ///
    /// # Errors
    /// As [`Slice::start`].
    pub fn stop(&self) -> Result<()> {
        if !self.is_known() {
            return Ok(());
        }
        self.call(["StopUnit", "ss", self.name, "fail"].into_iter())
    }

    fn is_known(&self) -> bool {
        self.call(["GetUnit", "s", self.name].into_iter()).is_ok()
    }

    fn call<'w>(&self, words: impl Iterator<Item = &'w str>) -> Result<()> {
        let mut command = Command::new(self.busctl);
        command.arg(if self.user { "--user" } else { "--system" }).arg("--quiet").arg("call");
        command.args(MANAGER).args(words).current_dir("/");
        let failed = |message: String| Error::Runtime {
            runtime: "systemd".to_owned(),
            message: format!("{}: {message}", self.name),
        };
        let output =
            process::run(&mut command, &RunOptions::default()).map_err(|error| failed(error.to_string()))?;
        if output.status.success() { Ok(()) } else { Err(failed(output.message())) }
    }
}

/// Properties of systemd.resource-control(5): name, type and value of each.
fn properties(limits: &Resources) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut add = |name: &str, kind: &str, words: &[String]| {
        let head = [name.to_owned(), kind.to_owned()];
        all.push(head.into_iter().chain(words.iter().cloned()).collect());
    };
    // All bits set is "no limit" to systemd.
    let number = |limit: i64| u64::try_from(limit).unwrap_or(u64::MAX).to_string();
    let memory = limits.memory.clone().unwrap_or_default();
    if let Some(limit) = memory.limit {
        add("MemoryMax", "t", &[number(limit)]);
    }
    if let Some(reservation) = memory.reservation {
        add("MemoryLow", "t", &[number(reservation)]);
    }
    // Here swap is counted apart.
    match (memory.swap, memory.limit) {
        (Some(both), Some(limit)) if both >= 0 && limit >= 0 => {
            add("MemorySwapMax", "t", &[number(both.saturating_sub(limit).max(0))]);
        }
        (Some(-1), _) => add("MemorySwapMax", "t", &[number(-1)]),
        _ => {}
    }
    let cpu = limits.cpu.clone().unwrap_or_default();
    if let Some(shares) = cpu.shares.filter(|shares| *shares > 0) {
        add("CPUWeight", "t", &[crate::cgroup_parent::weight(shares).to_string()]);
    }
    if let Some(quota) = cpu.quota.filter(|quota| *quota > 0) {
        let period = cpu.period.filter(|period| *period > 0).unwrap_or(100_000);
        let quota = u64::try_from(quota).unwrap_or(u64::MAX);
        add("CPUQuotaPerSecUSec", "t", &[(quota.saturating_mul(1_000_000) / period).to_string()]);
        add("CPUQuotaPeriodUSec", "t", &[period.to_string()]);
    }
    for (name, list) in [("AllowedCPUs", &cpu.cpus), ("AllowedMemoryNodes", &cpu.mems)] {
        if let Some(bytes) = bits(list).filter(|bytes| !bytes.is_empty()) {
            let words: Vec<String> = std::iter::once(bytes.len().to_string())
                .chain(bytes.iter().map(ToString::to_string))
                .collect();
            add(name, "ay", &words);
        }
    }
    if let Some(pids) = limits.pids {
        add("TasksMax", "t", &[number(pids.limit)]);
    }
    if let Some(block) = &limits.block_io {
        block_properties(block, &mut add);
    }
    all
}

fn block_properties(block: &BlockIo, add: &mut impl FnMut(&str, &str, &[String])) {
    if let Some(weight) = block.weight {
        add("IOWeight", "t", &[crate::cgroup_parent::io_weight(weight).to_string()]);
    }
    let path = |major: i64, minor: i64| format!("/dev/block/{major}:{minor}");
    let weights: Vec<String> = block
        .weight_device
        .iter()
        .filter_map(|device| {
            let weight = crate::cgroup_parent::io_weight(device.weight?);
            Some([path(device.major, device.minor), weight.to_string()])
        })
        .flatten()
        .collect();
    let lists = [
        ("IOReadBandwidthMax", &block.throttle_read_bps_device),
        ("IOWriteBandwidthMax", &block.throttle_write_bps_device),
        ("IOReadIOPSMax", &block.throttle_read_iops_device),
        ("IOWriteIOPSMax", &block.throttle_write_iops_device),
    ];
    let rates = lists.map(|(name, list)| {
        let words =
            list.iter().flat_map(|device| [path(device.major, device.minor), device.rate.to_string()]);
        (name, words.collect::<Vec<_>>())
    });
    for (name, words) in std::iter::once(("IODeviceWeight", weights)).chain(rates) {
        if !words.is_empty() {
            let count = (words.len() / 2).to_string();
            add(name, "a(st)", &[vec![count], words].concat());
        }
    }
}

/// A list such as `0-2,5` as bits, the lowest first; [`None`] where it is none.
fn bits(list: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
        for number in first..=last {
            let at = usize::from(number / 8);
            if bytes.len() <= at {
                bytes.resize(at + 1, 0);
            }
            bytes[at] |= 1 << (number % 8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{CpuLimits, MemoryLimits, PidsLimit, ThrottleDevice};

    #[test]
    fn limits_become_properties() {
        let limits = Resources {
            memory: Some(MemoryLimits { limit: Some(100), swap: Some(300), ..MemoryLimits::default() }),
            cpu: Some(CpuLimits {
                quota: Some(50_000),
                period: Some(100_000),
                cpus: "0-1,9".into(),
                ..CpuLimits::default()
            }),
            pids: Some(PidsLimit { limit: -1 }),
            block_io: Some(BlockIo {
                throttle_read_bps_device: vec![ThrottleDevice { major: 8, minor: 0, rate: 1024 }],
                ..BlockIo::default()
            }),
            ..Resources::default()
        };
        let shown: Vec<String> = properties(&limits).iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            shown,
            [
                "MemoryMax t 100".to_owned(),
                "MemorySwapMax t 200".into(),
                "CPUQuotaPerSecUSec t 500000".into(),
                "CPUQuotaPeriodUSec t 100000".into(),
                "AllowedCPUs ay 2 3 2".into(),
                format!("TasksMax t {}", u64::MAX),
                "IOReadBandwidthMax a(st) 1 /dev/block/8:0 1024".into(),
            ]
        );
    }

    #[test]
    fn lists_become_bits() {
        assert_eq!(bits("0-2,5"), Some(vec![0b10_0111]));
        assert_eq!((bits(""), bits("x"), bits("8")), (Some(vec![]), None, Some(vec![0, 1])));
    }
}
