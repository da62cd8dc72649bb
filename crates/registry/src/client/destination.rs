//! `docker://` as a destination: blobs by streamed upload, then the manifest.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cove_archive::{Digest, DigestAlgorithm, Hasher};
use futures_util::{Stream, StreamExt};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Body, Response, Url};
use tokio::sync::mpsc;

use super::failure::classify;
use super::http::{Request, host_of};
use super::session::Session;
use super::signatures;
use crate::encryption::{Encryption, Sealing};
use crate::error::{Error, Result};
use crate::image::{BlobStream, FinishedImage, ImageDestination, Layer, StoredLayer};
use crate::manifest::{Descriptor, ManifestFormat, RawManifest};
use crate::packing::{LayerForm, LayerPacking};
use crate::reference::Reference;
use crate::stream::read_blocking;
use crate::trust::{Signature, SignatureKind};

/// A registry may move a large blob to its final place before it answers.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);
const PIECE: usize = 128 << 10;
const PIECES_AHEAD: usize = 8;

/// How to push.
#[derive(Clone, Debug)]
pub struct PushOptions {
    /// The form in which layers are sent.
    pub layers: LayerForm,
    /// The manifest's family; `None` keeps it.
    pub manifest: Option<ManifestFormat>,
    /// Names that the same layers may have been pushed to or pulled from: on the same registry they are mounted from
    /// there instead of sent.
    pub mount_from: Vec<Reference>,
    /// Packed forms of layers by diff id: a layer that the registry has in this form is not sent again.
    pub known_layers: HashMap<Digest, Descriptor>,
    /// The manifest gets no name but its digest: it is one of a list.
    pub untagged: bool,
    /// For whom layers are encrypted; the manifest's family must be OCI's then.
    pub encryption: Encryption,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self {
            layers: LayerForm::Packed(LayerPacking::default()),
            manifest: None,
            mount_from: Vec::new(),
            known_layers: HashMap::new(),
            untagged: false,
            encryption: Encryption::default(),
        }
    }
}

/// An image on its way to a registry. Its name is the reference it was made for.
pub struct RegistryDestination {
    session: Arc<Session>,
    place: Reference,
    /// As the user names it.
    name: Reference,
    options: PushOptions,
    formats: Vec<ManifestFormat>,
    /// Uploads of layers that broke off, by the layers' digests at the source.
    broken: Mutex<HashMap<Digest, Broken>>,
}

/// An upload that broke off.
#[derive(Default)]
struct Broken {
    /// Where it goes on, and behind how many bytes; nothing where it begins anew.
    rest: Option<(Url, u64)>,
    /// It is to be tried again.
    again: bool,
    /// How often it broke.
    breaks: u32,
}

impl RegistryDestination {
    pub(super) fn new(session: Session, place: Reference, name: Reference, options: PushOptions) -> Self {
        let formats = options.manifest.into_iter().collect();
        Self { session: Arc::new(session), place, name, options, formats, broken: Mutex::default() }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Where the configuration has the image.
    pub(super) fn place(&self) -> &Reference {
        &self.place
    }

    /// Keeps signatures of the manifest with this digest.
    ///
    /// # Errors
    /// Their place cannot be written.
    pub async fn put_signatures(&self, manifest: &Digest, signatures: &[Signature]) -> Result<()> {
        signatures::write(self, manifest, signatures).await
    }

    fn broken(&self) -> MutexGuard<'_, HashMap<Digest, Broken>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what has arrived of a layer: encrypted, it is other bytes each time.
    fn begin_anew(&self, layer: &Digest) {
        if let Some(broken) = self.broken().get_mut(layer) {
            broken.rest = None;
        }
    }

    /// Notes that an upload at `location` broke, and where it goes on.
    async fn note_break(&self, layer: &Digest, location: Url) {
        {
            let mut all = self.broken();
            let broken = all.entry(layer.clone()).or_default();
            broken.breaks += 1;
            broken.again = broken.breaks <= self.session.http.options.retry.resumes;
            broken.rest = None;
            if !broken.again {
                return;
            }
        }
        let rest = self.rest_of(location).await;
        if let Some(broken) = self.broken().get_mut(layer) {
            broken.rest = rest;
        }
    }

    /// Asks how much of an upload has arrived. Where the registry does not say, the upload begins anew.
    async fn rest_of(&self, location: Url) -> Option<(Url, u64)> {
        let response = self.session.send(Method::GET, location, HeaderMap::new()).await.ok()?;
        if response.status().as_u16() != 204 {
            return None;
        }
        let end: u64 = response.headers().get(RANGE)?.to_str().ok()?.strip_prefix("0-")?.parse().ok()?;
        let location = self.upload_location(&response).ok()?;
        // Nothing at all is written as `0-0`.
        Some((location, if end == 0 { 0 } else { end.checked_add(1)? }))
    }

    /// Stores a manifest or list under a tag or its digest. What it names must be there.
    pub(super) async fn put_manifest(&self, tag: &str, manifest: RawManifest) -> Result<()> {
        let url = self.session.url(&format!("manifests/{tag}")).await?;
        let mut request = Request::new(Method::PUT, url, self.session.is_insecure());
        let kind = HeaderValue::from_str(&manifest.media_type).map_err(|_| Error::Protocol {
            registry: self.session.name(),
            reason: format!("{:?} is no media type", manifest.media_type),
        })?;
        request.headers.insert(CONTENT_TYPE, kind);
        request.body = Some(manifest.bytes);
        let response = self.session.send_request(request).await?;
        if !response.status().is_success() {
            return Err(self.session.refused(response).await);
        }
        Ok(())
    }

    /// Stores a blob that is small enough to be held, unless the registry has it.
    ///
    /// # Errors
    /// The registry cannot be reached or refuses.
    pub async fn put_bytes(&self, data: Bytes) -> Result<()> {
        let digest = Digest::sha256(&data);
        if self.has_blob(&digest).await? {
            return Ok(());
        }
        let location = self.begin_upload().await?;
        self.finish_upload(location, &digest, data).await
    }

    /// Stores a blob whose digest is known, unless the registry has it. `data` is asked for only then.
    ///
    /// # Errors
    /// As [`RegistryDestination::put_bytes`], or `data` fails.
    pub async fn put_blob<F>(&self, digest: &Digest, data: impl FnOnce() -> F) -> Result<()>
    where
        F: Future<Output = Result<BlobStream>>,
    {
        if self.has_blob(digest).await? || self.mount(digest).await? {
            return Ok(());
        }
        let location = self.stream_up(digest, data().await?).await?;
        self.finish_upload(location, digest, Bytes::new()).await
    }

    /// Stores a manifest or list under the destination's name, or without a name under its digest alone.
    ///
    /// # Errors
    /// The registry cannot be reached or refuses.
    pub async fn put_list(&self, manifest: RawManifest) -> Result<()> {
        self.put_under_name(manifest, self.options.untagged).await
    }

    async fn put_under_name(&self, manifest: RawManifest, untagged: bool) -> Result<()> {
        let actual = manifest.digest();
        let tag = match (self.place.tag(), self.place.digest()) {
            _ if untagged => actual.to_string(),
            (Some(tag), _) => tag.to_owned(),
            (None, Some(expected)) if *expected != actual => {
                let subject = format!("{}: manifest to push", self.place);
                return Err(Error::DigestMismatch { subject, expected: expected.clone(), actual });
            }
            (None, _) => actual.to_string(),
        };
        self.put_manifest(&tag, manifest).await
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool> {
        let url = self.session.url(&format!("blobs/{digest}")).await?;
        let response = self.session.send(Method::HEAD, url, HeaderMap::new()).await?;
        match response.status().as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(self.session.refused(response).await),
        }
    }

    /// Asks the registry to take the blob from another repository of its own.
    async fn mount(&self, digest: &Digest) -> Result<bool> {
        for other in &self.session.mount_from {
            let mut url = self.session.url("blobs/uploads/").await?;
            url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", other);
            let response = self.session.send(Method::POST, url, HeaderMap::new()).await?;
            match response.status().as_u16() {
                201 => return Ok(true),
                // It began an upload instead, which nobody wants.
                202 => {
                    if let Ok(upload) = self.upload_location(&response) {
                        let _ = self.session.send(Method::DELETE, upload, HeaderMap::new()).await;
                    }
                }
                _ => (),
            }
        }
        Ok(false)
    }

    async fn begin_upload(&self) -> Result<Url> {
        let url = self.session.url("blobs/uploads/").await?;
        let response = self.session.send(Method::POST, url, HeaderMap::new()).await?;
        if response.status().as_u16() != 202 {
            return Err(self.session.refused(response).await);
        }
        self.upload_location(&response)
    }

    fn upload_location(&self, response: &Response) -> Result<Url> {
        let refuse = |reason: &str| Error::Protocol { registry: self.session.name(), reason: reason.into() };
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|location| response.url().join(location).ok())
            .ok_or_else(|| refuse("it began an upload without a usable Location"))?;
        match (response.url().scheme(), location.scheme()) {
            (_, "https") | ("http", "http") => Ok(location),
            _ => Err(refuse("it wants an upload over another scheme")),
        }
    }

    /// Sends a request whose body cannot be repeated. `sent` counts what has gone out.
    async fn send_once(&self, method: Method, url: Url, body: Body, sent: &AtomicU64) -> Result<Response> {
        let host = host_of(&url);
        let stall = self.session.http.options.stall_timeout;
        let client = self.session.http.client(&url, self.session.is_insecure())?;
        let mut request = client
            .request(method, url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .body(body);
        if let Some(authorization) = self.session.authorization_for(&url).await? {
            request = request.header(AUTHORIZATION, authorization);
        }
        let answer = request.send();
        let stalled = async {
            let mut last = u64::MAX;
            loop {
                let now = sent.load(Ordering::Relaxed);
                if now == last {
                    return;
                }
                last = now;
                tokio::time::sleep(stall).await;
            }
        };
        tokio::select! {
            result = answer => result.map_err(|error| classify(&host, &error).error),
            () = stalled => Err(self.session.http.timeout(format!("{}: upload", self.session.name()))),
        }
    }

    async fn finish_upload(&self, location: Url, digest: &Digest, body: Bytes) -> Result<()> {
        let mut url = location;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let mut request = Request::new(Method::PUT, url, self.session.is_insecure());
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.body = Some(body);
        let response = tokio::time::timeout(COMMIT_TIMEOUT, self.session.send_request(request))
            .await
            .map_err(|_| Error::Timeout {
                what: format!("{}: upload of {digest}", self.session.name()),
                seconds: COMMIT_TIMEOUT.as_secs(),
            })??;
        if response.status().as_u16() != 201 {
            return Err(self.session.refused(response).await);
        }
        Ok(())
    }

    /// Streams `data` up, but for what of it an upload of `layer` that broke off has brought already; gives the
    /// upload's place for the last request.
    async fn stream_up(
        &self,
        layer: &Digest,
        data: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Url> {
        let rest = self.broken().get_mut(layer).and_then(|broken| {
            broken.again = false;
            broken.rest.take()
        });
        let (location, mut there) = match rest {
            Some(rest) => rest,
            None => (self.begin_upload().await?, 0),
        };
        let sent = Arc::new(AtomicU64::new(0));
        let counter = sent.clone();
        let failed = Arc::new(Mutex::new(None));
        let failure = failed.clone();
        let body = Body::wrap_stream(data.filter_map(move |piece| {
            let piece = match piece {
                Ok(mut piece) => {
                    // What is passed over is work, too.
                    counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    let passed = there.min(piece.len() as u64);
                    there -= passed;
                    // At most the piece's length, so it fits.
                    let piece = piece.split_off(passed as usize);
                    (!piece.is_empty()).then_some(Ok(piece))
                }
                Err(error) => {
                    let told = error.to_string();
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    Some(Err(io::Error::other(told)))
                }
            };
            std::future::ready(piece)
        }));
        let response = match self.send_once(Method::PATCH, location.clone(), body, &sent).await {
            Ok(response) => response,
            Err(error) => {
                let own = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(match own {
                    Some(own) => Error::io(self.session.name(), own),
                    None => {
                        if matches!(error, Error::Unreachable { .. }) {
                            self.note_break(layer, location).await;
                        }
                        error
                    }
                });
            }
        };
        match response.status().as_u16() {
            202 | 204 => self.upload_location(&response),
            status => {
                if matches!(status, 500 | 502 | 503 | 504) {
                    self.note_break(layer, location).await;
                }
                Err(self.session.refused(response).await)
            }
        }
    }
}

#[async_trait]
impl ImageDestination for RegistryDestination {
    fn formats(&self) -> &[ManifestFormat] {
        &self.formats
    }

    fn takes_encrypted(&self) -> bool {
        true
    }

    fn check_signatures(&self, kind: SignatureKind) -> Result<()> {
        signatures::check(&self.session, &self.place, kind)
    }

    fn signed_name(&self) -> Option<Reference> {
        Some(self.name.clone())
    }

    async fn try_reuse(&self, layer: &Layer<'_>) -> Result<Option<StoredLayer>> {
        self.options.encryption.check(layer.diff_ids.len(), &self.name.to_string())?;
        // Each gets a key of its own.
        if self.options.encryption.is_for(layer.index, layer.diff_ids.len()) {
            return Ok(None);
        }
        let mut forms = Vec::new();
        if self.options.layers.change(layer.descriptor).is_none() {
            forms.push(layer.descriptor);
        }
        forms.extend(layer.diff_id.and_then(|diff_id| self.options.known_layers.get(diff_id)));
        for descriptor in forms {
            if self.has_blob(&descriptor.digest).await? || self.mount(&descriptor.digest).await? {
                return Ok(Some(StoredLayer { descriptor: descriptor.clone() }));
            }
        }
        Ok(None)
    }

    async fn put_layer(&self, layer: &Layer<'_>, data: BlobStream) -> Result<StoredLayer> {
        let encryption = &self.options.encryption;
        let is_sealed = encryption.is_for(layer.index, layer.diff_ids.len());
        if is_sealed {
            self.begin_anew(&layer.descriptor.digest);
        }
        let Some(change) = self.options.layers.change(layer.descriptor) else {
            let (sealing, data) = Sealing::begin(encryption, layer, data)?;
            let location = self.stream_up(&layer.descriptor.digest, data).await?;
            let descriptor = sealing.finish(layer.descriptor.clone())?;
            self.finish_upload(location, &descriptor.digest, Bytes::new()).await?;
            return Ok(StoredLayer { descriptor });
        };
        let change = if is_sealed { change.opaque() } else { change };
        let (sender, mut receiver) = mpsc::channel(PIECES_AHEAD);
        let packing = read_blocking(data, move |reader| {
            let mut output = PackedOutput {
                sender,
                piece: Vec::with_capacity(PIECE),
                hasher: Hasher::new(DigestAlgorithm::Sha256),
                count: 0,
            };
            let result = change
                .apply(reader, &mut output)
                .and_then(|annotations| output.flush_piece().map(|()| annotations));
            if let Err(error) = &result {
                // The request must break off, not end as if the layer were complete.
                let told = io::Error::new(error.kind(), error.to_string());
                let _ = output.sender.blocking_send(Err(told));
            }
            let annotations = result.map_err(|error| Error::io("packing a layer", error))?;
            Ok::<_, Error>((output.hasher.finish(), output.count, annotations))
        });
        let packed = Box::pin(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)));
        let (sealing, packed) = Sealing::begin(&self.options.encryption, layer, packed)?;
        // When the upload ends early, packing fails only because of that: the upload knows the reason.
        let upload = self.stream_up(&layer.descriptor.digest, packed);
        let (packed, location) = tokio::join!(packing, upload);
        let (location, (digest, size, annotations)) = (location?, packed?);
        let mut descriptor = Descriptor::new(change.media_type(layer.descriptor), digest, size);
        descriptor.annotations = annotations;
        let descriptor = sealing.finish(descriptor)?;
        self.finish_upload(location, &descriptor.digest, Bytes::new()).await?;
        Ok(StoredLayer { descriptor })
    }

    fn tries_again(&self, layer: &Layer<'_>) -> bool {
        self.broken().get(&layer.descriptor.digest).is_some_and(|broken| broken.again)
    }

    async fn commit(&self, image: FinishedImage) -> Result<()> {
        let config = &image.parsed.config.digest;
        if !self.has_blob(config).await? {
            let location = self.begin_upload().await?;
            self.finish_upload(location, config, image.config).await?;
        }
        // Before the image has its name, so that whoever asks for it finds them.
        self.put_signatures(&image.manifest.digest(), &image.signatures).await?;
        let manifest = RawManifest::new(image.manifest.bytes, image.parsed.media_type());
        self.put_under_name(manifest, self.options.untagged || image.in_list).await
    }

    fn takes_anything(&self) -> bool {
        true
    }

    fn takes_foreign_layers(&self) -> bool {
        true
    }

    async fn commit_list(
        &self,
        list: RawManifest,
        _: Vec<Reference>,
        signatures: Vec<Signature>,
    ) -> Result<()> {
        self.put_signatures(&list.digest(), &signatures).await?;
        self.put_list(list).await
    }
}

/// Hashes what is written and hands it to the request in pieces.
struct PackedOutput {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
    hasher: Hasher,
    count: u64,
}

impl PackedOutput {
    fn flush_piece(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.hasher.update(&self.piece);
        self.count += self.piece.len() as u64;
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload ended early"))
    }
}

impl Write for PackedOutput {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(data);
        if self.piece.len() >= PIECE {
            self.flush_piece()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
