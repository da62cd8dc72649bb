//! Volumes, and what services mount.

use std::collections::BTreeMap;

use super::Bytes;
use super::absent::model;

model! {
    /// A volume of the project.
    pub struct Volume {
        /// The engine's name of it.
        pub name: String,
        /// Its driver; empty for the default one.
        pub driver: String,
        /// The driver's options.
        pub driver_opts: BTreeMap<String, String>,
        /// Whether it exists already and is none of the project's.
        pub external: bool,
        /// Labels.
        pub labels: BTreeMap<String, String>,
    }

    /// Something that a service mounts.
    pub struct Mount {
        /// `bind`, `volume`, `tmpfs`, `image`, `npipe` or `cluster`.
        pub r#type: String,
        /// An absolute path, the key of the project's volume (empty: an anonymous one), or an image.
        pub source: String,
        /// Where it is in the container.
        pub target: String,
        /// Whether it cannot be written.
        pub read_only: bool,
        /// A hint of Docker Desktop's.
        pub consistency: String,
        /// Options of a bind.
        pub bind: Option<BindOptions>,
        /// Options of a volume.
        pub volume: Option<VolumeOptions>,
        /// Options of a tmpfs.
        pub tmpfs: Option<TmpfsOptions>,
        /// Options of an image.
        pub image: Option<ImageOptions>,
    }

    /// Options of a bind.
    pub struct BindOptions {
        /// `z` (shared) or `Z` (private).
        pub selinux: String,
        /// Propagation of mounts.
        pub propagation: String,
        /// Whether a missing folder is made.
        pub create_host_path: bool,
        /// `enabled`, `disabled`, `writable` or `readonly`.
        pub recursive: String,
    }

    /// Options of a volume.
    pub struct VolumeOptions {
        /// Labels of one that is anonymous.
        pub labels: BTreeMap<String, String>,
        /// Whether it is not filled from the image.
        pub nocopy: bool,
        /// The folder in it that is mounted.
        pub subpath: String,
    }

    /// Options of a tmpfs.
    pub struct TmpfsOptions {
        /// Most bytes.
        pub size: Bytes,
        /// Its permissions.
        pub mode: u32,
    }

    /// Options of an image.
    pub struct ImageOptions {
        /// The folder in it that is mounted.
        pub subpath: String,
    }
}
