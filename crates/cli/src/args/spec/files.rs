//! What a container finds in its file system besides the image.

use cove_api::ContainerSpec;
use cove_spec::{device, mount, size, volume};

use super::around::Surroundings;
use super::glob;
use crate::command_error::CommandError;

// Volumes, mounts and devices.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FileArgs {
    /// Mount a folder or volume: [SOURCE:]DESTINATION[:OPTIONS]
    #[arg(long, short, value_name = "VOLUME", help_heading = "Files")]
    pub(crate) volume: Vec<String>,
    /// Mount: type=bind|volume|tmpfs|ramfs|image|glob|devpts,source=SOURCE,destination=DESTINATION,...
    #[arg(long, value_name = "MOUNT", help_heading = "Files")]
    pub(crate) mount: Vec<String>,
    /// Mount a tmpfs: DESTINATION[:OPTIONS]
    #[arg(long, value_name = "TMPFS", help_heading = "Files")]
    pub(crate) tmpfs: Vec<String>,
    /// Mount what another container mounts: CONTAINER[:OPTIONS]
    #[arg(long, value_name = "CONTAINER", help_heading = "Files")]
    pub(crate) volumes_from: Vec<String>,
    /// Root file system read-only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Files")]
    pub(crate) read_only: Option<bool>,
    /// With --read-only, writable /dev/shm, /run, /tmp and /var/tmp
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Files")]
    pub(crate) read_only_tmpfs: Option<bool>,
    /// Device of the host: HOST[:CONTAINER][:PERMISSIONS], or VENDOR/CLASS=NAME of one that its vendor describes
    #[arg(long, value_name = "DEVICE", help_heading = "Files", value_delimiter = ',')]
    pub(crate) device: Vec<String>,
    /// Graphics processors, as NVIDIA or AMD describes them on this host: all, or the name of one
    #[arg(long, value_name = "ENTRY", help_heading = "Files", value_delimiter = ',')]
    pub(crate) gpus: Vec<String>,
    /// Rule about devices for the control group: TYPE MAJOR:MINOR MODE
    #[arg(long, value_name = "RULE", help_heading = "Files")]
    pub(crate) device_cgroup_rule: Vec<String>,
    /// Directory of the container that gets the engine's files as its root does
    #[arg(long, value_name = "DIR", help_heading = "Files", value_delimiter = ',')]
    pub(crate) chrootdirs: Vec<String>,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE", help_heading = "Files")]
    pub(crate) shm_size: Option<String>,
    /// Size of the file systems in memory for systemd: /run, /run/lock, /tmp, /var/log/journal
    #[arg(long, value_name = "SIZE", help_heading = "Files")]
    pub(crate) shm_size_systemd: Option<String>,
}

impl FileArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong.
    pub(crate) fn apply(
        &self,
        around: &Surroundings<'_>,
        spec: &mut ContainerSpec,
    ) -> Result<(), CommandError> {
        let paths = volume::HostPaths {
            current_folder: std::env::current_dir()?,
            windows: cfg!(windows),
            rootless: around.rootless,
        };
        let mut mounts = Vec::new();
        for text in &self.mount {
            match mount::glob(text, &paths)? {
                Some(wanted) => {
                    for source in glob::paths(&wanted.pattern)? {
                        spec.mounts.push(wanted.mount(&source)?);
                    }
                }
                None => mounts.push(text.clone()),
            }
        }
        volume::parse_all(&self.volume, &mounts, &self.tmpfs, &paths)?.apply(spec);
        spec.volumes_from.clone_from(&self.volumes_from);
        spec.read_only_filesystem = self.read_only;
        spec.read_write_tmpfs = self.read_only_tmpfs;
        for text in &self.device {
            spec.devices.push(device::to_spec(text)?);
        }
        for gpu in &self.gpus {
            spec.gpus.push(device::gpu(gpu)?);
        }
        for text in &self.device_cgroup_rule {
            spec.device_cgroup_rule.push(device::cgroup_rule(text)?);
        }
        for text in &self.chrootdirs {
            spec.chroot_directories.push(volume::container_path(text)?);
        }
        spec.shm_size_systemd = self.shm_size_systemd.as_deref().map(size::signed_bytes).transpose()?;
        spec.shm_size = self.shm_size.as_deref().map(size::signed_bytes).transpose()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;
    use crate::args::spec::testing::around;

    #[test]
    fn mounts() {
        let mut spec = ContainerSpec::default();
        let args: FileArgs =
            parsed("-v data:/d --tmpfs /t --read-only --shm-size 1m --device /dev/null:/dev/n");
        around(|around| args.apply(around, &mut spec)).unwrap();
        assert_eq!((spec.volumes[0].name.as_str(), spec.volumes[0].dest.as_str()), ("data", "/d"));
        assert_eq!((spec.mounts[0].kind.as_str(), spec.mounts[0].destination.as_str()), ("tmpfs", "/t"));
        assert_eq!((spec.read_only_filesystem, spec.shm_size), (Some(true), Some(1 << 20)));
        assert_eq!(spec.devices.len(), 1);
        let wrong: FileArgs = parsed("-v a:relative");
        assert!(around(|around| wrong.apply(around, &mut spec)).is_err());
    }
}
