//! What of a service has no place in the request of a container.

use cove_compose::model::{
    BindOptions, Content, Dependency, Deploy, FileReference, Mount, Port, Project, Resource, Resources,
    RestartPolicy, Service, ServiceNetwork, VolumeOptions,
};

use super::compose::COMPOSE_ONLY;
use crate::loss::Of;

const ONE: &str = "one container is made of each service";
const NOT_HERE: &str = "this engine does not do it";

/// The service without what is lost, which is told.
#[allow(clippy::too_many_lines, reason = "every key of a service has its line")]
pub(super) fn kept(project: &Project, service: &Service, lost: &mut Of<'_>) -> Service {
    // Those with a `_` are in the request that is planned of the service.
    let Service {
        name: _,
        profiles,
        annotations: _,
        attach,
        build,
        develop,
        blkio_config: _,
        cap_add: _,
        cap_drop: _,
        cgroup_parent: _,
        cgroup: _,
        cpu_count,
        cpu_percent,
        cpu_period: _,
        cpu_quota: _,
        cpu_rt_period: _,
        cpu_rt_runtime: _,
        cpus: _,
        cpuset: _,
        cpu_shares: _,
        command: _,
        configs,
        container_name: _,
        credential_spec,
        depends_on,
        deploy,
        device_cgroup_rules: _,
        devices: _,
        dns: _,
        dns_opt: _,
        dns_search: _,
        dockerfile,
        domainname,
        entrypoint: _,
        provider,
        environment: _,
        env_file: _, // its variables are in the environment
        expose: _,
        extends: _, // it was followed
        external_links,
        extra_hosts: _,
        group_add: _,
        gpus: _,
        hostname: _,
        healthcheck: _,
        image: _,
        init: _,
        ipc: _,
        isolation,
        labels: _,
        label_file: _, // its labels are among the others
        links: _,      // they are aliases and dependencies
        logging: _,
        log_driver,
        log_opt,
        mem_limit: _,
        mem_reservation: _,
        memswap_limit: _,
        mem_swappiness: _,
        mac_address: _,
        models,
        net,
        network_mode: _,
        networks,
        oom_kill_disable: _,
        oom_score_adj: _,
        pid: _,
        pids_limit: _,
        platform: _,
        ports,
        privileged: _,
        pull_policy,
        read_only: _,
        restart: _,
        runtime: _,
        scale,
        secrets,
        security_opt: _,
        shm_size: _,
        stdin_open: _,
        stop_grace_period,
        stop_signal: _,
        storage_opt,
        sysctls: _,
        tmpfs: _,
        tty: _,
        ulimits: _,
        use_api_socket,
        user: _,
        userns_mode: _,
        uts: _,
        volume_driver,
        volumes,
        volumes_from: _,
        working_dir: _,
        post_start,
        pre_stop,
        extensions,
    } = service;
    lost.given("profiles", profiles, COMPOSE_ONLY);
    lost.given("attach", attach, COMPOSE_ONLY);
    if build.is_some() {
        let image = cove_project::plan::image_name(project, service);
        lost.lost("build", &format!("build the image {image} first: cove compose build"));
    }
    lost.given("develop", develop, COMPOSE_ONLY);
    lost.given("cpu_count", cpu_count, NOT_HERE);
    lost.given("cpu_percent", cpu_percent, NOT_HERE);
    lost.given("credential_spec", credential_spec, NOT_HERE);
    lost.given("dockerfile", dockerfile, NOT_HERE);
    lost.given("domainname", domainname, NOT_HERE);
    lost.given("provider", provider, NOT_HERE);
    lost.given("external_links", external_links, NOT_HERE);
    lost.given("isolation", isolation, NOT_HERE);
    lost.given("log_driver", log_driver, "logging says it today");
    lost.given("log_opt", log_opt, "logging says it today");
    lost.given("models", models, NOT_HERE);
    lost.given("net", net, "network_mode says it today");
    if !matches!(pull_policy.as_str(), "" | "always" | "missing" | "never" | "if_not_present") {
        lost.lost("pull_policy", COMPOSE_ONLY);
    }
    if scale.is_some_and(|scale| scale != 1) {
        lost.lost("scale", ONE);
    }
    if stop_grace_period.is_some_and(|time| time.0 % 1_000_000_000 != 0) {
        lost.lost("stop_grace_period", "seconds are counted");
    }
    lost.given("storage_opt", storage_opt, NOT_HERE);
    lost.given("use_api_socket", use_api_socket, NOT_HERE);
    lost.given("volume_driver", volume_driver, NOT_HERE);
    lost.given("post_start", post_start, COMPOSE_ONLY);
    lost.given("pre_stop", pre_stop, COMPOSE_ONLY);
    lost.given("extensions (x-…)", extensions, COMPOSE_ONLY);
    for (key, dependency) in depends_on {
        let Dependency { condition: _, restart, extensions, required: _ } = dependency;
        lost.given(&format!("depends_on.{key}.restart"), restart, COMPOSE_ONLY);
        lost.given(&format!("depends_on.{key}.extensions (x-…)"), extensions, COMPOSE_ONLY);
        if !project.services.contains_key(key) {
            lost.lost(&format!("depends_on.{key}"), "it is no service of the active profiles");
        }
    }
    if let Some(deploy) = deploy {
        self::deploy(deploy, lost);
    }
    let mut kept = Service {
        cpu_count: 0,
        cpu_percent: 0.0,
        credential_spec: None,
        domainname: String::new(),
        provider: None,
        external_links: Vec::new(),
        isolation: String::new(),
        models: Default::default(),
        storage_opt: Default::default(),
        use_api_socket: false,
        volume_driver: String::new(),
        secrets: files(secrets, &project.secrets, "secrets", lost),
        configs: files(configs, &project.configs, "configs", lost),
        ..service.clone()
    };
    kept.networks =
        networks.iter().map(|(key, own)| (key.clone(), network(key, own.as_ref(), lost))).collect();
    kept.ports = ports.iter().map(|one| port(one, lost)).collect();
    kept.volumes = volumes.iter().filter_map(|mount| self::mount(mount, lost)).collect();
    kept
}

/// Files that are mounted; owners and permissions are those of the files.
fn files(
    references: &[FileReference],
    known: &std::collections::BTreeMap<String, Content>,
    key: &str,
    lost: &mut Of<'_>,
) -> Vec<FileReference> {
    let mut kept = Vec::new();
    for reference in references {
        let FileReference { source, target: _, uid, gid, mode, extensions } = reference;
        let Some(content) = known.get(source) else { continue };
        let field = |part: &str| format!("{key}.{source}.{part}");
        if content.external || !content.driver.is_empty() || !content.template_driver.is_empty() {
            lost.lost(&format!("{key}.{source}"), "it is not in the project");
            continue;
        }
        if !content.file.is_empty() {
            lost.given(&field("uid"), uid, "a file that is mounted keeps its owner");
            lost.given(&field("gid"), gid, "a file that is mounted keeps its owner");
            lost.given(&field("mode"), mode, "a file that is mounted keeps its permissions");
        }
        lost.given(&field("extensions (x-…)"), extensions, COMPOSE_ONLY);
        kept.push(reference.clone());
    }
    kept
}

fn network(key: &str, own: Option<&ServiceNetwork>, lost: &mut Of<'_>) -> Option<ServiceNetwork> {
    let own = own?;
    let ServiceNetwork {
        aliases: _,
        driver_opts,
        gw_priority,
        interface_name,
        ipv4_address: _,
        ipv6_address: _,
        link_local_ips: _,
        mac_address: _,
        priority,
        extensions,
    } = own;
    let field = |part: &str| format!("networks.{key}.{part}");
    lost.given(&field("driver_opts"), driver_opts, NOT_HERE);
    lost.given(&field("gw_priority"), gw_priority, NOT_HERE);
    lost.given(&field("interface_name"), interface_name, NOT_HERE);
    lost.given(&field("priority"), priority, "networks are in the order of their names");
    lost.given(&field("extensions (x-…)"), extensions, COMPOSE_ONLY);
    Some(ServiceNetwork {
        driver_opts: Default::default(),
        gw_priority: 0,
        interface_name: String::new(),
        ..own.clone()
    })
}

fn port(port: &Port, lost: &mut Of<'_>) -> Port {
    let Port { name, mode, host_ip: _, target, published, protocol: _, app_protocol, extensions } = port;
    let field = |part: &str| format!("ports.{target}.{part}");
    lost.given(&field("name"), name, COMPOSE_ONLY);
    lost.given(&field("app_protocol"), app_protocol, COMPOSE_ONLY);
    lost.given(&field("extensions (x-…)"), extensions, COMPOSE_ONLY);
    if mode == "host" {
        lost.lost(&field("mode"), COMPOSE_ONLY);
    }
    let is_range = published.contains('-');
    if is_range {
        lost.lost(&field("published"), "a free port of any is taken, not one of the range");
    }
    Port { published: if is_range { String::new() } else { published.clone() }, ..port.clone() }
}

fn mount(mount: &Mount, lost: &mut Of<'_>) -> Option<Mount> {
    let Mount {
        r#type,
        source: _,
        target,
        read_only: _,
        consistency,
        bind,
        volume,
        tmpfs,
        image,
        extensions,
    } = mount;
    let field = |part: &str| format!("volumes.{target}.{part}");
    if !matches!(r#type.as_str(), "bind" | "volume" | "tmpfs" | "image") {
        lost.lost(&format!("volumes.{target}"), &format!("this engine has no mounts of type {:?}", r#type));
        return None;
    }
    lost.given(&field("consistency"), consistency, NOT_HERE);
    lost.given(&field("extensions (x-…)"), extensions, COMPOSE_ONLY);
    let mut kept = mount.clone();
    if let (Some(written), Some(kept)) = (bind, &mut kept.bind) {
        let BindOptions { selinux, propagation, create_host_path, recursive, extensions } = written;
        lost.given(&field("bind.extensions (x-…)"), extensions, COMPOSE_ONLY);
        if matches!(recursive.as_str(), "writable" | "readonly") {
            lost.lost(&field("bind.recursive"), NOT_HERE);
            kept.recursive.clear();
        }
        // Only the short form has it, which cannot say the others.
        let is_simple = *create_host_path && propagation.is_empty() && kept.recursive.is_empty();
        if !is_simple {
            lost.given(&field("bind.selinux"), selinux, "it does not go with the other options of the bind");
        }
    }
    if let (Some(written), Some(kept)) = (volume, &mut kept.volume) {
        let VolumeOptions { labels, nocopy: _, subpath: _, extensions } = written;
        lost.given(&field("volume.labels"), labels, NOT_HERE);
        lost.given(&field("volume.extensions (x-…)"), extensions, COMPOSE_ONLY);
        kept.labels.clear();
    }
    for extensions in [tmpfs.as_ref().map(|own| &own.extensions), image.as_ref().map(|own| &own.extensions)] {
        lost.given(&field("extensions (x-…)"), &extensions.cloned().unwrap_or_default(), COMPOSE_ONLY);
    }
    Some(kept)
}

fn deploy(deploy: &Deploy, lost: &mut Of<'_>) {
    let Deploy {
        mode,
        replicas,
        labels,
        update_config,
        rollback_config,
        resources,
        restart_policy,
        placement,
        endpoint_mode,
        extensions,
    } = deploy;
    lost.given("deploy.mode", &(mode == "global"), ONE);
    if replicas.is_some_and(|replicas| replicas != 1) {
        lost.lost("deploy.replicas", ONE);
    }
    lost.given("deploy.labels", labels, "they are the service's, not its containers'");
    lost.given("deploy.update_config", update_config, COMPOSE_ONLY);
    lost.given("deploy.rollback_config", rollback_config, COMPOSE_ONLY);
    lost.given("deploy.placement", placement, COMPOSE_ONLY);
    lost.given("deploy.endpoint_mode", endpoint_mode, COMPOSE_ONLY);
    lost.given("deploy.extensions (x-…)", extensions, COMPOSE_ONLY);
    if let Some(policy) = restart_policy {
        let RestartPolicy { condition: _, delay, max_attempts: _, window, extensions } = policy;
        lost.given("deploy.restart_policy.delay", delay, COMPOSE_ONLY);
        lost.given("deploy.restart_policy.window", window, COMPOSE_ONLY);
        lost.given("deploy.restart_policy.extensions (x-…)", extensions, COMPOSE_ONLY);
    }
    let Resources { limits, reservations, extensions } = resources;
    lost.given("deploy.resources.extensions (x-…)", extensions, COMPOSE_ONLY);
    if let Some(limits) = limits {
        let Resource { cpus: _, memory: _, pids: _, devices, generic_resources, extensions } = limits;
        lost.given("deploy.resources.limits.devices", devices, COMPOSE_ONLY);
        lost.given("deploy.resources.limits.generic_resources", generic_resources, COMPOSE_ONLY);
        lost.given("deploy.resources.limits.extensions (x-…)", extensions, COMPOSE_ONLY);
    }
    if let Some(kept) = reservations {
        let Resource { cpus, memory: _, pids, devices: _, generic_resources, extensions } = kept;
        lost.given("deploy.resources.reservations.cpus", cpus, NOT_HERE);
        lost.given("deploy.resources.reservations.pids", pids, NOT_HERE);
        lost.given("deploy.resources.reservations.generic_resources", generic_resources, COMPOSE_ONLY);
        lost.given("deploy.resources.reservations.extensions (x-…)", extensions, COMPOSE_ONLY);
    }
}
