//! The digest by which a manifest is known, which of Docker's schema 1 leaves the signatures out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cove_archive::Digest;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    schema_version: u64,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

/// Where the signed text ends in the whole.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}

/// The SHA-256 digest of a manifest; of a signed one of schema 1 that of what is signed.
pub fn manifest_digest(data: &[u8]) -> Digest {
    match signed_text(data) {
        Some(text) => Digest::sha256(&text),
        None => Digest::sha256(data),
    }
}

fn signed_text(data: &[u8]) -> Option<Vec<u8>> {
    let signed: Signed = serde_json::from_slice(data).ok()?;
    if signed.schema_version != 1 {
        return None;
    }
    let protected = URL_SAFE_NO_PAD.decode(&signed.signatures.first()?.protected).ok()?;
    let protected: Protected = serde_json::from_slice(&protected).ok()?;
    let mut text = data.get(..protected.format_length)?.to_vec();
    text.extend(URL_SAFE_NO_PAD.decode(&protected.format_tail).ok()?);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_no_part_of_the_digest() {
        let plain = "{\n   \"schemaVersion\": 1,\n   \"name\": \"a\"\n}";
        let (length, tail) = (plain.len() - 2, "\n}");
        let protected =
            format!(r#"{{"formatLength":{length},"formatTail":"{}"}}"#, URL_SAFE_NO_PAD.encode(tail));
        let signatures = format!(r#"[{{"protected":"{}"}}]"#, URL_SAFE_NO_PAD.encode(protected));
        let signed = format!("{},\n   \"signatures\": {signatures}\n}}", &plain[..length]);
        assert_eq!(manifest_digest(signed.as_bytes()), Digest::sha256(plain.as_bytes()));
        for other in
            [plain, "", "{\"schemaVersion\":2,\"signatures\":[]}", "{\"schemaVersion\":1,\"signatures\":[]}"]
        {
            assert_eq!(manifest_digest(other.as_bytes()), Digest::sha256(other.as_bytes()), "{other}");
        }
        // A length beyond the end.
        let lying = signed.replace(&protected_of(length), &protected_of(10_000));
        assert_eq!(manifest_digest(lying.as_bytes()), Digest::sha256(lying.as_bytes()));
    }

    fn protected_of(length: usize) -> String {
        let tail = URL_SAFE_NO_PAD.encode("\n}");
        URL_SAFE_NO_PAD.encode(format!(r#"{{"formatLength":{length},"formatTail":"{tail}"}}"#))
    }
}
