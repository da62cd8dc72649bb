//! Changing policy.json, as `image trust set` does.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Policy;
use crate::error::ParseError;
use crate::unique::Unique;

/// What shall hold for a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewRequirement {
    /// Every image is accepted.
    Accept,
    /// No image is accepted.
    Reject,
    /// A signature by a key of each of these files.
    SignedBy(Vec<PathBuf>),
    /// A sigstore signature by a key of each of these files.
    SigstoreSigned(Vec<PathBuf>),
}

impl NewRequirement {
    fn entries(&self) -> Value {
        match self {
            Self::Accept => json!([{ "type": "insecureAcceptAnything" }]),
            Self::Reject => json!([{ "type": "reject" }]),
            Self::SignedBy(files) => files
                .iter()
                .map(|file| json!({ "type": "signedBy", "keyType": "GPGKeys", "keyPath": file }))
                .collect(),
            Self::SigstoreSigned(files) => {
                files.iter().map(|file| json!({ "type": "sigstoreSigned", "keyPath": file })).collect()
            }
        }
    }
}

/// The text of a policy after `scope` (a registry, repository or name; `default` is what holds where nothing more
/// specific is said) has got this requirement in place of its own. `before` is the present text; `None` where there is
/// no file.
///
/// # Errors
/// The present text is no valid policy, or there is no default yet.
pub fn set_requirement(
    before: Option<&str>,
    scope: &str,
    requirement: &NewRequirement,
) -> Result<String, ParseError> {
    let mut root = match before {
        None => Map::new(),
        Some(text) => {
            Policy::parse(text)?;
            match serde_json::from_str(text).map_err(|error| ParseError::from_json(&error))? {
                Unique(Value::Object(root)) => root,
                _ => return Err(ParseError::new("the policy is not an object")),
            }
        }
    };
    if scope == "default" {
        root.insert("default".into(), requirement.entries());
    } else if !root.contains_key("default") {
        return Err(ParseError::new("default trust policy must be set"));
    } else {
        let transports = root.entry("transports").or_insert_with(|| json!({}));
        let Some(transports) = transports.as_object_mut() else {
            return Err(ParseError::new("\"transports\" is not an object"));
        };
        // A scope that another transport has is changed there.
        let transport = transports
            .iter()
            .find(|(_, scopes)| scopes.get(scope).is_some())
            .map_or_else(|| "docker".to_owned(), |(name, _)| name.clone());
        let scopes = transports.entry(transport).or_insert_with(|| json!({}));
        scopes[scope] = requirement.entries();
    }
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
    serde::Serialize::serialize(&root, &mut writer).map_err(|error| ParseError::new(error.to_string()))?;
    let mut text = String::from_utf8(text).map_err(|error| ParseError::new(error.to_string()))?;
    Policy::parse(&text)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_set_in_place() {
        let first = set_requirement(None, "default", &NewRequirement::Accept).unwrap();
        let reject = set_requirement(Some(&first), "r.io/x", &NewRequirement::Reject).unwrap();
        let keys = NewRequirement::SignedBy(vec!["/a".into(), "/b".into()]);
        let signed = set_requirement(Some(&reject), "r.io/x", &keys).unwrap();
        let value: Value = serde_json::from_str(&signed).unwrap();
        assert_eq!(value["default"], json!([{"type": "insecureAcceptAnything"}]));
        assert_eq!(
            value["transports"]["docker"]["r.io/x"],
            json!([
                {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a"},
                {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/b"},
            ])
        );
        let other = r#"{"default":[{"type":"reject"}],"transports":{"dir":{"/a":[{"type":"reject"}]}}}"#;
        let changed = set_requirement(Some(other), "/a", &NewRequirement::Accept).unwrap();
        let value: Value = serde_json::from_str(&changed).unwrap();
        assert_eq!(value["transports"]["dir"]["/a"], json!([{"type": "insecureAcceptAnything"}]));
    }

    #[test]
    fn what_is_no_policy_is_left_alone() {
        for (before, expected) in [
            (None, "default trust policy must be set"),
            (Some("{"), "EOF"),
            (Some("{}"), "\"default\" is missing"),
            (Some(r#"{"default":[{"type":"reject"}],"x":1}"#), "unknown field"),
        ] {
            let error = set_requirement(before, "r.io", &NewRequirement::Reject).unwrap_err().to_string();
            assert!(error.contains(expected), "{before:?}: {error}");
        }
    }
}
