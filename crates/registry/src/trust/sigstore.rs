//! sigstore's signatures by ordinary keys, as cosign makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};

use super::keys::PublicKey;
use super::payload::SignedImage;
use super::signature::{SIGNATURE_ANNOTATION, SIGSTORE_TYPE, Signature};
use super::{key_file, rekor};

/// Verifies a signature by one of these keys and, where there are keys of `logs`, the promise of one of them; answers
/// what it says.
///
/// # Errors
/// It is not good; a text.
pub(super) fn verify(
    keys: &[PublicKey],
    logs: &[PublicKey],
    media_type: &str,
    payload: &[u8],
    annotations: &BTreeMap<String, String>,
) -> Result<SignedImage, String> {
    if media_type != SIGSTORE_TYPE {
        return Err(format!("it signs something of the unknown type {media_type:?}"));
    }
    let annotation =
        |name: &str| annotations.get(name).ok_or_else(|| format!("it lacks the annotation {name}"));
    let encoded = annotation(SIGNATURE_ANNOTATION)?;
    let signature = STANDARD
        .decode(encoded)
        .map_err(|_| format!("its annotation {SIGNATURE_ANNOTATION} is not base64"))?;
    let key = keys
        .iter()
        .find(|key| key.verifies(payload, &signature))
        .ok_or("cryptographic signature verification failed: it is not by one of the trusted keys")?;
    if !logs.is_empty() {
        let bundle = annotation(rekor::BUNDLE_ANNOTATION)?;
        rekor::check(bundle, logs, payload, encoded, &key.document)?;
    }
    SignedImage::of_sigstore(payload)
}

/// Signs with a private key in a file.
#[derive(Clone)]
pub struct SigstoreSigner {
    key: Arc<EcdsaKeyPair>,
}

impl std::fmt::Debug for SigstoreSigner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigstoreSigner").finish_non_exhaustive()
    }
}

impl SigstoreSigner {
    /// With the key of a file that [`generate_key_pair`](super::generate_key_pair), cosign or skopeo has made. Blocks
    /// for some tenths of a second.
    ///
    /// # Errors
    /// It is no such file, or of another passphrase; a text.
    pub fn new(file: &[u8], passphrase: &[u8]) -> Result<Self, String> {
        let document = key_file::decrypt(file, passphrase)?;
        let random = SystemRandom::new();
        // The digest is always SHA-256, which ring signs with P-256 alone.
        match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &document, &random) {
            Ok(key) => Ok(Self { key: Arc::new(key) }),
            Err(_)
                if EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &document, &random).is_ok() =>
            {
                Err("the private key is one of P-384: only P-256 can sign".to_owned())
            }
            Err(error) => Err(format!("the private key is none of ECDSA with P-256: {error}")),
        }
    }

    pub(super) fn sign(&self, image: &SignedImage) -> Result<Signature, String> {
        let payload = image.to_sigstore();
        let signature =
            self.key.sign(&SystemRandom::new(), &payload).map_err(|_| "signing failed".to_owned())?;
        let annotations = [(SIGNATURE_ANNOTATION.to_owned(), STANDARD.encode(signature.as_ref()))].into();
        Ok(Signature::Sigstore { media_type: SIGSTORE_TYPE.into(), payload, annotations })
    }
}

#[cfg(test)]
mod tests {
    use cove_archive::Digest;

    use super::*;

    #[test]
    fn only_what_the_key_has_signed() {
        let (pair, other) =
            (key_file::generate_key_pair(b"").unwrap(), key_file::generate_key_pair(b"").unwrap());
        let signer = SigstoreSigner::new(pair.private.as_bytes(), b"").unwrap();
        let image = SignedImage { digest: Digest::sha256(b"x"), reference: "r.io/x:1".into() };
        let Signature::Sigstore { media_type, payload, annotations } = signer.sign(&image).unwrap() else {
            panic!()
        };
        let key = |pem: &str| PublicKey::from_pem(pem.as_bytes()).unwrap();
        let verify = |pem: &str, kind: &str, payload: &[u8], annotations: &BTreeMap<String, String>| {
            super::verify(&[key(pem)], &[], kind, payload, annotations)
        };
        assert_eq!(verify(&pair.public, &media_type, &payload, &annotations), Ok(image));
        let changed = [&payload[..], b" "].concat();
        for (result, expected) in [
            (verify(&other.public, &media_type, &payload, &annotations), "not by one of the trusted keys"),
            (verify(&pair.public, &media_type, &changed, &annotations), "not by one of the trusted keys"),
            (verify(&pair.public, "text/plain", &payload, &annotations), "unknown type"),
            (verify(&pair.public, &media_type, &payload, &BTreeMap::new()), "lacks the annotation"),
            (super::verify(&[], &[], &media_type, &payload, &annotations), "not by one"),
            (
                super::verify(
                    &[key(&pair.public)],
                    &[key(&other.public)],
                    &media_type,
                    &payload,
                    &annotations,
                ),
                "lacks the annotation dev.sigstore.cosign/bundle",
            ),
        ] {
            let error = result.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
