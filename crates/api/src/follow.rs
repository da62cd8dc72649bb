//! Following what an engine has: all of it, then what changes. Cove's own: no peer has such a call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ContainerSummary, ImageSummary, Network, PodSummary, Volume};

/// Options of [`crate::System::follow`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FollowOptions {
    /// Go on after the line of that number. Where what followed is not known any more, all is told anew.
    pub since: Option<u64>,
    /// The `feed` of that line: numbers of another feed mean nothing.
    pub feed: String,
}

/// Something an engine tells to who follows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StateLine {
    /// The number of this state; each change has the next one.
    pub sequence: u64,
    /// Which feed counts so. A service has another one after it was started anew, or after nobody has followed for a
    /// while.
    pub feed: String,
    /// Forget everything: this is how it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Box<StateRows>>,
    /// Why all is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<SnapshotReason>,
    /// New ones and changed ones.
    #[serde(skip_serializing_if = "StateRows::is_empty")]
    pub changed: StateRows,
    /// Those that are gone.
    #[serde(skip_serializing_if = "StateKeys::is_empty")]
    pub removed: StateKeys,
}

/// Why all is told, and not only what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotReason {
    /// It is the first line, and nothing else was asked for.
    First,
    /// What followed the line that was named is not known any more.
    Gone,
    /// Whoever reads was so slow that changes were lost.
    Behind,
}

/// Objects of every kind that is followed, as lists show them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StateRows {
    /// Containers, running or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerSummary>,
    /// Images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageSummary>,
    /// Pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodSummary>,
    /// Volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
}

impl StateRows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { containers, images, pods, volumes, networks } = self;
        containers.len() + images.len() + pods.len() + volumes.len() + networks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What objects are known by: ids of containers, images, pods and networks, names of volumes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StateKeys {
    /// Of containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// Of images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Of pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// Of volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// Of networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
}

impl StateKeys {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { containers, images, pods, volumes, networks } = self;
        containers.len() + images.len() + pods.len() + volumes.len() + networks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
