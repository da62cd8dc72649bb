//! Limits of block devices that the user names by their path: what numbers the devices have.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use cove_api::{ContainerSpec, Error, Result, ThrottleDevice, ThrottleDevices};

/// Puts the limits of devices by path beside those by number.
pub(crate) fn resolve(spec: &mut ContainerSpec) -> Result<()> {
    let weights = std::mem::take(&mut spec.weight_device);
    let rates = [
        std::mem::take(&mut spec.throttle_read_bps_device),
        std::mem::take(&mut spec.throttle_write_bps_device),
        std::mem::take(&mut spec.throttle_read_iops_device),
        std::mem::take(&mut spec.throttle_write_iops_device),
    ];
    if weights.is_empty() && rates.iter().all(ThrottleDevices::is_empty) {
        return Ok(());
    }
    let limits = spec.resource_limits.get_or_insert_default().block_io.get_or_insert_default();
    for (path, mut weight) in weights {
        (weight.major, weight.minor) = numbers(&path)
            .map_err(|error| error.context(format!("failed to inspect '{path}' in --blkio-weight-device")))?;
        limits.weight_device.push(weight);
    }
    let [read_bytes, write_bytes, reads, writes] = rates;
    for (wanted, list) in [
        (read_bytes, &mut limits.throttle_read_bps_device),
        (write_bytes, &mut limits.throttle_write_bps_device),
        (reads, &mut limits.throttle_read_iops_device),
        (writes, &mut limits.throttle_write_iops_device),
    ] {
        for (path, ThrottleDevice { rate, .. }) in wanted {
            let (major, minor) = numbers(&path)
                .map_err(|error| error.context(format!("could not parse throttle device '{path}'")))?;
            list.push(ThrottleDevice { major, minor, rate });
        }
    }
    Ok(())
}

fn numbers(path: &str) -> Result<(i64, i64)> {
    let metadata = cove_sys::fs::metadata(path)?;
    if !metadata.file_type().is_block_device() {
        return Err(Error::invalid(format!("{path}: not a block device")));
    }
    let device = metadata.rdev();
    Ok((i64::from(rustix::fs::major(device)), i64::from(rustix::fs::minor(device))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_block_devices_have_limits() {
        let mut spec = ContainerSpec::default();
        resolve(&mut spec).unwrap();
        assert_eq!(spec, ContainerSpec::default());
        for (path, expected) in [("/dev/null", "not a block device"), ("/dev/missing", "missing")] {
            let limit = [(path.to_owned(), ThrottleDevice { rate: 1, ..Default::default() })].into();
            let mut spec = ContainerSpec { throttle_read_bps_device: limit, ..Default::default() };
            assert!(resolve(&mut spec).unwrap_err().message.contains(expected), "{path}");
        }
    }
}
