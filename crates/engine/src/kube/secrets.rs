//! Secrets of Kubernetes among those of the engine.

use std::collections::BTreeMap;

use bytes::Bytes;
use cove_api::{
    Error, ErrorKind, MAX_SECRET, Result, SecretCreateOptions, SecretInspectOptions, SecretListOptions,
    Secrets,
};
use cove_kube::{Application, Secret, SecretData, is_immutable, secret_data, stored_secret};

use crate::engine::LocalEngine;

/// What is kept under a name.
async fn stored(engine: &LocalEngine, name: &str) -> Result<Option<Vec<u8>>> {
    let Some(id) = id(engine, name).await? else { return Ok(None) };
    match Secrets::inspect(engine, &id, SecretInspectOptions { showsecret: true }).await {
        Ok(found) => Ok(Some(found.secret_data.0.into_bytes())),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The id of the secret of exactly that name: the start of an id is none of a file's names.
pub(super) async fn id(engine: &LocalEngine, name: &str) -> Result<Option<String>> {
    let all = Secrets::list(engine, SecretListOptions::default()).await?;
    Ok(all.into_iter().find(|secret| secret.spec.name == name).map(|secret| secret.id))
}

/// The secrets that pods name: those of the file, else those that exist. Refuses a file whose secrets may not be kept.
pub(super) async fn known(
    engine: &LocalEngine,
    application: &Application,
    replace: bool,
) -> Result<BTreeMap<String, SecretData>> {
    let mut known = BTreeMap::new();
    for secret in &application.secrets {
        let new = stored_secret(secret)?;
        cove_spec::name::secret(secret.name())?;
        if new.len() >= MAX_SECRET {
            return Err(Error::invalid(format!(
                "secret {:?} is too long: as a document it must be shorter than {MAX_SECRET} bytes",
                secret.name()
            )));
        }
        if !replace && stored(engine, secret.name()).await?.is_some_and(|former| is_immutable(&former)) {
            return Err(Error::new(
                ErrorKind::InUse,
                "cannot remove colliding secret as it is set to immutable",
            ));
        }
        known.insert(secret.name().to_owned(), secret_data(secret.name(), &new)?);
    }
    let names = application.workloads.iter().flat_map(|workload| workload.secret_names());
    for name in names {
        if known.contains_key(name) {
            continue;
        }
        if let Some(data) = stored(engine, name).await? {
            known.insert(name.to_owned(), secret_data(name, &data)?);
        }
    }
    Ok(known)
}

/// Keeps a secret, in place of one of that name, and answers its id.
pub(super) async fn keep(engine: &LocalEngine, secret: &Secret) -> Result<String> {
    let data = Bytes::from(stored_secret(secret)?);
    let options = SecretCreateOptions {
        name: secret.name().to_owned(),
        driver: "file".into(),
        replace: true,
        ..SecretCreateOptions::default()
    };
    Secrets::create(engine, data, options).await
}
