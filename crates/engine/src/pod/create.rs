//! Making a pod.

use std::sync::Arc;

use cove_api::{
    ContainerSpec, DEFAULT_SHARED_NAMESPACES, Device, Error, ErrorKind, Namespace, PodCreateReport, PodSpec,
    Resources, Result, Timestamp,
};

use super::cgroup;
use crate::container::{Draft, Place, draft, finish};
use crate::engine::Core;
use crate::name;
use crate::state::{ExitPolicy, POD_VERSION, PodConfig, PodEntry, PodRow, RestartPolicy, Share};

/// Makes a pod, and the container that holds its namespaces. An image of that one's must be in the store.
pub(super) fn create(core: &Arc<Core>, request: &PodSpec) -> Result<PodCreateReport> {
    let mut spec = request.clone();
    let mut pod = pod(core, &spec)?;
    for attempt in 0..32 {
        if spec.name.is_empty() {
            pod.name = name::random_name()?;
            if attempt == 31 {
                pod.name = format!("{}_{}", pod.name, name::short(&pod.id));
            }
        }
        let infra_request = infra_request(core, &pod, &spec)?;
        check_limits(core, &pod, &infra_request)?;
        let infra =
            if pod.config.infra { Some(draft(core, &infra_request, Place::Infra(&pod))?) } else { None };
        let entry = infra.as_ref().map(|infra| (&infra.row, &infra_request));
        match core.database()?.add_pod(&pod, request, entry)? {
            PodEntry::Added => return entered(core, &pod, infra),
            PodEntry::NameInUse(_) if spec.name.is_empty() => {}
            PodEntry::NameInUse(_) => {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!("adding pod to state: name {:?} is in use: pod already exists", pod.name),
                ));
            }
            PodEntry::InfraNameInUse(holder) => {
                let error = crate::container::name_in_use(&infra_request.name, &holder);
                return Err(error.context(format!("adding infra container of pod {}", pod.name)));
            }
        }
        spec.name.clear();
    }
    Err(Error::internal("no free name for a pod was found"))
}

/// Refuses what [`create`] would refuse, and makes nothing.
pub(super) fn check_request(core: &Arc<Core>, request: &PodSpec) -> Result<()> {
    let pod = pod(core, request)?;
    let infra = infra_request(core, &pod, request)?;
    check_limits(core, &pod, &infra)?;
    if pod.config.infra { crate::container::check(core, infra) } else { Ok(()) }
}

/// What the pod of a request is.
fn pod(core: &Core, spec: &PodSpec) -> Result<PodRow> {
    cove_api::wire::json::check(spec)?;
    check(spec)?;
    Ok(PodRow {
        name: spec.name.clone(),
        created: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default(),
        config: config(core, spec)?,
        id: name::random_id()?,
    })
}

fn entered(core: &Arc<Core>, pod: &PodRow, infra: Option<Draft>) -> Result<PodCreateReport> {
    core.tell_pod("create", pod);
    if let Some(Draft { row, warnings, ids: _ids }) = infra {
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        if let Err(error) = finish(core, &row) {
            // Nothing half made is left.
            core.database()?.remove_pod(&pod.id)?;
            return Err(error);
        }
    }
    Ok(PodCreateReport { id: pod.id.clone() })
}

/// Refuses what contradicts, in podman's words.
fn check(spec: &PodSpec) -> Result<()> {
    if !spec.name.is_empty() {
        cove_spec::name::container(&spec.name)?;
    }
    if !spec.hostname.is_empty() {
        cove_spec::name::hostname(&spec.hostname)?;
    }
    if spec.infra_command.first().is_some_and(String::is_empty) {
        return Err(Error::invalid("infra command: its first word, the program, is empty"));
    }
    let networked = !spec.netns.is_default();
    let needs_infra = [
        (!spec.infra_command.is_empty(), "InfraCommand"),
        (!spec.infra_image.is_empty(), "InfraImage"),
        (!spec.infra_name.is_empty(), "InfraName"),
        (!spec.shared_namespaces.is_empty(), "SharedNamespaces"),
        (networked, "network modes"),
        (!spec.networks.is_empty(), "networks"),
        (!spec.portmappings.is_empty(), "published ports"),
        (!spec.dns_option.is_empty(), "DNSOption"),
        (!spec.dns_search.is_empty(), "DNSSearch"),
        (!spec.dns_server.is_empty(), "DNSServer"),
        (!spec.hostadd.is_empty(), "HostAdd"),
        (spec.no_manage_resolv_conf, "NoManageResolvConf"),
        (spec.no_manage_hosts, "NoManageHosts"),
        (!spec.hosts_file.is_empty(), "HostsFile"),
        (spec.no_manage_hostname, "NoManageHostname"),
        (!spec.hostname.is_empty(), "Hostname"),
        (!spec.pidns.is_default(), "Pid"),
        (!spec.ipcns.is_default(), "Ipc"),
        (!spec.utsns.is_default(), "UtsNs"),
        (!spec.userns.is_default(), "Userns"),
        (spec.idmappings.is_some(), "IDMappings"),
        (!spec.pod_devices.is_empty() || !spec.gpus.is_empty(), "Devices"),
        (!spec.infra_conmon_pid_file.is_empty(), "InfraConmonPidFile"),
        (!spec.sysctl.is_empty(), "Sysctl"),
        (!spec.mounts.is_empty() || !spec.volumes.is_empty(), "Volumes"),
        (!spec.overlay_volumes.is_empty(), "OverlayVolumes"),
        (!spec.image_volumes.is_empty(), "ImageVolumes"),
        (!spec.volumes_from.is_empty(), "VolumesFrom"),
        (spec.shm_size.is_some(), "ShmSize"),
        (!spec.security_opt.is_empty(), "SecurityOpt"),
    ];
    if spec.no_infra
        && let Some((_, what)) = needs_infra.into_iter().find(|(asked, _)| *asked)
    {
        return Err(Error::invalid(format!("NoInfra and {what} cannot be used together: invalid pod spec")));
    }
    let mode = spec.netns.nsmode.as_str();
    if networked
        && !matches!(mode, "bridge" | "pasta" | "slirp4netns" | "private")
        && !spec.portmappings.is_empty()
    {
        return Err(Error::invalid("PortMappings can only be used with Bridge or pasta networking"));
    }
    if matches!(mode, "container" | "pod") {
        return Err(Error::invalid(format!("pods presently do not support network mode {mode}")));
    }
    let hosts = [(!spec.hostadd.is_empty(), "HostAdd"), (!spec.hosts_file.is_empty(), "HostsFile")]
        .map(|(asked, name)| (spec.no_manage_hosts && asked, "NoManageHosts", name));
    let resolver =
        [(&spec.dns_server, "DNSServer"), (&spec.dns_search, "DNSSearch"), (&spec.dns_option, "DNSOption")]
            .map(|(list, name)| (spec.no_manage_resolv_conf && !list.is_empty(), "NoManageResolvConf", name));
    match hosts.into_iter().chain(resolver).find(|(both, ..)| *both) {
        Some((_, one, other)) => {
            Err(Error::invalid(format!("{one} and {other} cannot be used together: invalid pod spec")))
        }
        None => Ok(()),
    }
}

fn config(core: &Core, spec: &PodSpec) -> Result<PodConfig> {
    let conf = &core.options.containers.engine;
    let exit = if spec.exit_policy.is_empty() {
        conf.pod_exit_policy.as_deref().unwrap_or_default()
    } else {
        &spec.exit_policy
    };
    let as_container = ContainerSpec {
        restart_policy: spec.restart_policy.clone(),
        restart_tries: spec.restart_tries,
        ..ContainerSpec::default()
    };
    Ok(PodConfig {
        version: POD_VERSION,
        labels: spec.labels.clone(),
        infra: !spec.no_infra,
        share: if spec.no_infra { Share::default() } else { share(&spec.shared_namespaces)? },
        hostname: spec.hostname.clone(),
        exit: exit_policy(exit)?,
        restart: restart(&as_container)?,
        cgroup_parent: spec.cgroup_parent.clone(),
        share_cgroup: spec.share_parent != Some(false),
        limits: limits(spec)?,
    })
}

/// The limits, with the numbers of devices that are named by their paths.
fn limits(spec: &PodSpec) -> Result<Option<Resources>> {
    let mut as_container = ContainerSpec {
        resource_limits: spec.resource_limits.clone(),
        weight_device: spec.weight_device.clone(),
        throttle_read_bps_device: spec.throttle_read_bps_device.clone(),
        throttle_write_bps_device: spec.throttle_write_bps_device.clone(),
        throttle_read_iops_device: spec.throttle_read_iops_device.clone(),
        throttle_write_iops_device: spec.throttle_write_iops_device.clone(),
        ..ContainerSpec::default()
    };
    crate::container::resolve_block(&mut as_container)?;
    Ok(as_container.resource_limits.filter(|limits| *limits != Resources::default()))
}

fn restart(spec: &ContainerSpec) -> Result<RestartPolicy> {
    crate::container::restart_policy(spec)
}

fn exit_policy(text: &str) -> Result<ExitPolicy> {
    match text {
        "" | "continue" => Ok(ExitPolicy::Continue),
        "stop" => Ok(ExitPolicy::Stop),
        other => {
            Err(Error::invalid(format!("running pod create option: invalid pod exit policy: {other:?}")))
        }
    }
}

/// The namespaces of `--share`, in podman's words.
fn share(names: &[String]) -> Result<Share> {
    let mut share = Share::default();
    let defaults = DEFAULT_SHARED_NAMESPACES.map(str::to_owned);
    for name in if names.is_empty() { &defaults[..] } else { names } {
        match name.as_str() {
            "cgroup" => share.cgroup = true,
            "ipc" => share.ipc = true,
            "net" => share.net = true,
            "pid" => share.pid = true,
            "uts" => share.uts = true,
            "none" => return Ok(Share::default()),
            // Shared wherever the pod has one of its own.
            "user" => {}
            "" => {}
            other => {
                return Err(Error::invalid(format!(
                    "invalid kernel namespace to share: {other}. Options are: cgroup, ipc, net, pid, uts or none"
                )));
            }
        }
    }
    Ok(share)
}

fn check_limits(core: &Core, pod: &PodRow, infra: &ContainerSpec) -> Result<()> {
    let with_limits = ContainerSpec { resource_limits: pod.config.limits.clone(), ..infra.clone() };
    if let Some(limits) = &pod.config.limits {
        cove_spec::resource::check(limits)?;
    }
    cgroup::check(core, pod, &crate::container::limits(&with_limits, &core.options.containers)?)
}

/// What the container that holds the namespaces is to be.
fn infra_request(core: &Core, pod: &PodRow, spec: &PodSpec) -> Result<ContainerSpec> {
    let conf = &core.options.containers.engine;
    let share = pod.config.share;
    let mut infra = ContainerSpec {
        name: if spec.infra_name.is_empty() {
            format!("{}-infra", name::short(&pod.id))
        } else {
            spec.infra_name.clone()
        },
        // The pod by name, as long as the name is its own.
        hostname: match (&spec.hostname, spec.netns.nsmode.as_str(), spec.utsns.nsmode.as_str()) {
            (own, ..) if !own.is_empty() => own.clone(),
            (_, "host", _) | (_, _, "host") => String::new(),
            _ => pod.name.clone(),
        },
        image: infra_image(core, spec),
        entrypoint: (!spec.infra_command.is_empty()).then(|| spec.infra_command.clone()),
        labels: spec.labels.clone(),
        ipcns: spec.ipcns.clone(),
        pidns: spec.pidns.clone(),
        utsns: spec.utsns.clone(),
        // Whatever containers.conf says of containers.
        userns: match &spec.idmappings {
            None if spec.userns.is_default() => Namespace::new("host"),
            _ => spec.userns.clone(),
        },
        idmappings: spec.idmappings.clone(),
        conmon_pid_file: spec.infra_conmon_pid_file.clone(),
        netns: spec.netns.clone(),
        portmappings: spec.portmappings.clone(),
        networks: spec.networks.clone(),
        network_options: spec.network_options.clone(),
        dns_server: spec.dns_server.clone(),
        dns_search: spec.dns_search.clone(),
        dns_option: spec.dns_option.clone(),
        hostadd: spec.hostadd.clone(),
        base_hosts_file: spec.hosts_file.clone(),
        use_image_resolv_conf: spec.no_manage_resolv_conf.then_some(true),
        use_image_hosts: spec.no_manage_hosts.then_some(true),
        use_image_hostname: spec.no_manage_hostname.then_some(true),
        sysctl: spec.sysctl.clone(),
        mounts: spec.mounts.clone(),
        volumes: spec.volumes.clone(),
        overlay_volumes: spec.overlay_volumes.clone(),
        image_volumes: spec.image_volumes.clone(),
        volumes_from: spec.volumes_from.clone(),
        shm_size: spec.shm_size,
        shm_size_systemd: spec.shm_size_systemd,
        gpus: spec.gpus.clone(),
        devices: spec
            .pod_devices
            .iter()
            .map(|path| Device { path: path.clone(), ..Device::default() })
            .collect(),
        restart_policy: spec.restart_policy.clone(),
        restart_tries: spec.restart_tries,
        create_command: spec.pod_create_command.clone(),
        // It is the containers that a service waits for.
        sdnotify_mode: "ignore".into(),
        ..ContainerSpec::default()
    };
    if infra.entrypoint.is_none()
        && let Some(command) = conf.infra_command.as_deref().filter(|text| !text.is_empty())
    {
        infra.entrypoint = Some(command.split_whitespace().map(str::to_owned).collect());
    }
    if share.ipc && infra.ipcns.is_default() {
        // Others are to join it.
        infra.ipcns.nsmode = "shareable".into();
    }
    cove_spec::security::apply_options(spec.security_opt.iter().map(String::as_str), &mut infra)?;
    Ok(infra)
}

/// The image of the container that holds the namespaces; empty for the built-in program.
pub(super) fn infra_image(core: &Core, spec: &PodSpec) -> String {
    if spec.infra_image.is_empty() {
        core.options.containers.engine.infra_image.clone().unwrap_or_default()
    } else {
        spec.infra_image.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_namespaces() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            share(&names).map(Share::names)
        };
        assert_eq!(of(&[]).unwrap(), ["ipc", "net", "uts"]);
        assert_eq!(of(&["pid", "ipc"]).unwrap(), ["ipc", "pid"]);
        assert!(of(&["none"]).unwrap().is_empty());
        let error = of(&["bogus"]).unwrap_err().message;
        assert!(error.ends_with(
            "invalid kernel namespace to share: bogus. Options are: cgroup, ipc, net, pid, uts or none"
        ));
    }

    #[test]
    fn contradictions_are_refused() {
        check(&PodSpec { no_infra: true, ..PodSpec::default() }).unwrap();
        for bad in [
            PodSpec { no_infra: true, hostname: "h".into(), ..PodSpec::default() },
            PodSpec { no_infra: true, dns_server: vec!["1.1.1.1".into()], ..PodSpec::default() },
            PodSpec { no_manage_hosts: true, hostadd: vec!["a:1.2.3.4".into()], ..PodSpec::default() },
            PodSpec { netns: cove_api::Namespace::new("container"), ..PodSpec::default() },
            PodSpec {
                netns: cove_api::Namespace::new("host"),
                portmappings: vec![cove_api::PortMapping::default()],
                ..PodSpec::default()
            },
            PodSpec { name: "a/b".into(), ..PodSpec::default() },
            PodSpec { no_infra: true, userns: cove_api::Namespace::new("auto"), ..PodSpec::default() },
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
        assert!(
            exit_policy("invalid").unwrap_err().message.ends_with("invalid pod exit policy: \"invalid\"")
        );
    }
}
