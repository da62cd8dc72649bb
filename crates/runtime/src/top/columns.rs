//! The columns of podman-top(1).

use std::collections::HashMap;

use cove_sys::fs;

use super::names::Names;
use super::process::Process;
use crate::error::{Error, Result};
use crate::oci::capabilities::from_mask;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(&'static Entry);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: &'static str,
    /// As in `ps -o`; empty for columns that it does not have.
    code: &'static str,
    title: &'static str,
}

const fn entry(name: &'static str, code: &'static str, title: &'static str) -> Entry {
    Entry { name, code, title }
}

static COLUMNS: [Entry; 32] = [
    entry("args", "%a", "COMMAND"),
    entry("capamb", "", "AMBIENT CAPS"),
    entry("capbnd", "", "BOUNDING CAPS"),
    entry("capeff", "", "EFFECTIVE CAPS"),
    entry("capinh", "", "INHERITED CAPS"),
    entry("capprm", "", "PERMITTED CAPS"),
    entry("comm", "%c", "COMMAND"),
    entry("etime", "%t", "ELAPSED"),
    entry("group", "%G", "GROUP"),
    entry("groups", "", "GROUPS"),
    entry("hgroup", "", "HGROUP"),
    entry("hgroups", "", "HGROUPS"),
    entry("hpid", "", "HPID"),
    entry("huid", "", "HUID"),
    entry("huser", "", "HUSER"),
    entry("label", "", "LABEL"),
    entry("nice", "%n", "NI"),
    entry("pcpu", "%C", "%CPU"),
    entry("pgid", "%r", "PGID"),
    entry("pid", "%p", "PID"),
    entry("ppid", "%P", "PPID"),
    entry("rgroup", "%g", "RGROUP"),
    entry("rss", "", "RSS"),
    entry("ruser", "%u", "RUSER"),
    entry("seccomp", "", "SECCOMP"),
    entry("state", "", "STATE"),
    entry("stime", "", "STIME"),
    entry("time", "%x", "TIME"),
    entry("tty", "%y", "TTY"),
    entry("uid", "", "UID"),
    entry("user", "%U", "USER"),
    entry("vsz", "%z", "VSZ"),
];

/// What `top` shows when nobody says otherwise.
pub(crate) const DEFAULT_COLUMNS: [&str; 8] = ["user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"];

/// Columns by their names or codes, also several in one argument with commas.
pub(super) fn parse(names: &[String]) -> Result<Vec<Column>> {
    let names: Vec<&str> =
        names.iter().flat_map(|n| n.split(',')).map(str::trim).filter(|n| !n.is_empty()).collect();
    let names = if names.is_empty() { DEFAULT_COLUMNS.to_vec() } else { names };
    let find = |name: &str| {
        let found = COLUMNS.iter().find(|c| c.name == name || (!c.code.is_empty() && c.code == name));
        found.map(Column).ok_or_else(|| Error::invalid(format!("descriptor {name:?}"), "unknown descriptor"))
    };
    names.into_iter().map(find).collect()
}

/// What values need besides the process.
pub(super) struct Context {
    users: Names,
    groups: Names,
    host_users: Names,
    host_groups: Names,
    container_pids: HashMap<i32, i32>,
    uptime_ns: u64,
    boot_ns: i64,
    ticks: u64,
    page: u64,
}

impl Context {
    pub(super) fn new(init: i32, processes: &[Process]) -> Self {
        let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let ns = |t: rustix::time::Timespec| t.tv_sec.saturating_mul(1_000_000_000).saturating_add(t.tv_nsec);
        Self {
            users: Names::of_container(init, "passwd", "uid_map"),
            groups: Names::of_container(init, "group", "gid_map"),
            host_users: Names::of_host("passwd"),
            host_groups: Names::of_host("group"),
            container_pids: processes.iter().map(|p| (p.pid, p.container_pid)).collect(),
            uptime_ns: ns(uptime).max(0) as u64,
            boot_ns: ns(now).saturating_sub(ns(uptime)),
            ticks: rustix::param::clock_ticks_per_second().max(1),
            page: rustix::param::page_size() as u64,
        }
    }

    fn ticks_to_ns(&self, ticks: u64) -> u64 {
        ticks.saturating_mul(1_000_000_000 / self.ticks)
    }
}

impl Column {
    /// The heading.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.0.title
    }

    pub(super) fn value(&self, p: &Process, context: &Context) -> String {
        let started = context.ticks_to_ns(p.start_ticks);
        let elapsed = context.uptime_ns.saturating_sub(started);
        let cpu = context.ticks_to_ns(p.cpu_ticks);
        let list = |names: Vec<String>| names.join(",");
        match self.0.name {
            "args" => p.arguments.chars().filter(|c| !c.is_control()).collect(),
            "capinh" => capabilities(p.capabilities[0]),
            "capprm" => capabilities(p.capabilities[1]),
            "capeff" => capabilities(p.capabilities[2]),
            "capbnd" => capabilities(p.capabilities[3]),
            "capamb" => capabilities(p.capabilities[4]),
            "comm" => p.command.chars().filter(|c| !c.is_control()).collect(),
            "etime" => duration(elapsed),
            "group" => context.groups.name(p.gids[1]),
            "groups" => list(p.groups.iter().map(|g| context.groups.name(*g)).collect()),
            "hgroup" => context.host_groups.name(p.gids[1]),
            "hgroups" => list(p.groups.iter().map(|g| context.host_groups.name(*g)).collect()),
            "hpid" => p.pid.to_string(),
            "huid" => p.uids[1].to_string(),
            "huser" => context.host_users.name(p.uids[1]),
            "label" => p.label.clone(),
            "nice" => p.nice.to_string(),
            "pcpu" => format!("{:.3}", if elapsed == 0 { 0.0 } else { 100.0 * cpu as f64 / elapsed as f64 }),
            "pgid" => p.container_pgid.to_string(),
            "pid" => p.container_pid.to_string(),
            "ppid" => context.container_pids.get(&p.ppid).copied().unwrap_or(0).to_string(),
            "rgroup" => context.groups.name(p.gids[0]),
            "rss" => (p.rss_pages.saturating_mul(context.page) / 1024).to_string(),
            "ruser" => context.users.name(p.uids[0]),
            "seccomp" => ["disabled", "strict", "filter"].get(p.seccomp as usize).unwrap_or(&"?").to_string(),
            "state" => p.state.clone(),
            "stime" => start_time(context.boot_ns.saturating_add(i64::try_from(started).unwrap_or(i64::MAX))),
            "time" => duration(cpu),
            "tty" => terminal(p.tty),
            "uid" => context.users.id(p.uids[1]).to_string(),
            "user" => context.users.name(p.uids[1]),
            "vsz" => (p.vsz_bytes / 1024).to_string(),
            other => unreachable!("column {other} has no value"),
        }
    }
}

fn capabilities(mask: u64) -> String {
    if mask == 0 {
        return "none".to_owned();
    }
    let last: u32 = fs::read_to_string("/proc/sys/kernel/cap_last_cap")
        .ok()
        .and_then(|t| t.trim().parse().ok())
        .unwrap_or(40);
    let all = (1_u64 << (last.min(62) + 1)) - 1;
    if mask & all == all {
        return "full".to_owned();
    }
    let names: Vec<&str> = from_mask(mask).into_iter().map(|n| n.trim_start_matches("CAP_")).collect();
    names.join(",")
}

fn terminal(device: u32) -> String {
    // Numbers as in stat(5): minor in bits 0-7 and 20-31, major in 8-19.
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00);
    match major {
        0 => "?".to_owned(),
        4 if minor < 64 => format!("tty{minor}"),
        4 => format!("ttyS{}", minor - 64),
        136..=143 => format!("pts/{}", minor + (major - 136) * 256),
        _ => format!("{major}:{minor}"),
    }
}

fn start_time(ns: i64) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(ns)) {
        Ok(time) => {
            time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
        }
        Err(_) => "?".to_owned(),
    }
}

/// A duration in Go's form, which podman prints: `1h2m3.5s`, `15ms`, `0s`.
#[must_use]
pub(super) fn duration(ns: u64) -> String {
    let fraction = |value: u64, unit: u64, suffix: &str| {
        let (whole, rest) = (value / unit, value % unit);
        let digits = unit.ilog10() as usize;
        let text = format!("{whole}.{rest:0digits$}");
        format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => fraction(ns, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(ns, 1_000_000, "ms"),
        _ => {
            let minutes = ns / 60_000_000_000;
            let seconds = fraction(ns % 60_000_000_000, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_gos_form() {
        for (ns, text) in [
            (0, "0s"),
            (15_000_000, "15ms"),
            (1_500, "1.5µs"),
            (1_000_000_000, "1s"),
            (4_030_000_000, "4.03s"),
            (60_000_000_000, "1m0s"),
            (3_723_500_000_000, "1h2m3.5s"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn names_and_codes() {
        let names = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let titles =
            |list: &[&str]| -> Vec<&str> { parse(&names(list)).unwrap().iter().map(Column::title).collect() };
        assert_eq!(titles(&[]), ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"]);
        assert_eq!(titles(&["pid,hpid", "%a"]), ["PID", "HPID", "COMMAND"]);
        assert!(parse(&names(&["nope"])).is_err());
        let process = Process::default();
        let context = Context::new(std::process::id() as i32, &[]);
        for column in &COLUMNS {
            parse(&names(&[column.name])).unwrap()[0].value(&process, &context);
        }
    }

    #[test]
    fn terminals() {
        assert_eq!(terminal(0), "?");
        assert_eq!(terminal(34816), "pts/0");
        assert_eq!(terminal(136 << 8 | 5), "pts/5");
        assert_eq!(terminal(4 << 8 | 1), "tty1");
    }
}
