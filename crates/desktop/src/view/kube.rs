//! Texts that describe applications.

use serde::{Deserialize, Serialize};

/// A file of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TextFile {
    /// Where it is, on this computer.
    pub path: String,
    /// What is in it; what is no UTF-8 is replaced.
    pub text: String,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// Something at a place of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct KubeFault {
    /// The line, from 1 on; 0 is the whole text.
    pub line: u32,
    /// The field, such as `spec.containers[0].image`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// What a text of Kubernetes YAML describes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct KubeCheck {
    /// Why it cannot be played.
    pub problem: Option<KubeFault>,
    /// What would be made: kinds and names.
    pub objects: Vec<String>,
    /// What has no effect here.
    pub unused: Vec<KubeFault>,
    /// What is done otherwise than the text says.
    pub remarks: Vec<String>,
}
