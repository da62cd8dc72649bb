//! Limits of block devices in the OCI configuration.

use cove_api::{BlockIo, ThrottleDevice, WeightDevice};
use oci_spec::runtime::{
    LinuxBlockIo, LinuxThrottleDevice, LinuxThrottleDeviceBuilder, LinuxWeightDevice,
    LinuxWeightDeviceBuilder,
};

use crate::error::Result;

pub(super) fn block_io(wanted: &BlockIo) -> Result<LinuxBlockIo> {
    let weights = wanted.weight_device.iter().map(weight).collect::<Result<Vec<_>>>()?;
    let mut oci = LinuxBlockIo::default();
    oci.set_weight(wanted.weight)
        .set_leaf_weight(wanted.leaf_weight)
        .set_weight_device(Some(weights).filter(|list| !list.is_empty()))
        .set_throttle_read_bps_device(rates(&wanted.throttle_read_bps_device)?)
        .set_throttle_write_bps_device(rates(&wanted.throttle_write_bps_device)?)
        .set_throttle_read_iops_device(rates(&wanted.throttle_read_iops_device)?)
        .set_throttle_write_iops_device(rates(&wanted.throttle_write_iops_device)?);
    Ok(oci)
}

fn weight(device: &WeightDevice) -> Result<LinuxWeightDevice> {
    let mut oci = LinuxWeightDeviceBuilder::default().major(device.major).minor(device.minor);
    if let Some(weight) = device.weight {
        oci = oci.weight(weight);
    }
    if let Some(weight) = device.leaf_weight {
        oci = oci.leaf_weight(weight);
    }
    Ok(oci.build()?)
}

fn rates(wanted: &[ThrottleDevice]) -> Result<Option<Vec<LinuxThrottleDevice>>> {
    let one = |device: &ThrottleDevice| {
        let oci = LinuxThrottleDeviceBuilder::default();
        Ok(oci.major(device.major).minor(device.minor).rate(device.rate).build()?)
    };
    let all = wanted.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(Some(all).filter(|list| !list.is_empty()))
}
