//! Values of a container's request as a Compose file has them.

use std::collections::BTreeMap;

use cove_api::{
    HealthConfig, ImageVolume, LogConfig, Mount, NamedVolume, Namespace, PerNetworkOptions, PortMapping,
};
use cove_compose::model::{
    self, BindOptions, DeviceMapping, DeviceRequest, Duration, Healthcheck, Hosts, ImageOptions, Logging,
    Port, Service, ServiceNetwork, Ulimit, VolumeOptions,
};
use cove_spec::health;

use super::compose::NO_KEY;
use crate::loss::Of;
use crate::model::Application;

/// The key of the service whose container has that name.
pub(super) fn service_of(application: &Application, name: &str) -> Option<String> {
    let found = application.containers.iter().find(|one| one.spec.name == name || one.key == name)?;
    Some(found.key.clone())
}

/// A namespace as Compose names its mode.
pub(super) fn namespace_into(
    application: &Application,
    namespace: &Namespace,
    key: &mut String,
    field: &str,
    lost: &mut Of<'_>,
) {
    match (namespace.nsmode.as_str(), namespace.value.as_str()) {
        ("" | "pod", _) => {}
        ("container", name) => {
            *key = match service_of(application, name) {
                Some(service) => format!("service:{service}"),
                None => format!("container:{name}"),
            };
        }
        (mode, "") => mode.clone_into(key),
        _ => lost.lost(field, "Compose has no such mode"),
    }
}

/// Mode and networks, these by the engine's names yet.
pub(super) fn network(
    application: &Application,
    netns: &Namespace,
    networks: &BTreeMap<String, PerNetworkOptions>,
    options: &BTreeMap<String, Vec<String>>,
    key: &str,
    made: &mut Service,
    lost: &mut Of<'_>,
) {
    if netns.nsmode == "bridge" && networks.is_empty() {
        made.network_mode = "bridge".to_owned();
    } else if netns.nsmode != "bridge" {
        namespace_into(application, netns, &mut made.network_mode, "netns", lost);
        if let Some(words) = options.get(&netns.nsmode).filter(|words| !words.is_empty()) {
            made.network_mode = format!("{}:{}", netns.nsmode, words.join(","));
        }
    }
    for (name, own) in networks {
        let PerNetworkOptions { static_ips, aliases, static_mac, interface_name, options } = own;
        let mut network = ServiceNetwork {
            // Compose adds the service's name and the container's by itself.
            aliases: aliases
                .iter()
                .filter(|alias| *alias != key && service_of(application, alias).as_deref() != Some(key))
                .cloned()
                .collect(),
            driver_opts: options.clone(),
            interface_name: interface_name.clone(),
            mac_address: static_mac.clone(),
            ..ServiceNetwork::default()
        };
        for ip in static_ips {
            match ip.parse::<std::net::IpAddr>() {
                Ok(_) if cove_spec::network::link_local(ip).is_ok() => {
                    network.link_local_ips.push(ip.clone())
                }
                Ok(std::net::IpAddr::V6(_)) => network.ipv6_address.clone_from(ip),
                _ => network.ipv4_address.clone_from(ip),
            }
        }
        let own = (network != ServiceNetwork::default()).then_some(network);
        made.networks.insert(name.clone(), own);
    }
}

pub(super) fn ports(mappings: &[PortMapping], lost: &mut Of<'_>) -> Vec<Port> {
    let mut ports = Vec::new();
    for mapping in mappings {
        let Ok(expanded) = mapping.expand() else {
            lost.lost("portmappings", "a port is none");
            continue;
        };
        ports.extend(expanded.iter().map(|port| Port {
            mode: "ingress".to_owned(),
            host_ip: port.host_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            target: port.container_port.into(),
            published: if port.host_port == 0 { String::new() } else { port.host_port.to_string() },
            protocol: port.protocol.to_string(),
            ..Port::default()
        }));
    }
    ports
}

pub(super) fn exposed(ports: &BTreeMap<u16, String>) -> Vec<String> {
    let each = |(port, protocols): (&u16, &String)| {
        protocols.split(',').map(|protocol| format!("{port}/{protocol}")).collect::<Vec<_>>()
    };
    ports.iter().flat_map(each).collect()
}

/// `NAME:ADDRESS`, with several names before the address.
pub(super) fn hosts(lines: &[String]) -> Hosts {
    let mut hosts = Hosts::default();
    for line in lines {
        let Some((names, address)) = line.split_once(':') else { continue };
        for name in names.split(';') {
            hosts.0.entry(name.to_owned()).or_default().push(address.to_owned());
        }
    }
    hosts
}

pub(super) fn device(path: &str) -> DeviceMapping {
    match cove_spec::device::parse(path) {
        Ok(parts) => DeviceMapping {
            source: parts.host,
            target: parts.container,
            permissions: parts.permissions,
            ..DeviceMapping::default()
        },
        // One that its vendor describes.
        Err(_) => DeviceMapping {
            source: path.to_owned(),
            target: path.to_owned(),
            permissions: "rwm".to_owned(),
            ..DeviceMapping::default()
        },
    }
}

pub(super) fn gpu(name: &str) -> DeviceRequest {
    match name {
        "all" => DeviceRequest { count: -1, ..DeviceRequest::default() },
        name => DeviceRequest { device_ids: vec![name.to_owned()], ..DeviceRequest::default() },
    }
}

pub(super) fn platform(os: &str, arch: &str, variant: &str) -> String {
    let os = if os.is_empty() && !arch.is_empty() { "linux" } else { os };
    [os, arch, variant].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

pub(super) fn ulimit(soft: u64, hard: u64) -> Ulimit {
    let value = |limit: u64| i64::try_from(limit).unwrap_or(-1);
    if soft == hard {
        return Ulimit::Single(value(soft));
    }
    Ulimit::Both { soft: value(soft), hard: value(hard) }
}

pub(super) fn security(
    made: &mut Service,
    labels: &[String],
    apparmor: &str,
    seccomp: &str,
    no_new: Option<bool>,
) {
    made.security_opt.extend(labels.iter().map(|label| format!("label={label}")));
    for (option, text) in [("apparmor", apparmor), ("seccomp", seccomp)] {
        if !text.is_empty() {
            made.security_opt.push(format!("{option}={text}"));
        }
    }
    made.security_opt.extend(no_new.map(|is_on| format!("no-new-privileges={is_on}")));
}

pub(super) fn logging(log: &LogConfig, lost: &mut Of<'_>) -> Logging {
    let LogConfig { driver, path, size, options, labels } = log;
    lost.given("log_configuration.labels", labels, NO_KEY);
    let mut logging = Logging { driver: driver.clone(), options: options.clone(), ..Logging::default() };
    if logging.driver.is_empty() {
        // Options of no driver are not read.
        logging.driver = "k8s-file".to_owned();
    }
    if !path.is_empty() {
        logging.options.insert("path".to_owned(), path.clone());
    }
    if *size != 0 {
        let size = if *size < 0 { "-1".to_owned() } else { format!("{size}b") };
        logging.options.insert("max-size".to_owned(), size);
    }
    logging
}

pub(super) fn healthcheck(check: &HealthConfig, lost: &mut Of<'_>) -> Healthcheck {
    let HealthConfig { test, interval, timeout, start_period, start_interval, retries } = check;
    if test.first().is_some_and(|first| first == "NONE") {
        return Healthcheck { disable: true, ..Healthcheck::default() };
    }
    if *interval < 0 || (*interval == 0 && !test.is_empty()) {
        lost.lost("healthconfig.Interval", "Compose has no checks that are only made when asked for");
    }
    let time = |time: i64| (time > 0).then_some(Duration(time));
    Healthcheck {
        test: test.clone(),
        interval: time(*interval).filter(|_| test.is_empty() || *interval != health::INTERVAL),
        timeout: time(*timeout),
        start_period: time(*start_period),
        start_interval: time(*start_interval),
        retries: u64::try_from(*retries).ok().filter(|retries| *retries > 0),
        ..Healthcheck::default()
    }
}

pub(super) fn mounts_of(mounts: &[Mount], made_sources: &[String], made: &mut Service, lost: &mut Of<'_>) {
    for mount in mounts {
        let Mount { destination, kind, source, options } = mount;
        match kind.as_str() {
            "tmpfs" if options.is_empty() => made.tmpfs.push(destination.clone()),
            "tmpfs" => made.tmpfs.push(format!("{destination}:{}", options.join(","))),
            "bind" => {
                let mut bind =
                    BindOptions { create_host_path: made_sources.contains(source), ..BindOptions::default() };
                let mut read_only = false;
                for option in options {
                    match option.as_str() {
                        "ro" => read_only = true,
                        "z" | "Z" => bind.selinux.clone_from(option),
                        "bind" => "disabled".clone_into(&mut bind.recursive),
                        "shared" | "rshared" | "private" | "rprivate" | "slave" | "rslave" => {
                            bind.propagation.clone_from(option);
                        }
                        other => lost.lost(&format!("mounts.{destination}.{other}"), NO_KEY),
                    }
                }
                made.volumes.push(model::Mount {
                    r#type: "bind".to_owned(),
                    source: source.clone(),
                    target: destination.clone(),
                    read_only,
                    bind: Some(bind),
                    ..model::Mount::default()
                });
            }
            _ => lost.lost(&format!("mounts.{destination}"), "Compose has no mounts of its type"),
        }
    }
}

pub(super) fn volume(volume: &NamedVolume, lost: &mut Of<'_>) -> model::Mount {
    let NamedVolume { name, dest, options, is_anonymous, sub_path } = volume;
    if *is_anonymous && !name.is_empty() {
        lost.lost(&format!("volumes.{dest}"), "it has a name, so that it is not removed with its container");
    }
    let mut own = VolumeOptions { subpath: sub_path.clone(), ..VolumeOptions::default() };
    let mut read_only = false;
    for option in options {
        match option.as_str() {
            "ro" => read_only = true,
            "nocopy" => own.nocopy = true,
            other => lost.lost(&format!("volumes.{dest}.{other}"), NO_KEY),
        }
    }
    model::Mount {
        r#type: "volume".to_owned(),
        source: name.clone(),
        target: dest.clone(),
        read_only,
        volume: Some(own),
        ..model::Mount::default()
    }
}

pub(super) fn image_volume(volume: &ImageVolume) -> model::Mount {
    let ImageVolume { source, destination, read_write, sub_path } = volume;
    model::Mount {
        r#type: "image".to_owned(),
        source: source.clone(),
        target: destination.clone(),
        read_only: !read_write,
        image: Some(ImageOptions { subpath: sub_path.clone(), ..ImageOptions::default() }),
        ..model::Mount::default()
    }
}
