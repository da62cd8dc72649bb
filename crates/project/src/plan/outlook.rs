//! What `up` would do, before it is done.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::Result;
use cove_compose::model::{Project, Service};
use cove_compose::service_hash;

use super::body::image_name;
use super::converge::{Difference, Recreate, converge, differences};
use super::parts::{Part, networks, volumes};
use super::replace::references;
use crate::found::{Found, FoundContainer};

/// What would be done for a project.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// For each service, by name.
    pub services: Vec<ServiceOutlook>,
    /// For each network, by the engine's name.
    pub networks: Vec<(String, Part)>,
    /// For each volume, by the engine's name.
    pub volumes: Vec<(String, Part)>,
    /// Containers of services that the file has not.
    pub orphans: Vec<String>,
}

/// What would be done for a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceOutlook {
    /// Its name.
    pub name: String,
    /// How many containers would be made where none is yet.
    pub create: usize,
    /// Those that would be made anew.
    pub replaced: Vec<Replaced>,
    /// Those that stay.
    pub kept: Vec<String>,
    /// Those that are too many.
    pub removed: Vec<String>,
}

/// A container that would be made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Its name.
    pub name: String,
    /// Why; nothing where all are made anew.
    pub differences: Vec<Difference>,
}

/// Looks ahead. `image_id` answers the digest of an image that is there; one that is brought anew before may be another.
///
/// # Errors
/// Several containers cannot have one name.
pub fn outlook(
    project: &Project,
    found: &Found,
    image_id: impl Fn(&str) -> Option<String>,
    recreate: Recreate,
) -> Result<Outlook> {
    let mut outlook = Outlook::default();
    let mut renewed = BTreeSet::new();
    for (key, network, part) in networks(project, found) {
        if part == Part::Diverged {
            renewed.insert(key);
        }
        outlook.networks.push((network.name.clone(), part));
    }
    outlook.volumes = volumes(project, found).map(|(_, volume, part)| (volume.name.clone(), part)).collect();
    let known =
        |name: &str| project.services.contains_key(name) || project.disabled_services.contains_key(name);
    let orphans = found.containers.iter().filter(|one| !one.one_off && !known(&one.service));
    outlook.orphans = orphans.map(|one| one.name.clone()).collect();
    // The container by which others would know a service.
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    for service in in_order(project) {
        // One that is not there yet gets an id that nobody knows.
        let resolved = references(service, |other| Some(first.get(other).cloned().unwrap_or_default()))?;
        let image = image_id(&image_name(project, service)).unwrap_or_default();
        let renews = recreate == Recreate::Diverged
            && service.networks.keys().any(|key| renewed.contains(key.as_str()));
        let policy = if renews { Recreate::Force } else { recreate };
        let there = found.of_service(&service.name);
        let converged = converge(project, &resolved, &there, &image, policy, None)?;
        if let Some(one) = converged.keep.iter().min_by_key(|one| one.number) {
            first.insert(&service.name, one.row.id.clone());
        }
        let hash = service_hash(&resolved);
        let names = |list: &[&FoundContainer]| list.iter().map(|one| one.name.clone()).collect();
        let replaced = converged.recreate.iter().map(|one| Replaced {
            name: one.name.clone(),
            differences: differences(project, &resolved, one, &hash, &image),
        });
        outlook.services.push(ServiceOutlook {
            name: service.name.clone(),
            create: converged.create.len(),
            replaced: replaced.collect(),
            kept: names(&converged.keep),
            removed: names(&converged.remove),
        });
    }
    outlook.services.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(outlook)
}

/// Services after those that they depend on; the loader refuses circles.
fn in_order(project: &Project) -> Vec<&Service> {
    let mut ordered: Vec<&Service> = Vec::new();
    let mut left: Vec<&Service> = project.services.values().collect();
    while !left.is_empty() {
        let waits = |name: &String| {
            project.services.contains_key(name) && !ordered.iter().any(|done| done.name == *name)
        };
        let at = left.iter().position(|one| !one.depends_on.keys().any(waits)).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use cove_api::{ContainerSummary, Network, StringMap};
    use cove_compose::model::{self, Dependency};

    use super::*;
    use crate::label;

    fn there(service: &Service, number: u32, hash: &str) -> FoundContainer {
        let labels = [(label::CONFIG_HASH, hash), (label::IMAGE, "sha256:1")];
        FoundContainer {
            name: format!("shop-{}-{number}", service.name),
            service: service.name.clone(),
            number: Some(number),
            row: ContainerSummary {
                id: format!("id-{}", service.name),
                labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                ..ContainerSummary::default()
            },
            ..FoundContainer::default()
        }
    }

    fn service(name: &str) -> Service {
        Service { name: name.into(), image: "i".into(), ..Service::default() }
    }

    #[test]
    fn what_stays_what_is_made_and_why_another_comes() {
        let (db, mut web, old) = (service("db"), service("web"), service("old"));
        web.network_mode = "service:db".into();
        web.depends_on.insert("db".into(), Dependency::default());
        let mut project = Project { name: "shop".into(), ..Project::default() };
        for one in [&db, &web] {
            project.services.insert(one.name.clone(), one.clone());
        }
        project.networks.insert(
            "default".into(),
            model::Network { name: "shop_default".into(), ..model::Network::default() },
        );
        let image = |_: &str| Some("sha256:1".to_owned());
        let nothing = outlook(&project, &Found::default(), image, Recreate::Diverged).unwrap();
        assert_eq!(nothing.services.iter().map(|one| one.create).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(nothing.networks, [("shop_default".to_owned(), Part::Missing)]);

        let resolved = Service { network_mode: "container:id-db".into(), ..web.clone() };
        let mut found = Found {
            containers: vec![
                there(&db, 1, &service_hash(&db)),
                there(&web, 1, &service_hash(&resolved)),
                there(&old, 1, "x"),
            ],
            ..Found::default()
        };
        let same = outlook(&project, &found, image, Recreate::Diverged).unwrap();
        assert!(same.services.iter().all(|one| one.kept.len() == 1 && one.replaced.is_empty()), "{same:?}");
        assert_eq!(same.orphans, ["shop-old-1"]);

        // What joins another is made anew with it.
        found.containers[0].row.labels.insert(label::CONFIG_HASH.to_owned(), "other".to_owned());
        let changed = outlook(&project, &found, image, Recreate::Diverged).unwrap();
        let why = |at: usize| changed.services[at].replaced[0].differences.clone();
        assert_eq!((why(0), why(1)), (vec![Difference::Service], vec![Difference::Service]));
        let all = outlook(&project, &found, |_| Some("sha256:2".to_owned()), Recreate::Never).unwrap();
        assert!(all.services.iter().all(|one| one.kept.len() == 1));
    }

    #[test]
    fn who_is_in_a_network_that_is_made_anew_is_so_too() {
        let mut web = service("web");
        web.networks.insert("back".into(), None);
        let mut project = Project { name: "shop".into(), ..Project::default() };
        let network = model::Network { name: "shop_back".into(), ..model::Network::default() };
        project.services.insert("web".into(), web.clone());
        project.networks.insert("back".into(), network);
        let labels = StringMap::from([(label::CONFIG_HASH.to_owned(), "old".to_owned())]);
        let found = Found {
            containers: vec![there(&web, 1, &service_hash(&web))],
            networks: vec![Network { name: "shop_back".into(), labels, ..Network::default() }],
            ..Found::default()
        };
        let seen = outlook(&project, &found, |_| Some("sha256:1".to_owned()), Recreate::Diverged).unwrap();
        assert_eq!(seen.networks, [("shop_back".to_owned(), Part::Diverged)]);
        let name = "shop-web-1".to_owned();
        assert_eq!(seen.services[0].replaced, [Replaced { name, differences: Vec::new() }]);
    }
}
