//! The engine trait of artifacts.

use async_trait::async_trait;
use cove_api::{
    Artifact, ArtifactAddOptions, ArtifactExtractOptions, ArtifactRemoveOptions, Artifacts, ByteStream,
    Error, ErrorKind, RegistryAccess, Result,
};

use super::store::{ArtifactStore, find};
use super::{files, transfer};
use crate::engine::{Core, LocalEngine, blocking};

#[async_trait]
impl Artifacts for LocalEngine {
    async fn list(&self) -> Result<Vec<Artifact>> {
        blocking(&self.core, |core| {
            let store = ArtifactStore::open(core)?;
            let entries = store.entries()?;
            // One that is damaged is shown by what the index has of it, so that it can be removed.
            Ok(entries.iter().map(|entry| store.artifact(entry).unwrap_or_else(|_| entry.bare())).collect())
        })
        .await
    }

    async fn inspect(&self, name: &str) -> Result<Artifact> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let store = ArtifactStore::open(core)?;
            let entries = store.entries()?;
            store.artifact(&entries[find(&entries, &name)?])
        })
        .await
    }

    async fn add(&self, options: ArtifactAddOptions, data: ByteStream) -> Result<String> {
        let reader = crate::stream::reader(data);
        blocking(&self.core, move |core| files::add(core, &options, reader)).await
    }

    async fn pull(&self, name: &str, access: RegistryAccess) -> Result<String> {
        transfer::pull(&self.core, name, access).await
    }

    async fn push(&self, name: &str, access: RegistryAccess) -> Result<String> {
        transfer::push(&self.core, name, access).await
    }

    async fn extract(&self, name: &str, options: ArtifactExtractOptions) -> Result<ByteStream> {
        files::extract(&self.core, name, options).await
    }

    async fn remove(&self, options: ArtifactRemoveOptions) -> Result<Vec<String>> {
        blocking(&self.core, move |core| remove(core, &options)).await
    }
}

/// Removes artifacts, going on past errors; answers their digests.
fn remove(core: &Core, options: &ArtifactRemoveOptions) -> Result<Vec<String>> {
    match (options.all, options.artifacts.is_empty()) {
        (true, false) => {
            return Err(Error::invalid(
                "when using the --all switch, you may not pass any artifact names or digests",
            ));
        }
        (false, true) => {
            return Err(Error::invalid("at least one artifact name or digest must be specified"));
        }
        _ => {}
    }
    let store = ArtifactStore::open(core)?;
    let lock = store.lock_existing()?;
    let mut entries = store.entries()?;
    let mut failures = Vec::new();
    let mut gone = Vec::new();
    if options.all {
        gone.append(&mut entries);
    }
    for name in &options.artifacts {
        match find(&entries, name) {
            Ok(index) => gone.push(entries.remove(index)),
            Err(error) if options.ignore && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.push(error),
        }
    }
    if let Some(lock) = lock.filter(|_| !gone.is_empty()) {
        store.write(&lock, &entries)?;
        store.clear(&lock, &entries, &gone);
    }
    crate::error::joined(failures)?;
    Ok(gone.into_iter().map(|entry| entry.digest.to_string()).collect())
}
