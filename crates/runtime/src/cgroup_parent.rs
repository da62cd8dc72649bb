//! A cgroup that holds those of several containers, with limits of its own.

use std::path::{Path, PathBuf};

use cove_api::{BlockIo, Resources};
use cove_sys::fs;

use crate::cgroup::{CgroupMode, MOUNT};
use crate::error::{Error, Result};

/// The share of block devices, for each of the kernel's two ways to keep it.
const BFQ_WEIGHT: &str = "io.bfq.weight";
const WEIGHT: &str = "io.weight";

impl CgroupMode {
    /// Makes the cgroup that containers with this parent ([`CgroupMode::container_path`]) are in, and sets its limits.
    /// Where systemd has the tree ([`crate::Slice`]), or nobody, nothing is done.
    ///
    /// # Errors
    /// The tree cannot be written, or lacks a controller.
    pub fn make_parent(&self, parent: &str, limits: &Resources) -> Result<()> {
        let Some(relative) = self.parent_path(parent) else { return Ok(()) };
        let files = files(limits);
        let mut directory = PathBuf::from(MOUNT);
        for part in relative.split('/').filter(|part| !part.is_empty() && *part != "..") {
            for (file, _) in &files {
                if let Some((controller, _)) = file.split_once('.') {
                    enable(&directory, controller)?;
                }
            }
            directory.push(part);
            match fs::create_dir(&directory) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::file(error));
                }
                _ => {}
            }
        }
        let has_bfq = directory.join(BFQ_WEIGHT).exists();
        let wanted = files.iter().filter(|(file, _)| match *file {
            BFQ_WEIGHT => has_bfq,
            WEIGHT => !has_bfq,
            _ => true,
        });
        wanted
            .into_iter()
            .try_for_each(|(file, text)| fs::write(directory.join(file), text).map_err(Error::file))
    }

    /// Takes that cgroup away, where nothing is in it.
    pub fn remove_parent(&self, parent: &str) {
        if let Some(relative) = self.parent_path(parent) {
            let _ = fs::remove_dir(Path::new(MOUNT).join(relative.trim_start_matches('/')));
        }
    }

    fn parent_path(&self, parent: &str) -> Option<String> {
        match self {
            Self::Cgroupfs { parent: base, .. } => Some(format!("{base}/{}", parent.trim_matches('/'))),
            Self::Systemd { .. } | Self::Split { .. } | Self::Disabled { .. } => None,
        }
    }
}

/// Hands a controller down to the cgroups in a directory.
fn enable(directory: &Path, controller: &str) -> Result<()> {
    let path = directory.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&path).map_err(Error::file)?;
    if enabled.split_ascii_whitespace().any(|known| known == controller) {
        return Ok(());
    }
    fs::write(&path, format!("+{controller}")).map_err(Error::file)
}

/// The weight of cgroup v2 for shares of version 1.
pub(crate) fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

/// The weight of block devices as the kernel's newer way has it.
pub(crate) fn io_weight(weight: u16) -> u32 {
    1 + (u32::from(weight.clamp(10, 1000)) - 10) * 9_999 / 990
}

/// The files of cgroup v2 that say these limits, as OCI runtimes translate them.
fn files(limits: &Resources) -> Vec<(&'static str, String)> {
    let number = |limit: i64| if limit < 0 { "max".to_owned() } else { limit.to_string() };
    let mut files = Vec::new();
    let memory = limits.memory.clone().unwrap_or_default();
    if let Some(limit) = memory.limit {
        files.push(("memory.max", number(limit)));
    }
    if let Some(reservation) = memory.reservation {
        files.push(("memory.low", number(reservation)));
    }
    // Here swap is counted apart.
    match (memory.swap, memory.limit) {
        (Some(both), Some(limit)) if both >= 0 && limit >= 0 => {
            files.push(("memory.swap.max", both.saturating_sub(limit).max(0).to_string()));
        }
        (Some(-1), _) => files.push(("memory.swap.max", "max".into())),
        _ => {}
    }
    let cpu = limits.cpu.clone().unwrap_or_default();
    if let Some(shares) = cpu.shares.filter(|shares| *shares > 0) {
        files.push(("cpu.weight", weight(shares).to_string()));
    }
    if cpu.quota.is_some() || cpu.period.is_some() {
        let quota = cpu.quota.filter(|quota| *quota > 0).map_or("max".into(), |quota| quota.to_string());
        files.push(("cpu.max", format!("{quota} {}", cpu.period.unwrap_or(100_000))));
    }
    for (file, list) in [("cpuset.cpus", &cpu.cpus), ("cpuset.mems", &cpu.mems)] {
        if !list.is_empty() {
            files.push((file, list.clone()));
        }
    }
    if let Some(pids) = limits.pids {
        files.push(("pids.max", number(pids.limit)));
    }
    if let Some(block) = &limits.block_io {
        files.extend(block_files(block));
    }
    files
}

/// Each device has a line of its own, which is written alone.
fn block_files(block: &BlockIo) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    let mut weight = |device: &str, weight: u16| {
        files.push((BFQ_WEIGHT, format!("{device}{weight}")));
        files.push((WEIGHT, format!("{device}{}", io_weight(weight))));
    };
    if let Some(all) = block.weight {
        weight("", all);
    }
    for device in &block.weight_device {
        if let Some(own) = device.weight {
            weight(&format!("{}:{} ", device.major, device.minor), own);
        }
    }
    for (key, list) in [
        ("rbps", &block.throttle_read_bps_device),
        ("wbps", &block.throttle_write_bps_device),
        ("riops", &block.throttle_read_iops_device),
        ("wiops", &block.throttle_write_iops_device),
    ] {
        for device in list {
            files.push(("io.max", format!("{}:{} {key}={}", device.major, device.minor, device.rate)));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{CpuLimits, MemoryLimits, PidsLimit, ThrottleDevice};

    fn shown(limits: &Resources) -> Vec<String> {
        files(limits).iter().map(|(file, text)| format!("{file}={text}")).collect()
    }

    #[test]
    fn limits_of_block_devices_become_files() {
        let rate = ThrottleDevice { major: 8, minor: 0, rate: 1024 };
        let block = BlockIo {
            weight: Some(100),
            throttle_read_bps_device: vec![rate.clone()],
            throttle_write_bps_device: vec![rate],
            ..BlockIo::default()
        };
        assert_eq!(
            shown(&Resources { block_io: Some(block), ..Resources::default() }),
            ["io.bfq.weight=100", "io.weight=910", "io.max=8:0 rbps=1024", "io.max=8:0 wbps=1024"]
        );
    }

    #[test]
    fn limits_become_files() {
        let limits = Resources {
            memory: Some(MemoryLimits { limit: Some(100), swap: Some(300), ..MemoryLimits::default() }),
            cpu: Some(CpuLimits {
                shares: Some(1024),
                quota: Some(50_000),
                cpus: "0-1".into(),
                ..CpuLimits::default()
            }),
            pids: Some(PidsLimit { limit: -1 }),
            ..Resources::default()
        };
        assert_eq!(
            shown(&limits),
            [
                "memory.max=100",
                "memory.swap.max=200",
                "cpu.weight=39",
                "cpu.max=50000 100000",
                "cpuset.cpus=0-1",
                "pids.max=max"
            ]
        );
    }
}
