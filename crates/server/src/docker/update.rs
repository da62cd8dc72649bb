//! `POST /containers/{name}/update`.

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use cove_api::wire::NotDone;
use cove_api::{ContainerSpec, ContainerUpdate, RestartUpdate};
use serde::{Deserialize, Serialize};

use crate::body::JsonBody;
use crate::error::Answer;
use crate::router::EngineState;
use cove_docker::{
    DeviceRequest, DockerDevice, HostConfig, Limits, RestartPolicy, ThrottleDevice, Ulimit, WeightDevice,
    block_devices, rlimit,
};

pub(super) fn routes() -> Router<EngineState> {
    Router::new().route("/containers/{name}/update", post(update))
}

/// The limits and the restart policy of a container; what is 0 or empty stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder, and read by nobody after it")]
struct Update {
    restart_policy: RestartPolicy,
    cpu_shares: i64,
    memory: i64,
    memory_reservation: i64,
    memory_swap: i64,
    memory_swappiness: Option<i64>,
    nano_cpus: i64,
    cpu_period: i64,
    cpu_quota: i64,
    cpuset_cpus: String,
    cpuset_mems: String,
    pids_limit: Option<i64>,
    ulimits: Vec<Ulimit>,
    oom_kill_disable: bool,
    blkio_weight: u16,
    blkio_weight_device: Vec<WeightDevice>,
    blkio_device_read_bps: Vec<ThrottleDevice>,
    blkio_device_write_bps: Vec<ThrottleDevice>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    blkio_device_read_iops: Vec<ThrottleDevice>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    blkio_device_write_iops: Vec<ThrottleDevice>,
    cpu_realtime_period: i64,
    cpu_realtime_runtime: i64,

    cgroup_parent: NotDone<String>,
    devices: NotDone<Vec<DockerDevice>>,
    device_cgroup_rules: NotDone<Vec<String>>,
    device_requests: NotDone<Vec<DeviceRequest>>,
    kernel_memory: NotDone<i64>,
    #[serde(rename = "KernelMemoryTCP")]
    kernel_memory_tcp: NotDone<i64>,
    cpu_count: NotDone<i64>,
    cpu_percent: NotDone<i64>,
    #[serde(rename = "IOMaximumIOps")]
    io_maximum_iops: NotDone<u64>,
    #[serde(rename = "IOMaximumBandwidth")]
    io_maximum_bandwidth: NotDone<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Updated {
    warnings: Vec<String>,
}

async fn update(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<Update>,
) -> Answer<Json<Updated>> {
    engine.containers().update(&name, wanted(body)?).await?;
    Ok(Json(Updated { warnings: Vec::new() }))
}

fn wanted(body: Update) -> Answer<ContainerUpdate> {
    let policy = body.restart_policy;
    let restart = (!policy.name.is_empty())
        .then_some(RestartUpdate { policy: policy.name, tries: policy.maximum_retry_count });
    let host = HostConfig {
        cpu_shares: body.cpu_shares,
        memory: body.memory,
        memory_reservation: body.memory_reservation,
        memory_swap: body.memory_swap,
        memory_swappiness: body.memory_swappiness,
        nano_cpus: body.nano_cpus,
        cpu_period: body.cpu_period,
        cpu_quota: body.cpu_quota,
        cpuset_cpus: body.cpuset_cpus,
        cpuset_mems: body.cpuset_mems,
        pids_limit: body.pids_limit,
        oom_kill_disable: body.oom_kill_disable,
        blkio_weight: body.blkio_weight,
        blkio_weight_device: body.blkio_weight_device,
        blkio_device_read_bps: body.blkio_device_read_bps,
        blkio_device_write_bps: body.blkio_device_write_bps,
        blkio_device_read_iops: body.blkio_device_read_iops,
        blkio_device_write_iops: body.blkio_device_write_iops,
        cpu_realtime_period: body.cpu_realtime_period,
        cpu_realtime_runtime: body.cpu_realtime_runtime,
        ..HostConfig::default()
    };
    let mut limits =
        ContainerSpec { resource_limits: Limits::of(&host)?.into_resources(), ..ContainerSpec::default() };
    block_devices(&mut limits, &host);
    let r_limits = body.ulimits.into_iter().map(rlimit).collect::<cove_api::Result<_>>()?;
    Ok(ContainerUpdate { restart, r_limits, ..ContainerUpdate::of_request(&limits) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_s_command_line_sends_changes_only_what_was_asked_for() {
        let text = r#"{"CpuShares": 0, "Memory": 0, "NanoCpus": 1500000000, "CgroupParent": "", "BlkioWeight": 0,
            "BlkioWeightDevice": null, "CpuPeriod": 0, "CpusetCpus": "", "Devices": null, "DeviceRequests": null,
            "MemorySwappiness": null, "OomKillDisable": null, "PidsLimit": null, "Ulimits": null, "CpuCount": 0,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}"#;
        let update = wanted(cove_api::wire::json::decode(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(update.restart, Some(RestartUpdate { policy: "on-failure".into(), tries: 3 }));
        assert_eq!((update.cpu.unwrap().quota, update.memory, update.pids), (Some(150_000), None, None));
        let none = wanted(cove_api::wire::json::decode(b"{}").unwrap()).unwrap();
        assert_eq!(none, ContainerUpdate::default());
        assert!(cove_api::wire::json::decode::<Update>(br#"{"KernelMemory": 10}"#).is_err());
    }
}
