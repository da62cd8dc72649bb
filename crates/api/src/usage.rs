//! What the engine's objects take on the disk. JSON: libpod's `SystemDfReport`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The disk use of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct DiskUsage {
    /// Bytes of all images together: what several share counts once.
    pub images_size: i64,
    /// A row for each name of an image, and one for an image without names.
    pub images: Vec<ImageUsage>,
    /// Containers.
    pub containers: Vec<ContainerUsage>,
    /// Volumes.
    pub volumes: Vec<VolumeUsage>,
}

/// The disk use of an image, under one of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ImageUsage {
    /// The name without the tag, or `<none>`.
    pub repository: String,
    /// The tag, or `<none>`.
    pub tag: String,
    /// The whole id.
    #[serde(rename = "ImageID")]
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// All its bytes.
    pub size: i64,
    /// Bytes of the layers that other images have, too.
    pub shared_size: i64,
    /// The rest.
    pub unique_size: i64,
    /// How many containers are made from it.
    pub containers: i64,
}

impl Default for ImageUsage {
    fn default() -> Self {
        Self {
            repository: String::new(),
            tag: String::new(),
            id: String::new(),
            created: crate::zero_time(),
            size: 0,
            shared_size: 0,
            unique_size: 0,
            containers: 0,
        }
    }
}

/// The disk use of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerUsage {
    /// The whole id.
    #[serde(rename = "ContainerID")]
    pub id: String,
    /// The whole id of its image; empty for one without.
    pub image: String,
    /// What it runs.
    pub command: Vec<String>,
    /// How many volumes it has.
    pub local_volumes: u32,
    /// Bytes of its image and of what it wrote.
    pub size: i64,
    /// Bytes of what it wrote.
    #[serde(rename = "RWSize")]
    pub rw_size: i64,
    /// When it was made.
    pub created: Timestamp,
    /// The word of its state.
    pub status: String,
    /// Its name.
    pub names: String,
}

impl Default for ContainerUsage {
    fn default() -> Self {
        Self {
            id: String::new(),
            image: String::new(),
            command: Vec::new(),
            local_volumes: 0,
            size: 0,
            rw_size: 0,
            created: crate::zero_time(),
            status: String::new(),
            names: String::new(),
        }
    }
}

/// The disk use of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeUsage {
    /// Its name.
    #[serde(rename = "VolumeName")]
    pub name: String,
    /// How many containers have it.
    pub links: u32,
    /// Bytes of the files in it.
    pub size: i64,
    /// The same where no container has it, else nothing.
    pub reclaimable_size: i64,
}
