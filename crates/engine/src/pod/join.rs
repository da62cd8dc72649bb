//! What a container takes over from the pod that it is made in.

use std::sync::Arc;

use cove_api::{ContainerSpec, Error, ErrorKind, IdMappings, Namespace, Result};

use super::cgroup::place_cgroup;
use crate::engine::Core;
use crate::state::{ContainerConfig, ContainerRow, IpcMode, NamespaceMode, NetworkMode, PodRow};

/// Gives a request the namespaces that it shares with the pod, and what holds for all its containers; answers the
/// container that holds the namespaces.
pub(crate) fn join(core: &Arc<Core>, pod: &PodRow, spec: &mut ContainerSpec) -> Result<Option<ContainerRow>> {
    spec.pod.clone_from(&pod.id);
    if !spec.init_container_type.is_empty()
        && core.members(&pod.id)?.iter().any(|member| member.config.is_ordinary() && member.state.is_alive())
    {
        return Err(Error::new(ErrorKind::WrongState, "cannot add init-ctr to a running pod"));
    }
    let infra = core.infra(&pod.id)?;
    let maps = |maps: &IdMappings| maps.auto_user_ns || !maps.uid_map.is_empty() || !maps.gid_map.is_empty();
    let wants_own = !matches!(spec.userns.nsmode.as_str(), "" | "default" | "host" | "pod")
        || spec.idmappings.as_ref().is_some_and(maps);
    if infra.is_some() && wants_own {
        return Err(Error::invalid(
            "cannot set user namespace mode when joining pod with infra container: invalid argument",
        ));
    }
    if let Some(infra) = &infra {
        // As the pod's, whatever containers.conf says of containers.
        let keeps_id = core.database()?.pod_request(&pod.id)?.userns.nsmode == "keep-id";
        join_user(infra, keeps_id, spec);
    }
    let share = pod.config.share;
    let theirs = infra.as_ref().map(|infra| (infra.id.as_str(), &infra.config));
    let is_host = |is: fn(&ContainerConfig) -> bool| theirs.is_some_and(|(_, config)| is(config));
    let infra_id = theirs.map(|(id, _)| id);
    take(
        &mut spec.pidns,
        share.pid,
        infra_id,
        is_host(|config| config.namespaces.pid == NamespaceMode::Host),
    )?;
    take(&mut spec.ipcns, share.ipc, infra_id, is_host(|config| config.namespaces.ipc == IpcMode::Host))?;
    take(
        &mut spec.cgroupns,
        share.cgroup,
        infra_id,
        is_host(|config| config.namespaces.cgroup == NamespaceMode::Host),
    )?;
    let shares_uts = take(
        &mut spec.utsns,
        share.uts,
        infra_id,
        is_host(|config| config.namespaces.uts == NamespaceMode::Host),
    )?;
    if shares_uts && !spec.hostname.is_empty() {
        return Err(Error::invalid(
            "invalid config provided: cannot set hostname when joining the pod UTS namespace: invalid configuration",
        ));
    }
    if shares_uts && let Some((_, config)) = theirs {
        spec.hostname.clone_from(&config.hostname);
    }
    let shares_network =
        take(&mut spec.netns, share.net, infra_id, is_host(|config| config.network == NetworkMode::Host))?;
    if shares_network {
        on_the_pods_network(spec)?;
    }
    if let Some(infra) = &infra {
        let pod = core.database()?.pod_request(&infra.config.pod)?;
        inherit_security(&pod.security_opt, spec)?;
        spec.shm_size = spec.shm_size.or(pod.shm_size);
        spec.shm_size_systemd = spec.shm_size_systemd.or(pod.shm_size_systemd);
    }
    Ok(infra)
}

/// Gives it the pod's user namespace, and with keep-id the user that is to run in it, but where it asks for the host's.
fn join_user(infra: &ContainerRow, keeps_id: bool, spec: &mut ContainerSpec) {
    if spec.userns.is_host() || infra.config.userns.mode == NamespaceMode::Host {
        spec.userns = Namespace::new("host");
        return;
    }
    spec.userns = Namespace { nsmode: "container".into(), value: infra.id.clone() };
    if keeps_id && spec.user.is_empty() {
        spec.user.clone_from(&infra.config.user);
    }
}

/// Whether a namespace is the pod's: the user asks for it, or for nothing where the pod shares it.
fn take(namespace: &mut Namespace, shared: bool, infra: Option<&str>, is_host: bool) -> Result<bool> {
    let asked = namespace.nsmode == "pod";
    let Some(infra) = infra else {
        return if asked {
            Err(Error::invalid(
                "cannot use pod namespace as container is not joining a pod or pod has no infra container: invalid argument",
            ))
        } else {
            Ok(false)
        };
    };
    let by_default = shared && namespace.is_default();
    if !(asked || by_default) {
        return Ok(false);
    }
    *namespace = if is_host {
        Namespace::new("host")
    } else {
        Namespace { nsmode: "container".into(), value: infra.to_owned() }
    };
    Ok(true)
}

/// Refuses what belongs to the one who makes the network, in podman's words.
fn on_the_pods_network(spec: &ContainerSpec) -> Result<()> {
    let what = if !spec.networks.is_empty() {
        "networks must be defined when the pod is created"
    } else if !spec.portmappings.is_empty() || spec.publish_image_ports == Some(true) {
        "published or exposed ports must be defined when the pod is created"
    } else if !spec.hostadd.is_empty() {
        "extra host entries must be specified on the pod"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!(
        "invalid config provided: {what}: network cannot be configured when it is shared with a pod"
    )))
}

/// The pod's `--security-opt`, where the container has none of that sort itself.
fn inherit_security(options: &[String], spec: &mut ContainerSpec) -> Result<()> {
    if options.is_empty() {
        return Ok(());
    }
    let mut theirs = ContainerSpec::default();
    cove_spec::security::apply_options(options.iter().map(String::as_str), &mut theirs)?;
    spec.no_new_privileges = spec.no_new_privileges.or(theirs.no_new_privileges);
    let texts = [
        (&mut spec.apparmor_profile, theirs.apparmor_profile),
        (&mut spec.seccomp_profile_path, theirs.seccomp_profile_path),
    ];
    for (own, theirs) in texts {
        if own.is_empty() {
            *own = theirs;
        }
    }
    let lists = [
        (&mut spec.selinux_opts, theirs.selinux_opts),
        (&mut spec.mask, theirs.mask),
        (&mut spec.unmask, theirs.unmask),
        (&mut spec.proc_opts, theirs.proc_opts),
    ];
    for (own, theirs) in lists {
        if own.is_empty() {
            *own = theirs;
        }
    }
    Ok(())
}

/// Puts a container into its pod.
pub(crate) fn settle_member(
    core: &Core,
    pod: &PodRow,
    infra: Option<&ContainerRow>,
    spec: &ContainerSpec,
    config: &mut ContainerConfig,
) {
    config.pod.clone_from(&pod.id);
    // What removes itself at its end is not started again.
    if spec.restart_policy.is_empty() && !config.auto_remove && config.is_ordinary() {
        config.restart = pod.config.restart;
    }
    if let Some(infra) = infra {
        let devices = &mut config.settings.devices;
        for device in &infra.config.settings.devices {
            if !devices.iter().any(|own| own.target == device.target) {
                devices.push(device.clone());
            }
        }
        let theirs = &infra.config.settings;
        for (own, theirs) in [
            (&mut config.settings.cdi_devices, &theirs.cdi_devices),
            (&mut config.settings.gpus, &theirs.gpus),
        ] {
            let further: Vec<String> = theirs.iter().filter(|name| !own.contains(name)).cloned().collect();
            own.extend(further);
        }
    }
    place_cgroup(core, pod, spec, config);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_the_pods_where_nobody_says_otherwise() {
        let of = |mode: &str, shared, infra, is_host| {
            let mut namespace = Namespace::new(mode);
            take(&mut namespace, shared, infra, is_host)
                .map(|taken| (taken, namespace.nsmode, namespace.value))
        };
        let own = |mode: &str| (false, mode.to_owned(), String::new());
        let theirs = (true, "container".to_owned(), "i".to_owned());
        assert_eq!(of("", true, Some("i"), false).unwrap(), theirs);
        assert_eq!(of("pod", false, Some("i"), false).unwrap(), theirs);
        assert_eq!(of("", true, Some("i"), true).unwrap(), (true, "host".to_owned(), String::new()));
        assert_eq!(of("", false, Some("i"), false).unwrap(), own(""));
        assert_eq!(of("private", true, Some("i"), false).unwrap(), own("private"));
        assert_eq!(of("", true, None, false).unwrap(), own(""));
        assert!(of("pod", true, None, false).is_err());
    }

    #[test]
    fn security_is_inherited_where_there_is_none() {
        let mut spec = ContainerSpec { seccomp_profile_path: "/mine".into(), ..ContainerSpec::default() };
        inherit_security(&["seccomp=/pods".into(), "no-new-privileges".into()], &mut spec).unwrap();
        assert_eq!((spec.seccomp_profile_path.as_str(), spec.no_new_privileges), ("/mine", Some(true)));
    }
}
