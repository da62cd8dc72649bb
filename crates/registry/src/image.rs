//! The two sides of every copy: where an image comes from and where it goes.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use cove_archive::Digest;
use futures_util::Stream;

use crate::error::{Error, Result};
use crate::manifest::{Descriptor, ImageConfig, ImageManifest, ManifestFormat, RawManifest};
use crate::reference::Reference;
use crate::trust::{Signature, SignatureKind};

/// A blob's bytes as they arrive. An error carries this crate's [`Error`](crate::Error) inside where there is one.
pub type BlobStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Where an image comes from.
///
/// A source hands over bytes as it has them; the copy loop bounds and verifies them.
#[async_trait]
pub trait ImageSource: Send + Sync {
    /// How messages name the image.
    fn name(&self) -> String;

    /// The manifest: of the image or index itself for `None`, or of an entry of the index.
    ///
    /// # Errors
    /// The source cannot be read, or has none.
    async fn manifest(&self, instance: Option<&Descriptor>) -> Result<RawManifest>;

    /// The bytes of a configuration or layer. A failure may also come through the stream.
    ///
    /// # Errors
    /// The source cannot be read, or has none.
    async fn blob(&self, blob: &Descriptor) -> Result<BlobStream>;

    /// The transport and the image as policy.json names them: the full reference for `docker`, else a path.
    fn policy_scope(&self) -> (&'static str, String) {
        ("containers-storage", String::new())
    }

    /// The signatures of the manifest with this digest: of the image or index itself, or of one of the index
    /// (`of_entry`). Nothing of them is verified.
    ///
    /// # Errors
    /// They cannot be read.
    async fn signatures(&self, _manifest: &Digest, _of_entry: bool) -> Result<Vec<Signature>> {
        Ok(Vec::new())
    }

    /// The digest that the user asked for and that the top manifest must have.
    fn expected_digest(&self) -> Option<Digest> {
        None
    }
}

/// One layer on its way to a destination.
pub struct Layer<'a> {
    /// Position in the image, 0 being the lowest.
    pub index: usize,
    /// As the source's manifest names it.
    pub descriptor: &'a Descriptor,
    /// Digest of the plain tar, as the configuration names it: not verified yet. An artifact has none.
    pub diff_id: Option<&'a Digest>,
    /// The same of all the image's layers, lowest first.
    pub diff_ids: &'a [Digest],
}

/// What the destination made of a layer.
#[derive(Clone, Debug)]
pub struct StoredLayer {
    /// As the destination's manifest must name it; the source's where nothing changed.
    pub descriptor: Descriptor,
}

/// A whole image, for the last step.
pub struct FinishedImage {
    /// The manifest to store: its layers are what the destination returned.
    pub manifest: RawManifest,
    /// The same, parsed.
    pub parsed: ImageManifest,
    /// The index it was chosen from, as the source has it.
    pub index: Option<RawManifest>,
    /// The configuration's bytes, verified against the manifest.
    pub config: Bytes,
    /// The same, parsed; empty for an artifact.
    pub parsed_config: ImageConfig,
    /// Names to give the image.
    pub names: Vec<Reference>,
    /// It is one of a list, which follows: it gets no name but its digest.
    pub in_list: bool,
    /// Signatures to keep with it; none where the destination takes none.
    pub signatures: Vec<Signature>,
}

/// Where an image goes.
///
/// Order of calls: [`try_reuse`](Self::try_reuse) and, unless it answered, [`put_layer`](Self::put_layer) for
/// each layer, several at once and in any order; then [`commit`](Self::commit) once. Without `commit` nothing
/// may become visible; what was stored is removed when the destination is dropped.
#[async_trait]
pub trait ImageDestination: Send + Sync {
    /// The families it can store, best first; empty for any.
    fn formats(&self) -> &[ManifestFormat] {
        &[]
    }

    /// Whether it keeps encrypted layers as they are.
    fn takes_encrypted(&self) -> bool {
        false
    }

    /// Whether it keeps signatures of this kind; asked before anything is brought there.
    ///
    /// # Errors
    /// It does not; the error says why.
    fn check_signatures(&self, _kind: SignatureKind) -> Result<()> {
        Err(Error::Unsupported { subject: "signing".into(), what: "a destination without signatures".into() })
    }

    /// The name under which an image is signed where nothing else is said.
    fn signed_name(&self) -> Option<Reference> {
        None
    }

    /// The layer as this destination would name it, if it has it already.
    ///
    /// # Errors
    /// The destination cannot be read.
    async fn try_reuse(&self, layer: &Layer<'_>) -> Result<Option<StoredLayer>>;

    /// Stores a layer. `data` verifies digest and size as it passes and ends with an error on a mismatch: it
    /// must be read to its end, and nothing may be kept when it fails.
    ///
    /// # Errors
    /// `data` failed, or the destination cannot be written.
    async fn put_layer(&self, layer: &Layer<'_>, data: BlobStream) -> Result<StoredLayer>;

    /// Whether a layer whose `put_layer` has just failed may be tried again, from its beginning.
    fn tries_again(&self, layer: &Layer<'_>) -> bool {
        let _ = layer;
        false
    }

    /// Stores configuration and manifest and makes the image visible under its names, all or nothing.
    ///
    /// # Errors
    /// The destination cannot be written, or the layers do not fit the configuration.
    async fn commit(&self, image: FinishedImage) -> Result<()>;

    /// Whether it takes whatever a manifest names: lists of images, and artifacts, which are no images.
    fn takes_anything(&self) -> bool {
        false
    }

    /// Whether a layer that lives elsewhere, by the URLs of its descriptor, may be missing here.
    fn takes_foreign_layers(&self) -> bool {
        false
    }

    /// Stores a list whose images are there, and its signatures, and gives it the names; asked only of one that takes
    /// anything.
    ///
    /// # Errors
    /// The destination cannot be written.
    async fn commit_list(
        &self,
        list: RawManifest,
        names: Vec<Reference>,
        signatures: Vec<Signature>,
    ) -> Result<()> {
        let _ = (list, names, signatures);
        Err(Error::image("a list of images", "this destination has no place for it"))
    }
}
