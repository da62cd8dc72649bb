//! Finding pods and their containers, and telling events.

use cove_api::{ContainerState, Error, PodState, Result};

use crate::engine::Core;
use crate::state::{ContainerRow, First, Lookup, PodRow};

/// The error for a pod that does not exist, in podman's words.
pub(crate) fn no_such_pod(name: &str) -> Error {
    Error::not_found(format!("no pod with name or ID {name} found: no such pod"))
}

impl Core {
    /// The pod meant by a name, an id or the start of an id.
    pub(crate) fn find_pod(&self, name: &str) -> Result<PodRow> {
        if name.is_empty() {
            return Err(Error::invalid("name or ID cannot be empty"));
        }
        match self.database()?.find_pod(name)? {
            Lookup::Found(pod) => Ok(pod),
            Lookup::Missing => Err(no_such_pod(name)),
            Lookup::Ambiguous => {
                Err(Error::invalid(format!("more than one result for ID or name {name}: pod already exists")))
            }
        }
    }

    /// The containers of a pod with states that are true, oldest first.
    pub(crate) fn members(&self, pod: &str) -> Result<Vec<ContainerRow>> {
        let mut rows = self.database()?.containers_of_pod(pod)?;
        for row in &mut rows {
            self.refresh(row)?;
        }
        Ok(rows)
    }

    /// The container that holds the namespaces of a pod.
    pub(crate) fn infra(&self, pod: &str) -> Result<Option<ContainerRow>> {
        Ok(self.database()?.containers_of_pod(pod)?.into_iter().find(|row| row.config.infra))
    }

    /// Tells an event of a pod.
    pub(crate) fn tell_pod(&self, action: &str, pod: &PodRow) {
        let mut attributes = pod.config.labels.clone();
        attributes.insert("name".into(), pod.name.clone());
        self.events.write("pod", action, &pod.id, attributes);
    }
}

/// How a pod with these containers fares.
pub(super) fn state(members: &[ContainerRow]) -> PodState {
    // Those that prepare it have mostly ended.
    let members: Vec<_> = members.iter().filter(|member| member.config.first == First::No).collect();
    let count = |is: fn(ContainerState) -> bool| members.iter().filter(|member| is(member.state)).count();
    let (running, paused) =
        (count(|state| state == ContainerState::Running), count(|state| state == ContainerState::Paused));
    let (ended, created) =
        (count(ContainerState::has_ended), count(|state| state == ContainerState::Created));
    let all = members.len();
    if all == 0 {
        PodState::Created
    } else if running == all {
        PodState::Running
    } else if running > 0 {
        PodState::Degraded
    } else if paused == all {
        PodState::Paused
    } else if ended == all {
        PodState::Exited
    } else if ended > 0 {
        PodState::Stopped
    } else if created + paused < all {
        PodState::Error
    } else {
        PodState::Created
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_follows_from_the_containers() {
        use ContainerState::{Created, Exited, Paused, Removing, Running, Stopped};
        let of = |states: &[ContainerState]| {
            let member = |state: &ContainerState| ContainerRow {
                id: String::new(),
                name: String::new(),
                created: 0,
                state: *state,
                config: Default::default(),
                status: Default::default(),
            };
            state(&states.iter().map(member).collect::<Vec<_>>())
        };
        for (states, expect) in [
            (&[][..], PodState::Created),
            (&[Created, Created], PodState::Created),
            (&[Running, Running], PodState::Running),
            (&[Running, Exited], PodState::Degraded),
            (&[Running, Created], PodState::Degraded),
            (&[Paused, Paused], PodState::Paused),
            (&[Exited, Stopped], PodState::Exited),
            (&[Exited, Created], PodState::Stopped),
            (&[Created, Removing], PodState::Error),
        ] {
            assert_eq!(of(states), expect, "{states:?}");
        }
    }
}
