//! Limits of a container as a Compose file has them.

use cove_api::{BlockIo, CpuLimits, MemoryLimits, Resources, ThrottleDevices};
use cove_compose::model::{BlkioConfig, Bytes, Service, ThrottleDevice, WeightDevice};

use super::compose::NO_KEY;
use super::flags_value::processors;
use crate::loss::Of;

pub(super) fn resources(limits: &Resources, made: &mut Service, lost: &mut Of<'_>) {
    let Resources { memory, cpu, pids, devices, block_io, hugepage_limits, network, rdma, unified } = limits;
    lost.given("resource_limits.devices", devices, NO_KEY);
    lost.given("resource_limits.hugepageLimits", hugepage_limits, NO_KEY);
    lost.given("resource_limits.network", network, NO_KEY);
    lost.given("resource_limits.rdma", rdma, NO_KEY);
    lost.given("resource_limits.unified", unified, NO_KEY);
    if let Some(memory) = memory {
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
        made.mem_limit = Bytes(limit.unwrap_or(0));
        made.mem_reservation = Bytes(reservation.unwrap_or(0));
        if *swap != limit.and_then(|limit| limit.checked_mul(2)) {
            made.memswap_limit = Bytes(swap.unwrap_or(0));
        }
        match swappiness {
            Some(0) => lost.lost("resource_limits.memory.swappiness", "0 is as the system has it"),
            Some(number) => made.mem_swappiness = Bytes(i64::try_from(*number).unwrap_or(i64::MAX)),
            None => {}
        }
        made.oom_kill_disable = *disable_oom_killer == Some(true);
        lost.given("resource_limits.memory.kernel", kernel, NO_KEY);
        lost.given("resource_limits.memory.kernelTCP", kernel_tcp, NO_KEY);
        lost.given("resource_limits.memory.useHierarchy", use_hierarchy, NO_KEY);
        lost.given("resource_limits.memory.checkBeforeUpdate", check_before_update, NO_KEY);
    }
    if let Some(cpu) = cpu {
        let CpuLimits { shares, quota, period, cpus, mems, burst, realtime_runtime, realtime_period, idle } =
            cpu;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        made.cpu_shares = shares.map_or(0, number);
        let whole = quota.zip(*period).and_then(|(quota, period)| exact(quota, period));
        match whole {
            Some(cpus) => made.cpus = cpus,
            None => {
                made.cpu_quota = quota.unwrap_or(0);
                made.cpu_period = period.map_or(0, number);
            }
        }
        made.cpuset.clone_from(cpus);
        made.cpu_rt_runtime = realtime_runtime.unwrap_or(0);
        made.cpu_rt_period = realtime_period.map_or(0, number);
        lost.given("resource_limits.cpu.mems", mems, NO_KEY);
        lost.given("resource_limits.cpu.burst", burst, NO_KEY);
        lost.given("resource_limits.cpu.idle", idle, NO_KEY);
    }
    made.pids_limit = pids.map_or(0, |pids| pids.limit);
    if let Some(block) = block_io {
        lost.given("resource_limits.blockIO", &BlockIo { weight: None, ..block.clone() }, NO_KEY);
        if let Some(weight) = block.weight {
            made.blkio_config.get_or_insert_default().weight = weight;
        }
    }
}

/// A number of processors that is read as this quota again: Compose counts them less finely.
fn exact(quota: i64, period: u64) -> Option<f32> {
    let cpus: f32 = processors(quota, period)?.parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "a number of processors is small")]
    let again = (f64::from(cpus) * 1e9) as i64 / 10_000;
    (again == quota).then_some(cpus)
}

pub(super) fn block_devices<'a>(
    made: &mut Service,
    weights: impl Iterator<Item = (&'a String, u16)>,
    [read_bps, read_iops, write_bps, write_iops]: [&ThrottleDevices; 4],
) {
    let rates = |devices: &ThrottleDevices| -> Vec<ThrottleDevice> {
        let one = |(path, device): (&String, &cove_api::ThrottleDevice)| ThrottleDevice {
            path: path.clone(),
            rate: Bytes(i64::try_from(device.rate).unwrap_or(i64::MAX)),
            ..ThrottleDevice::default()
        };
        devices.iter().map(one).collect()
    };
    let mut config = made.blkio_config.take().unwrap_or_default();
    config.weight_device = weights
        .map(|(path, weight)| WeightDevice { path: path.clone(), weight, ..WeightDevice::default() })
        .collect();
    config.device_read_bps = rates(read_bps);
    config.device_read_iops = rates(read_iops);
    config.device_write_bps = rates(write_bps);
    config.device_write_iops = rates(write_iops);
    made.blkio_config = (config != BlkioConfig::default()).then_some(config);
}
