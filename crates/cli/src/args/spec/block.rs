//! Limits of block devices.

use cove_api::ContainerSpec;
use cove_spec::block;

use super::around::refs;
use crate::command_error::CommandError;

// Block devices: what can also be changed while a container runs.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct BlockArgs {
    /// Weight of its input and output against others, 10 to 1000
    #[arg(long, value_name = "WEIGHT", help_heading = "Resources")]
    pub(crate) blkio_weight: Option<String>,
    /// Weight on one device, DEVICE:WEIGHT
    #[arg(long, value_name = "DEVICE", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) blkio_weight_device: Vec<String>,
    /// Most bytes read from a device in a second, DEVICE:SIZE
    #[arg(long, value_name = "DEVICE", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) device_read_bps: Vec<String>,
    /// Most bytes written to a device in a second, DEVICE:SIZE
    #[arg(long, value_name = "DEVICE", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) device_write_bps: Vec<String>,
    /// Most reads from a device in a second, DEVICE:NUMBER
    #[arg(long, value_name = "DEVICE", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) device_read_iops: Vec<String>,
    /// Most writes to a device in a second, DEVICE:NUMBER
    #[arg(long, value_name = "DEVICE", help_heading = "Resources", value_delimiter = ',')]
    pub(crate) device_write_iops: Vec<String>,
}

impl BlockArgs {
    /// Puts the limits into the specification, after those of [`super::ResourceArgs`].
    ///
    /// # Errors
    /// A value is wrong.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        if let Some(weight) = self.blkio_weight.as_deref().map(block::weight).transpose()?.flatten() {
            let limits = spec.resource_limits.get_or_insert_default();
            limits.block_io.get_or_insert_default().weight = Some(weight);
        }
        spec.weight_device = block::weights(refs(&self.blkio_weight_device))?;
        spec.throttle_read_bps_device = block::bytes(refs(&self.device_read_bps))?;
        spec.throttle_write_bps_device = block::bytes(refs(&self.device_write_bps))?;
        spec.throttle_read_iops_device = block::operations(refs(&self.device_read_iops))?;
        spec.throttle_write_iops_device = block::operations(refs(&self.device_write_iops))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn limits_of_devices() {
        let mut spec = ContainerSpec::default();
        let line = "--blkio-weight 100 --blkio-weight-device /dev/a:10 --device-read-bps /dev/a:1k,/dev/b:2 \
                    --device-write-iops /dev/a:7";
        let line = line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        parsed::<BlockArgs>(&line).apply(&mut spec).unwrap();
        assert_eq!(spec.resource_limits.unwrap().block_io.unwrap().weight, Some(100));
        assert_eq!(spec.weight_device["/dev/a"].weight, Some(10));
        assert_eq!(spec.throttle_read_bps_device["/dev/a"].rate, 1024);
        assert_eq!(
            (spec.throttle_read_bps_device.len(), spec.throttle_write_iops_device["/dev/a"].rate),
            (2, 7)
        );
        let wrong = parsed::<BlockArgs>("--blkio-weight 5");
        assert!(wrong.apply(&mut ContainerSpec::default()).is_err());
    }
}
