//! Deleting from a registry.

use cove_archive::Digest;
use http::Method;
use http::header::HeaderMap;

use super::open::RegistryClient;
use super::session::{Access, Session};
use super::source::fetch_manifest;
use crate::endpoint;
use crate::error::{Error, Result};
use crate::reference::Reference;

impl RegistryClient {
    /// Deletes the manifest that a reference names, and with it all tags that it has; answers its digest. The blobs are
    /// the registry's to collect.
    ///
    /// # Errors
    /// The registry cannot be reached, has no such image, or lets nobody delete.
    pub async fn delete(&self, reference: &Reference) -> Result<Digest> {
        let endpoint = endpoint::own_endpoint(&self.options().registries, reference)?;
        let place = endpoint.reference;
        let session = Session::new(self.shared_http(), &place, endpoint.insecure, Access::Everything);
        let digest = match place.digest() {
            Some(digest) => digest.clone(),
            None => match fetch_manifest(&session, &place.tag_or_digest()).await {
                Ok(manifest) => manifest.digest(),
                Err(Error::ManifestUnknown { .. }) => return Err(not_there(reference)),
                Err(error) => return Err(error),
            },
        };
        let url = session.url(&format!("manifests/{digest}")).await?;
        let response = session.send(Method::DELETE, url, HeaderMap::new()).await?;
        match response.status().as_u16() {
            200..=299 => Ok(digest),
            404 => Err(not_there(reference)),
            _ => Err(session.refused(response).await),
        }
    }
}

fn not_there(reference: &Reference) -> Error {
    Error::NothingToDelete { image: reference.to_string() }
}
