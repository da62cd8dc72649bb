//! How a registry is reached.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Credentials for one registry, given on the command line or in a header.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// OAuth2 refresh token, in place of both.
    pub identity_token: String,
    /// A token that the registry itself takes, in place of all others.
    pub registry_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The contents of a file with a key; not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyFile(pub Vec<u8>);

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeyFile")
    }
}

/// How a registry is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RegistryAccess {
    /// Credentials in place of the stored ones; a header of their own.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
    /// Credentials by registry, before the stored ones; a header of their own.
    #[serde(skip)]
    pub registries: BTreeMap<String, Credentials>,
    /// Another file than the default for the stored credentials (local engine only).
    #[serde(skip)]
    pub auth_file: Option<String>,
    /// A folder with certificates (local engine only).
    #[serde(skip)]
    pub cert_dir: Option<String>,
    /// False accepts any certificate and plain HTTP; `None` leaves it to registries.conf.
    #[serde(rename = "tlsVerify")]
    pub tls_verify: Option<bool>,
    /// Attempts after a failure; `None` is 3.
    pub retry: Option<u32>,
    /// Seconds between the attempts; on the wire a span such as `7s`.
    #[serde(rename = "retrydelay", deserialize_with = "read_seconds", serialize_with = "write_seconds")]
    #[schemars(with = "Option<String>")]
    pub retry_delay: Option<u64>,
}

impl RegistryAccess {
    /// The same with the given credentials for this registry alone.
    #[must_use]
    pub fn only_for(mut self, registry: &str) -> Self {
        if let Some(given) = self.credentials.take() {
            self.registries.insert(registry.to_owned(), given);
        }
        self
    }
}

fn read_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let span = crate::time::signed_duration(&text).map_err(D::Error::custom)?;
    match u64::try_from(span.as_secs()) {
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) => Err(D::Error::custom(format!("{text:?} is a span before now"))),
    }
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn write_seconds<S: Serializer>(seconds: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    seconds.map(|seconds| format!("{seconds}s")).serialize(serializer)
}
