//! What a registry says about an image, without pulling it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer about one name. JSON: Docker's `DistributionInspect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct Distribution {
    /// What the name stands for: the manifest of an image, or a list.
    pub descriptor: DistributionDescriptor,
    /// What it can run on.
    pub platforms: Vec<DistributionPlatform>,
}

/// A descriptor of the OCI image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DistributionDescriptor {
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// Its bytes.
    pub size: u64,
}

/// A platform of the OCI image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct DistributionPlatform {
    pub architecture: String,
    pub os: String,
    #[serde(rename = "os.version", skip_serializing_if = "String::is_empty")]
    pub os_version: String,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// The references that a name can mean, in the order in which a pull tries them. JSON: libpod's
/// `ImagesResolveReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ResolvedNames {
    /// Whole references.
    pub names: Vec<String>,
}

/// The answer of a login that a registry took. JSON: Docker's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct LoginReport {
    /// A sentence for people.
    pub status: String,
    /// A token in place of the password; always empty, because none is asked for.
    pub identity_token: String,
}

impl LoginReport {
    /// That of a registry that took the credentials.
    #[must_use]
    pub fn succeeded() -> Self {
        Self { status: "Login Succeeded".into(), identity_token: String::new() }
    }
}
