//! Options of pods: of a container that is to be in one, and of the pod itself.

use cove_api::{ContainerSpec, PodSpec};
use cove_config::env::{PODMAN_SYSTEMD_UNIT, PODMAN_USERNS};
use cove_spec::{device, environment, namespace, policy, security, size, volume};

use super::around::{Surroundings, read, refs};
use super::block::BlockArgs;
use super::namespaces::UserNamespaceArgs;
use super::network::NetworkArgs;
use super::resources::ResourceArgs;
use crate::command_error::CommandError;
use crate::context::Context;

// The pod that a container is to be in.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PodArgs {
    /// Make it in this pod; with new:NAME in a new one
    #[arg(long, value_name = "POD", help_heading = "Container")]
    pub(crate) pod: Option<String>,
    /// File with the id of the pod to make it in
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) pod_id_file: Option<String>,
}

impl PodArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// Both are given, or the file cannot be read.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        spec.pod = match (&self.pod, &self.pod_id_file) {
            (Some(_), Some(_)) => {
                return Err(CommandError::other("cannot specify both --pod and --pod-id-file"));
            }
            (Some(pod), None) => pod.clone(),
            (None, Some(file)) => crate::commands::pod::id_in(file)?,
            (None, None) => String::new(),
        };
        Ok(())
    }
}

// What a pod is to be, but for its name and the container that holds its namespaces.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PodSpecArgs {
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    others: PodChangeArgs,
}

impl PodSpecArgs {
    /// The specification.
    ///
    /// # Errors
    /// An option's value is wrong, or a file that it names cannot be read.
    pub(crate) fn build(&self, context: &Context, infra: bool) -> Result<PodSpec, CommandError> {
        let mut container = ContainerSpec::default();
        self.network.apply(&Surroundings::of(context), &mut container)?;
        // Without a container that holds it there is none.
        let userns = context.environment.get(PODMAN_USERNS).filter(|_| infra);
        Ok(crate::commands::pod::moved(&mut container, self.others.build_with(context, userns)?))
    }
}

// What of a pod can also be different in a copy of it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PodChangeArgs {
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    block: BlockArgs,
    /// File that gets the pid of what watches the container that holds the namespaces
    #[arg(long, value_name = "FILE")]
    infra_conmon_pidfile: Option<String>,
    /// Label, KEY=VALUE
    #[arg(long, short, value_name = "LABEL")]
    label: Vec<String>,
    /// File with a label per line
    #[arg(long, value_name = "FILE")]
    label_file: Vec<String>,
    /// Start containers again when they end: no, always, on-failure[:TRIES], unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Mount a folder or volume into every container: [SOURCE:]DESTINATION[:OPTIONS]
    #[arg(long, short, value_name = "VOLUME", help_heading = "Files")]
    volume: Vec<String>,
    /// Mount what another container mounts: CONTAINER[:OPTIONS]
    #[arg(long, value_name = "CONTAINER", help_heading = "Files")]
    volumes_from: Vec<String>,
    /// Device of the host in every container: HOST[:CONTAINER][:PERMISSIONS], or VENDOR/CLASS=NAME
    #[arg(long, value_name = "DEVICE", help_heading = "Files", value_delimiter = ',')]
    device: Vec<String>,
    /// Graphics processors in every container: all, or the name of one
    #[arg(long, value_name = "ENTRY", help_heading = "Files", value_delimiter = ',')]
    gpus: Vec<String>,
    /// Size of the file systems in memory for systemd in a container
    #[arg(long, value_name = "SIZE", help_heading = "Files")]
    shm_size_systemd: Option<String>,
    /// Size of the shared /dev/shm
    #[arg(long, value_name = "SIZE", help_heading = "Files")]
    shm_size: Option<String>,
    /// Security option for every container
    #[arg(long, value_name = "OPTION", help_heading = "Security")]
    security_opt: Vec<String>,
    /// Kernel parameter, NAME=VALUE
    #[arg(long, value_name = "PARAMETER", help_heading = "Security", value_delimiter = ',')]
    sysctl: Vec<String>,
    /// Process namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pid: Option<String>,
    #[command(flatten)]
    users: UserNamespaceArgs,
    /// UTS namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    uts: Option<String>,
    /// Parent control group of the pod's
    #[arg(long, value_name = "PATH", help_heading = "Resources")]
    cgroup_parent: Option<String>,
}

impl PodChangeArgs {
    /// The specification.
    ///
    /// # Errors
    /// An option's value is wrong, or a file that it names cannot be read.
    pub(crate) fn build(&self, context: &Context) -> Result<PodSpec, CommandError> {
        self.build_with(context, None)
    }

    fn build_with(&self, context: &Context, userns: Option<&str>) -> Result<PodSpec, CommandError> {
        let mut container = ContainerSpec::default();
        self.resources.apply(&mut container)?;
        self.block.apply(&mut container)?;
        self.users.apply(context.directories.user.rootless, userns, &mut container)?;
        let paths = volume::HostPaths {
            current_folder: std::env::current_dir()?,
            windows: cfg!(windows),
            rootless: context.directories.user.rootless,
        };
        volume::parse_all(&self.volume, &[], &[], &paths)?.apply(&mut container);
        // Refused here where one is none; every container reads them anew.
        security::apply_options(refs(&self.security_opt), &mut ContainerSpec::default())?;
        let mut spec = PodSpec {
            volumes_from: self.volumes_from.clone(),
            security_opt: self.security_opt.clone(),
            sysctl: cove_spec::host::sysctls(refs(&self.sysctl))?,
            cgroup_parent: self.cgroup_parent.clone().unwrap_or_default(),
            gpus: self.gpus.clone(),
            infra_conmon_pid_file: self.infra_conmon_pidfile.clone().unwrap_or_default(),
            shm_size_systemd: self.shm_size_systemd.as_deref().map(size::signed_bytes).transpose()?,
            userns: container.userns.clone(),
            idmappings: container.idmappings.take(),
            weight_device: std::mem::take(&mut container.weight_device),
            throttle_read_bps_device: std::mem::take(&mut container.throttle_read_bps_device),
            throttle_write_bps_device: std::mem::take(&mut container.throttle_write_bps_device),
            throttle_read_iops_device: std::mem::take(&mut container.throttle_read_iops_device),
            throttle_write_iops_device: std::mem::take(&mut container.throttle_write_iops_device),
            shm_size: self.shm_size.as_deref().map(size::signed_bytes).transpose()?,
            resource_limits: container.resource_limits.take(),
            mounts: std::mem::take(&mut container.mounts),
            volumes: std::mem::take(&mut container.volumes),
            overlay_volumes: std::mem::take(&mut container.overlay_volumes),
            image_volumes: std::mem::take(&mut container.image_volumes),
            ..PodSpec::default()
        };
        for text in &self.device {
            spec.pod_devices.push(device::to_spec(text)?.path);
        }
        for gpu in &mut spec.gpus {
            *gpu = device::gpu(gpu)?;
        }
        for file in &self.label_file {
            spec.labels.extend(environment::label_file(&read(file)?, file)?);
        }
        spec.labels.extend(environment::labels(refs(&self.label))?);
        // A service of Quadlet says whose pod it is.
        if let Some(unit) = context.environment.get(PODMAN_SYSTEMD_UNIT) {
            spec.labels.insert(PODMAN_SYSTEMD_UNIT.to_owned(), unit.to_owned());
        }
        if let Some(text) = &self.restart {
            let restart = policy::restart(text)?;
            (spec.restart_policy, spec.restart_tries) = (restart.policy, restart.tries);
        }
        if let Some(mode) = &self.pid {
            spec.pidns = namespace::pid(mode)?;
        }
        if let Some(mode) = &self.uts {
            spec.utsns = namespace::uts(mode)?;
        }
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn a_container_is_in_one_pod() {
        let mut spec = ContainerSpec::default();
        parsed::<PodArgs>("--pod p").apply(&mut spec).unwrap();
        assert_eq!(spec.pod, "p");
        assert!(parsed::<PodArgs>("--pod p --pod-id-file f").apply(&mut spec).is_err());
        assert!(parsed::<PodArgs>("--pod-id-file /does/not/exist").apply(&mut spec).is_err());
    }
}
