//! What tells whether a service has changed since its containers were made.

use sha2::{Digest as _, Sha256};

use crate::model::Service;
use crate::render::service_json;

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
    let digest = Sha256::digest(service_json(&service).as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
