//! How a service's image is built.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::absent::model;
use super::{Bytes, FileReference, Hosts, Ulimit};

model! {
    /// `build`.
    pub struct Build {
        /// The context: an absolute folder or an address.
        pub context: String,
        /// The build file, relative to the context or absolute.
        pub dockerfile: String,
        /// The build file's text.
        pub dockerfile_inline: String,
        /// Extra rights, such as `network.host`.
        pub entitlements: Vec<String>,
        /// Arguments; one without a value is taken from the environment.
        pub args: BTreeMap<String, Option<String>>,
        /// Attestation of provenance.
        pub provenance: String,
        /// Attestation of what it is made of.
        pub sbom: String,
        /// Keys and agents of ssh.
        pub ssh: Vec<SshKey>,
        /// Labels of the image.
        pub labels: BTreeMap<String, String>,
        /// Where cached steps come from.
        pub cache_from: Vec<String>,
        /// Where cached steps go to.
        pub cache_to: Vec<String>,
        /// Whether no cached step is used.
        pub no_cache: bool,
        /// Further contexts by name; `service:NAME` is the image of a service.
        pub additional_contexts: BTreeMap<String, String>,
        /// Whether base images are always pulled.
        pub pull: bool,
        /// Further lines of `/etc/hosts`.
        pub extra_hosts: Hosts,
        /// Isolation technology.
        pub isolation: String,
        /// The network of `RUN`.
        pub network: String,
        /// The stage to build.
        pub target: String,
        /// Secrets of the project that `RUN` may mount.
        pub secrets: Vec<FileReference>,
        /// Size of `/dev/shm`.
        pub shm_size: Bytes,
        /// Further names of the image.
        pub tags: Vec<String>,
        /// Limits of processes.
        pub ulimits: BTreeMap<String, Ulimit>,
        /// Platforms to build for.
        pub platforms: Vec<String>,
        /// Whether `RUN` has all rights.
        pub privileged: bool,
    }
}

/// A key or agent of ssh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshKey {
    /// Its name; `default` is the agent.
    pub id: String,
    /// The key's file or the agent's socket; empty for `SSH_AUTH_SOCK`.
    pub path: String,
}

impl Serialize for SshKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.path.is_empty() {
            serializer.serialize_str(&self.id)
        } else {
            serializer.collect_str(&format_args!("{}={}", self.id, self.path))
        }
    }
}

impl<'de> Deserialize<'de> for SshKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => {
                // docker-compose writes `id: path` in YAML.
                let (id, path) =
                    text.split_once('=').or_else(|| text.split_once(": ")).unwrap_or((&text, ""));
                Ok(Self { id: id.to_owned(), path: path.to_owned() })
            }
            other => Err(D::Error::custom(format!("invalid ssh key {other}"))),
        }
    }
}
