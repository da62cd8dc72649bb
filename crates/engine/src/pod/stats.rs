//! What the containers of pods use.

use std::sync::Arc;

use cove_api::{ContainerState, PodStats, PodStatsOptions, Result, Timestamp};
use cove_runtime::ContainerStats;

use crate::engine::Core;
use crate::name::short;
use crate::state::{ContainerRow, PodRow};

/// A row for each running container of the pods that are meant: those named, or those of which something runs.
pub(super) fn stats(core: &Arc<Core>, options: &PodStatsOptions) -> Result<Vec<PodStats>> {
    let pods = if options.names.is_empty() {
        core.database()?.pods()?
    } else {
        options.names.iter().map(|name| core.find_pod(name)).collect::<Result<_>>()?
    };
    let mut rows = Vec::new();
    for pod in pods {
        for member in core.members(&pod.id)? {
            if !matches!(member.state, ContainerState::Running | ContainerState::Paused) {
                continue;
            }
            // One that ends meanwhile uses nothing any more.
            if let Ok(used) = core.runtime()?.stats(&member.id) {
                rows.push(row(&pod, &member, &used));
            }
        }
    }
    Ok(rows)
}

fn row(pod: &PodRow, member: &ContainerRow, used: &ContainerStats) -> PodStats {
    let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    let lived = u64::try_from(now.saturating_sub(member.status.started_at)).unwrap_or(0);
    let (received, sent) = used.networks.iter().fold((0, 0), |(received, sent), interface| {
        (received + interface.received_bytes, sent + interface.sent_bytes)
    });
    PodStats {
        // Of its whole life, as podman shows it.
        cpu: percent(used.cpu_ns, lived),
        mem_usage: pair(used.memory_bytes, used.memory_limit_bytes, decimal),
        mem_usage_bytes: pair(used.memory_bytes, used.memory_limit_bytes, binary),
        mem: percent(used.memory_bytes, used.memory_limit_bytes),
        net_io: pair(received, sent, decimal),
        block_io: pair(used.block_input_bytes, used.block_output_bytes, decimal),
        pids: if used.pids == 0 { "--".into() } else { used.pids.to_string() },
        pod: short(&pod.id).to_owned(),
        cid: short(&member.id).to_owned(),
        name: member.name.clone(),
    }
}

fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "--".into();
    }
    format!("{:.2}%", part as f64 * 100.0 / whole as f64)
}

fn pair(one: u64, other: u64, shown: fn(u64) -> String) -> String {
    if one == 0 && other == 0 { "-- / --".into() } else { format!("{} / {}", shown(one), shown(other)) }
}

fn decimal(bytes: u64) -> String {
    scaled(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB"])
}

fn binary(bytes: u64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// Four significant digits and a unit.
fn scaled(bytes: u64, base: f64, units: &[&str]) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let decimals = if value >= 1000.0 { 0 } else { 3 - (value.max(1.0).log10().floor() as usize).min(3) };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_podman_does() {
        for (bytes, text) in
            [(0, "0B"), (999, "999B"), (1500, "1.5kB"), (8_297_472, "8.297MB"), (67_430_000_000, "67.43GB")]
        {
            assert_eq!(decimal(bytes), text);
        }
        assert_eq!(binary(1 << 20), "1MiB");
        assert_eq!(
            (percent(1, 3), percent(0, 3), pair(0, 0, decimal)),
            ("33.33%".into(), "--".into(), "-- / --".into())
        );
    }
}
