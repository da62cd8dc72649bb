//! From a request and its image to what a container is: defaults, merging, and what is refused.

use std::path::PathBuf;

use cove_api::{ContainerSpec, Error, Result};
use cove_config::env::NOTIFY_SOCKET;
use cove_config::{ContainersConf, Environment, TextList};
use cove_runtime::oci::Systemd;

use crate::container::environment::environment;
use crate::container::{namespaces, ports, settings, storage};
use crate::name::short;
use crate::state::{
    ContainerConfig, Dns, Files, First, HostAddress, HostsBase, HostsFile, ImageFacts, Log, LogDriver,
    NamespaceMode, NetworkMode, Notify, PidFiles, RECORD_VERSION, RestartPolicy,
};

/// What a request is resolved with.
pub(super) struct Surroundings<'a> {
    pub(super) conf: &'a ContainersConf,
    pub(super) environment: &'a Environment,
    pub(super) rootless: bool,
    /// The init program, where the request or containers.conf wants one.
    pub(super) init: Option<PathBuf>,
}

/// The configuration of a container from its request and image. Pure but for the choice of free host ports.
pub(super) fn resolve(
    id: &str,
    spec: &ContainerSpec,
    image: ImageFacts,
    surroundings: &Surroundings<'_>,
) -> Result<ContainerConfig> {
    let conf = surroundings.conf;
    let (entrypoint, command) = command_line(spec, &image);
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
    let is_systemd = is_systemd(&spec.systemd, &arguments)?;
    let stop_signal = match spec.stop_signal {
        Some(number) => number,
        // SIGRTMIN+3, by which systemd halts.
        None if is_systemd => 37,
        None if !image.config.stop_signal.is_empty() => cove_api::signal::parse(&image.config.stop_signal)?,
        None => 15,
    };
    let mut labels = image.config.labels.clone();
    labels.extend(spec.labels.clone());
    let network = namespaces::network(spec, conf, surroundings.rootless)?;
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
    let exposed = ports::exposed(spec, &image)?;
    let ports = ports::published(spec, &exposed, &network, &ports::default_addresses(conf)?)?;
    let (mut env, implied_env) = environment(spec, &image, surroundings)?;
    let mut settings = settings::settings(spec, &image, conf)?;
    if is_systemd {
        settings.systemd = Some(Systemd { memory: spec.shm_size_systemd.unwrap_or_default() });
        if !env.iter().any(|entry| entry.starts_with("container_uuid=")) {
            env.push(format!("container_uuid={}", id.get(..32).unwrap_or(id)));
        }
    }
    let namespaces = namespaces::namespaces(spec, conf)?;
    let (mounts, volumes) = storage::storage(spec, &image, conf)?;
    let notify = notify(&spec.sdnotify_mode)?;
    Ok(ContainerConfig {
        version: RECORD_VERSION,
        rootfs: rootfs(spec),
        rootfs_idmap: spec.rootfs_mapping.clone(),
        userns: Default::default(),
        rootfs_overlay: spec.rootfs_overlay == Some(true),
        env,
        implied_env,
        work_dir: work_dir(spec, &image),
        make_work_dir: make_work_dir(spec),
        user: if spec.user.is_empty() { image.config.user.clone() } else { spec.user.clone() },
        groups: spec.groups.clone(),
        stdin: spec.stdin == Some(true),
        stop_signal,
        stop_timeout: spec.stop_timeout.unwrap_or_else(|| conf.engine.stop_timeout.unwrap_or(10)),
        timeout: spec.timeout,
        hostname: hostname(id, spec, &namespaces.uts, &network, conf),
        labels,
        settings,
        mounts,
        volumes,
        files: files(spec, &network, conf)?,
        init: surroundings.init.clone(),
        networks,
        network_programs: spec.network_options.clone(),
        ports,
        exposed: exposed.into_iter().collect(),
        log: log(spec, conf)?,
        health: super::health::resolve(spec, &image)?,
        pid_files: PidFiles { process: spec.pid_file.clone(), monitor: spec.conmon_pid_file.clone() },
        notify,
        notify_socket: notify_socket(notify, surroundings.environment),
        restart: restart_policy(spec)?,
        auto_remove: spec.remove == Some(true),
        remove_image: spec.remove_image == Some(true),
        runtime: String::new(),
        dependencies: Vec::new(),
        secrets: Vec::new(),
        secret_env: Default::default(),
        pod: String::new(),
        infra: false,
        pause: false,
        first: first(spec)?,
        namespaces,
        network,
        arguments,
        entrypoint,
        command,
        image,
    })
}

fn first(spec: &ContainerSpec) -> Result<First> {
    match spec.init_container_type.as_str() {
        "" => Ok(First::No),
        _ if spec.pod.is_empty() => {
            Err(Error::invalid("init containers must be created in a pod: invalid argument"))
        }
        "always" => Ok(First::Always),
        "once" => Ok(First::Once),
        other => Err(Error::invalid(format!("init-ctr value must be 'always' or 'once', not {other:?}"))),
    }
}

/// Whether the container is prepared for systemd: always, never, or where the command is systemd by its path.
fn is_systemd(mode: &str, arguments: &[String]) -> Result<bool> {
    // An image's ENTRYPOINT in the form of a shell's command.
    let command = match arguments {
        [shell, option, rest @ ..] if shell == "/bin/sh" && option == "-c" && !rest.is_empty() => rest,
        all => all,
    };
    let command = command.first().map_or("", String::as_str);
    match mode {
        "" | "true" => Ok(matches!(command, "/sbin/init" | "/usr/sbin/init" | "/usr/local/sbin/init")
            || command.rsplit('/').next() == Some("systemd")),
        "false" => Ok(false),
        "always" => Ok(true),
        mode => Err(Error::invalid(format!(
            "invalid value {mode:?} systemd option requires 'true, false, always': invalid argument"
        ))),
    }
}

/// Whom the engine tells that it runs.
fn notify(mode: &str) -> Result<Notify> {
    Ok(match mode {
        "" | "container" => Notify::Container,
        "conmon" => Notify::Start,
        "ignore" => Notify::Nobody,
        "healthy" => Notify::Healthy,
        other => {
            return Err(Error::invalid(format!(
                "invalid sdnotify value {other:?}: must be container, conmon, healthy or ignore"
            )));
        }
    })
}

fn notify_socket(notify: Notify, environment: &Environment) -> String {
    match notify {
        Notify::Nobody => String::new(),
        _ => environment.get(NOTIFY_SOCKET).unwrap_or_default().to_owned(),
    }
}

/// The directory that takes the place of an image.
pub(super) fn rootfs(spec: &ContainerSpec) -> Option<PathBuf> {
    (!spec.rootfs.is_empty()).then(|| PathBuf::from(&spec.rootfs))
}

fn work_dir(spec: &ContainerSpec, image: &ImageFacts) -> String {
    match [&spec.work_dir, &image.config.working_dir].into_iter().find(|dir| !dir.is_empty()) {
        None => "/".to_owned(),
        Some(dir) if dir.starts_with('/') => dir.clone(),
        Some(dir) => format!("/{dir}"),
    }
}

/// A working directory that the image names is made; one that the user names only on request.
pub(super) fn make_work_dir(spec: &ContainerSpec) -> bool {
    spec.work_dir.is_empty() || spec.create_working_dir == Some(true)
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

fn hostname(
    id: &str,
    spec: &ContainerSpec,
    uts: &NamespaceMode,
    network: &NetworkMode,
    conf: &ContainersConf,
) -> String {
    if !spec.hostname.is_empty() {
        return spec.hostname.clone();
    }
    if *uts == NamespaceMode::Host || *network == NetworkMode::Host {
        let name = rustix::system::uname();
        return name.nodename().to_string_lossy().into_owned();
    }
    if conf.containers.container_name_as_hostname == Some(true) && !spec.name.is_empty() {
        return spec.name.clone();
    }
    short(id).to_owned()
}

/// The files the engine puts into a container.
pub(super) fn files(spec: &ContainerSpec, network: &NetworkMode, conf: &ContainersConf) -> Result<Files> {
    let conf = &conf.containers;
    let pick = |own: &[String], configured: &Option<TextList>| {
        if own.is_empty() {
            configured.as_ref().map(|list| list.values.clone()).unwrap_or_default()
        } else {
            own.to_vec()
        }
    };
    let without_hosts = spec.use_image_hosts == Some(true) || conf.no_hosts == Some(true);
    let hosts = HostsFile {
        base: match [spec.base_hosts_file.as_str(), conf.base_hosts_file.as_deref().unwrap_or_default()]
            .into_iter()
            .find(|base| !base.is_empty())
        {
            None => HostsBase::Host,
            Some("none") => HostsBase::Empty,
            Some("image") => HostsBase::Image,
            Some(path) if path.starts_with('/') => HostsBase::File(path.into()),
            Some(path) => {
                return Err(Error::invalid(format!(
                    "invalid base hosts file {path:?}: it is an absolute path, none or image"
                )));
            }
        },
        extra: spec.hostadd.clone(),
        host: match conf.host_containers_internal_ip.as_deref() {
            Some("none") => HostAddress::None,
            Some(text) if !text.is_empty() => HostAddress::Fixed(text.parse().map_err(|_| {
                Error::invalid(format!("host_containers_internal_ip {text:?} is no address"))
            })?),
            _ => HostAddress::Automatic,
        },
    };
    Ok(Files {
        hosts: (!without_hosts).then_some(hosts),
        resolv_conf: spec.use_image_resolv_conf != Some(true) && *network != NetworkMode::None,
        dns: Dns {
            servers: pick(&spec.dns_server, &conf.dns_servers),
            search: pick(&spec.dns_search, &conf.dns_searches),
            options: pick(&spec.dns_option, &conf.dns_options),
        },
        hostname: !without_hostname(spec),
        accounts: spec.passwd != Some(false),
        passwd_entry: spec.passwd_entry.clone(),
        group_entry: spec.group_entry.clone(),
        host_users: spec.hostusers.clone(),
        chroots: spec.chroot_directories.iter().map(|path| storage::clean(path)).collect(),
        time_zone: match spec.timezone.as_str() {
            "" => conf.tz.clone().unwrap_or_default(),
            zone => zone.to_owned(),
        },
    })
}

/// `--no-hostname`, which libpod's request calls by another name.
fn without_hostname(spec: &ContainerSpec) -> bool {
    spec.use_image_hostname == Some(true)
}

/// Most files of a log.
const MAX_LOG_FILES: u32 = 1000;

fn log(spec: &ContainerSpec, conf: &ContainersConf) -> Result<Log> {
    let asked = spec.log_configuration.clone().unwrap_or_default();
    if let Some(name) = asked.options.keys().find(|name| !matches!(name.as_str(), "max-file" | "tag")) {
        return Err(Error::unsupported(format!("the log option {name:?} is not supported yet")));
    }
    let driver = match asked.driver.as_str() {
        "" => match conf.containers.log_driver.as_deref() {
            Some("none") => LogDriver::None,
            // journald, podman's default under systemd, is not done: files hold the same.
            _ => LogDriver::K8sFile,
        },
        "k8s-file" | "json-file" => LogDriver::K8sFile,
        "none" => LogDriver::None,
        "passthrough" => LogDriver::Passthrough,
        "passthrough-tty" => LogDriver::PassthroughTty,
        "journald" => LogDriver::Journald,
        other => return Err(Error::unsupported(format!("the log driver {other:?} is not supported yet"))),
    };
    let size = Some(asked.size).filter(|size| *size > 0).or(conf.containers.log_size_max);
    let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let files = match asked.options.get("max-file").map(|text| (text, text.parse())) {
        None => 1,
        Some((_, Ok(files @ 1..=MAX_LOG_FILES))) => files,
        Some((text, _)) => {
            return Err(Error::invalid(format!(
                "invalid log option max-file {text:?}: it must be 1 to {MAX_LOG_FILES}"
            )));
        }
    };
    let tag = asked.options.get("tag").cloned().unwrap_or_default();
    Ok(Log { driver, path: asked.path, size, files, tag })
}

/// The policy of a request.
pub(crate) fn restart_policy(spec: &ContainerSpec) -> Result<RestartPolicy> {
    let tries = spec.restart_tries.unwrap_or(0);
    let policy = match spec.restart_policy.as_str() {
        "" | "no" => RestartPolicy::No,
        "always" => RestartPolicy::Always,
        "unless-stopped" => RestartPolicy::UnlessStopped,
        "on-failure" => RestartPolicy::OnFailure { tries },
        other => return Err(Error::invalid(format!("invalid restart policy {other:?}"))),
    };
    if policy.tries() != tries {
        return Err(Error::invalid("restart policy tries can only be used with \"on-failure\""));
    }
    Ok(policy)
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
        let surroundings =
            Surroundings { conf: &conf, environment: &environment, rootless: false, init: None };
        resolve(&"ab".repeat(32), &spec, image(), &surroundings)
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
    fn systemd_is_prepared_for() {
        let with = |mode: &str, entrypoint: &[&str]| {
            resolved(ContainerSpec {
                systemd: mode.into(),
                entrypoint: Some(entrypoint.iter().map(|word| (*word).to_owned()).collect()),
                shm_size_systemd: Some(4096),
                ..ContainerSpec::default()
            })
        };
        for command in
            ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init", "/lib/systemd/systemd", "systemd"]
        {
            for mode in ["", "true", "always"] {
                let config = with(mode, &[command]).unwrap();
                assert_eq!(config.settings.systemd, Some(Systemd { memory: 4096 }), "{command}");
                assert_eq!(config.stop_signal, 37);
                assert!(
                    config.env.iter().any(|entry| entry == &format!("container_uuid={}", "ab".repeat(16)))
                );
            }
            assert!(with("true", &["/bin/sh", "-c", command]).unwrap().settings.systemd.is_some());
            assert_eq!(with("false", &[command]).unwrap().settings.systemd, None);
        }
        for command in ["/bin/init", "init", "/usr/bin/systemd-notify", "sh"] {
            assert_eq!(with("true", &[command]).unwrap().settings.systemd, None);
        }
        assert!(with("always", &["sh"]).unwrap().settings.systemd.is_some());
        assert_eq!(with("perhaps", &["sh"]).unwrap_err().kind, cove_api::ErrorKind::InvalidArgument);
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
}
