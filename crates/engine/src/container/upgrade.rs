//! Records of version 1: they held the request, and much was read out of it at each start.

use std::collections::BTreeMap;

use cove_api::{ContainerSpec, Error, ExposedPort, PerNetworkOptions, PublishedPort, Result, StringMap};
use serde::Deserialize;

use crate::container::{init, namespaces, resolve, settings, storage};
use crate::parts::Parts;
use crate::state::{
    ContainerConfig, ContainerVolume, ImageFacts, ImpliedEnv, Log, LogDriver, NetworkMode, RECORD_VERSION,
};

/// The fields of version 1 that are still told apart. Never changes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version1 {
    version: u32,
    spec: ContainerSpec,
    image: ImageFacts,
    arguments: Vec<String>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    env: Vec<String>,
    work_dir: String,
    user: String,
    stop_signal: i32,
    stop_timeout: u32,
    hostname: String,
    labels: StringMap,
    volumes: Vec<ContainerVolume>,
    network: NetworkMode,
    networks: BTreeMap<String, PerNetworkOptions>,
    #[serde(with = "cove_api::port_ranges")]
    ports: Vec<PublishedPort>,
    exposed: Vec<ExposedPort>,
    log_driver: String,
    log_path: String,
    log_size: u64,
    auto_remove: bool,
    runtime: String,
    dependencies: Vec<String>,
}

/// Configuration and request, as JSON, of a record of version 1.
pub(crate) fn upgrade(parts: &Parts, text: &str) -> Result<(String, String)> {
    let unreadable = |error: serde_json::Error| Error::internal(error.to_string());
    let old: Version1 = serde_json::from_str(text).map_err(unreadable)?;
    if old.version != 1 {
        return Err(Error::internal(format!("version {} is not known", old.version)));
    }
    let request = serde_json::to_string(&old.spec).map_err(unreadable)?;
    let config = serde_json::to_string(&resolved(parts, old)?).map_err(unreadable)?;
    Ok((config, request))
}

/// What `create` resolves today, of what it left open then.
fn resolved(parts: &Parts, old: Version1) -> Result<ContainerConfig> {
    let spec = &old.spec;
    let conf = &parts.options.containers;
    let implied = |name: &str| {
        let is_set =
            old.env.iter().any(|entry| entry.split_once('=').is_some_and(|(known, _)| known == name));
        !is_set && spec.unsetenvall != Some(true) && !spec.unsetenv.iter().any(|unset| unset == name)
    };
    let implied_env = ImpliedEnv { home: implied("HOME"), hostname: implied("HOSTNAME") };
    let network = match old.network {
        NetworkMode::Pasta if spec.netns.nsmode != "pasta" => NetworkMode::Userland,
        other => other,
    };
    let driver = match old.log_driver.as_str() {
        "none" => LogDriver::None,
        "passthrough" => LogDriver::Passthrough,
        _ => LogDriver::K8sFile,
    };
    let (mounts, _) = storage::storage(spec, &old.image, conf)?;
    let mut volumes = old.volumes;
    for volume in &mut volumes {
        volume.options = storage::full_options(&volume.options, true);
    }
    Ok(ContainerConfig {
        version: RECORD_VERSION,
        rootfs: resolve::rootfs(spec),
        implied_env,
        make_work_dir: resolve::make_work_dir(spec),
        groups: spec.groups.clone(),
        stdin: spec.stdin == Some(true),
        timeout: spec.timeout,
        rootfs_overlay: false,
        rootfs_idmap: String::new(),
        userns: Default::default(),
        pid_files: Default::default(),
        notify: Default::default(),
        notify_socket: String::new(),
        settings: settings::settings(spec, &old.image, conf)?,
        namespaces: namespaces::namespaces(spec, conf)?,
        mounts,
        files: resolve::files(spec, &network, conf)?,
        // Where it is missing by now the start says so.
        init: init::program(parts, spec).unwrap_or_else(|_| Some("/usr/bin/catatonit".into())),
        network,
        network_programs: spec.network_options.clone(),
        log: Log { driver, path: old.log_path, size: old.log_size, ..Log::default() },
        health: None,
        restart: resolve::restart_policy(spec)?,
        remove_image: spec.remove_image == Some(true),
        image: old.image,
        arguments: old.arguments,
        entrypoint: old.entrypoint,
        command: old.command,
        env: old.env,
        work_dir: old.work_dir,
        user: old.user,
        stop_signal: old.stop_signal,
        stop_timeout: old.stop_timeout,
        hostname: old.hostname,
        labels: old.labels,
        volumes,
        networks: old.networks,
        ports: old.ports,
        exposed: old.exposed,
        auto_remove: old.auto_remove,
        runtime: old.runtime,
        dependencies: old.dependencies,
        // Not done when such records were written.
        secrets: Vec::new(),
        secret_env: Default::default(),
        pod: String::new(),
        infra: false,
        pause: false,
        first: Default::default(),
    })
}
