//! Secrets: small data that containers get and that no image, log or command line holds.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::query;
use crate::{Filters, StringMap, Timestamp};

/// Bytes that a secret may have less than (secrets(5) of Podman: 512 kB).
pub const MAX_SECRET: usize = 512_000;

/// Text that `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Concealed(pub String);

impl Concealed {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Concealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// Options of `create`. JSON: libpod's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretCreateOptions {
    /// Its name.
    pub name: String,
    /// `file`, `pass` or `shell`; empty is that of containers.conf.
    pub driver: String,
    /// Options of the driver.
    pub driveropts: StringMap,
    /// Labels.
    pub labels: StringMap,
    /// One of that name gets new data, and a new id.
    pub replace: bool,
    /// One of that name is left as it is.
    pub ignore: bool,
}

/// What `create` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretCreateReport {
    /// 25 hexadecimal digits.
    #[serde(rename = "ID")]
    pub id: String,
}

/// Options of `list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretListOptions {
    /// `name` and `id`, regular expressions.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// Options of `inspect`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretInspectOptions {
    /// With the data.
    pub showsecret: bool,
}

/// A secret. JSON: libpod's `SecretInfoReport`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct Secret {
    #[serde(rename = "ID")]
    pub id: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub spec: SecretSpec,
    /// The data, where it was asked for.
    #[serde(skip_serializing_if = "Concealed::is_empty")]
    pub secret_data: Concealed,
}

impl Default for Secret {
    fn default() -> Self {
        Self {
            id: String::new(),
            created_at: crate::zero_time(),
            updated_at: crate::zero_time(),
            spec: SecretSpec::default(),
            secret_data: Concealed::default(),
        }
    }
}

/// What was asked for with a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct SecretSpec {
    pub name: String,
    pub driver: SecretDriver,
    pub labels: StringMap,
}

/// Who keeps the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct SecretDriver {
    pub name: String,
    pub options: StringMap,
}

/// A secret that a container gets as a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct SecretFile {
    /// Its name or id.
    pub source: String,
    /// Absolute, or beneath `/run/secrets`; empty is its name.
    pub target: String,
    /// Its owner.
    #[serde(rename = "UID")]
    pub uid: u32,
    /// Its group.
    #[serde(rename = "GID")]
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_not_shown() {
        let secret = Secret { secret_data: Concealed("tiger".into()), ..Secret::default() };
        assert!(!format!("{secret:?}").contains("tiger"));
        assert!(serde_json::to_string(&secret).unwrap().contains("\"SecretData\":\"tiger\""));
        assert!(!serde_json::to_string(&Secret::default()).unwrap().contains("SecretData"));
    }
}
