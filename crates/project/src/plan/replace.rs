//! References to other services in the terms of their containers.

use cove_api::{Error, Result};
use cove_compose::model::Service;

/// Puts the container of each service that is named in its place, before the service is hashed or made.
///
/// # Errors
/// The other service has no container.
pub(crate) fn references(
    service: &Service,
    container_of: impl Fn(&str) -> Option<String>,
) -> Result<Service> {
    let mut service = service.clone();
    for (what, mode) in [
        ("network namespace", &mut service.network_mode),
        ("IPC namespace", &mut service.ipc),
        ("PID namespace", &mut service.pid),
    ] {
        if let Some(name) = mode.strip_prefix("service:") {
            let id = container_of(name).ok_or_else(|| missing(what, name))?;
            *mode = format!("container:{id}");
        }
    }
    for entry in &mut service.volumes_from {
        // docker-compose knows no mode here.
        let name = entry.split(':').next().unwrap_or_default();
        *entry = match entry.strip_prefix("container:") {
            Some(rest) => rest.split(':').next().unwrap_or_default().to_owned(),
            None => container_of(name).ok_or_else(|| missing("volume", name))?,
        };
    }
    Ok(service)
}

fn missing(what: &str, name: &str) -> Error {
    Error::invalid(format!("cannot share {what} with service {name}: container missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_become_containers() {
        let service = Service {
            network_mode: "service:db".into(),
            ipc: "shareable".into(),
            volumes_from: vec!["db:ro".into(), "container:other:ro".into()],
            ..Service::default()
        };
        let resolved = references(&service, |name| (name == "db").then(|| "0123".to_owned())).unwrap();
        assert_eq!((resolved.network_mode.as_str(), resolved.ipc.as_str()), ("container:0123", "shareable"));
        assert_eq!(resolved.volumes_from, ["0123", "other"]);
        let error = references(&service, |_| None).unwrap_err().message;
        assert_eq!(error, "cannot share network namespace with service db: container missing");
    }
}
