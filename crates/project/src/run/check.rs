//! What must be there before anything is made.

use std::collections::BTreeMap;

use cove_api::{Engine, Error, ErrorKind, Result, StringMap};
use cove_compose::model::Project;

use crate::plan::{self, Instance};

/// Refuses what cannot be done, before anything is built, pulled or made: what services and networks ask for and is not
/// done, external networks and volumes that are not there, and container names that are wanted twice.
///
/// # Errors
/// The first of these.
pub async fn check(engine: &dyn Engine, project: &Project, scale: &BTreeMap<String, u32>) -> Result<()> {
    for (key, network) in project.networks.iter().filter(|(_, network)| !network.external) {
        plan::network(project, key, network)?;
    }
    for (name, service) in &project.services {
        plan::wanted(service, scale.get(name).copied())?;
        let instance = Instance { name, aliases: Vec::new(), labels: StringMap::new(), inherited: &[] };
        plan::container(project, service, &instance)?;
        plan::copied(project, service)?;
    }
    let missing = |kind: &str, name: &str| {
        Err(Error::new(
            ErrorKind::NotFound,
            format!("{kind} {name} declared as external, but could not be found"),
        ))
    };
    for network in project.networks.values().filter(|network| network.external) {
        if !engine.networks().exists(&network.name).await? {
            return missing("network", &network.name);
        }
    }
    for volume in project.volumes.values().filter(|volume| volume.external) {
        if !engine.volumes().exists(&volume.name).await? {
            return missing("volume", &volume.name);
        }
    }
    let mut names = BTreeMap::new();
    for service in project.services.values().filter(|service| !service.container_name.is_empty()) {
        if let Some(other) = names.insert(&service.container_name, &service.name) {
            return Err(Error::invalid(format!(
                "container name {:?} is already in use by service {other:?} (service {:?})",
                service.container_name, service.name
            )));
        }
    }
    Ok(())
}
