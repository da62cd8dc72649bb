//! A signature as it is kept, whatever its kind.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Largest signature that is read, in bytes.
pub(crate) const MAX_SIGNATURE: u64 = 4 << 20;
/// Most signatures of one image that are read.
pub(crate) const MAX_SIGNATURES: usize = 128;
/// The media type of what a sigstore signature signs.
pub const SIGSTORE_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with a sigstore signature's bytes, in base64.
pub(crate) const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// A signature of an image. Nothing of it is believed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// A signed message of OpenPGP, which holds what it signs.
    Simple(Vec<u8>),
    /// sigstore's.
    Sigstore {
        /// Media type of the payload.
        media_type: String,
        /// What is signed.
        payload: Vec<u8>,
        /// The signature itself, and more: certificates, the entry of a log.
        annotations: BTreeMap<String, String>,
    },
}

/// The kind of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// OpenPGP's.
    Simple,
    /// sigstore's.
    Sigstore,
}

/// How files hold a sigstore signature, after a zero byte and a line with the kind.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    mime_type: String,
    payload: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

const SIMPLE_NAME: &[u8] = b"simple-signing";
const SIGSTORE_NAME: &[u8] = b"sigstore-json";

impl Signature {
    /// Its kind.
    pub fn kind(&self) -> SignatureKind {
        match self {
            Self::Simple(_) => SignatureKind::Simple,
            Self::Sigstore { .. } => SignatureKind::Sigstore,
        }
    }

    /// Of a file's bytes; `subject` names it in errors.
    ///
    /// # Errors
    /// It is none of the known kinds.
    pub fn from_bytes(subject: &str, data: &[u8]) -> Result<Self> {
        let wrong = |reason: &str| Error::image(subject, format!("no usable signature: {reason}"));
        match data {
            [] => Err(wrong("it is empty")),
            [0, rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'\n');
                let (name, body) = match end {
                    Some(end) => (&rest[..end], &rest[end + 1..]),
                    None => return Err(wrong("its kind has no end")),
                };
                match name {
                    SIMPLE_NAME => Ok(Self::Simple(body.to_vec())),
                    SIGSTORE_NAME => {
                        let written: Written =
                            serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
                        let payload = STANDARD.decode(written.payload);
                        Ok(Self::Sigstore {
                            media_type: written.mime_type,
                            payload: payload.map_err(|_| wrong("its payload is not base64"))?,
                            annotations: written.annotations.unwrap_or_default(),
                        })
                    }
                    _ => Err(wrong("its kind is not known")),
                }
            }
            // The first packet of a message: compressed data, a one-pass signature, or a signature (RFC 4880, 4.2).
            [0xa0..=0xa3 | 0xc8 | 0x90..=0x93 | 0xc4 | 0x88..=0x8b | 0xc2, ..] => {
                Ok(Self::Simple(data.to_vec()))
            }
            _ => Err(wrong("its kind is not known")),
        }
    }

    /// As a file holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Simple(data) => data.clone(),
            Self::Sigstore { media_type, payload, annotations } => {
                let written = Written {
                    mime_type: media_type.clone(),
                    payload: STANDARD.encode(payload),
                    annotations: Some(annotations.clone()),
                };
                // A struct of strings: it cannot fail.
                let body = serde_json::to_vec(&written).unwrap_or_default();
                [b"\0", SIGSTORE_NAME, b"\n", &body[..]].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_back() {
        let sigstore = Signature::Sigstore {
            media_type: SIGSTORE_TYPE.into(),
            payload: b"{\"a\":1}".to_vec(),
            annotations: [(SIGNATURE_ANNOTATION.to_owned(), "MEU=".to_owned())].into(),
        };
        for signature in [sigstore, Signature::Simple(vec![0x90, 1, 2])] {
            assert_eq!(Signature::from_bytes("x", &signature.to_bytes()).unwrap(), signature);
        }
        let named = Signature::from_bytes("x", b"\0simple-signing\nabc").unwrap();
        assert_eq!(named, Signature::Simple(b"abc".to_vec()));
    }

    #[test]
    fn what_is_no_signature() {
        let text = b"\0sigstore-json\n{\"mimeType\":\"a\",\"payload\":\"?\"}";
        for data in
            [&b""[..], b"{}", b"<html>", b"\0simple-signing", b"\0other\nabc", b"\0sigstore-json\n{}", text]
        {
            let error = Signature::from_bytes("r.io/x", data).unwrap_err().to_string();
            assert!(error.contains("r.io/x: no usable signature"), "{error}");
        }
    }
}
