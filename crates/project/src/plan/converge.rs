//! What is to be done about the containers of one service.

use std::collections::BTreeSet;

use cove_api::{Error, Result};
use cove_compose::model::{Project, Service};
use cove_compose::service_hash;

use crate::found::FoundContainer;
use crate::label;

/// Which containers are made anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Recreate {
    /// Those that are not what the file describes.
    #[default]
    Diverged,
    /// All.
    Force,
    /// None.
    Never,
}

/// Why a container is not what the file describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// What the file says of the service.
    Service,
    /// The image.
    Image,
    /// It is not in this network.
    Network(String),
    /// It has not this volume.
    Volume(String),
}

/// What is to be done about the containers of one service.
#[derive(Debug, Clone, Default)]
pub struct Converged<'a> {
    /// They stay as they are.
    pub keep: Vec<&'a FoundContainer>,
    /// Another takes their place.
    pub recreate: Vec<&'a FoundContainer>,
    /// There are too many.
    pub remove: Vec<&'a FoundContainer>,
    /// The numbers of those that are made.
    pub create: Vec<u32>,
}

/// Compares what is there of a service with what the file describes. References to other services are resolved already;
/// `image` is the digest of the service's image, empty where it is not known, `scale` the number that is asked for in
/// place of the file's.
///
/// # Errors
/// Several containers cannot have one name.
pub fn converge<'a>(
    project: &Project,
    service: &Service,
    found: &[&'a FoundContainer],
    image: &str,
    policy: Recreate,
    scale: Option<u32>,
) -> Result<Converged<'a>> {
    let wanted = wanted(service, scale)?;
    let hash = service_hash(service);
    let obsolete = |one: &FoundContainer| match policy {
        Recreate::Force => true,
        Recreate::Never => false,
        Recreate::Diverged => !differences(project, service, one, &hash, image).is_empty(),
    };
    let mut rows: Vec<(bool, &FoundContainer)> = found.iter().map(|one| (obsolete(one), *one)).collect();
    // Those that stay are the lowest numbers of what is as it should be.
    rows.sort_by_key(|(obsolete, one)| (*obsolete, one.number));
    let mut converged = Converged::default();
    for (at, (obsolete, one)) in rows.into_iter().enumerate() {
        let to = match (at >= wanted as usize, obsolete) {
            (true, _) => &mut converged.remove,
            (false, true) => &mut converged.recreate,
            (false, false) => &mut converged.keep,
        };
        to.push(one);
    }
    let taken: BTreeSet<u32> = found.iter().filter_map(|one| one.number).collect();
    let next = taken.last().map_or(1, |last| last.saturating_add(1));
    let missing = wanted.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
    converged.create = (next..).take(missing as usize).collect();
    Ok(converged)
}

/// How many containers a service is to have: so many as are asked for, else what the file says.
///
/// # Errors
/// Several containers cannot have one name.
pub fn wanted(service: &Service, asked: Option<u32>) -> Result<u32> {
    let deployed = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
    let written = service.scale.or(deployed).unwrap_or(1);
    let wanted = asked.unwrap_or_else(|| u32::try_from(written.max(0)).unwrap_or(u32::MAX));
    if wanted > 1 && !service.container_name.is_empty() {
        return Err(Error::invalid(format!(
            "service {:?} cannot have {wanted} containers: its container_name {:?} is one name",
            service.name, service.container_name
        )));
    }
    Ok(wanted)
}

/// In what a container is not what the file describes; `hash` is that of the service, `image` as in [`converge`].
#[must_use]
pub fn differences(
    project: &Project,
    service: &Service,
    one: &FoundContainer,
    hash: &str,
    image: &str,
) -> Vec<Difference> {
    let mut found = Vec::new();
    if one.label(label::CONFIG_HASH) != hash {
        found.push(Difference::Service);
    }
    if one.label(label::IMAGE) != image {
        found.push(Difference::Image);
    }
    let Some(details) = &one.row.details else { return found };
    if service.network_mode.is_empty() {
        // Of one that does not run, too: who has left a network for a moment may have been killed in it.
        let networks = service.networks.keys().filter_map(|key| project.networks.get(key));
        let lacking = networks.filter(|network| !details.networks.contains_key(&network.name));
        found.extend(lacking.map(|network| Difference::Network(network.name.clone())));
    }
    let volumes = service.volumes.iter().filter(|mount| mount.r#type == "volume" && !mount.source.is_empty());
    let volumes = volumes.filter_map(|mount| project.volumes.get(&mount.source));
    let lacking = volumes.filter(|volume| {
        !details.mounts.iter().any(|mount| mount.kind == "volume" && mount.name == volume.name)
    });
    found.extend(lacking.map(|volume| Difference::Volume(volume.name.clone())));
    found
}

#[cfg(test)]
mod tests {
    use cove_api::ContainerSummary;

    use super::*;

    fn there(number: u32, hash: &str) -> FoundContainer {
        let labels = [(label::CONFIG_HASH, hash), (label::IMAGE, "sha256:1")];
        FoundContainer {
            name: format!("p-web-{number}"),
            number: Some(number),
            row: ContainerSummary {
                labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                ..ContainerSummary::default()
            },
            ..FoundContainer::default()
        }
    }

    #[test]
    fn what_is_as_described_stays_and_the_lowest_numbers_do() {
        let service = Service { name: "web".into(), image: "i".into(), ..Service::default() };
        let hash = service_hash(&service);
        let project = Project::default();
        let all = [there(1, "old"), there(2, &hash), there(4, &hash)];
        let found: Vec<&FoundContainer> = all.iter().collect();
        let result = |policy, image, scale| {
            let plan = converge(&project, &service, &found, image, policy, scale).unwrap();
            let numbers =
                |list: &[&FoundContainer]| list.iter().filter_map(|one| one.number).collect::<Vec<_>>();
            (numbers(&plan.keep), numbers(&plan.recreate), numbers(&plan.remove), plan.create)
        };
        let (diverged, force, never) = (Recreate::Diverged, Recreate::Force, Recreate::Never);
        assert_eq!(result(diverged, "sha256:1", None), (vec![2], vec![], vec![4, 1], vec![]));
        assert_eq!(result(diverged, "sha256:1", Some(3)), (vec![2, 4], vec![1], vec![], vec![]));
        assert_eq!(result(diverged, "sha256:2", Some(3)), (vec![], vec![1, 2, 4], vec![], vec![]));
        assert_eq!(result(force, "sha256:1", Some(2)), (vec![], vec![1, 2], vec![4], vec![]));
        assert_eq!(result(never, "sha256:2", Some(5)), (vec![1, 2, 4], vec![], vec![], vec![5, 6]));
        assert_eq!(result(diverged, "sha256:1", Some(0)).2, [2, 4, 1]);
        let named = Service { container_name: "one".into(), ..service.clone() };
        assert!(converge(&project, &named, &[], "", diverged, Some(2)).is_err());
    }
}
