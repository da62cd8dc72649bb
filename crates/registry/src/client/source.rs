//! `docker://` as a source: manifests and blobs of one repository.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use cove_archive::Digest;
use futures_util::stream;
use http::Method;
use http::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::Response;

use super::failure::with_colon;
use super::http::without_url;
use super::session::Session;
use super::signatures;
use crate::error::{Error, Result};
use crate::image::{BlobStream, ImageSource};
use crate::manifest::{Descriptor, MAX_MANIFEST, RawManifest};
use crate::reference::Reference;
use crate::trust::Signature;

const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws, \
    application/vnd.docker.distribution.manifest.v1+json";

/// Less than this in a stall time-out is as good as nothing.
const LEAST_BYTES: u64 = 1024;

/// An image in a registry, whose top manifest is already there.
pub struct RegistrySource {
    session: Arc<Session>,
    reference: Reference,
    place: Reference,
    top: RawManifest,
}

impl RegistrySource {
    /// Fetches the manifest that `place` (which the configuration made of `reference`) names.
    pub(super) async fn open(session: Session, reference: &Reference, place: &Reference) -> Result<Self> {
        let top = fetch_manifest(&session, &place.tag_or_digest()).await?;
        Ok(Self { session: Arc::new(session), reference: reference.clone(), place: place.clone(), top })
    }

    /// A source of the blobs of a manifest that is known.
    pub(super) fn of(session: Arc<Session>, place: &Reference, top: RawManifest) -> Self {
        Self { session, reference: place.clone(), place: place.clone(), top }
    }

    /// The reference that was asked for.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Where it is fetched from: a mirror perhaps.
    pub fn place(&self) -> &Reference {
        &self.place
    }

    /// Digest of the manifest or index that the reference stands for.
    pub fn digest(&self) -> Digest {
        match self.place.digest() {
            Some(digest) => digest.clone(),
            None => self.top.digest(),
        }
    }
}

#[async_trait]
impl ImageSource for RegistrySource {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    async fn manifest(&self, instance: Option<&Descriptor>) -> Result<RawManifest> {
        match instance {
            None => Ok(self.top.clone()),
            Some(entry) => fetch_manifest(&self.session, &entry.digest.to_string()).await,
        }
    }

    async fn blob(&self, blob: &Descriptor) -> Result<BlobStream> {
        let mut fetch = BlobFetch {
            session: self.session.clone(),
            image: self.name(),
            blob: blob.clone(),
            offset: 0,
            skip: 0,
            response: None,
            resumes: self.session.http.options.retry.resumes,
            waited: Duration::ZERO,
            window: 0,
        };
        fetch.open().await?;
        Ok(Box::pin(stream::try_unfold(fetch, |mut fetch| async move {
            match fetch.next().await {
                Ok(Some(piece)) => Ok(Some((piece, fetch))),
                Ok(None) => Ok(None),
                Err(error) => Err(error.into_io()),
            }
        })))
    }

    fn policy_scope(&self) -> (&'static str, String) {
        ("docker", self.reference.to_string())
    }

    async fn signatures(&self, manifest: &Digest, _of_entry: bool) -> Result<Vec<Signature>> {
        signatures::read(&self.session, &self.place, manifest).await
    }

    fn expected_digest(&self) -> Option<Digest> {
        self.place.digest().cloned()
    }
}

pub(super) async fn fetch_manifest(session: &Session, tag: &str) -> Result<RawManifest> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    let subject = format!("{}: manifest {tag}", session.name());
    let mut tries = session.http.options.retry.retries;
    loop {
        let url = session.url(&format!("manifests/{tag}")).await?;
        let response = session.send(Method::GET, url, headers.clone()).await?;
        if response.status().as_u16() == 404 {
            let said = session.error_message(response).await;
            return Err(Error::ManifestUnknown {
                name: session.name(),
                tag: tag.into(),
                detail: with_colon(&said),
            });
        }
        if !response.status().is_success() {
            return Err(session.refused(response).await);
        }
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        match session.http.body(response, &subject, MAX_MANIFEST).await {
            Ok(body) => return Ok(RawManifest::new(body, &kind)),
            // The connection broke in the middle.
            Err(Error::Io { .. }) if tries > 0 => tries -= 1,
            Err(error) => return Err(error),
        }
    }
}

/// A blob on its way, continued where it broke off.
struct BlobFetch {
    session: Arc<Session>,
    image: String,
    blob: Descriptor,
    offset: u64,
    /// Bytes to drop, because a continued answer began at the start again.
    skip: u64,
    response: Option<Response>,
    resumes: u32,
    /// Time spent waiting, and bytes received, since the rate was last looked at.
    waited: Duration,
    window: u64,
}

impl BlobFetch {
    /// Asks for the blob from `offset` on. `false`: the registry says that there is nothing there.
    async fn open(&mut self) -> Result<bool> {
        let url = self.session.url(&format!("blobs/{}", self.blob.digest)).await?;
        let mut headers = HeaderMap::new();
        if self.offset > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.offset))
        {
            headers.insert(RANGE, range);
        }
        let response = self.session.send(Method::GET, url, headers).await?;
        self.skip = 0;
        match response.status().as_u16() {
            200 => self.skip = self.offset,
            206 if self.offset > 0 => {
                let wanted = format!("bytes {}-", self.offset);
                let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                if !range.is_some_and(|range| range.starts_with(&wanted)) {
                    return Err(Error::Protocol {
                        registry: self.session.name(),
                        reason: format!("answered another range than asked for of blob {}", self.blob.digest),
                    });
                }
            }
            416 if self.offset > 0 => return Ok(false),
            404 if self.blob.urls.is_empty() => {
                return Err(Error::BlobUnknown {
                    image: self.image.clone(),
                    digest: self.blob.digest.clone(),
                });
            }
            404 => {
                return Err(Error::Unsupported {
                    subject: self.image.clone(),
                    what: format!(
                        "the layer {}, which the registry does not hold (it names other URLs, which are not followed),",
                        self.blob.digest
                    ),
                });
            }
            _ => return Err(self.session.refused(response).await),
        }
        self.response = Some(response);
        Ok(true)
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(response) = &mut self.response else { return Ok(None) };
            let limit = self.session.http.options.stall_timeout;
            let start = Instant::now();
            let piece = tokio::time::timeout(limit.saturating_sub(self.waited), response.chunk()).await;
            self.waited += start.elapsed();
            let broken = match piece {
                Err(_) => return Err(self.stalled()),
                Ok(Ok(Some(mut piece))) => {
                    self.window += piece.len() as u64;
                    if self.window >= LEAST_BYTES {
                        self.window = 0;
                        self.waited = Duration::ZERO;
                    }
                    let dropped = self.skip.min(piece.len() as u64);
                    self.skip -= dropped;
                    // At most the piece's length, so it fits.
                    let piece = piece.split_off(dropped as usize);
                    if piece.is_empty() {
                        continue;
                    }
                    self.offset += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(Ok(None)) if self.offset >= self.blob.size => return Ok(None),
                Ok(Ok(None)) => None,
                Ok(Err(error)) => Some(without_url(error)),
            };
            self.response = None;
            if self.resumes == 0 {
                return match broken {
                    None => Ok(None),
                    Some(error) => Err(Error::Io {
                        subject: format!("{}: blob {}", self.image, self.blob.digest),
                        source: std::io::Error::other(error),
                    }),
                };
            }
            self.resumes -= 1;
            tracing::debug!(blob = %self.blob.digest, offset = self.offset, "continuing a blob");
            if !self.open().await? {
                return Ok(None);
            }
        }
    }

    fn stalled(&self) -> Error {
        self.session.http.timeout(format!("{}: blob {}", self.image, self.blob.digest))
    }
}
