//! A container in the shape of Docker's inspect: libpod's with other names, forms and units in some places.

use cove_api::{
    ContainerInspect, ContainerInspectConfig, ContainerInspectHostConfig, ContainerInspectState, GraphDriver,
    InspectMount, InspectNetworkSettings, StringMap, Timestamp,
};
use serde::Serialize;

use super::networks::docker_name;
use super::summary::docker_state;

/// The report. Parts that are libpod's are that in Docker's words.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerContainer {
    id: String,
    created: Timestamp,
    path: String,
    args: Vec<String>,
    state: ContainerInspectState,
    image: String,
    resolv_conf_path: String,
    hostname_path: String,
    hosts_path: String,
    name: String,
    restart_count: i32,
    driver: String,
    platform: &'static str,
    mount_label: String,
    process_label: String,
    app_armor_profile: String,
    #[serde(rename = "ExecIDs")]
    exec_ids: Vec<String>,
    host_config: ContainerInspectHostConfig,
    graph_driver: GraphDriver,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_rw: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_root_fs: Option<i64>,
    mounts: Vec<DockerMount>,
    config: DockerConfig,
    network_settings: InspectNetworkSettings,
}

/// What the container was made of.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    hostname: String,
    domainname: String,
    user: String,
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    exposed_ports: std::collections::BTreeMap<String, Empty>,
    tty: bool,
    open_stdin: bool,
    stdin_once: bool,
    env: Vec<String>,
    cmd: Vec<String>,
    /// The image as the user named it.
    image: String,
    volumes: std::collections::BTreeMap<String, Empty>,
    working_dir: String,
    /// `null` where there is none.
    entrypoint: Option<Vec<String>>,
    on_build: Option<Vec<String>>,
    labels: StringMap,
    stop_signal: String,
    stop_timeout: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<serde_json::Value>,
}

/// `{}`.
#[derive(Serialize)]
struct Empty {}

/// A mount.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerMount {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    source: String,
    destination: String,
    driver: String,
    mode: String,
    #[serde(rename = "RW")]
    rw: bool,
    propagation: String,
}

/// The report; `default` is the name of the engine's default network.
pub(super) fn docker_inspect(container: ContainerInspect, default: &str) -> DockerContainer {
    let config = config(container.config, container.image_name, container.network_settings.ports.keys());
    DockerContainer {
        id: container.id,
        created: container.created,
        path: container.path,
        args: container.args,
        state: state(container.state),
        image: format!("sha256:{}", container.image),
        resolv_conf_path: container.resolv_conf_path,
        hostname_path: container.hostname_path,
        hosts_path: container.hosts_path,
        name: format!("/{}", container.name),
        restart_count: container.restart_count,
        driver: container.driver,
        platform: "linux",
        mount_label: container.mount_label,
        process_label: container.process_label,
        app_armor_profile: container.app_armor_profile,
        exec_ids: container.exec_ids,
        host_config: host_config(container.host_config),
        graph_driver: container.graph_driver,
        size_rw: container.size_rw,
        size_root_fs: container.size_rw.map(|_| container.size_root_fs),
        mounts: container.mounts.into_iter().map(DockerMount::from).collect(),
        config,
        network_settings: network_settings(container.network_settings, default),
    }
}

/// In Docker's words a paused container runs.
fn state(state: ContainerInspectState) -> ContainerInspectState {
    ContainerInspectState {
        status: docker_state(state.status),
        running: state.status.is_alive(),
        restarting: false,
        ..state
    }
}

fn config<'a>(
    config: ContainerInspectConfig,
    image: String,
    ports: impl Iterator<Item = &'a String>,
) -> DockerConfig {
    DockerConfig {
        hostname: config.hostname,
        domainname: config.domain_name,
        user: config.user,
        attach_stdin: config.attach_stdin,
        attach_stdout: config.attach_stdout,
        attach_stderr: config.attach_stderr,
        exposed_ports: ports.map(|port| (port.clone(), Empty {})).collect(),
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        env: config.env,
        cmd: config.cmd,
        image,
        volumes: config.volumes.into_keys().map(|path| (path, Empty {})).collect(),
        working_dir: config.working_dir,
        entrypoint: Some(config.entrypoint).filter(|words| !words.is_empty()),
        on_build: None,
        labels: config.labels,
        stop_signal: config.stop_signal,
        stop_timeout: config.stop_timeout,
        healthcheck: config.healthcheck,
    }
}

fn host_config(mut host: ContainerInspectHostConfig) -> ContainerInspectHostConfig {
    if host.network_mode.is_empty() {
        host.network_mode = "default".to_owned();
    }
    docker_log_driver(&mut host.log_config.kind);
    if host.restart_policy.name.is_empty() {
        host.restart_policy.name = "no".to_owned();
    }
    host
}

/// Docker's name for the usual format of logs, by which its clients tell whether there are any to read.
pub(super) fn docker_log_driver(driver: &mut String) {
    if driver == "k8s-file" {
        "json-file".clone_into(driver);
    }
}

fn network_settings(mut settings: InspectNetworkSettings, default: &str) -> InspectNetworkSettings {
    let networks = std::mem::take(&mut settings.networks);
    settings.networks =
        networks.into_iter().map(|(name, network)| (docker_name(&name, default), network)).collect();
    settings
}

impl From<InspectMount> for DockerMount {
    fn from(mount: InspectMount) -> Self {
        Self {
            kind: mount.kind,
            name: mount.name,
            source: mount.source,
            destination: mount.destination,
            driver: mount.driver,
            mode: mount.mode,
            rw: mount.rw,
            propagation: mount.propagation,
        }
    }
}
