//! What the document of a context says.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::connections::Destination;
use crate::error::{Error, ParseError, Result};

/// The only endpoint that Docker's programs still have.
pub(super) const DOCKER: &str = "docker";

/// The files of an endpoint's TLS, in the order in which Docker shows them.
pub(super) const TLS_FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];

/// Where a context leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextEndpoint {
    /// `unix://PATH`, `tcp://HOST:PORT`, `ssh://[USER@]HOST`, `npipe://…`.
    pub host: String,
    /// Whatever certificate a service shows is taken.
    pub skip_tls_verify: bool,
}

/// A context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerContext {
    /// Its name.
    pub name: String,
    /// The whole document, as it is on the disk.
    pub document: Map<String, Value>,
    /// The names of its TLS files that are there.
    pub tls: Vec<String>,
    /// The folder with the document.
    pub metadata_path: PathBuf,
    /// The folder with the TLS files of all endpoints.
    pub tls_path: PathBuf,
}

impl DockerContext {
    /// Its description; empty for none.
    #[must_use]
    pub fn description(&self) -> &str {
        self.document.get("Metadata").and_then(|data| data["Description"].as_str()).unwrap_or_default()
    }

    /// Where it leads; [`None`] for one that is not Docker's.
    #[must_use]
    pub fn endpoint(&self) -> Option<ContextEndpoint> {
        let endpoint = self.document.get("Endpoints")?.get(DOCKER)?;
        let host = endpoint["Host"].as_str().filter(|host| !host.is_empty())?.to_owned();
        Some(ContextEndpoint { host, skip_tls_verify: endpoint["SkipTLSVerify"] == true })
    }

    /// As a connection.
    ///
    /// # Errors
    /// It leads nowhere, or takes any certificate.
    pub fn destination(&self) -> Result<Destination> {
        let wrong = |reason: &str| Error::Invalid {
            what: "context".to_owned(),
            value: self.name.clone(),
            reason: reason.to_owned(),
        };
        let endpoint = self.endpoint().ok_or_else(|| wrong("it has no endpoint of Docker"))?;
        if endpoint.skip_tls_verify {
            return Err(wrong("skip-tls-verify is not supported: whoever is in between would be believed"));
        }
        let file = |name: &str| match self.tls.iter().any(|known| known == name) {
            true => self.tls_path.join(DOCKER).join(name).display().to_string(),
            false => String::new(),
        };
        let [tls_ca, tls_cert, tls_key] = TLS_FILES.map(file);
        Ok(Destination { uri: endpoint.host, tls_ca, tls_cert, tls_key, ..Destination::default() })
    }
}

/// What is to become of a context's endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where it leads.
    pub endpoint: ContextEndpoint,
    /// The contents of its TLS files, by their names.
    pub tls: Vec<(String, Vec<u8>)>,
}

/// The members of a JSON object.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, ParseError> {
    // Not into a map: the message about a wrong type would show the value, which may be a secret.
    match serde_json::from_str(text).map_err(|error| ParseError::from_json(&error))? {
        Value::Object(map) => Ok(map),
        _ => Err(ParseError::new("the file is not a JSON object")),
    }
}

/// Puts a description into a document; an empty one takes it away.
pub(super) fn describe(document: &mut Map<String, Value>, description: &str) {
    let metadata = document.entry("Metadata").or_insert_with(|| json!({}));
    if !metadata.is_object() {
        *metadata = json!({});
    }
    if let Value::Object(metadata) = metadata {
        match description {
            "" => metadata.shift_remove("Description"),
            text => metadata.insert("Description".into(), text.into()),
        };
    }
}

/// Puts the endpoint of Docker into a document.
pub(super) fn put_endpoint(document: &mut Map<String, Value>, endpoint: &ContextEndpoint) {
    let endpoints = document.entry("Endpoints").or_insert_with(|| json!({}));
    if !endpoints.is_object() {
        *endpoints = json!({});
    }
    endpoints[DOCKER] = json!({"Host": endpoint.host, "SkipTLSVerify": endpoint.skip_tls_verify});
}
