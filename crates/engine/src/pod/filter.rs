//! The filters of `pod ps`.

use cove_api::{ContainerState, Error, ErrorKind, Filters, PodState, Result, StringMap, Timestamp};
use regex::Regex;

use super::lookup;
use crate::container::{network_names, time};
use crate::engine::Core;
use crate::filter;
use crate::state::{ContainerRow, PodRow};

/// All filters of a request, parsed; a pod must pass each.
pub(super) struct Filter(Vec<One>);

enum One {
    Id(Vec<Regex>),
    Name(Vec<Regex>),
    Label(Vec<String>),
    NotLabel(Vec<String>),
    Until(Timestamp),
    Status(Vec<PodState>),
    Network(Vec<String>),
    MemberId(Vec<Regex>),
    MemberName(Vec<Regex>),
    MemberNumber(Vec<usize>),
    MemberStatus(Vec<ContainerState>),
}

impl Filter {
    pub(super) fn new(core: &Core, filters: &Filters) -> Result<Self> {
        filters.iter().map(|(key, values)| parse(core, key, values)).collect::<Result<_>>().map(Self)
    }

    pub(super) fn matches(&self, pod: &PodRow, members: &[ContainerRow]) -> bool {
        self.0.iter().all(|one| one.matches(pod, members))
    }
}

fn regexes(key: &str, values: &[String]) -> Result<Vec<Regex>> {
    values.iter().map(|value| filter::regular(key, value)).collect()
}

/// Ids are given by their start, or as a regular expression.
fn ids(values: &[String]) -> Result<Vec<Regex>> {
    values.iter().map(|value| filter::regular("id", &format!("^(?i:{value})"))).collect()
}

fn parse(core: &Core, key: &str, values: &[String]) -> Result<One> {
    Ok(match key {
        "id" => One::Id(ids(values)?),
        "name" => One::Name(regexes(key, values)?),
        "label" => One::Label(values.to_vec()),
        "label!" => One::NotLabel(values.to_vec()),
        "until" => One::Until(filter::time(key, values)?),
        "status" => One::Status(values.iter().map(|value| pod_state(value)).collect::<Result<_>>()?),
        "network" => One::Network(networks(core, values)?),
        "ctr-ids" => One::MemberId(ids(values)?),
        "ctr-names" => One::MemberName(regexes(key, values)?),
        "ctr-number" => One::MemberNumber(
            values
                .iter()
                .map(|value| {
                    value
                        .parse()
                        .map_err(|_| Error::invalid(format!("{value:?} is not a number of containers")))
                })
                .collect::<Result<_>>()?,
        ),
        "ctr-status" => {
            One::MemberStatus(values.iter().map(|value| member_state(value)).collect::<Result<_>>()?)
        }
        other => return Err(Error::invalid(format!("{other} is an invalid filter"))),
    })
}

fn pod_state(text: &str) -> Result<PodState> {
    Ok(match text {
        "created" => PodState::Created,
        "degraded" => PodState::Degraded,
        "exited" => PodState::Exited,
        "paused" => PodState::Paused,
        "running" => PodState::Running,
        "stopped" => PodState::Stopped,
        "dead" => PodState::Error,
        other => return Err(Error::invalid(format!("{other} is not a valid pod status"))),
    })
}

fn member_state(text: &str) -> Result<ContainerState> {
    Ok(match text {
        "created" => ContainerState::Created,
        "running" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "stopped" | "exited" => ContainerState::Exited,
        "unknown" => ContainerState::Unknown,
        other => return Err(Error::invalid(format!("{other} is not a valid status"))),
    })
}

/// The names of the networks that are meant; one that is not there is none.
fn networks(core: &Core, values: &[String]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for value in values {
        match core.networks()?.inspect(value).map_err(Error::from) {
            Ok(network) => names.push(network.name),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

impl One {
    fn matches(&self, pod: &PodRow, members: &[ContainerRow]) -> bool {
        let any = |patterns: &[Regex], text: &str| patterns.iter().any(|pattern| pattern.is_match(text));
        match self {
            Self::Id(patterns) => any(patterns, &pod.id),
            Self::Name(patterns) => any(patterns, &pod.name),
            Self::Label(wanted) => labels_match(wanted, &pod.config.labels),
            Self::NotLabel(unwanted) => !labels_match(unwanted, &pod.config.labels),
            Self::Until(moment) => time(pod.created) < *moment,
            Self::Status(states) => states.contains(&lookup::state(members)),
            Self::Network(names) => members
                .iter()
                .filter(|member| member.config.infra)
                .any(|infra| network_names(infra).iter().any(|network| names.contains(network))),
            Self::MemberId(patterns) => members.iter().any(|member| any(patterns, &member.id)),
            Self::MemberName(patterns) => members.iter().any(|member| any(patterns, &member.name)),
            Self::MemberNumber(numbers) => numbers.contains(&members.len()),
            Self::MemberStatus(states) => members.iter().any(|member| {
                let ended = member.state.has_ended();
                states.iter().any(|state| if ended { state.has_ended() } else { *state == member.state })
            }),
        }
    }
}

fn labels_match(wanted: &[String], labels: &StringMap) -> bool {
    wanted.iter().all(|value| match value.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(value),
    })
}
