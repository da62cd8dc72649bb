//! The signatures that an image brings along, and the name of those that it gets.

use crate::error::{Error, Result};
use crate::image::{ImageDestination, ImageSource};
use crate::manifest::RawManifest;
use crate::reference::Reference;
use crate::trust::{Signature, SignatureKind, Signing};

/// The name to sign under; `None` where nothing is signed. Refuses what the destination cannot keep.
pub(super) fn signed_name(
    destination: &dyn ImageDestination,
    signing: &Signing,
) -> Result<Option<Reference>> {
    if signing.signers.is_empty() {
        return Ok(None);
    }
    for signer in &signing.signers {
        destination.check_signatures(signer.kind())?;
    }
    match signing.identity.clone().or_else(|| destination.signed_name()) {
        Some(name) => Ok(Some(name)),
        None => Err(Error::Signing {
            image: "the image".into(),
            reason: "the destination gives it no name that could be signed: name one (--sign-identity)"
                .into(),
        }),
    }
}

/// The source's signatures, which the destination must be able to keep.
pub(super) async fn kept_signatures(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    manifest: &RawManifest,
    of_entry: bool,
) -> Result<Vec<Signature>> {
    let signatures = source.signatures(&manifest.digest(), of_entry).await?;
    for kind in [SignatureKind::Simple, SignatureKind::Sigstore] {
        if signatures.iter().any(|signature| signature.kind() == kind) {
            destination.check_signatures(kind)?;
        }
    }
    Ok(signatures)
}

pub(super) fn signatures_must_not_change(image: String) -> Error {
    Error::Signing {
        image,
        reason: "its signatures would not fit what becomes of its manifest there: leave them behind \
                 (--remove-signatures)"
            .into(),
    }
}
