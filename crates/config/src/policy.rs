//! policy.json (containers-policy.json(5)): which images may be used.
//!
//! Signatures cannot be checked yet: where a requirement for one would decide, [`Policy::evaluate`] refuses and
//! names it, and never lets the image pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::dirs::Directories;
use crate::error::{Error, ParseError, Result};
use crate::file;
use crate::unique::Unique;

/// One requirement; all of a list must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Requirement {
    /// Every image is accepted.
    AcceptAnything,
    /// No image is accepted.
    Reject,
    /// A GPG signature; the object as written.
    SignedBy(Map<String, Value>),
    /// A sigstore signature; the object as written.
    SigstoreSigned(Map<String, Value>),
}

impl Requirement {
    /// The type as the file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AcceptAnything => "insecureAcceptAnything",
            Self::Reject => "reject",
            Self::SignedBy(_) => "signedBy",
            Self::SigstoreSigned(_) => "sigstoreSigned",
        }
    }
}

/// The whole policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Where nothing more specific is said.
    pub default: Vec<Requirement>,
    /// By transport (`docker`, `dir`, …) and scope; the empty scope is the transport's default.
    pub transports: BTreeMap<String, BTreeMap<String, Vec<Requirement>>>,
}

/// Why the policy does not let an image pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The policy says `reject`.
    #[error("{image} is rejected by policy{}", scope_text(scope))]
    Rejected {
        /// The image.
        image: String,
        /// The scope that decided; empty for a default.
        scope: String,
    },
    /// A signature is demanded.
    #[error(
        "{image} must be signed by policy ({requirement}{}), and checking signatures is not supported",
        scope_text(scope)
    )]
    Unsupported {
        /// The image.
        image: String,
        /// `signedBy` or `sigstoreSigned`.
        requirement: String,
        /// The scope that decided; empty for a default.
        scope: String,
    },
}

fn scope_text(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!(" for {scope}") }
}

impl Policy {
    /// Accepts everything: where there is no file.
    pub fn accept_anything() -> Self {
        Self { default: vec![Requirement::AcceptAnything], transports: BTreeMap::new() }
    }

    /// Parses the file. As the manual page demands, unknown fields are errors.
    ///
    /// # Errors
    /// No JSON, a key given twice (at any depth), an unknown field or requirement, an empty list, or no default.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let Unique(root) = serde_json::from_str(text).map_err(|error| ParseError::from_json(&error))?;
        let Value::Object(root) = root else { return Err(ParseError::new("the policy is not an object")) };
        let mut default = None;
        let mut transports = BTreeMap::new();
        for (key, value) in &root {
            match key.as_str() {
                "default" => default = Some(requirements("default", value)?),
                "transports" => {
                    for (transport, scopes) in object("transports", value)? {
                        let mut parsed = BTreeMap::new();
                        for (scope, list) in object(transport, scopes)? {
                            parsed
                                .insert(scope.clone(), requirements(&format!("{transport}:{scope}"), list)?);
                        }
                        transports.insert(transport.clone(), parsed);
                    }
                }
                other => return Err(ParseError::new(format!("unknown field {other:?}"))),
            }
        }
        let default = default.ok_or_else(|| ParseError::new("the field \"default\" is missing"))?;
        Ok(Self { default, transports })
    }

    /// Reads the first policy that is there: `explicit`, the user's, the administrator's, the vendor's; none
    /// accepts everything. Also says which file it is.
    ///
    /// # Errors
    /// It cannot be read or parsed, or `explicit` is missing.
    pub fn load(directories: &Directories, explicit: Option<&Path>) -> Result<(Self, Option<PathBuf>)> {
        let places = match explicit {
            Some(path) => vec![path.to_owned()],
            None => file::folders(directories).iter().map(|folder| folder.join("policy.json")).collect(),
        };
        for path in places {
            if let Some(source) = file::read(path)? {
                let policy = Self::parse(&source.text).map_err(|error| Error::parse(&source.path, error))?;
                return Ok((policy, Some(source.path)));
            }
        }
        match explicit {
            Some(path) => {
                Err(Error::Missing { path: path.to_owned(), named_by: "--signature-policy".to_owned() })
            }
            None => Ok((Self::accept_anything(), None)),
        }
    }

    /// Whether `image` may be used. For the transport `docker` it is the full reference
    /// (`docker.io/library/busybox:latest` or with `@sha256:…`); else a path, or what the transport's scopes name.
    ///
    /// # Errors
    /// It may not; the error says by which requirement.
    pub fn evaluate(&self, transport: &str, image: &str) -> Result<(), Denied> {
        let (scope, requirements) = self.requirements_for(transport, image);
        for requirement in requirements {
            match requirement {
                Requirement::AcceptAnything => {}
                Requirement::Reject => {
                    return Err(Denied::Rejected { image: image.to_owned(), scope: scope.to_owned() });
                }
                Requirement::SignedBy(_) | Requirement::SigstoreSigned(_) => {
                    return Err(Denied::Unsupported {
                        image: image.to_owned(),
                        requirement: requirement.name().to_owned(),
                        scope: scope.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The requirements for an image and the scope they are from.
    pub(crate) fn requirements_for(&self, transport: &str, image: &str) -> (&str, &[Requirement]) {
        let Some(scopes) = self.transports.get(transport) else { return ("", &self.default) };
        let candidates =
            if matches!(transport, "docker" | "atomic") { docker_scopes(image) } else { path_scopes(image) };
        for candidate in &candidates {
            if let Some((scope, requirements)) = scopes.get_key_value(candidate) {
                return (scope, requirements);
            }
        }
        match scopes.get_key_value("") {
            Some((scope, requirements)) => (scope, requirements),
            None => ("", &self.default),
        }
    }
}

/// Scopes of a reference, the most specific first: with tag, repository, its parents, host, wildcards.
fn docker_scopes(image: &str) -> Vec<String> {
    let mut scopes = vec![image.to_owned()];
    let without_digest = image.split('@').next().unwrap_or(image);
    let name = match without_digest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => without_digest,
    };
    let mut prefix = name;
    loop {
        scopes.push(prefix.to_owned());
        match prefix.rfind('/') {
            Some(index) => prefix = &prefix[..index],
            None => break,
        }
    }
    let host = prefix.split(':').next().unwrap_or(prefix);
    let mut rest = host;
    while let Some((_, domain)) = rest.split_once('.') {
        scopes.push(format!("*.{domain}"));
        rest = domain;
    }
    scopes
}

/// Scopes of a path with an optional `:name` behind it; "/" is no scope.
fn path_scopes(image: &str) -> Vec<String> {
    let mut scopes = vec![image.to_owned()];
    let path = image.split(':').next().unwrap_or(image);
    let mut prefix = path;
    while !prefix.is_empty() && prefix != "/" {
        scopes.push(prefix.to_owned());
        match prefix.rfind('/') {
            Some(index) => prefix = &prefix[..index],
            None => break,
        }
    }
    scopes
}

fn object<'a>(what: &str, value: &'a Value) -> Result<&'a Map<String, Value>, ParseError> {
    value.as_object().ok_or_else(|| ParseError::new(format!("{what:?} is not an object")))
}

fn requirements(what: &str, value: &Value) -> Result<Vec<Requirement>, ParseError> {
    let list = value.as_array().ok_or_else(|| ParseError::new(format!("{what:?} is not a list")))?;
    if list.is_empty() {
        return Err(ParseError::new(format!("{what:?}: the list of requirements is empty")));
    }
    list.iter().map(|value| requirement(what, object(what, value)?)).collect()
}

fn requirement(what: &str, fields: &Map<String, Value>) -> Result<Requirement, ParseError> {
    let allowed: &[&str] = match fields.get("type").and_then(Value::as_str) {
        Some("insecureAcceptAnything" | "reject") => &["type"],
        Some("signedBy") => &["type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"],
        Some("sigstoreSigned") => &[
            "type",
            "keyPath",
            "keyPaths",
            "keyData",
            "keyDatas",
            "fulcio",
            "pki",
            "rekorPublicKeyPath",
            "rekorPublicKeyPaths",
            "rekorPublicKeyData",
            "rekorPublicKeyDatas",
            "signedIdentity",
        ],
        Some(other) => return Err(ParseError::new(format!("{what:?}: unknown requirement type {other:?}"))),
        None => return Err(ParseError::new(format!("{what:?}: a requirement has no type"))),
    };
    if let Some(field) = fields.keys().find(|field| !allowed.contains(&field.as_str())) {
        return Err(ParseError::new(format!("{what:?}: unknown field {field:?}")));
    }
    Ok(match fields.get("type").and_then(Value::as_str) {
        Some("insecureAcceptAnything") => Requirement::AcceptAnything,
        Some("signedBy") => Requirement::SignedBy(fields.clone()),
        Some("sigstoreSigned") => Requirement::SigstoreSigned(fields.clone()),
        _ => Requirement::Reject,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"{
      "default": [{"type": "reject"}],
      "transports": {
        "docker": {
          "": [{"type": "insecureAcceptAnything"}],
          "r.io": [{"type": "reject"}],
          "r.io/ok": [{"type": "insecureAcceptAnything"}],
          "r.io/ok/bad:1": [{"type": "reject"}],
          "signed.io": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
          "*.wild.org": [{"type": "reject"}]
        },
        "dir": {"/srv/images": [{"type": "insecureAcceptAnything"}]}
      }
    }"#;

    #[test]
    fn most_specific_scope() {
        let policy = Policy::parse(EXAMPLE).unwrap();
        let check = |transport: &str, image: &str, expected: Option<&str>| {
            let result = policy.evaluate(transport, image).err().map(|denied| denied.to_string());
            match expected {
                None => assert_eq!(result, None, "{image}"),
                Some(text) => {
                    assert!(result.as_ref().is_some_and(|r| r.contains(text)), "{image}: {result:?}")
                }
            }
        };
        check("docker", "docker.io/library/busybox:latest", None);
        check("docker", "r.io/a:1", Some("rejected by policy for r.io"));
        check("docker", "r.io/ok/x@sha256:00", None);
        check("docker", "r.io/ok/bad:1", Some("rejected"));
        check("docker", "r.io/ok/bad:2", None);
        check("docker", "signed.io/x:1", Some("signedBy for signed.io"));
        check("docker", "a.b.wild.org:5000/x:1", Some("*.wild.org"));
        check("docker", "wild.org/x:1", None);
        check("dir", "/srv/images/a", None);
        check("dir", "/srv/imagesx", Some("rejected"));
        check("oci", "/srv/images", Some("rejected"));
    }

    #[test]
    fn strict() {
        for (text, expected) in [
            ("{}", "default"),
            ("{\"default\":[]}", "empty"),
            ("{\"default\":[{\"type\":\"maybe\"}]}", "maybe"),
            ("{\"default\":[{\"type\":\"reject\",\"x\":1}]}", "unknown field \"x\""),
            ("{\"default\":[{\"type\":\"reject\"}],\"x\":1}", "unknown field \"x\""),
            ("[]", "not an object"),
            ("{", "EOF"),
            (
                r#"{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}"#,
                "\"default\" is given twice",
            ),
            (r#"{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}"#, "\"type\" is given twice"),
            (
                r#"{"default":[{"type":"reject"}],"transports":{"docker":{"":[{"type":"reject"}]},"docker":{}}}"#,
                "\"docker\" is given twice",
            ),
            (
                r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.b":[{"type":"reject"}],"a.b":[{"type":"insecureAcceptAnything"}]}}}"#,
                "\"a.b\" is given twice",
            ),
            (r#"{"default":[{"type":"reject"}]} {}"#, "trailing"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
