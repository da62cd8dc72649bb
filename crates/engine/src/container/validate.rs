//! What a request may say, whichever way it came in: the command line, the API, another engine's file.
//!
//! Whoever parses a text checks it as well, to tell the user early; nothing after this file has to doubt a value.

use cove_api::{ContainerSpec, Error, PerNetworkOptions, Result};
use cove_registry::ImageLocation;
use cove_spec::{device, host, name, network, resource, volume};

use crate::image::lookup::has_registry;

/// Refuses what is not done and what is no value of its kind, naming it; brings texts into their one form.
///
/// # Errors
/// [`cove_api::ErrorKind::Unsupported`] or [`cove_api::ErrorKind::InvalidArgument`].
pub(super) fn validate(spec: &mut ContainerSpec) -> Result<()> {
    cove_api::wire::json::check(spec)?;
    modes(spec)?;
    devices(spec)?;
    names(spec)?;
    files(spec)?;
    mounts(spec)?;
    limits(spec)?;
    secrets(spec)?;
    groups(spec)?;
    for name in std::mem::take(&mut spec.cni_networks) {
        spec.networks.entry(name).or_default();
    }
    for options in spec.networks.values_mut() {
        endpoint(options)?;
    }
    auto_update(spec)?;
    order_of_networks(spec)
}

/// What is updated from a registry has a name that says from which.
fn auto_update(spec: &ContainerSpec) -> Result<()> {
    if !matches!(spec.labels.get("io.containers.autoupdate").map(String::as_str), Some("registry" | "image"))
    {
        return Ok(());
    }
    let name = if spec.raw_image_name.is_empty() { &spec.image } else { &spec.raw_image_name };
    match ImageLocation::parse(name) {
        Ok(Some(ImageLocation::Registry(_))) => Ok(()),
        Ok(Some(_)) => Err(Error::invalid(format!(
            "auto updates require the docker image transport but image is of transport {:?}",
            name.split(':').next().unwrap_or_default()
        ))),
        _ if has_registry(name) => Ok(()),
        _ => Err(Error::invalid(format!(
            "short name: auto updates require fully-qualified image reference: {name:?}"
        ))),
    }
}

fn modes(spec: &ContainerSpec) -> Result<()> {
    match spec.cgroups_mode.as_str() {
        "split" if !spec.cgroup_parent.is_empty() => {
            Err(Error::invalid("a parent of cgroups and the cgroups mode split exclude each other"))
        }
        "" | "enabled" | "disabled" | "no-conmon" | "split" => Ok(()),
        mode => Err(Error::invalid(format!(
            "invalid cgroups mode {mode:?}: enabled, disabled, no-conmon or split"
        ))),
    }
}

fn groups(spec: &ContainerSpec) -> Result<()> {
    let keeps = |group: &str| group == "keep-groups";
    let mut all = spec.groups.iter().flat_map(|groups| groups.split(','));
    if all.clone().any(keeps) && !all.all(keeps) {
        return Err(Error::invalid(
            "the '--group-add keep-groups' option is not allowed with any other --group-add options",
        ));
    }
    Ok(())
}

fn names(spec: &mut ContainerSpec) -> Result<()> {
    // As Docker, which shows names with a slash.
    if let Some(bare) = spec.name.strip_prefix('/') {
        spec.name = bare.to_owned();
    }
    if !spec.name.is_empty() {
        name::container(&spec.name)?;
    }
    if !spec.hostname.is_empty() {
        name::hostname(&spec.hostname)?;
    }
    spec.groups = spec.groups.iter().flat_map(|groups| groups.split(',')).map(ToOwned::to_owned).collect();
    for (what, text) in [("passwd_entry", &spec.passwd_entry), ("group_entry", &spec.group_entry)] {
        if text.contains(char::is_control) {
            return Err(Error::invalid(format!("{what} {text:?}: it must be one line")));
        }
    }
    match spec.stop_signal {
        Some(signal) if !(1..=64).contains(&signal) => {
            Err(Error::invalid(format!("invalid stop signal {signal}: signals are 1 to 64")))
        }
        _ => Ok(()),
    }
}

/// What becomes lines of /etc/hosts and /etc/resolv.conf.
fn files(spec: &mut ContainerSpec) -> Result<()> {
    for entry in &mut spec.hostadd {
        *entry = host::add_host(entry)?;
    }
    for server in &mut spec.dns_server {
        *server = host::dns_server(server)?;
    }
    for search in &spec.dns_search {
        host::dns_search(search)?;
    }
    for option in &spec.dns_option {
        host::dns_option(option)?;
    }
    let sysctls: Vec<String> = spec.sysctl.iter().map(|(name, value)| format!("{name}={value}")).collect();
    spec.sysctl = host::sysctls(sysctls.iter().map(String::as_str))?;
    Ok(())
}

fn mounts(spec: &mut ContainerSpec) -> Result<()> {
    for mount in &mut spec.mounts {
        let named =
            |error: cove_spec::Error| Error::from(error).context(format!("mount {:?}", mount.destination));
        match mount.kind.as_str() {
            "bind" => {
                let (mut sub_paths, options): (Vec<String>, Vec<String>) =
                    mount.options.drain(..).partition(|option| option.starts_with(super::storage::SUB_PATH));
                mount.options = volume::check_options(options.iter().map(String::as_str)).map_err(named)?;
                mount.options.append(&mut sub_paths);
            }
            "tmpfs" | "ramfs" => {
                mount.options.iter().try_for_each(|option| volume::tmpfs_option(option)).map_err(named)?;
            }
            _ => {}
        }
    }
    for overlay in &mut spec.overlay_volumes {
        let named = |error: cove_spec::Error| {
            Error::from(error).context(format!("overlay {:?}", overlay.destination))
        };
        if !overlay.options.iter().any(|option| option == "O") {
            overlay.options.insert(0, "O".to_owned());
        }
        overlay.options = volume::check_options(overlay.options.iter().map(String::as_str)).map_err(named)?;
        volume::check_overlay(&overlay.options).map_err(named)?;
        if !overlay.source.starts_with('/') {
            return Err(Error::invalid(format!(
                "overlay {:?}: {:?} is not an absolute path",
                overlay.destination, overlay.source
            )));
        }
    }
    for image in &spec.image_volumes {
        if image.source.is_empty() || image.destination.is_empty() {
            return Err(Error::invalid("must set source and destination for image volume"));
        }
    }
    if spec.rootfs_overlay == Some(true) && spec.rootfs.is_empty() {
        return Err(Error::invalid("rootfs_overlay needs rootfs"));
    }
    for mounted in &mut spec.volumes {
        let named =
            |error: cove_spec::Error| Error::from(error).context(format!("volume {:?}", mounted.dest));
        mounted.options = volume::check_options(mounted.options.iter().map(String::as_str)).map_err(named)?;
        volume::check_overlay(&mounted.options).map_err(named)?;
    }
    Ok(())
}

fn devices(spec: &mut ContainerSpec) -> Result<()> {
    for gpu in &mut spec.gpus {
        *gpu = device::gpu(gpu)?;
    }
    Ok(())
}

fn secrets(spec: &ContainerSpec) -> Result<()> {
    for name in spec.secret_env.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Error::invalid(format!("{name:?} is no name of a variable for a secret")));
        }
    }
    match spec.secrets.iter().find(|secret| secret.target.contains('\0')) {
        Some(secret) => Err(Error::invalid(format!("invalid target {:?} of a secret", secret.target))),
        None => Ok(()),
    }
}

fn limits(spec: &ContainerSpec) -> Result<()> {
    for file in spec.unified.keys() {
        resource::cgroup_file(file)?;
    }
    if let Some(domain) = spec.personality.as_ref().map(|wanted| wanted.domain.as_str())
        && !matches!(domain, "LINUX" | "LINUX32")
    {
        return Err(Error::invalid(format!("invalid personality {domain:?}: it is LINUX or LINUX32")));
    }
    if let Some(resources) = &spec.resource_limits {
        resource::check(resources)?;
    }
    if let Some(size) = spec.shm_size.filter(|size| *size < 0) {
        return Err(Error::invalid(format!("invalid size {size} of /dev/shm: it must not be negative")));
    }
    match spec.oom_score_adj {
        Some(adjustment) if !(-1000..=1000).contains(&adjustment) => Err(Error::invalid(format!(
            "invalid OOM score adjustment {adjustment}: it must be between -1000 and 1000"
        ))),
        _ => Ok(()),
    }
}

/// What a container asks of one network: it becomes names of the name service, addresses and links.
pub(crate) fn endpoint(options: &mut PerNetworkOptions) -> Result<()> {
    for alias in &options.aliases {
        name::hostname(alias).map_err(|error| Error::from(error).context("network alias"))?;
    }
    for address in &options.static_ips {
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err(Error::invalid(format!("invalid static IP address {address:?}")));
        }
    }
    if !options.static_mac.is_empty() {
        options.static_mac = network::mac_address(&options.static_mac)?;
    }
    let interface = &options.interface_name;
    // As the kernel has it, which also refuses a few more.
    let is_name = interface.len() <= 15
        && interface.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    if is_name { Ok(()) } else { Err(Error::invalid(format!("invalid interface name {interface:?}"))) }
}

/// Interfaces are numbered in the order of the networks' names; another order is not done.
fn order_of_networks(spec: &mut ContainerSpec) -> Result<()> {
    let order = std::mem::take(&mut spec.network_order);
    if order.is_empty() || order.iter().eq(spec.networks.keys()) {
        return Ok(());
    }
    if let Some(name) = order.iter().find(|name| !spec.networks.contains_key(*name)) {
        return Err(Error::invalid(format!("networkOrder names {name:?}, which is not one of the networks")));
    }
    Err(Error::unsupported(format!(
        "the order of networks {:?} is not supported yet: interfaces are numbered in the order of names",
        order.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn checked(body: Value) -> Result<ContainerSpec> {
        let mut spec = cove_api::wire::json::decode(body.to_string().as_bytes())?;
        validate(&mut spec).map(|()| spec)
    }

    #[test]
    fn what_would_add_lines_or_change_meaning_is_refused() {
        for (body, named) in [
            (json!({"hostname": "a\n6.6.6.6 bank.test"}), "hostname"),
            (json!({"hostadd": ["a:1.2.3.4\n6.6.6.6 b"]}), "add-host"),
            (json!({"hostadd": ["a\tb:1.2.3.4"]}), "add-host"),
            (json!({"hostadd": ["a"]}), "add-host"),
            (json!({"dns_server": ["1.1.1.1\nnameserver 6.6.6.6"]}), "ip address"),
            (json!({"dns_search": ["a\nb"]}), "domain"),
            (json!({"dns_option": ["a\nb"]}), "DNS option"),
            (json!({"name": "a\nb"}), "name"),
            (json!({"passwd_entry": "a:b\nroot2::0:0"}), "passwd_entry"),
            (json!({"Networks": {"n": {"aliases": ["a\nb"]}}}), "alias"),
            (json!({"Networks": {"n": {"static_mac": "zz"}}}), "MAC"),
            (json!({"Networks": {"n": {"static_ips": ["1.2.3.4.5"]}}}), "1.2.3.4.5"),
            (json!({"Networks": {"n": {"interface_name": "a/b"}}}), "interface"),
            (json!({"sysctl": {"kernel.core_pattern": "|/x"}}), "kernel.core_pattern"),
            (json!({"resource_limits": {"memory": {"limit": -5}}}), "memory limit -5"),
            (json!({"resource_limits": {"memory": {"reservation": -1}}}), "memory reservation"),
            (json!({"resource_limits": {"memory": {"swap": -2}}}), "swap"),
            (json!({"resource_limits": {"memory": {"swappiness": 101}}}), "swappiness"),
            (json!({"resource_limits": {"memory": {"swappiness": -1}}}), "resource_limits.memory.swappiness"),
            (json!({"resource_limits": {"cpu": {"shares": -1}}}), "resource_limits.cpu.shares"),
            (json!({"resource_limits": {"cpu": {"cpus": "a"}}}), "cpuset"),
            (json!({"resource_limits": {"pids": {"limit": -2}}}), "limit of processes"),
            (json!({"resource_limits": {"network": {"classID": 10}}}), "resource_limits.network"),
            (json!({"unified": {"../x": "1"}}), "../x"),
            (json!({"personality": {"domain": "BSD"}}), "BSD"),
            (json!({"shm_size": -1}), "/dev/shm"),
            (json!({"oom_score_adj": 5000}), "OOM"),
            (json!({"stop_timeout": -5}), "stop_timeout"),
            (json!({"stop_signal": 100}), "stop signal"),
            (
                json!({"mounts": [{"destination": "/a", "type": "bind", "source": "/b", "options": ["zork"]}]}),
                "zork",
            ),
            (json!({"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["zork"]}]}), "zork"),
            (json!({"volumes": [{"Dest": "/a", "Name": "v", "Options": ["shared", "private"]}]}), "shared"),
            (json!({"log_configuration": {"labels": {"a": "b"}}}), "log_configuration.labels"),
            (json!({"devices": [{"path": "/dev/null", "uid": 5}]}), "devices[0].uid"),
            (json!({"zork": 1}), "zork"),
            (json!({"mounts": [{"zork": 1}]}), "mounts[0].zork"),
            (json!({"Networks": {"n": {"zork": 1}}}), "Networks.n.zork"),
            (json!({"networkOrder": ["b"]}), "networkOrder"),
            (json!({"networkOrder": ["b", "a"], "Networks": {"a": {}, "b": {}}}), "order of networks"),
        ] {
            let error = checked(body).unwrap_err();
            assert!(error.message.contains(named), "{named}: {}", error.message);
        }
    }

    #[test]
    fn what_clients_send_passes() {
        let spec = checked(json!({
            "name": "/x", "hostname": "web-1.example", "hostadd": ["db=10.0.0.1", "gw:host-gateway"],
            "dns_server": ["1.1.1.1"], "dns_search": ["."], "systemd": "true", "sdnotifyMode": "container",
            "healthLogDestination": "local", "healthMaxLogCount": 5, "healthMaxLogSize": 500,
            "health_check_on_failure_action": 0, "init_container_type": "", "seccomp_policy": "default",
            "idmappings": {"HostUIDMapping": true, "HostGIDMapping": true, "UIDMap": null, "GIDMap": [],
                           "AutoUserNs": false, "AutoUserNsOpts": {"Size": 0, "AdditionalUIDMappings": null}},
            "volatile": true, "secret_env": null, "userns": {}, "networkOrder": ["a"], "Networks": {"a": {}},
            "resource_limits": {"memory": {"swap": -1}, "cpu": {"quota": -1}, "pids": {"limit": -1}},
            "mounts": [{"destination": "/a", "type": "bind", "source": "/b", "options": ["rbind", "rslave", "ro"]}],
        }))
        .unwrap();
        assert_eq!(spec.name, "x");
        assert_eq!(spec.hostadd, ["db:10.0.0.1", "gw:host-gateway"]);
        assert_eq!(spec.mounts[0].options, ["rbind", "rslave", "ro"]);
        let networks = json!({"cni_networks": ["b", "a"], "Networks": {"a": {"aliases": ["x"]}}});
        let spec = checked(networks).unwrap();
        assert_eq!(spec.networks.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(spec.networks["a"].aliases, ["x"]);
    }
}
