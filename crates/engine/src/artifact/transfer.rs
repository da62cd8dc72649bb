//! Artifacts from registries, and back to them.

use std::sync::Arc;

use cove_api::{Error, RegistryAccess, Result};
use cove_registry::manifest::{Descriptor, ImageManifest};
use cove_registry::{
    BlobStream, Digest, PushOptions, RawManifest, Reference, RegistrySource, artifact_manifest,
    artifact_type, read_blocking, verified_blob,
};
use futures_util::TryStreamExt as _;

use super::store::{ArtifactStore, Entry, find, whole_name};
use crate::engine::{Core, blocking};
use crate::image::{policy, registry_client};

/// Brings an artifact here and answers its digest.
pub(super) async fn pull(core: &Arc<Core>, name: &str, access: RegistryAccess) -> Result<String> {
    let reference = whole_name(name)?;
    let client = blocking(core, move |core| registry_client(core, &access)).await?;
    let source = client.open(&reference).await?;
    let (raw, manifest) = artifact_manifest(&source, &policy(core, None).await?).await?;
    let mut fetched = Vec::new();
    let stored = match fetch(core, &source, &manifest, &mut fetched).await {
        Ok(()) => {
            let blobs = std::iter::once(&manifest.config).chain(&manifest.layers).cloned().collect();
            enter(core, &reference, raw, blobs).await
        }
        Err(error) => Err(error),
    };
    if stored.is_err() {
        blocking(core, move |core| {
            let store = ArtifactStore::open(core)?;
            let lock = store.lock()?;
            store.collect(&lock, &store.entries()?, &fetched)
        })
        .await?;
    }
    stored
}

/// Fetches what is not here; notes what it fetched.
async fn fetch(
    core: &Arc<Core>,
    source: &RegistrySource,
    manifest: &ImageManifest,
    fetched: &mut Vec<Digest>,
) -> Result<()> {
    for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
        let wanted = blob.clone();
        let has = blocking(core, move |core| Ok(ArtifactStore::open(core)?.has(&wanted))).await?;
        if has {
            continue;
        }
        let data = verified_blob(source, blob).await?;
        store_blob(core, blob, data).await?;
        fetched.push(blob.digest.clone());
    }
    Ok(())
}

async fn store_blob(core: &Arc<Core>, blob: &Descriptor, data: BlobStream) -> Result<()> {
    let (core, digest) = (Arc::clone(core), blob.digest.clone());
    read_blocking(data, move |reader| {
        let put = ArtifactStore::open(&core).and_then(|store| store.put(reader, Some(&digest)));
        put.map(drop).map_err(cove_registry::Error::external)
    })
    .await?;
    Ok(())
}

async fn enter(
    core: &Arc<Core>,
    reference: &Reference,
    raw: RawManifest,
    blobs: Vec<Descriptor>,
) -> Result<String> {
    let name = reference.to_string();
    blocking(core, move |core| {
        let store = ArtifactStore::open(core)?;
        let entry = Entry::new(&name, &raw.bytes, &artifact_type(&raw));
        let digest = entry.digest.to_string();
        let lock = store.lock()?;
        store.put(&raw.bytes[..], None)?;
        // Under the lock now: what was fetched may have gone with another artifact.
        if let Some(gone) = blobs.iter().find(|blob| !store.has(blob)) {
            let why = format!("{name}: {} went with another artifact meanwhile: pull it again", gone.digest);
            return Err(Error::internal(why));
        }
        let (former, mut kept): (Vec<Entry>, Vec<Entry>) =
            store.entries()?.into_iter().partition(|other| other.name == name);
        kept.push(entry);
        store.write(&lock, &kept)?;
        store.clear(&lock, &kept, &former);
        Ok(digest)
    })
    .await
}

/// Brings an artifact to the registry of its name and answers its digest.
pub(super) async fn push(core: &Arc<Core>, name: &str, access: RegistryAccess) -> Result<String> {
    let wanted = name.to_owned();
    let (name, raw, blobs) = blocking(core, move |core| {
        let store = ArtifactStore::open(core)?;
        let entries = store.entries()?;
        let entry = &entries[find(&entries, &wanted)?];
        let raw = RawManifest::new(store.manifest(entry)?, cove_registry::manifest::media_type::OCI_MANIFEST);
        let mut blobs = store.blobs_of(entry)?;
        blobs.remove(0);
        Ok((entry.name.clone(), raw, blobs))
    })
    .await?;
    if name.is_empty() {
        return Err(Error::invalid("artifact is unnamed"));
    }
    let reference = Reference::parse(&name)?;
    let client = blocking(core, move |core| registry_client(core, &access)).await?;
    let destination = client.destination(&reference, PushOptions::default())?;
    for digest in blobs {
        let (core, blob) = (Arc::clone(core), digest.clone());
        let open = || async move {
            let open = move || ArtifactStore::open(&core)?.open_blob(&blob);
            Ok(Box::pin(crate::stream::pieces(open).map_err(std::io::Error::other)) as BlobStream)
        };
        destination.put_blob(&digest, open).await?;
    }
    let digest = raw.digest().to_string();
    destination.put_list(raw).await?;
    Ok(digest)
}
