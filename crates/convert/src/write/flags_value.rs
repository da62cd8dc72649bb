//! Values of a request as the options of a command line write them.

use cove_api::{
    BlockIo, CpuLimits, DeviceCgroup, HealthConfig, LogConfig, MemoryLimits, Namespace, PerNetworkOptions,
    PortMapping, Resources, Rlimit, SecretFile, StartupHealthCheck,
};
use cove_compose::model::Duration;
use cove_spec::health;

use super::flag::Flags;
use crate::loss::Of;
use crate::normal::DEFAULT_NETWORK;

/// Microseconds of the period that `--cpus` means.
const CPU_PERIOD: u64 = 100_000;
/// Permission bits of a secret's file where nobody says otherwise.
const SECRET_MODE: u32 = 0o444;
/// What has no option.
pub(super) const NO_OPTION: &str = "the command line has no option for it";

/// The mode of a namespace; none for the default.
pub(super) fn mode(namespace: &Namespace) -> Option<String> {
    let Namespace { nsmode, value } = namespace;
    match (nsmode.as_str(), value.as_str()) {
        ("", _) => None,
        ("path", path) => Some(format!("ns:{path}")),
        ("no-map", _) => Some("nomap".to_owned()),
        (mode, "") => Some(mode.to_owned()),
        (mode, value) => Some(format!("{mode}:{value}")),
    }
}

/// `--network` for each, with its wishes.
pub(super) fn networks(
    netns: &Namespace,
    networks: &std::collections::BTreeMap<String, PerNetworkOptions>,
    options: &std::collections::BTreeMap<String, Vec<String>>,
    flags: &mut Flags,
    lost: &mut Of<'_>,
) {
    for (program, words) in options {
        if *program != netns.nsmode || words.iter().any(|word| word.contains(',')) {
            lost.lost(
                "network_options",
                "its program is not that of the network's mode, or a comma is in one",
            );
        }
    }
    if netns.nsmode != "bridge" {
        let program = options.get(&netns.nsmode).filter(|words| !words.is_empty());
        match program {
            Some(words) => flags.add("--network", format!("{}:{}", netns.nsmode, words.join(","))),
            None => flags.option("--network", mode(netns)),
        }
        if !networks.is_empty() && matches!(netns.nsmode.as_str(), "" | "private") {
            // What is in networks has one of these.
            each_network(networks, flags, lost);
        } else {
            lost.given("Networks", networks, "the namespace is of another mode than bridge");
        }
        return;
    }
    if networks.is_empty() {
        flags.add("--network", "bridge");
    }
    each_network(networks, flags, lost);
}

fn each_network(
    networks: &std::collections::BTreeMap<String, PerNetworkOptions>,
    flags: &mut Flags,
    lost: &mut Of<'_>,
) {
    for (name, own) in networks {
        let PerNetworkOptions { static_ips, aliases, static_mac, interface_name, options } = own;
        let mut words: Vec<String> = static_ips
            .iter()
            .map(|ip| format!("{}={ip}", if ip.contains(':') { "ip6" } else { "ip" }))
            .collect();
        words.extend((!static_mac.is_empty()).then(|| format!("mac={static_mac}")));
        words.extend(aliases.iter().map(|alias| format!("alias={alias}")));
        words.extend((!interface_name.is_empty()).then(|| format!("interface_name={interface_name}")));
        for (key, value) in options {
            if key.contains(',') || value.contains(',') {
                lost.lost(&format!("Networks.{name}.options.{key}"), "it has a comma");
            } else {
                words.push(format!("{key}={value}"));
            }
        }
        let name = if name == DEFAULT_NETWORK { "bridge" } else { name };
        match words.as_slice() {
            [] => flags.add("--network", name),
            words => flags.add("--network", format!("{name}:{}", words.join(","))),
        }
    }
}

/// `[[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]`.
pub(super) fn port(mapping: &PortMapping) -> String {
    let PortMapping { host_ip, container_port, host_port, range, protocol } = mapping;
    let ports = |first: u16| match range {
        0 | 1 => first.to_string(),
        range => format!("{first}-{}", u32::from(first) + u32::from(*range) - 1),
    };
    let container = ports(*container_port);
    let host = if *host_port == 0 { String::new() } else { ports(*host_port) };
    let address = if host_ip.contains(':') { format!("[{host_ip}]") } else { host_ip.clone() };
    let text = match (address.as_str(), host.as_str()) {
        ("", "") => container,
        ("", host) => format!("{host}:{container}"),
        (address, host) => format!("{address}:{host}:{container}"),
    };
    if matches!(protocol.as_str(), "" | "tcp") { text } else { format!("{text}/{protocol}") }
}

/// `--secret` for files.
pub(super) fn secret(file: &SecretFile) -> String {
    let SecretFile { source, target, uid, gid, mode } = file;
    let mut text = source.clone();
    if !target.is_empty() {
        text += &format!(",target={target}");
    }
    for (name, id) in [("uid", uid), ("gid", gid)] {
        if *id != 0 {
            text += &format!(",{name}={id}");
        }
    }
    if *mode != SECRET_MODE {
        text += &format!(",mode={mode:o}");
    }
    text
}

/// `NAME=SOFT:HARD`.
pub(super) fn ulimit(limit: &Rlimit) -> String {
    let Rlimit { kind, hard, soft } = limit;
    let value = |value: u64| if value == u64::MAX { "-1".to_owned() } else { value.to_string() };
    if soft == hard {
        return format!("{kind}={}", value(*soft));
    }
    format!("{kind}={}:{}", value(*soft), value(*hard))
}

/// `TYPE MAJOR:MINOR MODE`; none for a rule that takes away.
pub(super) fn device_rule(rule: &DeviceCgroup) -> Option<String> {
    let DeviceCgroup { allow, kind, major, minor, access } = rule;
    let number = |number: &Option<i64>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    allow.then(|| format!("{kind} {}:{} {access}", number(major), number(minor)))
}

/// Number of processors of a quota and period, where they are what `--cpus` makes of one.
pub(super) fn processors(quota: i64, period: u64) -> Option<String> {
    if period != CPU_PERIOD || quota < 1000 {
        return None;
    }
    let (whole, rest) = (quota / 100_000, quota % 100_000);
    let text = format!("{whole}.{rest:05}");
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Limits of the control group.
pub(super) fn resources(limits: &Resources, flags: &mut Flags, lost: &mut Of<'_>) {
    let Resources { memory, cpu, pids, devices, block_io, hugepage_limits, network, rdma, unified } = limits;
    lost.given("resource_limits.devices", devices, NO_OPTION);
    lost.given("resource_limits.hugepageLimits", hugepage_limits, NO_OPTION);
    lost.given("resource_limits.network", network, NO_OPTION);
    lost.given("resource_limits.rdma", rdma, NO_OPTION);
    lost.given("resource_limits.unified", unified, NO_OPTION);
    if let Some(memory) = memory {
        self::memory(memory, flags, lost);
    }
    if let Some(cpu) = cpu {
        self::cpu(cpu, flags, lost);
    }
    flags.option("--pids-limit", pids.map(|pids| pids.limit));
    if let Some(block) = block_io {
        let BlockIo {
            weight,
            leaf_weight,
            weight_device,
            throttle_read_bps_device,
            throttle_write_bps_device,
            throttle_read_iops_device,
            throttle_write_iops_device,
        } = block;
        flags.option("--blkio-weight", *weight);
        lost.given("resource_limits.blockIO.leafWeight", leaf_weight, NO_OPTION);
        lost.given("resource_limits.blockIO.weightDevice", weight_device, NO_OPTION);
        for rates in [
            throttle_read_bps_device,
            throttle_write_bps_device,
            throttle_read_iops_device,
            throttle_write_iops_device,
        ] {
            lost.given("resource_limits.blockIO", rates, NO_OPTION);
        }
    }
}

fn memory(memory: &MemoryLimits, flags: &mut Flags, lost: &mut Of<'_>) {
    let MemoryLimits {
        limit,
        reservation,
        swap,
        swappiness,
        disable_oom_killer,
        kernel,
        kernel_tcp,
        use_hierarchy,
        check_before_update,
    } = memory;
    flags.option("--memory", limit.map(bytes));
    flags.option("--memory-reservation", reservation.map(bytes));
    if *swap != limit.and_then(|limit| limit.checked_mul(2)) {
        flags.option("--memory-swap", swap.map(|swap| if swap < 0 { "-1".to_owned() } else { bytes(swap) }));
    }
    flags.option("--memory-swappiness", *swappiness);
    flags.switch("--oom-kill-disable", *disable_oom_killer == Some(true));
    lost.given("resource_limits.memory.kernel", kernel, NO_OPTION);
    lost.given("resource_limits.memory.kernelTCP", kernel_tcp, NO_OPTION);
    lost.given("resource_limits.memory.useHierarchy", use_hierarchy, NO_OPTION);
    lost.given("resource_limits.memory.checkBeforeUpdate", check_before_update, NO_OPTION);
}

fn cpu(cpu: &CpuLimits, flags: &mut Flags, lost: &mut Of<'_>) {
    let CpuLimits { shares, quota, period, cpus, mems, burst, realtime_runtime, realtime_period, idle } = cpu;
    flags.option("--cpu-shares", *shares);
    match quota.zip(*period).and_then(|(quota, period)| processors(quota, period)) {
        Some(processors) => flags.add("--cpus", processors),
        None => {
            flags.option("--cpu-quota", *quota);
            flags.option("--cpu-period", *period);
        }
    }
    flags.text("--cpuset-cpus", cpus);
    flags.text("--cpuset-mems", mems);
    flags.option("--cpu-rt-runtime", *realtime_runtime);
    flags.option("--cpu-rt-period", *realtime_period);
    lost.given("resource_limits.cpu.burst", burst, NO_OPTION);
    lost.given("resource_limits.cpu.idle", idle, NO_OPTION);
}

/// A size with the largest unit that leaves it whole.
pub(super) fn bytes(size: i64) -> String {
    let mut size = size;
    let mut units = ["b", "k", "m", "g"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while size > 0 && size % 1024 == 0 {
        let Some(next) = units.next() else { break };
        (size, unit) = (size / 1024, next);
    }
    format!("{size}{unit}")
}

/// Where the output is kept.
pub(super) fn log(log: &LogConfig, flags: &mut Flags, lost: &mut Of<'_>) {
    let LogConfig { driver, path, size, options, labels } = log;
    flags.text("--log-driver", driver);
    if !path.is_empty() {
        flags.add("--log-opt", format!("path={path}"));
    }
    if *size != 0 {
        let size = if *size < 0 { "-1".to_owned() } else { format!("{size}b") };
        flags.add("--log-opt", format!("max-size={size}"));
    }
    flags.pairs("--log-opt", options);
    lost.given("log_configuration.labels", labels, NO_OPTION);
}

/// The health check.
pub(super) fn health(check: &HealthConfig, flags: &mut Flags, lost: &mut Of<'_>) {
    let HealthConfig { test, interval, timeout, start_period, start_interval, retries } = check;
    if test.first().is_some_and(|first| first == "NONE") {
        flags.switch("--no-healthcheck", true);
        return;
    }
    let is_whole = !test.is_empty();
    if is_whole {
        flags.add("--health-cmd", command(test));
    }
    match *interval {
        0 if is_whole => flags.add("--health-interval", "disable"),
        interval if interval < 0 => flags.add("--health-interval", "disable"),
        0 => {}
        interval if is_whole && interval == health::INTERVAL => {}
        interval => flags.add("--health-interval", Duration(interval)),
    }
    for (name, time) in [("--health-timeout", timeout), ("--health-start-period", start_period)] {
        if *time != 0 {
            flags.add(name, Duration(*time));
        }
    }
    if *retries != 0 {
        flags.add("--health-retries", retries);
    }
    lost.given("healthconfig.StartInterval", start_interval, NO_OPTION);
}

/// The check at the start.
pub(super) fn startup(check: &StartupHealthCheck, flags: &mut Flags, lost: &mut Of<'_>) {
    let StartupHealthCheck { test, interval, timeout, start_period, start_interval, retries, successes } =
        check;
    flags.add("--health-startup-cmd", command(test));
    match *interval {
        0 => flags.add("--health-startup-interval", "disable"),
        health::INTERVAL => {}
        interval => flags.add("--health-startup-interval", Duration(interval)),
    }
    if *timeout != 0 {
        flags.add("--health-startup-timeout", Duration(*timeout));
    }
    for (name, number) in [("--health-startup-retries", retries), ("--health-startup-success", successes)] {
        if *number != 0 {
            flags.add(name, number);
        }
    }
    lost.given("startupHealthConfig.StartPeriod", start_period, NO_OPTION);
    lost.given("startupHealthConfig.StartInterval", start_interval, NO_OPTION);
}

/// A line where it is read as one, else a list.
fn command(test: &[String]) -> String {
    if let [kind, line] = test
        && kind == "CMD-SHELL"
    {
        let first = line.split(' ').next().unwrap_or_default().to_uppercase();
        let is_list = serde_json::from_str::<Vec<String>>(line).is_ok();
        if !is_list && !matches!(first.as_str(), "" | "NONE" | "CMD" | "CMD-SHELL") && line.trim() == line {
            return line.clone();
        }
    }
    list(test)
}

/// A JSON list.
pub(super) fn list(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

/// A program, or a list where it is more than that.
pub(super) fn program(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [program] if serde_json::from_str::<Vec<String>>(program).is_err() => program.clone(),
        words => list(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let mapping = |text: &str| cove_spec::port::publish(text).unwrap();
        for text in ["80", "8080:80", "127.0.0.1::80", "127.0.0.1:1:2/udp", "[::1]:1:2", "80-82:90-92/sctp"] {
            assert_eq!(port(&mapping(text)), text);
        }
        for text in ["0.5", "1", "1.5", "2.25", "0.01"] {
            let (quota, period) = cove_spec::resource::cpus(text).unwrap();
            assert_eq!(processors(quota, period).as_deref(), Some(text));
        }
        for (size, text) in [(0, "0b"), (1, "1b"), (1 << 20, "1m"), (3 << 40, "3072g"), (1500, "1500b")] {
            assert_eq!(bytes(size), text);
        }
        for text in ["nofile=10:20", "nproc=-1", "core=0"] {
            assert_eq!(ulimit(&cove_spec::resource::ulimit(text).unwrap()), text);
        }
        for text in ["key", "key,target=/a,uid=3,mode=400"] {
            let given = cove_spec::secret::parse_all([text]).unwrap();
            assert_eq!(secret(&given.files[0]), text);
        }
        assert_eq!(device_rule(&cove_spec::device::cgroup_rule("c 7:* rmw").unwrap()).unwrap(), "c 7:* rmw");
    }

    #[test]
    fn health_checks_are_read_again() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for test in [
            words(&["CMD-SHELL", "curl -f http://x || exit 1"]),
            words(&["CMD-SHELL", "none of it"]),
            words(&["CMD-SHELL", "[\"a\"]"]),
            words(&["CMD-SHELL", "cmd x"]),
            words(&["CMD", "a", "b c"]),
            words(&["CMD", "a"]),
        ] {
            let text = command(&test);
            let texts = health::CheckTexts { command: Some(&text), ..health::CheckTexts::default() };
            assert_eq!(health::check(&texts).unwrap().unwrap().test, test, "{text}");
        }
    }
}
