//! A row of Docker's list of containers.

use std::collections::BTreeMap;

use cove_api::{
    ContainerState, ContainerSummary, InspectAdditionalNetwork, PortMapping, Protocol, StringMap,
};
use cove_spec::age::human_duration;
use serde::Serialize;

use super::inspect::DockerMount;
use super::networks::docker_name;
use crate::error::Answer;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerSummary {
    id: String,
    names: Vec<String>,
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    command: String,
    /// Seconds since 1970.
    created: i64,
    ports: Vec<Port>,
    labels: StringMap,
    state: &'static str,
    status: String,
    host_config: Mode,
    network_settings: Networks,
    mounts: Vec<DockerMount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_rw: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_root_fs: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    #[serde(rename = "IP", skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    private_port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: Protocol,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mode {
    network_mode: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    networks: BTreeMap<String, InspectAdditionalNetwork>,
}

/// The row; `default` is the name of the engine's default network.
pub(super) fn summary(row: &ContainerSummary, with_size: bool, default: &str) -> Answer<DockerSummary> {
    let size = row.size.filter(|_| with_size);
    let details = row.details.clone().unwrap_or_default();
    Ok(DockerSummary {
        id: row.id.clone(),
        names: row.names.iter().map(|name| format!("/{name}")).collect(),
        image: row.image.clone(),
        image_id: format!("sha256:{}", row.image_id),
        command: row.command.join(" "),
        created: row.created.as_second(),
        ports: ports(&row.ports)?,
        labels: row.labels.clone(),
        state: docker_state(row.state).as_str(),
        status: status(row),
        host_config: Mode {
            network_mode: if details.network_mode.is_empty() {
                "default".to_owned()
            } else {
                details.network_mode
            },
        },
        network_settings: Networks {
            networks: details
                .networks
                .into_iter()
                .map(|(name, network)| (docker_name(&name, default), network))
                .collect(),
        },
        mounts: details.mounts.into_iter().map(DockerMount::from).collect(),
        size_rw: size.map(|size| size.rw),
        size_root_fs: size.map(|size| size.root_fs),
    })
}

fn ports(mappings: &[PortMapping]) -> Answer<Vec<Port>> {
    let published = PortMapping::expand_all(mappings)?;
    let port = |port: cove_api::PublishedPort| Port {
        ip: (port.host_port > 0).then(|| port.host().ip().to_string()),
        private_port: port.container_port,
        public_port: Some(port.host_port).filter(|port| *port > 0),
        protocol: port.protocol,
    };
    Ok(published.into_iter().map(port).collect())
}

/// The state that Docker knows.
pub(super) fn docker_state(state: ContainerState) -> ContainerState {
    match state {
        ContainerState::Initialized => ContainerState::Created,
        ContainerState::Stopping => ContainerState::Running,
        ContainerState::Stopped => ContainerState::Exited,
        other => other,
    }
}

/// How a container is, as Docker adds it to the time.
fn health(status: &str) -> String {
    match status {
        "" => String::new(),
        "starting" => " (health: starting)".to_owned(),
        other => format!(" ({other})"),
    }
}

/// `Up 3 minutes`, `Exited (0) 2 hours ago`, `Created`.
pub(super) fn status(row: &ContainerSummary) -> String {
    let now = cove_api::Timestamp::now().as_second();
    let since = |then: i64| human_duration(now.saturating_sub(then));
    match docker_state(row.state) {
        ContainerState::Running => format!("Up {}{}", since(row.started_at), health(&row.status)),
        ContainerState::Paused => format!("Up {} (Paused)", since(row.started_at)),
        ContainerState::Exited => format!("Exited ({}) {} ago", row.exit_code, since(row.exited_at)),
        ContainerState::Created => "Created".to_owned(),
        ContainerState::Removing => "Removal In Progress".to_owned(),
        _ => "Unknown".to_owned(),
    }
}
