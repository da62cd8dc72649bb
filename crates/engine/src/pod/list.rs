//! Rows of `pod ps`.

use cove_api::{PodListOptions, PodSummary, PodSummaryContainer, Result};

use super::{cgroup, filter, lookup};
use crate::container::{network_names, time};
use crate::engine::Core;
use crate::state::{ContainerRow, PodRow};

/// The pods that are wanted, oldest first.
pub(super) fn list(core: &Core, options: &PodListOptions) -> Result<Vec<PodSummary>> {
    let filter = filter::Filter::new(core, &options.filters)?;
    let mut rows = Vec::new();
    for pod in core.database()?.pods()? {
        let members = core.members(&pod.id)?;
        if filter.matches(&pod, &members) {
            rows.push(summary(core, pod, &members));
        }
    }
    Ok(rows)
}

/// The word for a container's state: stopped and exited are one for users.
pub(super) fn word(member: &ContainerRow) -> String {
    if member.state.has_ended() { "exited".into() } else { member.state.as_str().into() }
}

fn summary(core: &Core, pod: PodRow, members: &[ContainerRow]) -> PodSummary {
    let infra = members.iter().find(|member| member.config.infra);
    PodSummary {
        cgroup: cgroup::above(core.cgroup(), &pod),
        containers: members
            .iter()
            .map(|member| PodSummaryContainer {
                id: member.id.clone(),
                names: member.name.clone(),
                status: word(member),
                restart_count: member.status.restarts,
            })
            .collect(),
        created: time(pod.created),
        infra_id: infra.map(|infra| infra.id.clone()).unwrap_or_default(),
        namespace: String::new(),
        networks: infra.map(network_names).unwrap_or_default(),
        status: lookup::state(members),
        labels: pod.config.labels,
        id: pod.id,
        name: pod.name,
    }
}
