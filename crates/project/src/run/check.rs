//! What must be there before anything is made.

use cove_api::{Engine, Error, ErrorKind, Result};
use cove_compose::model::Project;

/// External networks and volumes are there, and no two services want one container name.
pub(super) async fn check(engine: &dyn Engine, project: &Project) -> Result<()> {
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
    let mut names = std::collections::BTreeMap::new();
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
