//! What is told while an image is copied.

use std::sync::Arc;

use cove_archive::Digest;

/// What happens while an image is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyEvent {
    /// The manifest is known, and with it the number of layers.
    ManifestResolved {
        /// Digest of the image's manifest.
        digest: Digest,
        /// Of each layer, lowest first: digest and size in bytes.
        layers: Vec<(Digest, u64)>,
    },
    /// A layer begins to arrive.
    LayerStarted {
        /// As the manifest names it.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
    /// More of a layer has arrived.
    LayerProgress {
        /// As the manifest names it.
        digest: Digest,
        /// Bytes so far.
        bytes: u64,
    },
    /// The destination has the layer already.
    LayerReused {
        /// As the manifest names it.
        digest: Digest,
    },
    /// A layer is verified and stored.
    LayerDone {
        /// As the manifest names it.
        digest: Digest,
    },
    /// The image configuration is verified.
    ConfigDone {
        /// Its digest: the image's id.
        digest: Digest,
    },
    /// Everything is stored.
    ManifestDone {
        /// Digest of the stored manifest.
        digest: Digest,
    },
    /// The images of a list are copied.
    ListResolved {
        /// How many it has.
        images: usize,
        /// How many of them are copied.
        copied: usize,
    },
    /// An image of a list begins.
    InstanceStarted {
        /// Digest of its manifest.
        digest: Digest,
        /// Its number, from 1 on.
        number: usize,
        /// How many are copied.
        count: usize,
    },
    /// The images of a list are stored, and the list is about to be.
    ListStarted,
}

/// Receives [`CopyEvent`]s; called from several tasks, must not block.
pub type CopyProgress = Arc<dyn Fn(CopyEvent) + Send + Sync>;
