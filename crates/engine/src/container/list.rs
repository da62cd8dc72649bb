//! Rows of `ps`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cove_api::{
    ContainerDetails, ContainerNamespaces, ContainerSize, ContainerState, ContainerSummary, ListOptions,
    PublishedPort, Result, Timestamp, zero_time,
};

use crate::container::filter::{External, Filter};
use crate::container::{heal, health, inspect, inspect_network};
use crate::engine::Core;
use crate::error::storage;
use crate::state::{ContainerRow, NetworkMode};

/// The containers that are wanted, oldest first.
pub(super) fn list(core: &Arc<Core>, options: &ListOptions) -> Result<Vec<ContainerSummary>> {
    let filter = Filter::new(core, &options.filters)?;
    // As Docker: a filter by state looks at all containers.
    let all = options.all || options.last.is_some() || options.filters.contains_key("status");
    let mut rows = Vec::new();
    for mut row in core.database()?.containers()? {
        core.refresh(&mut row)?;
        let Some(row) = heal::heal(core, row) else { continue };
        // Half gone already.
        if row.state == ContainerState::Removing && !options.filters.contains_key("status") && !all {
            continue;
        }
        if !all && !matches!(row.state, ContainerState::Running) {
            continue;
        }
        if filter.matches(&row) {
            rows.push(row);
        }
    }
    if let Some(last) = options.last {
        let skip = rows.len().saturating_sub(last);
        rows.drain(..skip);
    }
    let pods = pod_names(core, &rows)?;
    let mut summaries =
        rows.iter().map(|row| summary(core, row, &pods, options)).collect::<Result<Vec<_>>>()?;
    if options.details {
        let mut ids = HashMap::new();
        for (summary, row) in summaries.iter_mut().zip(&rows) {
            summary.details = Some(details(core, row, &mut ids)?);
        }
    }
    if options.external {
        external(core, options, &mut summaries)?;
    }
    Ok(summaries)
}

/// The names of pods by their ids; none where no container is in one.
fn pod_names(core: &Core, rows: &[ContainerRow]) -> Result<BTreeMap<String, String>> {
    if rows.iter().all(|row| row.config.pod.is_empty()) {
        return Ok(BTreeMap::new());
    }
    Ok(core.database()?.pods()?.into_iter().map(|pod| (pod.id, pod.name)).collect())
}

/// The ports published for a container: in a pod that shares its network, the pod's.
fn published(core: &Core, row: &ContainerRow) -> Result<Vec<PublishedPort>> {
    match &row.config.network {
        NetworkMode::Container(infra) if !row.config.pod.is_empty() => {
            let infra = core.database()?.container(infra)?;
            Ok(infra.map(|infra| infra.config.ports).unwrap_or_default())
        }
        _ => Ok(row.config.ports.clone()),
    }
}

fn summary(
    core: &Core,
    row: &ContainerRow,
    pods: &BTreeMap<String, String>,
    options: &ListOptions,
) -> Result<ContainerSummary> {
    let config = &row.config;
    Ok(ContainerSummary {
        auto_remove: config.auto_remove,
        command: if config.command.is_empty() { config.entrypoint.clone() } else { config.command.clone() },
        created: time(row.created),
        created_at: String::new(),
        cid_file: config
            .settings
            .annotations
            .get("io.podman.annotations.cid-file")
            .cloned()
            .unwrap_or_default(),
        exited: row.state.has_ended(),
        exited_at: seconds(row.status.finished_at),
        exit_code: row.status.exit_code,
        exposed_ports: exposed(row),
        id: row.id.clone(),
        image: config.image.name.clone(),
        image_id: config.image.id.clone(),
        is_infra: config.infra,
        labels: config.labels.clone(),
        mounts: destinations(row),
        names: vec![row.name.clone()],
        namespaces: if options.namespaces {
            namespaces(row.status.pid)
        } else {
            ContainerNamespaces::default()
        },
        networks: network_names(row),
        pid: row.status.pid,
        pod: config.pod.clone(),
        pod_name: pods.get(&config.pod).cloned().unwrap_or_default(),
        ports: PublishedPort::group(&published(core, row)?),
        restarts: row.status.restarts,
        size: if options.size { Some(size(core, row)?) } else { None },
        started_at: seconds(row.status.started_at),
        state: row.state,
        status: health::status(core, row),
        details: None,
    })
}

/// What it is connected with; `ids` are those of the networks met before, whose files are not read again.
fn details(core: &Core, row: &ContainerRow, ids: &mut HashMap<String, String>) -> Result<ContainerDetails> {
    let id_of = |name: &str| match ids.get(name) {
        Some(id) => Ok(id.clone()),
        None => {
            let id = inspect_network::network_id(core, name)?;
            ids.insert(name.to_owned(), id.clone());
            Ok(id)
        }
    };
    Ok(ContainerDetails {
        network_mode: inspect::network_mode(row),
        networks: inspect_network::networks(row, id_of)?,
        mounts: inspect::all_mounts(core, row)?,
    })
}

/// Nanoseconds since the epoch as a time; 0 is "never".
pub(crate) fn time(nanoseconds: i64) -> Timestamp {
    if nanoseconds == 0 {
        return zero_time();
    }
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_else(|_| zero_time())
}

fn seconds(nanoseconds: i64) -> i64 {
    time(nanoseconds).as_second()
}

fn exposed(row: &ContainerRow) -> BTreeMap<u16, Vec<String>> {
    let mut ports: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for exposed in &row.config.exposed {
        ports.entry(exposed.port).or_default().push(exposed.protocol.to_string());
    }
    ports
}

/// Destinations of the user's mounts and volumes.
pub(super) fn destinations(row: &ContainerRow) -> Vec<String> {
    let config = &row.config;
    config
        .volumes
        .iter()
        .map(|volume| volume.destination.clone())
        .chain(config.mounts.iter().map(|mount| mount.destination.clone()))
        .collect()
}

/// The networks by name; for modes without networks none.
pub(crate) fn network_names(row: &ContainerRow) -> Vec<String> {
    match row.config.network {
        NetworkMode::Bridge => row.config.networks.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Disk use, in bytes.
pub(crate) fn size(core: &Core, row: &ContainerRow) -> Result<ContainerSize> {
    if row.config.rootfs.is_some() {
        return Ok(ContainerSize::default());
    }
    let store = core.store()?;
    let rw = i64::try_from(store.container_size(&row.id).map_err(storage)?).unwrap_or(i64::MAX);
    let image = match store.image_size(&row.config.image.id) {
        Ok(bytes) => i64::try_from(bytes).unwrap_or(i64::MAX),
        // Removed by force.
        Err(cove_storage::StorageError::ImageNotFound(_)) => 0,
        Err(error) => return Err(storage(error)),
    };
    Ok(ContainerSize { root_fs: image.saturating_add(rw), rw })
}

fn namespaces(pid: i32) -> ContainerNamespaces {
    let of = |kind: &str| {
        if pid <= 0 {
            return String::new();
        }
        std::fs::read_link(format!("/proc/{pid}/ns/{kind}"))
            .ok()
            .and_then(|link| {
                let text = link.to_string_lossy().into_owned();
                Some(text.split_once('[')?.1.trim_end_matches(']').to_owned())
            })
            .unwrap_or_default()
    };
    ContainerNamespaces {
        mnt: of("mnt"),
        cgroup: of("cgroup"),
        ipc: of("ipc"),
        net: of("net"),
        pid: of("pid"),
        uts: of("uts"),
        user: of("user"),
    }
}

/// The tool that keeps a container in the store: a builder has a file of its own beside it.
fn maker(core: &Core, store: &cove_storage::Store, id: &str) -> &'static str {
    let folder = format!("{}-containers", store.driver().name());
    let file = core.options.storage.graph_root.join(folder).join(id).join("userdata/buildah.json");
    if file.is_file() { "buildah" } else { "storage" }
}

/// Containers that other tools keep in the store.
fn external(core: &Core, options: &ListOptions, summaries: &mut Vec<ContainerSummary>) -> Result<()> {
    let filter = External::new(&options.filters)?;
    let store = core.store()?;
    let known: std::collections::HashSet<String> =
        core.database()?.containers()?.into_iter().map(|row| row.id).collect();
    for container in store.containers().map_err(storage)?.iter() {
        if known.contains(&container.id) {
            continue;
        }
        let image = store.image(&container.image).ok();
        let row = ContainerSummary {
            command: vec![maker(core, store, &container.id).into()],
            created: container.created,
            id: container.id.clone(),
            image: image.as_ref().and_then(|image| image.names.first().cloned()).unwrap_or_default(),
            image_id: container.image.clone(),
            names: container.names.first().cloned().into_iter().collect(),
            state: ContainerState::Storage,
            ..ContainerSummary::default()
        };
        if filter.matches(&row) {
            summaries.push(row);
        }
    }
    summaries.sort_by_key(|row| row.created);
    Ok(())
}
