//! All about a pod.

use cove_api::{PodInfraInspect, PodInspect, PodInspectContainer, PodSpec, Result};

use super::{cgroup, list, lookup};
use crate::container::{all_mounts, host_port, namespace_mode, network_names, port_table, time};
use crate::engine::Core;
use crate::state::{ContainerRow, NamespaceMode, NetworkMode, PodRow};

/// All about one.
pub(super) fn inspect(core: &Core, name: &str) -> Result<PodInspect> {
    let pod = core.find_pod(name)?;
    let members = core.members(&pod.id)?;
    let request = core.database()?.pod_request(&pod.id)?;
    let infra = members.iter().find(|member| member.config.infra);
    let limits = pod.config.limits.clone().unwrap_or_default();
    let (cpu, memory) = (limits.cpu.unwrap_or_default(), limits.memory.unwrap_or_default());
    let bytes = |limit: Option<i64>| limit.and_then(|limit| u64::try_from(limit).ok()).unwrap_or(0);
    Ok(PodInspect {
        created: time(pod.created),
        create_command: request.pod_create_command.clone(),
        exit_policy: pod.config.exit.as_str().into(),
        state: lookup::state(&members),
        hostname: pod.config.hostname.clone(),
        labels: pod.config.labels.clone(),
        create_cgroup: pod.config.share_cgroup,
        cgroup_parent: cgroup::above(core.cgroup(), &pod),
        cgroup_path: cgroup::path(core.cgroup(), &pod),
        create_infra: pod.config.infra,
        infra_container_id: infra.map(|infra| infra.id.clone()).unwrap_or_default(),
        infra_config: infra.map(|infra| infra_config(infra, &request)),
        shared_namespaces: shared_names(&pod, infra),
        num_containers: u32::try_from(members.len()).unwrap_or(u32::MAX),
        containers: members
            .iter()
            .map(|member| PodInspectContainer {
                id: member.id.clone(),
                name: member.name.clone(),
                state: list::word(member),
            })
            .collect(),
        cpu_period: cpu.period.unwrap_or_default(),
        cpu_quota: cpu.quota.unwrap_or_default(),
        cpu_shares: cpu.shares.unwrap_or_default(),
        cpuset_cpus: cpu.cpus,
        cpuset_mems: cpu.mems,
        mounts: infra.map(|infra| all_mounts(core, infra)).transpose()?.unwrap_or_default(),
        devices: infra.map(crate::container::shown_devices).unwrap_or_default(),
        volumes_from: request.volumes_from,
        security_opts: request.security_opt,
        memory_limit: bytes(memory.limit),
        memory_swap: bytes(memory.swap),
        restart_policy: pod.config.restart.as_str().into(),
        lock_number: 0,
        id: pod.id,
        name: pod.name,
    })
}

/// A user namespace is shared wherever there is one.
fn shared_names(pod: &PodRow, infra: Option<&ContainerRow>) -> Vec<String> {
    let mut names = pod.config.share.names();
    if infra.is_some_and(|infra| infra.config.userns.mode != NamespaceMode::Host) {
        names.push("user".to_owned());
        names.sort();
    }
    names
}

fn infra_config(infra: &ContainerRow, request: &PodSpec) -> PodInfraInspect {
    let config = &infra.config;
    let options = config.networks.values();
    PodInfraInspect {
        port_bindings: port_table(&config.ports)
            .into_iter()
            .map(|(port, hosts)| (port, hosts.into_iter().map(host_port).collect()))
            .collect(),
        host_network: config.network == NetworkMode::Host,
        static_ip: options.clone().flat_map(|one| &one.static_ips).next().cloned().unwrap_or_default(),
        static_mac: options
            .map(|one| &one.static_mac)
            .find(|mac| !mac.is_empty())
            .cloned()
            .unwrap_or_default(),
        no_manage_resolv_conf: request.no_manage_resolv_conf,
        dns_server: config.files.dns.servers.clone(),
        dns_search: config.files.dns.search.clone(),
        dns_option: config.files.dns.options.clone(),
        no_manage_hostname: request.no_manage_hostname,
        no_manage_hosts: request.no_manage_hosts,
        host_add: config.files.hosts.as_ref().map(|hosts| hosts.extra.clone()).unwrap_or_default(),
        hosts_file: request.hosts_file.clone(),
        networks: network_names(infra),
        network_options: config.network_programs.clone(),
        pid_ns: shown(&config.namespaces.pid),
        user_ns: shown(&config.userns.mode),
        uts_ns: shown(&config.namespaces.uts),
    }
}

/// One of its own goes without saying.
fn shown(namespace: &NamespaceMode) -> String {
    if *namespace == NamespaceMode::Private { "private".into() } else { namespace_mode(namespace) }
}
