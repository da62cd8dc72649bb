//! Registries asked about a name or a login, without pulling anything.

use std::sync::Arc;

use cove_api::{
    Credentials, Distribution, DistributionDescriptor, DistributionPlatform, Error, RegistryAccess, Result,
};
use cove_config::auth;
use cove_registry::{ImageLocation, ImageSource as _, Platform, Reference, RegistryClient, list_entries};

use crate::engine::{Core, blocking};
use crate::image::registry;

/// The references that a name can mean.
pub(super) async fn resolve(core: &Arc<Core>, name: &str) -> Result<Vec<String>> {
    let client = client(core, RegistryAccess::default()).await?;
    Ok(candidates(&client, name)?.iter().map(ToString::to_string).collect())
}

/// What the first registry that has it says about a name.
pub(super) async fn distribution(
    core: &Arc<Core>,
    name: &str,
    access: RegistryAccess,
) -> Result<Distribution> {
    let client = client(core, access).await?;
    let mut failure = None;
    for reference in candidates(&client, name)? {
        match ask(&client, &reference).await {
            Ok(found) => return Ok(found),
            Err(error) => failure = Some(failure.unwrap_or(error)),
        }
    }
    Err(failure.unwrap_or_else(|| Error::not_found(format!("{name}: no registry to ask"))))
}

async fn ask(client: &RegistryClient, reference: &Reference) -> Result<Distribution> {
    let source = client.open(reference).await?;
    let manifest = source.manifest(None).await?;
    let entries = list_entries(&source, &Platform::host(), true).await?;
    let platforms = entries.into_iter().map(|entry| entry.platform).map(|platform| DistributionPlatform {
        architecture: platform.architecture,
        os: platform.os,
        os_version: platform.os_version,
        os_features: platform.os_features,
        variant: platform.variant,
    });
    Ok(Distribution {
        descriptor: DistributionDescriptor {
            digest: source.digest().to_string(),
            size: manifest.bytes.len() as u64,
            media_type: manifest.media_type,
        },
        platforms: platforms.collect(),
    })
}

/// Asks a registry whether it takes the credentials. As with Docker, one on this host may have any certificate or none.
pub(super) async fn check_login(core: &Arc<Core>, registry: &str, credentials: Credentials) -> Result<()> {
    let key = auth::registry_key(registry).map_err(|error| Error::invalid(error.to_string()))?;
    let registry = key.split('/').next().unwrap_or(&key);
    let access = RegistryAccess {
        tls_verify: is_local(registry).then_some(false),
        credentials: Some(credentials.clone()),
        ..RegistryAccess::default()
    };
    let client = client(core, access).await?;
    let credentials = cove_registry::credentials(&credentials);
    client.check_login(registry, credentials).await.map_err(|error| {
        let error = Error::from(error);
        Error::new(error.kind, format!("login attempt to {registry} failed: {}", error.message))
    })
}

/// Whether a registry's name means this host.
fn is_local(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn client(core: &Arc<Core>, access: RegistryAccess) -> Result<RegistryClient> {
    blocking(core, move |core| registry::client(core, &access)).await
}

fn candidates(client: &RegistryClient, name: &str) -> Result<Vec<Reference>> {
    match ImageLocation::parse(name)? {
        Some(ImageLocation::Registry(reference)) => Ok(vec![reference]),
        Some(_) => Err(Error::invalid(format!("{name}: its transport has no registry"))),
        None => Ok(client.candidates(name, false)?.references),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_of_this_host() {
        for name in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
            assert!(is_local(name), "{name}");
        }
        for name in ["localhost.example", "quay.io", "128.0.0.1:5000", "docker.io", ""] {
            assert!(!is_local(name), "{name}");
        }
    }
}
