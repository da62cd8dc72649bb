//! What a transparency log promises about a signature (Rekor's signed entry timestamp), without asking the log.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cove_archive::Digest;
use serde::{Deserialize, Serialize};

use super::keys::PublicKey;

/// The annotation with the promise.
pub(super) const BUNDLE_ANNOTATION: &str = "dev.sigstore.cosign/bundle";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Bundle {
    signed_entry_timestamp: String,
    payload: Entry,
}

/// In this order, and without a space between, it is what the log has signed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    body: String,
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: i64,
}

/// The entry's body, of the one sort that signatures of images have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    data: Data,
    signature: EntrySignature,
}

#[derive(Deserialize)]
struct Data {
    hash: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntrySignature {
    content: String,
    public_key: BTreeMap<String, String>,
}

/// Checks that one of the logs with these keys has an entry for this signature (base64) of this payload, made by the
/// key or certificate `signed_by` (DER); answers the time of the entry, in seconds since 1970.
///
/// # Errors
/// It has not, as far as the bundle tells; a text.
pub(super) fn check(
    bundle: &str,
    logs: &[PublicKey],
    payload: &[u8],
    signature: &str,
    signed_by: &[u8],
) -> Result<i64, String> {
    let wrong = |reason: &str| format!("the log's promise (annotation {BUNDLE_ANNOTATION}) {reason}");
    let bundle: Bundle =
        serde_json::from_str(bundle).map_err(|error| wrong(&format!("is malformed: {error}")))?;
    let entry = &bundle.payload;
    // Whatever would need an escape in JSON would be written in one way here and perhaps in another by the log.
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    if !plain(&entry.body) || !plain(&entry.log_id) {
        return Err(wrong("is malformed"));
    }
    let signed = serde_json::to_vec(entry).map_err(|error| wrong(&error.to_string()))?;
    let timestamp =
        STANDARD.decode(&bundle.signed_entry_timestamp).map_err(|_| wrong("is malformed: no base64"))?;
    if !logs.iter().any(|log| log.verifies(&signed, &timestamp)) {
        return Err(wrong("is not signed by one of the logs that the policy names"));
    }
    let body = STANDARD.decode(&entry.body).map_err(|_| wrong("is malformed: no base64"))?;
    let body: Body =
        serde_json::from_slice(&body).map_err(|error| wrong(&format!("is malformed: {error}")))?;
    if body.kind != "hashedrekord" || body.api_version != "0.0.1" {
        return Err(wrong(&format!("is about {:?} {:?}", body.kind, body.api_version)));
    }
    let text = |map: &BTreeMap<String, String>, key: &str| map.get(key).cloned().unwrap_or_default();
    let digest = Digest::sha256(payload);
    if text(&body.spec.data.hash, "algorithm") != "sha256"
        || text(&body.spec.data.hash, "value") != digest.hex()
    {
        return Err(wrong("is about another payload"));
    }
    let same = |one: &str, other: &str| matches!((STANDARD.decode(one), STANDARD.decode(other)), (Ok(one), Ok(other)) if one == other);
    if !same(&body.spec.signature.content, signature) {
        return Err(wrong("is about another signature"));
    }
    let by = STANDARD.decode(text(&body.spec.signature.public_key, "content"));
    match by.ok().as_deref().map(pem_rfc7468::decode_vec) {
        Some(Ok((_, by))) if by == signed_by => Ok(entry.integrated_time),
        _ => Err(wrong("is about a signature by another key")),
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::super::keys::p256_pem;
    use super::*;

    fn key() -> (EcdsaKeyPair, String) {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let pem = p256_pem(pair.public_key().as_ref()).unwrap();
        (pair, pem)
    }

    #[test]
    fn promises_are_about_this_signature() {
        let ((log, log_pem), (_, signer), (_, other)) = (key(), key(), key());
        let logs = || vec![PublicKey::from_pem(log_pem.as_bytes()).unwrap()];
        let (payload, signature) = (b"payload", STANDARD.encode(b"signature"));
        let body = json!({
            "apiVersion": "0.0.1", "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": Digest::sha256(payload).hex()}},
                "signature": {"content": signature, "publicKey": {"content": STANDARD.encode(&signer)}},
            },
        });
        let entry = format!(
            r#"{{"body":"{}","integratedTime":17,"logID":"c0ffee","logIndex":3}}"#,
            STANDARD.encode(body.to_string())
        );
        let promise = log.sign(&SystemRandom::new(), entry.as_bytes()).unwrap();
        let bundle = |entry: &str| {
            format!(r#"{{"SignedEntryTimestamp":"{}","Payload":{entry}}}"#, STANDARD.encode(promise.as_ref()))
        };
        let check = |bundle: &str, payload: &[u8], signature: &str, by: &str| {
            let (_, by) = pem_rfc7468::decode_vec(by.as_bytes()).unwrap();
            check(bundle, &logs(), payload, signature, &by)
        };
        let good = bundle(&entry);
        assert_eq!(check(&good, payload, &signature, &signer), Ok(17));
        assert!(check(&good, b"other", &signature, &signer).unwrap_err().contains("another payload"));
        assert!(check(&good, payload, "b3RoZXI=", &signer).unwrap_err().contains("another signature"));
        assert!(check(&good, payload, &signature, &other).unwrap_err().contains("another key"));
        let later = bundle(&entry.replace("17", "18"));
        assert!(check(&later, payload, &signature, &signer).unwrap_err().contains("not signed by one"));
        for malformed in ["", "{}", &bundle(&entry.replace("c0ffee", "\\u0063")), &bundle(r#"{"body":""}"#)] {
            let error = check(malformed, payload, &signature, &signer).unwrap_err();
            assert!(error.contains("malformed") || error.contains("not signed"), "{error}");
        }
    }
}
