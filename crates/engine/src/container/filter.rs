//! The filters of `ps`.

use std::str::FromStr as _;

use cove_api::{ContainerState, ContainerSummary, Error, ErrorKind, Filters, Result, StringMap, Timestamp};
use regex::Regex;

use crate::container::list::time;
use crate::engine::Core;
use crate::filter;
use crate::state::{ContainerRow, NetworkMode, RestartPolicy};

/// All filters of a request, parsed; a row must pass each.
pub(super) struct Filter(Vec<One>);

enum One {
    Id(Vec<Regex>),
    Name(Vec<Regex>),
    Label(Vec<String>),
    NotLabel(Vec<String>),
    Exited(Vec<i32>),
    Status(Vec<ContainerState>),
    Ancestor(Vec<(String, Regex)>),
    Before(Timestamp),
    Since(Timestamp),
    Until(Timestamp),
    Volume(Vec<String>),
    Network { names: Vec<String>, containers: Vec<String> },
    RestartPolicy(Vec<String>),
    StartOnBoot(bool),
    Command(Vec<Regex>),
    Pod(Vec<String>),
    Health(std::collections::HashSet<String>),
}

impl Filter {
    pub(super) fn new(core: &Core, filters: &Filters) -> Result<Self> {
        filters.iter().map(|(key, values)| parse(core, key, values)).collect::<Result<_>>().map(Self)
    }

    pub(super) fn matches(&self, row: &ContainerRow) -> bool {
        self.0.iter().all(|one| one.matches(row))
    }
}

fn regexes(key: &str, values: &[String]) -> Result<Vec<Regex>> {
    values.iter().map(|value| filter::regular(key, value)).collect()
}

/// Ids are given by their start, or as a regular expression.
fn id_patterns(values: &[String]) -> Result<Vec<Regex>> {
    values.iter().map(|value| filter::regular("id", &format!("^(?i:{value})"))).collect()
}

fn parse(core: &Core, key: &str, values: &[String]) -> Result<One> {
    let created = |values: &[String]| -> Result<Timestamp> {
        let mut earliest: Option<Timestamp> = None;
        for value in values {
            let found = time(core.find_container(value)?.created);
            earliest = Some(earliest.map_or(found, |known| known.min(found)));
        }
        earliest.ok_or_else(|| Error::invalid(format!("the filter {key:?} needs a value")))
    };
    Ok(match key {
        "id" => One::Id(id_patterns(values)?),
        "name" => {
            let stripped: Vec<String> = values.iter().map(|value| value.replace('/', "")).collect();
            One::Name(regexes(key, &stripped)?)
        }
        "label" => One::Label(values.to_vec()),
        "label!" => One::NotLabel(values.to_vec()),
        "exited" => One::Exited(
            values
                .iter()
                .map(|value| {
                    value.parse().map_err(|_| Error::invalid(format!("exited code out of range {value:?}")))
                })
                .collect::<Result<_>>()?,
        ),
        "status" => One::Status(
            values
                .iter()
                // States of other tools' containers, and Docker's of those in between: none of ours has them.
                .filter(|value| !matches!(value.as_str(), "unknown" | "dead" | "restarting"))
                .map(|value| {
                    ContainerState::from_str(value).map_err(|_| {
                        Error::invalid(format!("unknown container state: {value}: invalid argument"))
                    })
                })
                .collect::<Result<_>>()?,
        ),
        "ancestor" => One::Ancestor(
            values
                .iter()
                .map(|value| Ok((value.clone(), filter::regular(key, value)?)))
                .collect::<Result<_>>()?,
        ),
        "before" => One::Before(created(values)?),
        "since" => One::Since(created(values)?),
        "until" => One::Until(filter::time(key, values)?),
        "volume" => One::Volume(values.to_vec()),
        "network" => {
            let mut names = Vec::new();
            let mut containers = Vec::new();
            for value in values {
                if let Some(name) = value.strip_prefix("container:") {
                    containers.push(core.find_container(name).map(|row| row.id).unwrap_or_default());
                    continue;
                }
                match core.networks()?.inspect(value).map_err(Error::from) {
                    Ok(network) => names.push(network.name),
                    Err(error) if error.kind == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            One::Network { names, containers }
        }
        "restart-policy" => {
            const KNOWN: &[&str] = &["none", "no", "always", "on-failure", "unless-stopped"];
            let bad: Vec<&str> =
                values.iter().map(String::as_str).filter(|value| !KNOWN.contains(value)).collect();
            match bad.len() {
                0 => One::RestartPolicy(values.to_vec()),
                1 => return Err(Error::invalid(format!("{} invalid restart policy", bad[0]))),
                _ => return Err(Error::invalid(format!("{} invalid restart policies", bad.join(", ")))),
            }
        }
        "should-start-on-boot" => {
            // Of several the last counts, as in Podman.
            let mut wanted = false;
            for value in values {
                wanted = filter::truth(key, std::slice::from_ref(value))?;
            }
            One::StartOnBoot(wanted)
        }
        "command" => One::Command(regexes(key, values)?),
        "pod" => One::Pod(pods(core, values)?),
        "health" => One::Health(health(core, values)?),
        other => return Err(Error::invalid(format!("{other} is an invalid filter"))),
    })
}

/// The ids of the pods that are meant; what means none is left out.
fn pods(core: &Core, values: &[String]) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for value in values {
        match core.find_pod(value) {
            Ok(pod) => ids.push(pod.id),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ids)
}

/// The containers whose health is one of these; `none` is those without a check.
fn health(core: &Core, wanted: &[String]) -> Result<std::collections::HashSet<String>> {
    let mut ids = std::collections::HashSet::new();
    for row in core.database()?.containers()? {
        let status = match super::health::found(core, &row) {
            None => "none".to_owned(),
            Some(found) => found.status,
        };
        if wanted.contains(&status) {
            ids.insert(row.id);
        }
    }
    Ok(ids)
}

impl One {
    fn matches(&self, row: &ContainerRow) -> bool {
        match self {
            Self::Id(patterns) => patterns.iter().any(|pattern| pattern.is_match(&row.id)),
            Self::Name(patterns) => patterns.iter().any(|pattern| pattern.is_match(&row.name)),
            Self::Label(wanted) => labels_match(wanted, &row.config.labels),
            Self::NotLabel(unwanted) => !labels_match(unwanted, &row.config.labels),
            Self::Exited(codes) => row.state.has_ended() && codes.contains(&row.status.exit_code),
            Self::Status(states) => states.iter().any(|state| ended(*state) == ended(row.state)),
            Self::Ancestor(images) => images.iter().any(|(text, pattern)| {
                let name = &row.config.image.name;
                let bare = name.rsplit_once(':').filter(|(_, tag)| *tag == "latest").map(|(bare, _)| bare);
                row.config.image.id.contains(text.as_str())
                    || pattern.is_match(name)
                    || bare.is_some_and(|bare| pattern.is_match(bare))
            }),
            Self::Health(ids) => ids.contains(&row.id),
            Self::Before(moment) => time(row.created) < *moment,
            Self::Since(moment) => time(row.created) > *moment,
            Self::Until(moment) => time(row.created) < *moment,
            Self::Volume(values) => values.iter().any(|value| has_mount(row, value)),
            Self::Network { names, containers } => match &row.config.network {
                NetworkMode::Container(id) => containers.contains(id),
                NetworkMode::Bridge => row.config.networks.keys().any(|network| names.contains(network)),
                _ => false,
            },
            Self::RestartPolicy(policies) => {
                let own = row.config.restart.as_str();
                policies.iter().any(|policy| policy == own || (policy == "none" && own == "no"))
            }
            Self::StartOnBoot(wanted) => starts_on_boot(row) == *wanted,
            Self::Command(patterns) => {
                row.config.command.first().is_some_and(|command| patterns.iter().any(|p| p.is_match(command)))
            }
            Self::Pod(ids) => ids.contains(&row.config.pod),
        }
    }
}

/// Whether a container that has run before is to run again once the host is up.
fn starts_on_boot(row: &ContainerRow) -> bool {
    if matches!(row.state, ContainerState::Created | ContainerState::Initialized) {
        return false;
    }
    match row.config.restart {
        RestartPolicy::Always => true,
        RestartPolicy::UnlessStopped => !row.status.stopped_by_user,
        RestartPolicy::No | RestartPolicy::OnFailure { .. } => false,
    }
}

/// Stopped and exited are one for users.
fn ended(state: ContainerState) -> ContainerState {
    if state == ContainerState::Stopped { ContainerState::Exited } else { state }
}

fn labels_match(wanted: &[String], labels: &StringMap) -> bool {
    wanted.iter().all(|value| match value.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(value),
    })
}

fn has_mount(row: &ContainerRow, value: &str) -> bool {
    let (source, destination) = value.split_once(':').unwrap_or((value, ""));
    let config = &row.config;
    config.mounts.iter().any(|mount| {
        if destination.is_empty() {
            mount.destination == source
        } else {
            mount.source == source && mount.destination == destination
        }
    }) || config.volumes.iter().any(|volume| {
        if destination.is_empty() {
            volume.name == source || volume.destination == source
        } else {
            volume.name == source && volume.destination == destination
        }
    })
}

/// The filters that make sense for containers of other tools; the others let none pass.
pub(super) struct External {
    ids: Option<Vec<Regex>>,
    names: Option<Vec<Regex>>,
    none: bool,
}

impl External {
    pub(super) fn new(filters: &Filters) -> Result<Self> {
        let mut external = Self { ids: None, names: None, none: false };
        for (key, values) in filters {
            match key.as_str() {
                "id" => external.ids = Some(id_patterns(values)?),
                "name" => external.names = Some(regexes(key, values)?),
                _ => external.none = true,
            }
        }
        Ok(external)
    }

    pub(super) fn matches(&self, row: &ContainerSummary) -> bool {
        let name = row.names.first().map(String::as_str).unwrap_or_default();
        !self.none
            && self.ids.as_ref().is_none_or(|all| all.iter().any(|one| one.is_match(&row.id)))
            && self.names.as_ref().is_none_or(|all| all.iter().any(|one| one.is_match(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ran_and_was_not_stopped_starts_on_boot() {
        let row = |policy, state, stopped_by_user| {
            let mut row = ContainerRow {
                id: "a".into(),
                name: "b".into(),
                created: 0,
                state,
                config: Default::default(),
                status: Default::default(),
            };
            row.config.restart = policy;
            row.status.stopped_by_user = stopped_by_user;
            row
        };
        use ContainerState::{Created, Exited, Running};
        assert!(starts_on_boot(&row(RestartPolicy::Always, Exited, true)));
        assert!(starts_on_boot(&row(RestartPolicy::Always, Running, false)));
        assert!(!starts_on_boot(&row(RestartPolicy::Always, Created, false)));
        assert!(starts_on_boot(&row(RestartPolicy::UnlessStopped, Exited, false)));
        assert!(!starts_on_boot(&row(RestartPolicy::UnlessStopped, Exited, true)));
        assert!(!starts_on_boot(&row(RestartPolicy::OnFailure { tries: 0 }, Exited, false)));
        assert!(!starts_on_boot(&row(RestartPolicy::No, Exited, false)));
    }
}
