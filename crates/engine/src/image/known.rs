//! An image of a registry whose documents are taken from the store where they are there: of an image that has not
//! changed the registry is asked once.

use std::sync::Arc;

use async_trait::async_trait;
use cove_registry::manifest::{Descriptor, RawManifest};
use cove_registry::{BlobStream, Digest, ImageSource, RegistrySource, Result, Signature, from_bytes};

use crate::engine::Core;

/// The registry's image. Whoever copies it verifies what comes from here as what comes from there.
pub(super) struct KnownDocuments {
    pub(super) core: Arc<Core>,
    pub(super) inner: RegistrySource,
}

impl KnownDocuments {
    /// What `find` reads in the store, if it has the digest.
    async fn known(
        &self,
        digest: &Digest,
        find: impl FnOnce(&Core, &Digest) -> Option<Vec<u8>> + Send + 'static,
    ) -> Option<Vec<u8>> {
        let (core, wanted) = (Arc::clone(&self.core), digest.clone());
        let found = tokio::task::spawn_blocking(move || find(&core, &wanted)).await.ok().flatten()?;
        (Digest::of(digest.algorithm(), &found) == *digest).then_some(found)
    }
}

fn manifest(core: &Core, digest: &Digest) -> Option<Vec<u8>> {
    let store = core.store().ok()?;
    let images = store.images_by_digest(digest).ok()?;
    images.iter().find_map(|image| store.image_data(&image.id, &format!("manifest-{digest}")).ok())
}

fn configuration(core: &Core, digest: &Digest) -> Option<Vec<u8>> {
    core.store().ok()?.image_data(digest.hex(), &digest.to_string()).ok()
}

#[async_trait]
impl ImageSource for KnownDocuments {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn manifest(&self, instance: Option<&Descriptor>) -> Result<RawManifest> {
        if let Some(entry) = instance
            && let Some(known) = self.known(&entry.digest, manifest).await
        {
            return Ok(RawManifest::new(known, &entry.media_type));
        }
        self.inner.manifest(instance).await
    }

    async fn blob(&self, blob: &Descriptor) -> Result<BlobStream> {
        match self.known(&blob.digest, configuration).await {
            Some(known) => Ok(from_bytes(known.into())),
            None => self.inner.blob(blob).await,
        }
    }

    fn policy_scope(&self) -> (&'static str, String) {
        self.inner.policy_scope()
    }

    async fn signatures(&self, manifest: &Digest, of_entry: bool) -> Result<Vec<Signature>> {
        self.inner.signatures(manifest, of_entry).await
    }

    fn expected_digest(&self) -> Option<Digest> {
        self.inner.expected_digest()
    }
}
