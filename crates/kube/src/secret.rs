//! A secret of Kubernetes as the data of a secret of the engine: the document itself, as Podman keeps it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::error::{KubeError, Result, bail};
use crate::objects::{Secret, decoded};
use crate::yaml::{documents, from_node, to_yaml};

/// What is kept of a secret.
///
/// # Errors
/// A value is no base64.
pub fn stored(secret: &Secret) -> Result<Vec<u8>> {
    values(secret)?;
    let value = serde_json::to_value(secret).map_err(|error| KubeError::new(error.to_string()))?;
    Ok(to_yaml(&value).into_bytes())
}

/// The keys and values of a secret that was kept: a document, or a JSON object of base64.
///
/// # Errors
/// It is none of both.
pub fn data(name: &str, stored: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let wrong = || KubeError::new(format!("secret {name} is not valid JSON/YAML"));
    if let Ok(map) = serde_json::from_slice::<BTreeMap<String, String>>(stored) {
        return map.into_iter().map(|(key, value)| Ok((key, decoded(&value).ok_or_else(wrong)?))).collect();
    }
    values(&read(stored).ok_or_else(wrong)?)
}

/// Whether what was kept under a name must stay.
#[must_use]
pub fn is_immutable(stored: &[u8]) -> bool {
    read(stored).is_some_and(|secret| secret.immutable == Some(true))
}

fn read(stored: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(stored).ok()?;
    let documents = documents(text).ok()?;
    let secret: Secret = from_node(documents.first()?, &RefCell::new(Vec::new())).ok()?;
    (secret.kind == "Secret").then_some(secret)
}

fn values(secret: &Secret) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut values = BTreeMap::new();
    for (key, value) in &secret.data {
        let Some(value) = decoded(value) else {
            bail!("the value of {key:?} in secret {} is no base64", secret.metadata.name)
        };
        values.insert(key.clone(), value);
    }
    for (key, value) in &secret.string_data {
        values.insert(key.clone(), value.clone().into_bytes());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Application;

    #[test]
    fn there_and_back() {
        let text = "kind: Secret\napiVersion: v1\nmetadata: {name: s}\nimmutable: true\ndata: {a: YmFy}\nstringData: {b: baz}\n";
        let secret = Application::parse(text).unwrap().secrets.remove(0);
        let kept = stored(&secret).unwrap();
        assert!(is_immutable(&kept));
        let found = data("s", &kept).unwrap();
        assert_eq!((found["a"].as_slice(), found["b"].as_slice()), (&b"bar"[..], &b"baz"[..]));
        assert_eq!(data("s", br#"{"a": "YmFy"}"#).unwrap()["a"], b"bar");
        for wrong in [&b"tiger"[..], b"{\"a\": \"?\"}", b"\xff", b""] {
            assert!(data("s", wrong).is_err());
            assert!(!is_immutable(wrong));
        }
        let wrong = Application::parse("kind: Secret\nmetadata: {name: s}\ndata: {a: '?'}\n").unwrap();
        assert!(stored(&wrong.secrets[0]).unwrap_err().to_string().contains("no base64"));
    }
}
