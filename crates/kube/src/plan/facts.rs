//! What a plan depends on besides the file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use cove_api::KubePlayOptions;

use crate::error::{Result, bail};
use crate::objects::ConfigMap;

/// Most bytes that references to config maps and secrets copy in one file.
pub const COPIES: usize = 64 << 20;

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
    /// How many bytes may still be copied out of config maps and secrets: [`COPIES`] at first, for the whole file.
    pub room: &'a AtomicUsize,
    /// Which of the pods it is, from 0: the first of the addresses is the first pod's.
    pub place: usize,
}

impl Known<'_> {
    /// Counts bytes that a reference copies.
    pub(super) fn copy(&self, bytes: usize) -> Result<()> {
        let taken =
            self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes));
        if taken.is_err() {
            bail!("its references copy more than {COPIES} bytes of config maps and secrets")
        }
        Ok(())
    }

    pub(super) fn config_map(&self, name: &str) -> Option<&ConfigMap> {
        self.config_maps.iter().find(|map| map.metadata.name == name)
    }
}
