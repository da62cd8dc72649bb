//! Making signatures.

use cove_api::SigningKeys;
use cove_archive::Digest;

use super::gpg::{self, GpgSigner};
use super::payload::SignedImage;
use super::signature::{Signature, SignatureKind};
use super::sigstore::SigstoreSigner;
use crate::error::{Error, Result};
use crate::reference::Reference;

/// One who signs.
#[derive(Clone, Debug)]
pub enum Signer {
    /// With a key of gpg.
    Gpg(GpgSigner),
    /// With a key in a file.
    Sigstore(SigstoreSigner),
}

/// The signatures that a copy makes.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    /// Each makes one; none where this is empty.
    pub signers: Vec<Signer>,
    /// The name that is signed in place of the destination's own.
    pub identity: Option<Reference>,
}

impl Signing {
    /// By these keys. Opens a key's file, and asks gpg for its key: so that nothing is sent that could not be signed.
    /// Blocks.
    ///
    /// # Errors
    /// A key is none, or cannot be opened; a text.
    pub fn with_keys(keys: &SigningKeys) -> std::result::Result<Self, String> {
        let mut signers = Vec::new();
        if let Some(key) = &keys.gpg {
            signers.push(Signer::Gpg(GpgSigner::new(key, keys.passphrase.clone())?));
        }
        if let Some(file) = &keys.sigstore {
            let passphrase = keys.passphrase.as_deref().unwrap_or_default();
            signers.push(Signer::Sigstore(SigstoreSigner::new(&file.0, passphrase.as_bytes())?));
        }
        Ok(Self { signers, identity: None })
    }

    /// The same under another name than the destination's.
    ///
    /// # Errors
    /// It is no name with a tag or digest.
    pub fn under_name(self, name: &str) -> Result<Self> {
        let reference = Reference::parse(name)?;
        if reference.tag().is_none() && reference.digest().is_none() {
            return Err(Error::InvalidReference {
                input: name.to_owned(),
                reason: "a name that is signed has a tag or a digest".into(),
            });
        }
        Ok(Self { identity: Some(reference), ..self })
    }
}

impl Signer {
    /// What it makes.
    pub fn kind(&self) -> SignatureKind {
        match self {
            Self::Gpg(_) => SignatureKind::Simple,
            Self::Sigstore(_) => SignatureKind::Sigstore,
        }
    }

    /// Signs the manifest with this digest under this name, which must have a tag or digest.
    ///
    /// # Errors
    /// The name has neither, or signing fails.
    pub async fn sign(&self, digest: &Digest, name: &Reference) -> Result<Signature> {
        if name.tag().is_none() && name.digest().is_none() {
            return Err(Error::Signing {
                image: name.to_string(),
                reason: "the name has neither a tag nor a digest".into(),
            });
        }
        let image = SignedImage { digest: digest.clone(), reference: name.to_string() };
        let signer = self.clone();
        // gpg waits for its agent, perhaps for a passphrase.
        tokio::task::spawn_blocking(move || signer.sign_blocking(&image)).await.map_err(Error::external)?
    }

    /// As [`Signer::sign`], of what is written as it is. Blocks.
    ///
    /// # Errors
    /// Signing fails.
    pub fn sign_blocking(&self, image: &SignedImage) -> Result<Signature> {
        let signature = match self {
            Self::Gpg(signer) => signer.sign(&image.to_simple()).map(Signature::Simple),
            Self::Sigstore(signer) => signer.sign(image),
        };
        signature.map_err(|reason| Error::Signing { image: image.reference.clone(), reason })
    }
}

/// Opens a simple signature; answers what it says and the fingerprint of the primary key. With `keys` (files with public
/// keys) only these count, without them the user's. Blocks.
///
/// # Errors
/// It is not good; a text.
pub fn verify_simple(
    keys: Option<&[Vec<u8>]>,
    signature: &[u8],
) -> std::result::Result<(SignedImage, String), String> {
    let opened = match keys {
        Some(keys) => gpg::verify(keys, signature)?,
        None => gpg::verify_with_own_keys(signature)?,
    };
    Ok((SignedImage::of_simple(&opened.content)?, opened.fingerprint))
}
