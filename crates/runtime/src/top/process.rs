//! One process in `/proc` (proc(5)).

use cove_sys::fs;

use crate::error::{Error, Result};

/// What is known of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    /// In the engine's pid namespace.
    pub(super) pid: i32,
    /// In the engine's pid namespace.
    pub(super) ppid: i32,
    /// In the container's pid namespace.
    pub(super) container_pid: i32,
    pub(super) container_pgid: i32,
    /// Real and effective, in the engine's user namespace.
    pub(super) uids: [u32; 2],
    pub(super) gids: [u32; 2],
    pub(super) groups: Vec<u32>,
    pub(super) command: String,
    pub(super) arguments: String,
    pub(super) state: String,
    pub(super) tty: u32,
    pub(super) cpu_ticks: u64,
    pub(super) start_ticks: u64,
    pub(super) nice: i64,
    pub(super) vsz_bytes: u64,
    pub(super) rss_pages: u64,
    /// Inheritable, permitted, effective, bounding, ambient.
    pub(super) capabilities: [u64; 5],
    pub(super) seccomp: u32,
    pub(super) label: String,
}

/// Longest command line that is shown.
const MAX_ARGUMENTS: usize = 64 << 10;

pub(super) fn pids() -> Result<Vec<i32>> {
    let entries = fs::read_dir("/proc").map_err(Error::file)?;
    Ok(entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect())
}

/// `None` where it has gone meanwhile.
pub(super) fn read(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let mut process = parse(&String::from_utf8_lossy(&stat), &String::from_utf8_lossy(&status))?;
    process.pid = pid;
    let mut line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.truncate(MAX_ARGUMENTS);
    let parts: Vec<_> = line.split(|b| *b == 0).map(String::from_utf8_lossy).collect();
    process.arguments = parts.join(" ").trim_end().to_owned();
    if process.arguments.is_empty() {
        process.arguments = format!("[{}]", process.command);
    }
    process.label = fs::read_to_string(format!("/proc/{pid}/attr/current"))
        .map(|text| text.trim_end_matches(['\0', '\n']).to_owned())
        .ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "?".to_owned());
    Some(process)
}

fn parse(stat: &str, status: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let command = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|f| f.parse::<i64>().ok()).unwrap_or(0);
    let line = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("");
    let numbers =
        |name: &str| -> Vec<u32> { line(name).split_ascii_whitespace().flat_map(str::parse).collect() };
    let last = |name: &str, other: i64| {
        let list = numbers(name);
        list.last().map_or(i32::try_from(other).unwrap_or(0), |n| *n as i32)
    };
    let pair = |list: Vec<u32>| [list.first().copied().unwrap_or(0), list.get(1).copied().unwrap_or(0)];
    let mask = |name: &str| u64::from_str_radix(line(name).trim(), 16).unwrap_or(0);
    Some(Process {
        pid: 0,
        ppid: i32::try_from(number(1)).ok()?,
        container_pid: last("NSpid:", 0),
        container_pgid: last("NSpgid:", number(2)),
        uids: pair(numbers("Uid:")),
        gids: pair(numbers("Gid:")),
        groups: numbers("Groups:"),
        command,
        arguments: String::new(),
        state: (*fields.first()?).to_owned(),
        tty: number(4) as u32,
        cpu_ticks: (number(11) + number(12)).max(0) as u64,
        start_ticks: number(19).max(0) as u64,
        nice: number(16),
        vsz_bytes: number(20).max(0) as u64,
        rss_pages: number(21).max(0) as u64,
        capabilities: [mask("CapInh:"), mask("CapPrm:"), mask("CapEff:"), mask("CapBnd:"), mask("CapAmb:")],
        seccomp: numbers("Seccomp:").first().copied().unwrap_or(0),
        label: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        let stat = "77 (a) (b) S 70 77 77 34817 77 4194304 1 2 3 4 50 25 0 0 20 5 1 0 1234 8192 3 9";
        let status = "Name:\ta\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t10 11 \nNSpid:\t77\t1\nNSpgid:\t77\t1\n\
                      CapEff:\t00000000800405fb\nSeccomp:\t2\n";
        let p = parse(stat, status).unwrap();
        assert_eq!((p.command.as_str(), p.ppid, p.container_pid, p.container_pgid), ("a) (b", 70, 1, 1));
        assert_eq!((p.uids, p.gids, p.groups), ([1, 2], [5, 6], vec![10, 11]));
        assert_eq!((p.cpu_ticks, p.start_ticks, p.tty, p.vsz_bytes), (75, 1234, 34817, 8192));
        assert_eq!((p.capabilities[2], p.seccomp), (0x8004_05fb, 2));
    }

    #[test]
    fn this_process() {
        let p = read(std::process::id() as i32).unwrap();
        assert!(p.vsz_bytes > 0 && !p.arguments.is_empty());
    }
}
