//! policy.json (containers-policy.json(5)): which images may be used.
//!
//! Here the file is read and the requirements for an image are found; what needs signatures is checked where images are
//! copied (`cove-registry`).

mod edit;
mod requirement;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::dirs::Directories;
use crate::error::{Error, ParseError, Result};
use crate::file;
use crate::unique::Unique;

pub use edit::{NewRequirement, set_requirement};
pub use requirement::{
    Fulcio, Identity, KeyMaterial, KeySource, Requirement, SignedBy, SigstoreRoot, SigstoreSigned,
};

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
    /// A signature is demanded, and there is none that will do.
    #[error("{image} must be signed by policy ({requirement}{}): {reason}", scope_text(scope))]
    Unsigned {
        /// The image.
        image: String,
        /// `signedBy` or `sigstoreSigned`.
        requirement: String,
        /// The scope that decided; empty for a default.
        scope: String,
        /// What is missing or wrong, and what to do.
        reason: String,
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
            None => Self::places(directories),
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

    /// The file that decides; where there is none, the one to make: the administrator's or, for another user, his own.
    pub fn place(directories: &Directories) -> PathBuf {
        let found = Self::places(directories).into_iter().find(|path| path.exists());
        found.unwrap_or_else(|| match directories.user.rootless {
            true => directories.user_config.join("policy.json"),
            false => directories.system_config.join("policy.json"),
        })
    }

    fn places(directories: &Directories) -> Vec<PathBuf> {
        file::folders(directories).iter().map(|folder| folder.join("policy.json")).collect()
    }

    /// Whether no image of this name may be used, whatever signatures it has: known before anything is fetched. For
    /// the transport `docker` the image is the full reference (`docker.io/library/busybox:latest` or with
    /// `@sha256:…`); else a path, or what the transport's scopes name.
    ///
    /// # Errors
    /// It may not; the error says by which scope.
    pub fn check_rejected(&self, transport: &str, image: &str) -> Result<(), Denied> {
        let (scope, requirements) = self.requirements_for(transport, image);
        match requirements.contains(&Requirement::Reject) {
            true => Err(Denied::Rejected { image: image.to_owned(), scope: scope.to_owned() }),
            false => Ok(()),
        }
    }

    /// The requirements for an image, all of which must hold, and the scope they are from.
    pub fn requirements_for(&self, transport: &str, image: &str) -> (&str, &[Requirement]) {
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
pub(crate) fn docker_scopes(image: &str) -> Vec<String> {
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
    list.iter().map(|value| Requirement::parse(what, object(what, value)?)).collect()
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
            let result = policy.check_rejected(transport, image).err().map(|denied| denied.to_string());
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
        assert_eq!(policy.requirements_for("docker", "signed.io/x:1").0, "signed.io");
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
