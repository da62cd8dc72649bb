//! Containers.

use async_trait::async_trait;
use cove_api::{
    ContainerInspect, ContainerState, ContainerSummary, Engine, ListOptions, PortMapping, Result, StringMap,
    Timestamp, zero_time,
};
use cove_project::label;
use serde::{Deserialize, Serialize};

use super::description::{json, pairs};
use crate::collection::Row;
use crate::kinds::Listed;

/// The labels that Compose tools put on a project's containers.
const PROJECT_LABELS: [&str; 2] = ["com.docker.compose.project", "io.podman.compose.project"];
/// Files of a project that are named.
const MOST_FILES: usize = 16;
/// A longer path is none (Linux's `PATH_MAX`).
const LONGEST_PATH: usize = 4096;
/// Most ports that one mapping is spread into; a longer range is cut.
const MOST_PORTS: usize = 64;

/// What a container belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum GroupKind {
    /// A Compose project, by label.
    Project,
    /// A pod.
    Pod,
}

/// What a container belongs to, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What it is.
    pub kind: GroupKind,
    /// Its name.
    pub name: String,
}

/// A container's place in its Compose project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// Its service.
    pub service: String,
    /// Whether it was run once and is none of the service's own.
    pub once: bool,
    /// The project's folder, on the computer of who made it.
    pub folder: String,
    /// The project's files there: whole paths.
    pub files: Vec<String>,
    /// The files of variables that were named beside them.
    pub env_files: Vec<String>,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PortRow {
    /// The address it is published on; empty is every one.
    pub host: String,
    /// On the host.
    pub host_port: u16,
    /// In the container.
    pub container_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// A row of the list of containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ContainerRow {
    /// The whole id.
    pub id: String,
    /// Its first name.
    pub name: String,
    /// The image as it was asked for.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// The command, joined with spaces.
    pub command: String,
    /// Podman's word: `created`, `running`, `paused`, `exited`, …
    #[cfg_attr(test, ts(as = "String"))]
    pub state: ContainerState,
    /// The exit code of the last run, where it has ended.
    pub exit_code: Option<i32>,
    /// Seconds since the epoch.
    pub created: i64,
    /// Seconds since the epoch; 0 is never.
    pub started: i64,
    /// Seconds since the epoch; 0 is never.
    pub ended: i64,
    /// Published ports.
    pub ports: Vec<PortRow>,
    /// What it belongs to.
    pub group: Option<Group>,
    /// Its place in its Compose project.
    pub project: Option<Membership>,
    /// The networks that it is on.
    pub networks: Vec<String>,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct KeyValue {
    /// The name.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MountRow {
    /// `bind`, `volume`, `tmpfs`, …
    pub kind: String,
    /// The volume's name or the path on the host.
    pub source: String,
    /// The path in the container.
    pub destination: String,
    /// Whether it can be written to.
    pub writable: bool,
}

/// A network that a container is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct JoinedNetwork {
    /// Its name.
    pub name: String,
    /// The container's address on it.
    pub address: String,
    /// The way out.
    pub gateway: String,
}

/// What the details of one container show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ContainerDetails {
    /// The whole id.
    pub id: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its working directory.
    pub working_dir: String,
    /// Its user; empty is root.
    pub user: String,
    /// Its host name.
    pub hostname: String,
    /// Its first process on the engine's host; 0 where it does not run.
    pub pid: i32,
    /// Why it could not be started.
    pub error: String,
    /// `no`, `always`, …
    pub restart_policy: String,
    /// The most restarts of `on-failure`; 0 is any number.
    pub restart_tries: u32,
    /// How often it was restarted by that.
    pub restarts: i32,
    /// The network mode.
    pub network_mode: String,
    /// The OCI runtime.
    pub runtime: String,
    /// Memory limit in bytes; 0 is none.
    pub memory_limit: i64,
    /// Billionths of a processor; 0 is no limit.
    pub nano_cpus: i64,
    /// Process limit; 0 or less is none.
    pub pids_limit: i64,
    /// Whether it has all of root's rights.
    pub privileged: bool,
    /// Its environment.
    pub environment: Vec<KeyValue>,
    /// Its labels.
    pub labels: Vec<KeyValue>,
    /// Its mounts.
    pub mounts: Vec<MountRow>,
    /// Its networks.
    pub networks: Vec<JoinedNetwork>,
    /// All that `inspect` tells, as indented JSON.
    pub json: String,
}

impl Row for ContainerRow {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

#[async_trait]
impl Listed for ContainerRow {
    const EVENTS: &'static str = "container";

    async fn list(engine: &dyn Engine) -> Result<Vec<Self>> {
        let options = ListOptions { all: true, ..ListOptions::default() };
        Ok(engine.containers().list(options).await?.into_iter().map(Into::into).collect())
    }
}

impl From<ContainerSummary> for ContainerRow {
    fn from(summary: ContainerSummary) -> Self {
        Self {
            name: summary.names.into_iter().next().unwrap_or_else(|| summary.id.chars().take(12).collect()),
            project: membership(&summary.labels),
            group: group(&summary.pod_name, &summary.pod, &summary.labels),
            ports: summary.ports.iter().flat_map(ports).collect(),
            command: summary.command.join(" "),
            created: seconds(summary.created),
            started: summary.started_at.max(0),
            ended: if summary.state.is_alive() { 0 } else { summary.exited_at.max(0) },
            exit_code: summary.state.has_ended().then_some(summary.exit_code),
            id: summary.id,
            networks: summary.networks,
            image: summary.image,
            image_id: summary.image_id,
            state: summary.state,
        }
    }
}

impl From<ContainerInspect> for ContainerDetails {
    fn from(inspect: ContainerInspect) -> Self {
        let json = json(&inspect);
        let mut command = vec![inspect.path];
        command.extend(inspect.args);
        Self {
            id: inspect.id,
            command,
            working_dir: inspect.config.working_dir,
            user: inspect.config.user,
            hostname: inspect.config.hostname,
            pid: inspect.state.pid,
            error: inspect.state.error,
            restart_policy: inspect.host_config.restart_policy.name,
            restart_tries: inspect.host_config.restart_policy.maximum_retry_count,
            restarts: inspect.restart_count,
            network_mode: inspect.host_config.network_mode,
            runtime: inspect.oci_runtime,
            memory_limit: inspect.host_config.memory,
            nano_cpus: inspect.host_config.nano_cpus,
            pids_limit: inspect.host_config.pids_limit,
            privileged: inspect.host_config.privileged,
            environment: inspect.config.env.iter().map(|entry| variable(entry)).collect(),
            labels: pairs(inspect.config.labels),
            mounts: inspect
                .mounts
                .into_iter()
                .map(|mount| MountRow {
                    source: if mount.name.is_empty() { mount.source } else { mount.name },
                    kind: mount.kind,
                    destination: mount.destination,
                    writable: mount.rw,
                })
                .collect(),
            networks: inspect
                .network_settings
                .networks
                .into_iter()
                .map(|(name, network)| JoinedNetwork {
                    name,
                    address: network.basic.ip_address,
                    gateway: network.basic.gateway,
                })
                .collect(),
            json,
        }
    }
}

pub(super) fn variable(entry: &str) -> KeyValue {
    let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
    KeyValue { key: key.to_owned(), value: value.to_owned() }
}

fn seconds(time: Timestamp) -> i64 {
    if time == zero_time() { 0 } else { time.as_second().max(0) }
}

/// A Compose project comes before a pod: Compose for Podman puts a project's containers into one pod.
fn group(pod_name: &str, pod: &str, labels: &StringMap) -> Option<Group> {
    let project = PROJECT_LABELS.iter().find_map(|label| labels.get(*label)).filter(|name| !name.is_empty());
    if let Some(name) = project {
        return Some(Group { kind: GroupKind::Project, name: name.clone() });
    }
    let name = if pod_name.is_empty() { pod } else { pod_name };
    (!name.is_empty()).then(|| Group { kind: GroupKind::Pod, name: name.to_owned() })
}

/// What the labels of Compose tools say.
fn membership(labels: &StringMap) -> Option<Membership> {
    let text = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    let service = labels.get(label::SERVICE)?;
    let folder = text(label::WORKING_DIR);
    // Some tools name files from the folder on. Paths are the engine's user's, whatever this system writes them like.
    let whole = |file: &str| {
        let absolute = std::path::Path::new(file).is_absolute() || folder.is_empty();
        if absolute { file.to_owned() } else { format!("{folder}/{file}") }
    };
    let listed = |name: &str| -> Vec<String> {
        let files = text(name).split(',').map(str::trim).filter(|file| !file.is_empty()).map(whole);
        files.filter(|file| file.len() <= LONGEST_PATH).take(MOST_FILES).collect()
    };
    Some(Membership {
        service: service.clone(),
        once: text(label::ONE_OFF) == "True",
        folder: folder.to_owned(),
        files: listed(label::CONFIG_FILES),
        env_files: listed(label::ENVIRONMENT_FILE),
    })
}

/// The first single ports of a mapping; none of one that makes no sense.
fn ports(mapping: &PortMapping) -> Vec<PortRow> {
    let ports = mapping.expand().unwrap_or_default();
    let rows = ports.into_iter().map(|port| PortRow {
        host: mapping.host_ip.clone(),
        host_port: port.host_port,
        container_port: port.container_port,
        protocol: port.protocol.to_string(),
    });
    rows.take(MOST_PORTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(state: ContainerState) -> ContainerSummary {
        ContainerSummary {
            id: "0123456789abcdef".into(),
            state,
            exit_code: 3,
            exited_at: 20,
            started_at: 10,
            ..ContainerSummary::default()
        }
    }

    #[test]
    fn an_exit_code_belongs_to_an_ended_container() {
        for (state, code, ended) in [
            (ContainerState::Running, None, 0),
            (ContainerState::Exited, Some(3), 20),
            (ContainerState::Stopped, Some(3), 20),
            (ContainerState::Created, None, 20),
        ] {
            let row = ContainerRow::from(summary(state));
            assert_eq!((row.exit_code, row.ended), (code, ended), "{state}");
        }
    }

    #[test]
    fn a_container_without_a_name_shows_its_short_id() {
        assert_eq!(ContainerRow::from(summary(ContainerState::Created)).name, "0123456789ab");
    }

    #[test]
    fn groups_by_project_before_pod() {
        let labels = StringMap::from([("com.docker.compose.project".to_owned(), "shop".to_owned())]);
        let project = group("pod1", "id", &labels).unwrap();
        assert_eq!((project.kind, project.name.as_str()), (GroupKind::Project, "shop"));
        assert_eq!(group("pod1", "id", &StringMap::new()).unwrap().kind, GroupKind::Pod);
        assert_eq!(group("", "", &StringMap::new()), None);
    }

    #[test]
    fn a_project_tells_its_files() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<StringMap>()
        };
        assert_eq!(membership(&labels(&[(label::PROJECT, "shop")])), None);
        let found = membership(&labels(&[
            (label::SERVICE, "web"),
            (label::WORKING_DIR, "/srv/shop"),
            (label::CONFIG_FILES, "/srv/shop/compose.yaml, extra.yaml,"),
        ]))
        .unwrap();
        assert_eq!((found.service.as_str(), found.once), ("web", false));
        assert_eq!(found.files, ["/srv/shop/compose.yaml", "/srv/shop/extra.yaml"]);
    }

    #[test]
    fn ranges_become_single_ports() {
        let mapping = PortMapping { host_port: 8000, container_port: 80, range: 3, ..PortMapping::default() };
        let rows = ports(&mapping);
        assert_eq!(rows.iter().map(|row| row.host_port).collect::<Vec<_>>(), [8000, 8001, 8002]);
        assert_eq!(rows[0].protocol, "tcp");
        let end = PortMapping { host_port: 65535, container_port: 80, range: 3, ..PortMapping::default() };
        assert_eq!(ports(&end), []);
    }

    #[test]
    fn variables_split_at_the_first_sign() {
        assert_eq!(variable("A=b=c"), KeyValue { key: "A".into(), value: "b=c".into() });
        assert_eq!(variable("A"), KeyValue { key: "A".into(), value: String::new() });
    }
}
