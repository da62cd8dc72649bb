//! Artifacts as sources: a verified manifest, and verified blobs whatever they are.

use cove_config::Policy;

use crate::error::{Error, Result};
use crate::image::{BlobStream, ImageSource};
use crate::manifest::{self, Descriptor, Document, ImageManifest, RawManifest};
use crate::resolve::top_manifest;
use crate::stream::Verified;
use crate::trust::{admit, check_rejected};

/// The manifest of an artifact or image, which must not be a list. policy.json decides whether it may be read.
///
/// # Errors
/// The policy forbids it; the source cannot be read, or offers what is malformed, too large, of the wrong digest, or a
/// list.
pub async fn artifact_manifest(
    source: &dyn ImageSource,
    policy: &Policy,
) -> Result<(RawManifest, ImageManifest)> {
    let name = source.name();
    check_rejected(policy, source)?;
    let raw = top_manifest(source).await?;
    admit(policy, source, &raw, false).await?;
    match manifest::parse(&raw, &name)? {
        Document::Image(parsed) => Ok((raw, *parsed)),
        Document::Index(_) => {
            Err(Error::Unsupported { subject: name, what: "a list in place of an artifact".into() })
        }
    }
}

/// A blob that fails where it has not the digest and size that its descriptor says.
///
/// # Errors
/// The source cannot be read, or has no such blob. Everything else comes through the stream.
pub async fn verified_blob(source: &dyn ImageSource, blob: &Descriptor) -> Result<BlobStream> {
    let subject = format!("{}: blob {}", source.name(), blob.digest);
    let data = source.blob(blob).await?;
    let (stream, _) = Verified::new(data, subject, blob.digest.clone(), blob.size, Box::new(|_| ()));
    Ok(Box::pin(stream))
}
