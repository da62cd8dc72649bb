//! The labels of what is made.

use cove_api::StringMap;
use cove_compose::model::{Project, Service};
use cove_compose::service_hash;

use crate::label;

/// The labels of a container of a service: the service's own, and those by which the project finds it. `image` is the
/// image's digest, `env_files` what `--env-file` named. References to other services are resolved already.
#[must_use]
pub fn container_labels(
    project: &Project,
    service: &Service,
    number: u32,
    image: &str,
    env_files: &[String],
) -> StringMap {
    let mut labels: StringMap = service.labels.clone();
    let dependencies = service
        .depends_on
        .iter()
        // Of a profile that is off, or left out.
        .filter(|(name, _)| project.services.contains_key(*name))
        .map(|(name, dependency)| format!("{name}:{}:{}", dependency.condition, dependency.restart));
    let own = [
        (label::PROJECT, project.name.clone()),
        (label::SERVICE, service.name.clone()),
        (label::VERSION, label::VERSION_VALUE.to_owned()),
        (label::WORKING_DIR, project.working_dir.clone()),
        (label::CONFIG_FILES, project.compose_files.join(",")),
        (label::ONE_OFF, "False".to_owned()),
        (label::CONFIG_HASH, service_hash(service)),
        (label::NUMBER, number.to_string()),
        (label::DEPENDS_ON, dependencies.collect::<Vec<_>>().join(",")),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if !image.is_empty() {
        labels.insert(label::IMAGE.to_owned(), image.to_owned());
    }
    if !env_files.is_empty() {
        labels.insert(label::ENVIRONMENT_FILE.to_owned(), env_files.join(","));
    }
    labels
}
