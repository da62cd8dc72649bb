//! Pods in the database. What a pod's state is follows from its containers and stands nowhere.

use cove_api::{PodSpec, Resources, StringMap};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::containers::{decode, encode, insert_container, is_hexadecimal};
use super::{ContainerRow, Database, Lookup, RestartPolicy, StateError};
use cove_api::ContainerSpec;

/// A pod as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct PodRow {
    /// The whole id.
    pub(crate) id: String,
    /// Its name, which no container has either.
    pub(crate) name: String,
    /// Nanoseconds since the epoch.
    pub(crate) created: i64,
    /// What it is.
    pub(crate) config: PodConfig,
}

/// What a pod is. It does not change; the request is kept beside it, for `inspect` and for copies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PodConfig {
    /// [`POD_VERSION`].
    pub(crate) version: u32,
    /// Its labels.
    pub(crate) labels: StringMap,
    /// It has a container that holds the shared namespaces.
    pub(crate) infra: bool,
    /// Which namespaces its containers share.
    pub(crate) share: Share,
    /// Its host name, as the user gave it.
    pub(crate) hostname: String,
    /// What becomes of it when the last of its containers ends.
    pub(crate) exit: ExitPolicy,
    /// For containers that say nothing themselves.
    pub(crate) restart: RestartPolicy,
    /// The cgroup that its own is in; empty for the engine's.
    pub(crate) cgroup_parent: String,
    /// Its containers' cgroups are in its own.
    pub(crate) share_cgroup: bool,
    /// Limits of all its containers together.
    pub(crate) limits: Option<Resources>,
}

/// The version of [`PodConfig`] that this code writes.
pub(crate) const POD_VERSION: u32 = 1;

/// Which namespaces the containers of a pod share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Share {
    /// The tree of cgroups.
    pub(crate) cgroup: bool,
    /// Shared memory and message queues.
    pub(crate) ipc: bool,
    /// The network.
    pub(crate) net: bool,
    /// Processes.
    pub(crate) pid: bool,
    /// The host name.
    pub(crate) uts: bool,
}

impl Share {
    /// Their names, sorted.
    pub(crate) fn names(self) -> Vec<String> {
        let all = [
            ("cgroup", self.cgroup),
            ("ipc", self.ipc),
            ("net", self.net),
            ("pid", self.pid),
            ("uts", self.uts),
        ];
        all.into_iter().filter(|(_, shared)| *shared).map(|(name, _)| name.to_owned()).collect()
    }
}

/// What becomes of a pod when the last of its containers ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExitPolicy {
    /// The container that holds the namespaces runs on.
    #[default]
    Continue,
    /// That one is stopped, too.
    Stop,
}

impl ExitPolicy {
    /// As the user names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Stop => "stop",
        }
    }
}

const COLUMNS: &str = "id, name, created, config";

type RawPod = (String, String, i64, String);

fn read(row: &Row<'_>) -> rusqlite::Result<RawPod> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn decoded((id, name, created, config): RawPod) -> Result<PodRow, StateError> {
    let what = || format!("pod {name} ({id})");
    let config: PodConfig = decode(&what(), &config)?;
    if config.version > POD_VERSION {
        return Err(StateError::PodVersion { what: what(), found: config.version });
    }
    Ok(PodRow { id, name, created, config })
}

/// Whether a new pod could be entered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PodEntry {
    /// It is there.
    Added,
    /// Its name is another pod's or container's, whose id this is.
    NameInUse(String),
    /// The name of its infra container is another's, whose id this is.
    InfraNameInUse(String),
}

impl Database {
    /// Adds a pod, with its infra container where it has one: both or neither.
    pub(crate) fn add_pod(
        &self,
        pod: &PodRow,
        request: &PodSpec,
        infra: Option<(&ContainerRow, &ContainerSpec)>,
    ) -> Result<PodEntry, StateError> {
        let config = encode(&pod.id, &pod.config)?;
        let request = encode(&pod.id, request)?;
        self.transaction(true, |transaction| {
            let run = || -> rusqlite::Result<Option<String>> {
                let holder = transaction
                    .query_row(
                        "SELECT id FROM pods WHERE name = ?1 UNION ALL SELECT id FROM containers WHERE name = ?1",
                        [&pod.name],
                        |found| found.get(0),
                    )
                    .optional()?;
                if holder.is_none() {
                    transaction.execute(
                        "INSERT INTO pods (id, name, created, config, request) VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![pod.id, pod.name, pod.created, config, request],
                    )?;
                }
                Ok(holder)
            };
            if let Some(holder) = run().map_err(|error| self.error(error))? {
                return Ok(PodEntry::NameInUse(holder));
            }
            let Some((row, request)) = infra else { return Ok(PodEntry::Added) };
            match insert_container(self, transaction, row, request)? {
                None => Ok(PodEntry::Added),
                Some(holder) => {
                    transaction
                        .execute("DELETE FROM pods WHERE id = ?1", [&pod.id])
                        .map_err(|error| self.error(error))?;
                    Ok(PodEntry::InfraNameInUse(holder))
                }
            }
        })
    }

    /// The request a pod was made from.
    pub(crate) fn pod_request(&self, id: &str) -> Result<PodSpec, StateError> {
        let text: Option<String> = self
            .lock()
            .query_row("SELECT request FROM pods WHERE id = ?1", [id], |row| row.get(0))
            .optional()
            .map_err(|error| self.error(error))?;
        text.map_or_else(|| Ok(PodSpec::default()), |text| decode(id, &text))
    }

    /// The pod of exactly that id.
    pub(crate) fn pod(&self, id: &str) -> Result<Option<PodRow>, StateError> {
        self.some_pods("id = ?1", &[id]).map(|mut pods| pods.pop())
    }

    /// The pod meant by a name, an id, or the start of an id.
    pub(crate) fn find_pod(&self, wanted: &str) -> Result<Lookup<PodRow>, StateError> {
        if let Some(pod) = self.some_pods("name = ?1", &[wanted])?.pop() {
            return Ok(Lookup::Found(pod));
        }
        if !is_hexadecimal(wanted) || wanted.len() > 64 {
            return Ok(Lookup::Missing);
        }
        let mut pods = self.some_pods("id >= ?1 AND id < ?1 || 'g' LIMIT 2", &[wanted])?;
        if pods.len() > 1 {
            return Ok(Lookup::Ambiguous);
        }
        Ok(pods.pop().map_or(Lookup::Missing, Lookup::Found))
    }

    /// All pods, oldest first.
    pub(crate) fn pods(&self) -> Result<Vec<PodRow>, StateError> {
        self.some_pods("1 ORDER BY created, id", &[])
    }

    fn some_pods(&self, condition: &str, values: &[&str]) -> Result<Vec<PodRow>, StateError> {
        let raw = {
            let connection = self.lock();
            let run = || -> rusqlite::Result<Vec<RawPod>> {
                connection
                    .prepare_cached(&format!("SELECT {COLUMNS} FROM pods WHERE {condition}"))?
                    .query_map(rusqlite::params_from_iter(values), read)?
                    .collect()
            };
            run().map_err(|error| self.error(error))?
        };
        raw.into_iter().map(decoded).collect()
    }

    /// Takes a pod out; false where it still has containers.
    pub(crate) fn remove_pod(&self, id: &str) -> Result<bool, StateError> {
        self.transaction(true, |transaction| {
            let run = || -> rusqlite::Result<bool> {
                let used: bool = transaction.query_row(
                    "SELECT EXISTS (SELECT 1 FROM containers WHERE pod = ?1)",
                    [id],
                    |row| row.get(0),
                )?;
                if !used {
                    transaction.execute("DELETE FROM pods WHERE id = ?1", [id])?;
                }
                Ok(!used)
            };
            run().map_err(|error| self.error(error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ContainerConfig, ContainerStatus, RECORD_VERSION};
    use cove_api::ContainerState;

    fn container(name: &str, pod: &str) -> ContainerRow {
        ContainerRow {
            id: format!("{:0>64}", name.len()),
            name: name.into(),
            created: 1,
            state: ContainerState::Created,
            config: ContainerConfig {
                version: RECORD_VERSION,
                pod: pod.into(),
                ..ContainerConfig::default()
            },
            status: ContainerStatus { version: RECORD_VERSION, ..ContainerStatus::default() },
        }
    }

    fn pod(name: &str) -> PodRow {
        let config = PodConfig { version: POD_VERSION, ..PodConfig::default() };
        PodRow { id: format!("{:a>64}", name.len()), name: name.into(), created: 1, config }
    }

    #[test]
    fn a_pod_and_its_infra_container_come_together_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("cove-state-pods-{}", std::process::id()));
        let _ = cove_sys::fs::remove_dir_all(&folder);
        let upgrade = |text: &str| Ok((text.to_owned(), "{}".to_owned()));
        let database = Database::open(&folder, Box::new(upgrade)).unwrap();
        let first = pod("p");
        let infra = container("infra", &first.id);
        let nothing = ContainerSpec::default();
        let request = PodSpec { name: "p".into(), ..PodSpec::default() };
        assert_eq!(database.add_pod(&first, &request, Some((&infra, &nothing))).unwrap(), PodEntry::Added);
        assert_eq!(database.pod_request(&first.id).unwrap(), request);
        // Pods and containers share one space of names.
        let other = PodRow { id: "b".repeat(64), ..pod("infra") };
        assert_eq!(database.add_pod(&other, &request, None).unwrap(), PodEntry::NameInUse(infra.id.clone()));
        let other = PodRow { id: "b".repeat(64), ..pod("other") };
        let taken = ContainerRow { id: "c".repeat(64), ..container("infra", &other.id) };
        let entry = database.add_pod(&other, &request, Some((&taken, &nothing))).unwrap();
        assert_eq!(entry, PodEntry::InfraNameInUse(infra.id.clone()));
        assert!(database.pod(&other.id).unwrap().is_none());
        let named = ContainerRow { id: "d".repeat(64), ..container("p", "") };
        assert_eq!(database.add_container(&named, &nothing, false).unwrap(), Some(first.id.clone()));
        // A container's pod stays as long as it does.
        assert!(!database.remove_pod(&first.id).unwrap());
        assert!(database.add_container(&container("lost", &other.id), &nothing, false).is_err());
        assert_eq!(database.containers_of_pod(&first.id).unwrap().len(), 1);
        database.remove_container(&infra.id).unwrap();
        assert!(database.remove_pod(&first.id).unwrap());
        cove_sys::fs::remove_dir_all(folder).unwrap();
    }
}
