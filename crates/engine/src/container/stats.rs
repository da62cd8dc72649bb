//! What containers use, in samples.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cove_api::{
    ContainerState, ContainerStats, Error, ErrorKind, InterfaceStats, Result, StatsOptions, Timestamp,
    ValueStream,
};
use cove_runtime::ProcessTable;
use futures_util::stream;

use crate::engine::{Core, blocking};
use crate::state::ContainerRow;

/// CPU time and moment of the sample before, by container.
type Before = HashMap<String, (u64, u64)>;

/// The samples; what is wrong with the first one is an error of the call.
pub(super) async fn stats(
    core: &Arc<Core>,
    options: StatsOptions,
) -> Result<ValueStream<Vec<ContainerStats>>> {
    if options.interval < 1 {
        return Err(Error::invalid("invalid interval, must be a positive number greater zero"));
    }
    let (first, before) = next(core, options.clone(), Before::new()).await?;
    if !options.stream {
        return Ok(Box::pin(stream::iter([Ok(first)])));
    }
    let pause = Duration::from_secs(options.interval.into());
    let core = Arc::clone(core);
    let rest = stream::unfold(Some((core, options, before)), move |state| async move {
        let (core, options, before) = state?;
        tokio::time::sleep(pause).await;
        match next(&core, options.clone(), before).await {
            Ok((sample, before)) => Some((Ok(sample), Some((core, options, before)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Box::pin(futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest)))
}

async fn next(
    core: &Arc<Core>,
    options: StatsOptions,
    before: Before,
) -> Result<(Vec<ContainerStats>, Before)> {
    blocking(core, move |core| sample(core, &options, &before)).await
}

fn sample(core: &Core, options: &StatsOptions, before: &Before) -> Result<(Vec<ContainerStats>, Before)> {
    let named = !options.containers.is_empty();
    let rows = if named {
        options.containers.iter().map(|name| core.find_container(name)).collect::<Result<Vec<_>>>()?
    } else {
        core.database()?.containers()?
    };
    let mut table = ProcessTable::default();
    let (mut all, mut now) = (Vec::new(), Before::new());
    for row in rows {
        let runs = matches!(row.state, ContainerState::Running | ContainerState::Paused);
        let stats = if runs { one(core, &row, before.get(&row.id), &mut table)? } else { None };
        match stats {
            Some(stats) => {
                now.insert(row.id, (stats.cpu_ns, stats.system_ns));
                all.push(stats);
            }
            None if named || options.all => {
                all.push(ContainerStats {
                    container_id: row.id,
                    name: row.name,
                    ..ContainerStats::default()
                });
            }
            None => {}
        }
    }
    Ok((all, now))
}

/// A container's sample; [`None`] where it has ended.
fn one(
    core: &Core,
    row: &ContainerRow,
    before: Option<&(u64, u64)>,
    table: &mut ProcessTable,
) -> Result<Option<ContainerStats>> {
    let used = match core.runtime()?.stats_with(&row.id, table).map_err(Error::from) {
        Ok(used) => used,
        Err(error) if matches!(error.kind, ErrorKind::WrongState | ErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    let started = u64::try_from(row.status.started_at).unwrap_or_default();
    let since_start = (0, started);
    // Less than before: it was started again.
    let before = before.filter(|(cpu, _)| *cpu <= used.cpu_ns).unwrap_or(&since_start);
    let network = used.networks.into_iter().map(|interface| {
        let counters = InterfaceStats {
            rx_bytes: interface.received_bytes,
            rx_dropped: interface.received_dropped,
            rx_errors: interface.received_errors,
            rx_packets: interface.received_packets,
            tx_bytes: interface.sent_bytes,
            tx_dropped: interface.sent_dropped,
            tx_errors: interface.sent_errors,
            tx_packets: interface.sent_packets,
        };
        (interface.name, counters)
    });
    Ok(Some(ContainerStats {
        average_cpu: percent(used.cpu_ns, now.saturating_sub(started)),
        container_id: row.id.clone(),
        name: row.name.clone(),
        cpu: percent(used.cpu_ns.saturating_sub(before.0), now.saturating_sub(before.1)),
        cpu_ns: used.cpu_ns,
        cpu_system_ns: used.cpu_system_ns,
        system_ns: now,
        memory: used.memory_bytes,
        memory_limit: used.memory_limit_bytes,
        memory_percent: percent(used.memory_bytes, used.memory_limit_bytes),
        network: network.collect(),
        block_input: used.block_input_bytes,
        block_output: used.block_output_bytes,
        pids: used.pids,
        up_time: used.cpu_ns,
        duration: used.cpu_ns,
        unknown: if used.block_unknown { vec!["io".into()] } else { Vec::new() },
    }))
}

#[allow(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}
