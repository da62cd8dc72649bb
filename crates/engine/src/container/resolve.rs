//! From a request and its image to what a container is: defaults, merging, and what is refused.

use std::collections::BTreeSet;

use cove_api::{ContainerSpec, Error, Result};
use cove_config::{ContainersConf, Environment};

use crate::container::ports;
use crate::name::short;
use crate::state::{
    ContainerConfig, ContainerVolume, ImageFacts, NetworkMode, RECORD_VERSION, RestartPolicy,
};

/// Fields of libpod's request that ask for nothing at these values, and that its clients always send.
const HARMLESS: &[(&str, &[&str])] = &[
    ("systemd", &["true", "false"]),
    ("sdnotifyMode", &["container", "ignore"]),
    ("healthLogDestination", &["local"]),
    ("healthMaxLogCount", &["5", "0"]),
    ("healthMaxLogSize", &["500", "0"]),
    ("health_check_on_failure_action", &["0", "none"]),
    ("seccomp_policy", &["default"]),
    ("secret_env", &["null"]),
    ("use_image_hostname", &["true"]),
    // Containers that are removed at their end are kept volatile anyhow.
    ("volatile", &["true"]),
    ("healthconfig", &[r#"{"Test":["NONE"]}"#]),
];

/// The default where the caller's surroundings matter.
pub(super) struct Surroundings<'a> {
    pub(super) conf: &'a ContainersConf,
    pub(super) environment: &'a Environment,
    pub(super) rootless: bool,
}

/// Refuses fields that ask for something this version does not do, naming them.
pub(super) fn check_supported(spec: &ContainerSpec) -> Result<()> {
    for (name, value) in &spec.other {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let nothing = match value {
            serde_json::Value::Null | serde_json::Value::Bool(false) => true,
            serde_json::Value::String(text) => text.is_empty(),
            serde_json::Value::Number(number) => number.as_f64() == Some(0.0),
            serde_json::Value::Array(list) => list.is_empty(),
            serde_json::Value::Object(map) => map.is_empty(),
            serde_json::Value::Bool(true) => false,
        };
        let harmless =
            HARMLESS.iter().any(|(known, values)| known == name && values.contains(&text.as_str()));
        if !nothing && !harmless {
            return Err(Error::unsupported(format!("the container option {name:?} is not supported yet")));
        }
    }
    let refuse = |what: &str| Err(Error::unsupported(format!("{what} is not supported yet")));
    if !spec.pod.is_empty() {
        return refuse("the container option \"pod\"");
    }
    if let Some(resources) = &spec.resource_limits
        && let Some(name) = resources.other.keys().next()
    {
        return refuse(&format!("the resource limit {name:?}"));
    }
    match spec.userns.nsmode.as_str() {
        "" | "default" | "host" => {}
        mode => return refuse(&format!("the user namespace mode {mode:?}")),
    }
    match spec.cgroups_mode.as_str() {
        "" | "enabled" | "disabled" | "no-conmon" => {}
        mode => return refuse(&format!("the cgroups mode {mode:?}")),
    }
    Ok(())
}

/// The configuration of a container from its request and image. Pure but for the choice of free host ports.
pub(super) fn resolve(
    id: &str,
    spec: ContainerSpec,
    image: ImageFacts,
    surroundings: &Surroundings<'_>,
) -> Result<ContainerConfig> {
    let conf = surroundings.conf;
    let (entrypoint, command) = command_line(&spec, &image);
    let mut arguments: Vec<String> = entrypoint.iter().chain(&command).cloned().collect();
    if arguments.is_empty() {
        if spec.rootfs.is_empty() {
            return Err(Error::invalid(
                "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
            ));
        }
        // The OCI runtime says that it finds no such command, as with podman.
        arguments.push(String::new());
    }
    let stop_signal = match spec.stop_signal {
        Some(number) => number,
        None if !image.config.stop_signal.is_empty() => cove_api::signal::parse(&image.config.stop_signal)?,
        None => 15,
    };
    let mut labels = image.config.labels.clone();
    labels.extend(spec.labels.clone());
    let network = network_mode(&spec, conf, surroundings.rootless)?;
    let mut networks = spec.networks.clone();
    if network == NetworkMode::Bridge && networks.is_empty() {
        let name = conf.network.default_network.clone().unwrap_or_else(|| "podman".into());
        networks.insert(name, Default::default());
    }
    if network != NetworkMode::Bridge && !networks.is_empty() {
        return Err(Error::invalid(
            "networks and static ip/mac address can only be used with Bridge mode networking",
        ));
    }
    let exposed = ports::exposed(&spec, &image)?;
    let ports = ports::published(&spec, &exposed, &network)?;
    let log_driver = log_driver(&spec, conf)?;
    let work_dir =
        [&spec.work_dir, &image.config.working_dir].into_iter().find(|dir| !dir.is_empty()).map_or_else(
            || "/".to_owned(),
            |dir| if dir.starts_with('/') { dir.clone() } else { format!("/{dir}") },
        );
    Ok(ContainerConfig {
        version: RECORD_VERSION,
        env: environment(&spec, &image, surroundings),
        work_dir,
        user: if spec.user.is_empty() { image.config.user.clone() } else { spec.user.clone() },
        stop_signal,
        stop_timeout: spec.stop_timeout.unwrap_or_else(|| conf.engine.stop_timeout.unwrap_or(10)),
        hostname: hostname(id, &spec, &network, conf),
        labels,
        annotations: spec.annotations.clone(),
        volumes: volumes(&spec, &image, conf)?,
        network,
        networks,
        ports,
        exposed: exposed.into_iter().collect(),
        log_driver,
        log_path: spec.log_configuration.as_ref().map(|log| log.path.clone()).unwrap_or_default(),
        log_size: log_size(&spec, conf),
        restart: restart_policy(&spec)?,
        auto_remove: spec.remove == Some(true),
        runtime: String::new(),
        dependencies: Vec::new(),
        arguments,
        entrypoint,
        command,
        image,
        spec,
    })
}

/// Entrypoint and command. A new entrypoint drops the image's command, as in podman.
fn command_line(spec: &ContainerSpec, image: &ImageFacts) -> (Vec<String>, Vec<String>) {
    let own = spec.entrypoint.as_ref().map(|entrypoint| {
        // `--entrypoint ""` clears it.
        if entrypoint.iter().all(String::is_empty) { Vec::new() } else { entrypoint.clone() }
    });
    let command = if !spec.command.is_empty() {
        spec.command.clone()
    } else if own.is_some() {
        Vec::new()
    } else {
        image.config.cmd.clone()
    };
    (own.unwrap_or_else(|| image.config.entrypoint.clone()), command)
}

/// The environment, in the order of precedence: defaults, proxies or the whole host's, image, request.
fn environment(spec: &ContainerSpec, image: &ImageFacts, surroundings: &Surroundings<'_>) -> Vec<String> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| match all.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => value.clone_into(old),
        None => all.push((name.to_owned(), value.to_owned())),
    };
    let conf = &surroundings.conf.containers;
    for entry in conf.env.iter().flat_map(|list| &list.values) {
        if let Some((name, value)) = entry.split_once('=') {
            set(name, value);
        }
    }
    if spec.terminal == Some(true) {
        set("TERM", "xterm");
    }
    set("container", "podman");
    if spec.env_host.or(conf.env_host).unwrap_or(false) {
        for (name, value) in surroundings.environment.iter() {
            set(name, value);
        }
    } else if spec.httpproxy.or(conf.http_proxy).unwrap_or(true) {
        for (name, value) in surroundings.environment.proxies() {
            set(&name, &value);
        }
    }
    // An entry without `=` would be filled from the host's environment elsewhere; here it is dropped.
    for entry in &image.config.env {
        if let Some((name, value)) = entry.split_once('=')
            && !name.is_empty()
        {
            set(name, value);
        }
    }
    for (name, value) in &spec.env {
        set(name, value);
    }
    if spec.unsetenvall == Some(true) {
        all.retain(|(name, _)| spec.env.contains_key(name));
    }
    all.retain(|(name, _)| !spec.unsetenv.contains(name) || spec.env.contains_key(name));
    all.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn hostname(id: &str, spec: &ContainerSpec, network: &NetworkMode, conf: &ContainersConf) -> String {
    if !spec.hostname.is_empty() {
        return spec.hostname.clone();
    }
    if spec.utsns.is_host() || *network == NetworkMode::Host {
        let name = rustix::system::uname();
        return name.nodename().to_string_lossy().into_owned();
    }
    if conf.containers.container_name_as_hostname == Some(true) && !spec.name.is_empty() {
        return spec.name.clone();
    }
    short(id).to_owned()
}

fn network_mode(spec: &ContainerSpec, conf: &ContainersConf, rootless: bool) -> Result<NetworkMode> {
    let by_default = if rootless {
        match conf.network.default_rootless_network_cmd.as_deref() {
            Some("slirp4netns") => NetworkMode::Slirp,
            _ => NetworkMode::Pasta,
        }
    } else {
        NetworkMode::Bridge
    };
    if spec.netns.is_default() || spec.netns.nsmode == "private" {
        if !spec.networks.is_empty() {
            return Ok(NetworkMode::Bridge);
        }
        if spec.netns.is_default() {
            return Ok(match conf.containers.netns.as_deref() {
                Some("host") => NetworkMode::Host,
                Some("none") => NetworkMode::None,
                Some("bridge") => NetworkMode::Bridge,
                Some("pasta") => NetworkMode::Pasta,
                Some("slirp4netns") => NetworkMode::Slirp,
                _ => by_default,
            });
        }
        return Ok(by_default);
    }
    Ok(match spec.netns.nsmode.as_str() {
        "bridge" => NetworkMode::Bridge,
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        "container" => NetworkMode::Container(spec.netns.value.clone()),
        "path" => NetworkMode::Path(spec.netns.value.clone()),
        "pasta" if rootless => NetworkMode::Pasta,
        "pasta" => {
            return Err(Error::unsupported("pasta networking is only supported for rootless mode"));
        }
        "slirp4netns" => NetworkMode::Slirp,
        other => return Err(Error::invalid(format!("invalid network mode {other:?}"))),
    })
}

fn volumes(spec: &ContainerSpec, image: &ImageFacts, conf: &ContainersConf) -> Result<Vec<ContainerVolume>> {
    let mut volumes: Vec<ContainerVolume> = spec
        .volumes
        .iter()
        .map(|volume| ContainerVolume {
            name: volume.name.clone(),
            destination: clean(&volume.dest),
            options: volume.options.clone(),
            sub_path: volume.sub_path.clone(),
            anonymous: volume.name.is_empty() || volume.is_anonymous,
        })
        .collect();
    let mode = if spec.image_volume_mode.is_empty() {
        conf.engine.image_volume_mode.clone().unwrap_or_default()
    } else {
        spec.image_volume_mode.clone()
    };
    let used: BTreeSet<String> = spec
        .mounts
        .iter()
        .map(|mount| clean(&mount.destination))
        .chain(volumes.iter().map(|volume| volume.destination.clone()))
        .collect();
    match mode.as_str() {
        "" | "anonymous" | "bind" => {
            for destination in image.config.volumes.keys().map(|path| clean(path)) {
                if !used.contains(&destination) && destination != "/" {
                    volumes.push(ContainerVolume {
                        destination,
                        options: vec!["rprivate".into(), "rw".into(), "nodev".into(), "exec".into()],
                        anonymous: true,
                        ..ContainerVolume::default()
                    });
                }
            }
        }
        "tmpfs" | "ignore" => {}
        other => return Err(Error::invalid(format!("invalid image volume mode {other:?}"))),
    }
    let mut seen = BTreeSet::new();
    let mounted = spec.mounts.iter().map(|mount| clean(&mount.destination));
    for destination in volumes.iter().map(|volume| volume.destination.clone()).chain(mounted) {
        if !destination.starts_with('/') {
            return Err(Error::invalid(format!(
                "invalid container path {destination:?}, must be an absolute path"
            )));
        }
        if !seen.insert(destination.clone()) {
            return Err(Error::invalid(format!("{destination}: duplicate mount destination")));
        }
    }
    Ok(volumes)
}

/// Tmpfs destinations for the image's volumes under `image_volume_mode = tmpfs`.
pub(super) fn image_tmpfs(config: &ContainerConfig, default_mode: Option<&str>) -> Vec<String> {
    let mode = if config.spec.image_volume_mode.is_empty() {
        default_mode.unwrap_or_default()
    } else {
        &config.spec.image_volume_mode
    };
    if mode != "tmpfs" {
        return Vec::new();
    }
    config.image.config.volumes.keys().map(|path| clean(path)).collect()
}

/// The path without empty and `.` parts; `..` goes up as far as there is something.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

fn log_driver(spec: &ContainerSpec, conf: &ContainersConf) -> Result<String> {
    let asked = spec.log_configuration.as_ref().map(|log| log.driver.as_str()).unwrap_or_default();
    if let Some(log) = &spec.log_configuration
        && let Some(name) =
            log.options.keys().find(|name| !matches!(name.as_str(), "path" | "max-size" | "tag"))
    {
        return Err(Error::unsupported(format!("the log option {name:?} is not supported yet")));
    }
    match asked {
        "" => Ok(match conf.containers.log_driver.as_deref() {
            Some("none") => "none".into(),
            // journald, podman's default under systemd, is not done: files hold the same.
            _ => "k8s-file".into(),
        }),
        "k8s-file" | "json-file" => Ok("k8s-file".into()),
        "none" | "passthrough" => Ok(asked.into()),
        other => Err(Error::unsupported(format!("the log driver {other:?} is not supported yet"))),
    }
}

fn log_size(spec: &ContainerSpec, conf: &ContainersConf) -> u64 {
    spec.log_configuration
        .as_ref()
        .map(|log| log.size)
        .filter(|size| *size > 0)
        .or(conf.containers.log_size_max)
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or(0)
}

fn restart_policy(spec: &ContainerSpec) -> Result<RestartPolicy> {
    match spec.restart_policy.as_str() {
        "" | "no" | "always" | "on-failure" | "unless-stopped" => {}
        other => return Err(Error::invalid(format!("invalid restart policy {other:?}"))),
    }
    let tries = spec.restart_tries.unwrap_or(0);
    if tries > 0 && spec.restart_policy != "on-failure" {
        return Err(Error::invalid("restart policy tries can only be used with \"on-failure\""));
    }
    Ok(RestartPolicy { name: spec.restart_policy.clone(), tries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{ImageConfig, Namespace, PortMapping};

    fn image() -> ImageFacts {
        ImageFacts {
            id: "i".into(),
            name: "localhost/test:latest".into(),
            digest: String::new(),
            config: ImageConfig {
                entrypoint: vec!["/entry".into()],
                cmd: vec!["default".into()],
                env: vec!["A=image".into(), "BROKEN".into(), "B=image".into()],
                labels: [("from".to_owned(), "image".to_owned())].into(),
                volumes: [("/data".to_owned(), serde_json::json!({}))].into(),
                exposed_ports: [("80/tcp".to_owned(), serde_json::json!({}))].into(),
                stop_signal: "SIGQUIT".into(),
                working_dir: "/srv".into(),
                ..ImageConfig::default()
            },
        }
    }

    fn resolved(spec: ContainerSpec) -> Result<ContainerConfig> {
        let conf = ContainersConf::built_in();
        let environment = Environment::new([("https_proxy", "http://proxy"), ("SECRET", "x")]);
        let surroundings = Surroundings { conf: &conf, environment: &environment, rootless: false };
        resolve(&"ab".repeat(32), spec, image(), &surroundings)
    }

    #[test]
    fn image_and_request_are_merged() {
        let config = resolved(ContainerSpec {
            env: [("A".to_owned(), "mine".to_owned())].into(),
            labels: [("mine".to_owned(), "1".to_owned())].into(),
            ..ContainerSpec::default()
        })
        .unwrap();
        assert_eq!(config.arguments, ["/entry", "default"]);
        assert!(config.env.contains(&"A=mine".into()));
        assert!(config.env.contains(&"B=image".into()));
        assert!(config.env.contains(&"https_proxy=http://proxy".into()));
        assert!(!config.env.iter().any(|entry| entry.contains("SECRET") || entry.contains("BROKEN")));
        assert_eq!(config.labels.len(), 2);
        assert_eq!((config.stop_signal, config.work_dir.as_str()), (3, "/srv"));
        assert_eq!(config.hostname, "abababababab");
        assert_eq!(config.volumes[0].destination, "/data");
        assert_eq!(config.networks.keys().collect::<Vec<_>>(), ["podman"]);
        assert_eq!(config.exposed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["80/tcp"]);
        assert!(config.ports.is_empty());
    }

    #[test]
    fn an_entrypoint_drops_the_images_command() {
        let config =
            resolved(ContainerSpec { entrypoint: Some(vec!["/x".into()]), ..ContainerSpec::default() })
                .unwrap();
        assert_eq!(config.arguments, ["/x"]);
        let error =
            resolved(ContainerSpec { entrypoint: Some(vec![String::new()]), ..ContainerSpec::default() })
                .unwrap_err();
        assert!(error.message.contains("no command or entrypoint"));
    }

    #[test]
    fn ports_are_published_and_chosen() {
        let config =
            resolved(ContainerSpec { publish_image_ports: Some(true), ..ContainerSpec::default() }).unwrap();
        assert_eq!(config.ports.len(), 1);
        assert!(config.ports[0].host_port > 0);
        let spec = ContainerSpec {
            portmappings: vec![PortMapping {
                container_port: 53,
                host_port: 5353,
                protocol: "tcp,udp".into(),
                ..PortMapping::default()
            }],
            ..ContainerSpec::default()
        };
        let table = ports::table(&resolved(spec).unwrap().ports);
        assert_eq!(table.keys().collect::<Vec<_>>(), ["53/tcp", "53/udp"]);
    }

    #[test]
    fn network_modes() {
        let of = |mode: &str, networks: &[&str]| {
            let spec = ContainerSpec {
                netns: Namespace::new(mode),
                networks: networks.iter().map(|name| ((*name).to_owned(), Default::default())).collect(),
                ..ContainerSpec::default()
            };
            resolved(spec).map(|config| config.network)
        };
        assert_eq!(of("none", &[]).unwrap(), NetworkMode::None);
        assert_eq!(of("", &["n"]).unwrap(), NetworkMode::Bridge);
        assert!(of("host", &["n"]).is_err());
        assert!(of("nonsense", &[]).is_err());
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let mut spec = ContainerSpec::default();
        spec.other.insert("secrets".into(), serde_json::json!([]));
        spec.other.insert("systemd".into(), serde_json::json!("true"));
        check_supported(&spec).unwrap();
        spec.other.insert("overlay_volumes".into(), serde_json::json!([{"source": "/a"}]));
        assert!(check_supported(&spec).unwrap_err().message.contains("overlay_volumes"));
    }

    #[test]
    fn paths_are_cleaned() {
        for (path, expected) in [("/a//b/./c/", "/a/b/c"), ("/../x", "/x"), ("/", "/"), ("rel/..", "")] {
            assert_eq!(clean(path), expected);
        }
    }
}
