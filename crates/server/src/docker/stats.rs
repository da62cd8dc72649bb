//! `/containers/{name}/stats`, also libpod's.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use cove_api::{ContainerStats, Error, StatsOptions, Timestamp};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::parameters::{self, Query};
use crate::error::Answer;
use crate::router::EngineState;
use crate::stream;

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/containers/{name}/stats", get(stats))
        // The same with Podman: the samples are Docker's.
        .route("/libpod/containers/{name}/stats", get(stats))
}

/// A sample, with the one before it, from which clients compute.
#[derive(Serialize)]
struct Sample {
    name: String,
    id: String,
    read: Timestamp,
    preread: Timestamp,
    num_procs: u32,
    pids_stats: Value,
    cpu_stats: Value,
    precpu_stats: Value,
    memory_stats: Value,
    blkio_stats: Value,
    storage_stats: Value,
    networks: Value,
}

async fn stats(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Stats>,
) -> Answer {
    let one_shot = asked.one_shot;
    let stream_on = asked.stream.unwrap_or(true) && !one_shot;
    let options = StatsOptions { all: true, stream: !one_shot, interval: 1, containers: vec![name] };
    let samples = engine.containers().stats(options).await?;
    let mut before: Option<ContainerStats> = None;
    let mut first = None;
    let lines = samples.map(move |sample| {
        let now = sample?.into_iter().next().ok_or_else(|| Error::not_found("no such container"))?;
        let start = *first.get_or_insert(now.system_ns);
        let line = encoded(&now, before.as_ref(), start);
        before = Some(now);
        Ok(line)
    });
    if stream_on || one_shot {
        return Ok(stream::json_lines(lines));
    }
    // Without a stream two samples are taken, so that the one that is sent has one before it.
    Ok(stream::json_lines(lines.skip(1).take(1)))
}

/// Times count from a second before the first sample: what clients look at is the difference.
fn encoded(now: &ContainerStats, before: Option<&ContainerStats>, start: u64) -> Sample {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let cpu = |stats: &ContainerStats| {
        let elapsed = stats.system_ns.saturating_sub(start).saturating_add(1_000_000_000);
        json!({
            "cpu_usage": {
                "total_usage": stats.cpu_ns,
                "usage_in_kernelmode": stats.cpu_system_ns,
                "usage_in_usermode": stats.cpu_ns.saturating_sub(stats.cpu_system_ns),
            },
            "system_cpu_usage": elapsed.saturating_mul(cpus),
            "online_cpus": cpus,
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        })
    };
    let none = json!({
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    });
    let block =
        |operation: &str, value: u64| json!({"major": 0, "minor": 0, "op": operation, "value": value});
    let blocks = if now.unknown.iter().any(|what| what == "io") {
        Value::Null
    } else {
        json!([block("read", now.block_input), block("write", now.block_output)])
    };
    let networks: serde_json::Map<String, Value> = now
        .network
        .iter()
        .map(|(name, of)| {
            let counters = json!({
                "rx_bytes": of.rx_bytes,
                "rx_packets": of.rx_packets,
                "rx_errors": of.rx_errors,
                "rx_dropped": of.rx_dropped,
                "tx_bytes": of.tx_bytes,
                "tx_packets": of.tx_packets,
                "tx_errors": of.tx_errors,
                "tx_dropped": of.tx_dropped,
            });
            (name.clone(), counters)
        })
        .collect();
    Sample {
        name: format!("/{}", now.name),
        id: now.container_id.clone(),
        read: time(now.system_ns),
        preread: before.map_or_else(cove_api::zero_time, |before| time(before.system_ns)),
        num_procs: 0,
        pids_stats: json!({"current": now.pids}),
        cpu_stats: cpu(now),
        precpu_stats: before.map_or(none, cpu),
        memory_stats: json!({"usage": now.memory, "limit": now.memory_limit, "stats": {}}),
        blkio_stats: json!({"io_service_bytes_recursive": blocks}),
        storage_stats: json!({}),
        networks: networks.into(),
    }
}

fn time(nanoseconds: u64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}
