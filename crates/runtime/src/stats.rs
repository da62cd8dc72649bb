//! What a running container uses: from its cgroup, or from its processes where it has none.

use std::path::{Path, PathBuf};

use cove_sys::fs;

use crate::error::{Error, Result};
use crate::launch::Runtime;
use crate::top::ProcessTable;

/// Counters of a container at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerStats {
    /// CPU time, nanoseconds. Without a cgroup it lacks processes that have ended.
    pub cpu_ns: u64,
    /// The part of it spent in the kernel, nanoseconds.
    pub cpu_system_ns: u64,
    /// Memory in use, bytes, without what the kernel caches of inactive files.
    pub memory_bytes: u64,
    /// The limit, bytes: the cgroup's or the machine's.
    pub memory_limit_bytes: u64,
    /// Number of processes and threads.
    pub pids: u64,
    /// Read from block devices, bytes.
    pub block_input_bytes: u64,
    /// Written to block devices, bytes.
    pub block_output_bytes: u64,
    /// Network interfaces of its network namespace without `lo`.
    pub networks: Vec<InterfaceStats>,
    /// Neither its cgroup nor its processes tell what is read and written.
    pub block_unknown: bool,
}

/// Counters of a network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct InterfaceStats {
    pub name: String,
    pub received_bytes: u64,
    pub received_packets: u64,
    pub received_errors: u64,
    pub received_dropped: u64,
    pub sent_bytes: u64,
    pub sent_packets: u64,
    pub sent_errors: u64,
    pub sent_dropped: u64,
}

impl Runtime {
    /// What a running container uses.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub fn stats(&self, id: &str) -> Result<ContainerStats> {
        self.stats_with(id, &mut ProcessTable::default())
    }

    /// As [`Runtime::stats`], for one of many: what is found of the machine's processes is kept in `table`.
    ///
    /// # Errors
    /// As [`Runtime::stats`].
    pub fn stats_with(&self, id: &str, table: &mut ProcessTable) -> Result<ContainerStats> {
        let init = self.state(id)?.process().ok_or_else(|| Error::NotRunning { id: id.to_owned() })?;
        let cgroup = &self.options.cgroup;
        let directory = cgroup_of(init.pid).filter(|_| cgroup.is_enabled());
        let mut stats = directory.as_deref().map(of_cgroup).unwrap_or_default();
        let lacks = |controller: &str| !cgroup.has(controller);
        if directory.is_none() || lacks("memory") || lacks("pids") || lacks("io") {
            let counted = of_processes(&table.of(init.pid)?);
            if directory.is_none() {
                stats = counted;
            } else {
                if lacks("memory") {
                    stats.memory_bytes = counted.memory_bytes;
                }
                if lacks("pids") {
                    stats.pids = counted.pids;
                }
                if lacks("io") {
                    stats.block_input_bytes = counted.block_input_bytes;
                    stats.block_output_bytes = counted.block_output_bytes;
                    stats.block_unknown = counted.block_unknown;
                }
            }
        }
        let total = memory_total();
        if stats.memory_limit_bytes == 0 || stats.memory_limit_bytes > total {
            stats.memory_limit_bytes = total;
        }
        let devices = fs::read_to_string(format!("/proc/{}/net/dev", init.pid)).unwrap_or_default();
        stats.networks = interfaces(&devices);
        Ok(stats)
    }
}

fn cgroup_of(pid: i32) -> Option<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|l| l.strip_prefix("0::"))?;
    Some(Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/')))
}

fn of_cgroup(directory: &Path) -> ContainerStats {
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
    let cpu = read("cpu.stat");
    let cached = field(&read("memory.stat"), "inactive_file");
    let (mut input, mut output) = (0_u64, 0_u64);
    for entry in read("io.stat").split_ascii_whitespace() {
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        if let Some(bytes) = entry.strip_prefix("rbytes=") {
            input = input.saturating_add(number(bytes));
        } else if let Some(bytes) = entry.strip_prefix("wbytes=") {
            output = output.saturating_add(number(bytes));
        }
    }
    let single = |name: &str| read(name).trim().parse::<u64>().unwrap_or(0);
    ContainerStats {
        cpu_ns: field(&cpu, "usage_usec").saturating_mul(1000),
        cpu_system_ns: field(&cpu, "system_usec").saturating_mul(1000),
        memory_bytes: single("memory.current").saturating_sub(cached),
        memory_limit_bytes: single("memory.max"),
        pids: single("pids.current"),
        block_input_bytes: input,
        block_output_bytes: output,
        networks: Vec::new(),
        block_unknown: false,
    }
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|v| v.trim().parse().ok()).unwrap_or(0)
}

fn of_processes(pids: &[i32]) -> ContainerStats {
    let mut stats = ContainerStats { block_unknown: true, ..ContainerStats::default() };
    let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    let page = rustix::param::page_size() as u64;
    for pid in pids {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((_, tail)) = text.rsplit_once(')') else { continue };
        let fields: Vec<u64> = tail.split_ascii_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
        let number = |index: usize| fields.get(index).copied().unwrap_or(0);
        stats.cpu_ns += (number(11) + number(12) + number(13) + number(14)) * tick_ns;
        stats.cpu_system_ns += (number(12) + number(14)) * tick_ns;
        stats.pids += number(17);
        let resident = number(21).saturating_mul(page);
        let shared = fs::read_to_string(format!("/proc/{pid}/statm")).ok().and_then(|text| {
            text.split_ascii_whitespace().nth(2).and_then(|pages| pages.parse::<u64>().ok())
        });
        stats.memory_bytes += resident.saturating_sub(shared.unwrap_or(0).saturating_mul(page));
        if let Ok(io) = fs::read_to_string(format!("/proc/{pid}/io")) {
            stats.block_unknown = false;
            stats.block_input_bytes += field(&io, "read_bytes:");
            stats.block_output_bytes += field(&io, "write_bytes:");
        }
    }
    stats
}

fn memory_total() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:")).unwrap_or("");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0).saturating_mul(1024)
}

fn interfaces(text: &str) -> Vec<InterfaceStats> {
    let mut list = Vec::new();
    for line in text.lines() {
        let Some((name, counters)) = line.split_once(':') else { continue };
        let counters: Vec<u64> = counters.split_ascii_whitespace().map(|c| c.parse().unwrap_or(0)).collect();
        let number = |index: usize| counters.get(index).copied().unwrap_or(0);
        if name.trim() == "lo" || counters.len() < 12 {
            continue;
        }
        list.push(InterfaceStats {
            name: name.trim().to_owned(),
            received_bytes: number(0),
            received_packets: number(1),
            received_errors: number(2),
            received_dropped: number(3),
            sent_bytes: number(8),
            sent_packets: number(9),
            sent_errors: number(10),
            sent_dropped: number(11),
        });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_without_loopback() {
        let text = "Inter-|   Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
                    \x20 eth0: 100 2 3 4 5 6 7 8 900 10 11 12 13 14 15 16\n";
        let list = interfaces(text);
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].name.as_str(), list[0].received_bytes, list[0].sent_bytes), ("eth0", 100, 900));
        assert_eq!((list[0].received_dropped, list[0].sent_dropped), (4, 12));
    }

    #[test]
    fn of_this_process() {
        let stats = of_processes(&[std::process::id() as i32]);
        assert!(stats.pids >= 1 && stats.memory_bytes > 0);
        assert!(memory_total() > 0);
        assert_eq!(field("a 1\nusage_usec 77\n", "usage_usec"), 77);
    }
}
