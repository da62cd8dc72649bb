//! References, authentication, the OCI distribution protocol, transports and the one copy loop.
//!
//! Everything an image comes from is an [`ImageSource`], everything it goes to an [`ImageDestination`];
//! [`copy_image`] joins the two, verifies every byte against its digest and bounds every size.

mod archive;
mod artifact;
mod client;
mod copy;
mod encryption;
mod endpoint;
mod error;
mod image;
mod lists;
mod location;
pub mod manifest;
mod packing;
mod platform;
mod progress;
mod reference;
mod resolve;
mod stream;
mod transport;
mod trust;

pub use archive::{Archive, ArchiveDestination, ArchiveFormat, ArchiveOptions, ArchiveSource, ArchiveWriter};
pub use artifact::{artifact_manifest, verified_blob};
pub use client::{
    CredentialLookup, Download, FoundRepository, PushOptions, RegistryClient, RegistryDestination,
    RegistryOptions, RegistrySource, RetryPolicy, credentials, download, download_guarded,
};
pub use copy::{
    CopyEvent, CopyOptions, CopyProgress, CopyReport, DEFAULT_PARALLEL, Instance, copy_image, copy_images,
};
pub use cove_archive::{Digest, DigestAlgorithm, Hasher};
pub use encryption::{DecryptionKey, Encryption, RecipientKey};
pub use endpoint::Candidates;
pub use error::{Error, Result};
pub use image::{BlobStream, FinishedImage, ImageDestination, ImageSource, Layer, StoredLayer};
pub use lists::{artifact_type, list_entries};
pub use location::ImageLocation;
pub use manifest::{
    Descriptor, Document, ImageConfig, ImageIndex, ImageManifest, LayerCompression, ManifestFormat,
    RawManifest,
};
pub use packing::{LayerForm, LayerPacking};
pub use platform::Platform;
pub use progress::steps;
pub use reference::{Reference, ShortName};
pub use resolve::{ResolvedImage, resolve, top_manifest};
pub use stream::{BlockingReader, from_bytes, read_blocking};
pub use transport::{SourceOptions, Target, TargetOptions, open_source};
pub use trust::{
    GpgSigner, KeyPair, SIGSTORE_TYPE, Signature, SignatureKind, SignedImage, Signer, Signing,
    SigstoreSigner, add_signature, admit, generate_key_pair, key_owners, signature_folder, verify_simple,
};
