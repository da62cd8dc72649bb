//! Public keys of sigstore's signatures.

use pem_rfc7468::LineEnding;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use spki::SubjectPublicKeyInfoRef;
use spki::der::Decode;
use spki::der::asn1::ObjectIdentifier;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EDWARDS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// All that stands before the point in the document of a P-256 key (RFC 5480).
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key that verifies signatures over SHA-256.
pub(super) struct PublicKey {
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: Vec<u8>,
    /// The whole document (SubjectPublicKeyInfo, DER).
    pub(super) document: Vec<u8>,
}

impl PublicKey {
    /// Of a PEM file with one key.
    ///
    /// # Errors
    /// It is none, or of a kind that cannot be used; a text.
    pub(super) fn from_pem(file: &[u8]) -> Result<Self, String> {
        let (label, document) =
            pem_rfc7468::decode_vec(file).map_err(|error| format!("no public key in PEM: {error}"))?;
        match label {
            "PUBLIC KEY" => Self::from_der(&document),
            other => Err(format!("no public key, but {other:?}")),
        }
    }

    /// Of a document (SubjectPublicKeyInfo, DER).
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub(super) fn from_der(document: &[u8]) -> Result<Self, String> {
        let key =
            SubjectPublicKeyInfoRef::from_der(document).map_err(|error| format!("no public key: {error}"))?;
        let algorithm: &'static dyn VerificationAlgorithm = match key.algorithm.oid {
            EC => match key.algorithm.parameters_oid() {
                Ok(P256) => &ECDSA_P256_SHA256_ASN1,
                Ok(P384) => &ECDSA_P384_SHA256_ASN1,
                _ => return Err("a public key of another curve than P-256 and P-384".to_owned()),
            },
            RSA => &RSA_PKCS1_2048_8192_SHA256,
            EDWARDS => &ED25519,
            other => return Err(format!("a public key of the unknown algorithm {other}")),
        };
        let bytes = key.subject_public_key.as_bytes().ok_or("no public key: it has a part of a byte")?;
        Ok(Self { algorithm, bytes: bytes.to_vec(), document: document.to_vec() })
    }

    /// Whether `signature` is one of `message` by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm, &self.bytes).verify(message, signature).is_ok()
    }
}

/// A point of P-256 as a public key in PEM.
pub(super) fn p256_pem(point: &[u8]) -> Result<String, String> {
    let document = [&P256_HEAD, point].concat();
    PublicKey::from_der(&document)?;
    pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, &document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key() {
        let pem = |label: &str, data: &[u8]| {
            pem_rfc7468::encode_string(label, LineEnding::LF, data).unwrap().into_bytes()
        };
        for (file, expected) in [
            (b"words".to_vec(), "no public key in PEM"),
            (pem("CERTIFICATE", b"x"), "no public key, but \"CERTIFICATE\""),
            (pem("PUBLIC KEY", b"x"), "no public key"),
            // Of Ed448, which is not known.
            (
                pem("PUBLIC KEY", &[&[0x30, 0x0a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x71, 3, 1, 0][..]].concat()),
                "unknown algorithm 1.3.101.113",
            ),
        ] {
            let error = PublicKey::from_pem(&file).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }
}
