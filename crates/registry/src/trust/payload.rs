//! What a signature signs: a small document with the digest of a manifest and a name.

use cove_archive::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The two kinds' names for themselves.
const SIMPLE_TYPE: &str = "atomic container signature";
const SIGSTORE_TYPE: &str = "cosign container image signature";

/// What a signature says. Believed only once it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedImage {
    /// Digest of the manifest.
    pub digest: Digest,
    /// The name under which it was signed, as written.
    pub reference: String,
}

// No field is unknown and none comes twice, so that no two readers can see different things.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    critical: Critical,
    optional: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: SignedName,
    image: SignedDigest,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedName {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedDigest {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

impl SignedImage {
    /// Reads what an OpenPGP signature signed.
    ///
    /// # Errors
    /// It is something else; a text.
    pub(crate) fn of_simple(data: &[u8]) -> Result<Self, String> {
        Self::read(data, SIMPLE_TYPE)
    }

    /// Reads what a sigstore signature signed.
    ///
    /// # Errors
    /// It is something else; a text.
    pub(crate) fn of_sigstore(data: &[u8]) -> Result<Self, String> {
        Self::read(data, SIGSTORE_TYPE)
    }

    fn read(data: &[u8], kind: &str) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(data).map_err(|error| format!("what it signs is malformed: {error}"))?;
        if document.critical.kind != kind {
            return Err(format!("it signs a {:?}, not a {kind:?}", document.critical.kind));
        }
        let optional_fits = match &document.optional {
            Value::Null => kind == SIGSTORE_TYPE,
            Value::Object(fields) => {
                fields.get("creator").is_none_or(Value::is_string)
                    && fields.get("timestamp").is_none_or(Value::is_number)
            }
            _ => false,
        };
        if !optional_fits {
            return Err("the optional part of what it signs is malformed".to_owned());
        }
        let digest = document.critical.image.docker_manifest_digest;
        Ok(Self {
            digest: digest.parse().map_err(|_| format!("it signs {digest:?}, which is no digest"))?,
            reference: document.critical.identity.docker_reference,
        })
    }

    pub(super) fn to_simple(&self) -> Vec<u8> {
        self.write(SIMPLE_TYPE)
    }

    pub(super) fn to_sigstore(&self) -> Vec<u8> {
        self.write(SIGSTORE_TYPE)
    }

    fn write(&self, kind: &str) -> Vec<u8> {
        let document = Document {
            critical: Critical {
                identity: SignedName { docker_reference: self.reference.clone() },
                image: SignedDigest { docker_manifest_digest: self.digest.to_string() },
                kind: kind.to_owned(),
            },
            optional: serde_json::json!({
                "creator": concat!("cove ", env!("CARGO_PKG_VERSION")),
                "timestamp": jiff::Timestamp::now().as_second(),
            }),
        };
        // A struct of strings: it cannot fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_back_and_not_as_the_other() {
        let image = SignedImage { digest: Digest::sha256(b"x"), reference: "r.io/x:1".into() };
        let (simple, sigstore) = (image.to_simple(), image.to_sigstore());
        assert_eq!(SignedImage::of_simple(&simple), Ok(image.clone()));
        assert_eq!(SignedImage::of_sigstore(&sigstore), Ok(image));
        assert!(SignedImage::of_sigstore(&simple).unwrap_err().contains("atomic"));
        assert!(SignedImage::of_simple(&sigstore).unwrap_err().contains("cosign"));
    }

    #[test]
    fn documents_are_read_strictly() {
        let digest = Digest::sha256(b"x").to_string();
        let text = |extra: &str, identity: &str, digest: &str, optional: &str| {
            format!(
                r#"{{"critical":{{"type":"{SIMPLE_TYPE}","image":{{"docker-manifest-digest":"{digest}"}},"identity":{{{identity}}}{extra}}}{optional}}}"#
            )
        };
        let (name, optional) = (r#""docker-reference":"r.io/x:1""#, r#","optional":{"more":[1]}"#);
        let read = |text: String| SignedImage::of_simple(text.as_bytes());
        assert!(read(text("", name, &digest, optional)).is_ok());
        for wrong in [
            text(r#","x":1"#, name, &digest, optional),
            text("", r#""docker-reference":"a","docker-reference":"b""#, &digest, optional),
            text("", "", &digest, optional),
            text("", name, "sha256:0", optional),
            text("", name, &digest, ""),
            text("", name, &digest, r#","optional":null"#),
            text("", name, &digest, r#","optional":{"creator":1}"#),
            text("", name, &digest, r#","optional":{},"optional":{}"#),
            text("", name, &digest, optional) + "{}",
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
