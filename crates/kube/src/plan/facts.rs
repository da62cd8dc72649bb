//! What a plan depends on besides the file.

use std::collections::BTreeMap;

use cove_api::KubePlayOptions;

use crate::objects::ConfigMap;

/// The keys and values of a secret.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// The host of the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Bytes of memory.
    pub memory: u64,
    /// Processors.
    pub processors: u64,
}

/// What an image says, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// `KEY=VALUE`.
    pub env: Vec<String>,
    /// Who runs it.
    pub user: String,
}

/// What is known when a pod is planned.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The options of the play.
    pub options: &'a KubePlayOptions,
    /// All config maps.
    pub config_maps: &'a [ConfigMap],
    /// The secrets that exist, by name.
    pub secrets: &'a BTreeMap<String, SecretData>,
    /// The host.
    pub host: HostFacts,
    /// Which of the pods it is, from 0: the first of the addresses is the first pod's.
    pub place: usize,
}

impl Known<'_> {
    pub(super) fn config_map(&self, name: &str) -> Option<&ConfigMap> {
        self.config_maps.iter().find(|map| map.metadata.name == name)
    }
}
