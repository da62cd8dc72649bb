//! What tells whether a service has changed since its containers were made.

use sha2::{Digest as _, Sha256};

use crate::model::{Network, Service, Volume};
use crate::render::part_json;

/// The hash that docker-compose keeps in the label `com.docker.compose.config-hash`: of all attributes but those that change
/// no container. The service is one that was loaded without [`crate::Options::resolve_environment`] where it is to be
/// the same as `docker-compose config --hash` prints.
#[must_use]
pub fn service_hash(service: &Service) -> String {
    let mut service = service.clone();
    service.build = None;
    service.pull_policy.clear();
    service.scale = None;
    if let Some(deploy) = &mut service.deploy {
        deploy.replicas = None;
    }
    service.depends_on.clear();
    service.profiles.clear();
    digest(&part_json(&service))
}

/// The same of a network.
#[must_use]
pub fn network_hash(network: &Network) -> String {
    digest(&part_json(network))
}

/// The same of a volume.
#[must_use]
pub fn volume_hash(volume: &Volume) -> String {
    let mut volume = volume.clone();
    if volume.driver.is_empty() {
        "local".clone_into(&mut volume.driver);
    }
    digest(&part_json(&volume))
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
