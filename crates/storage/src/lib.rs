//! The on-disk store, compatible with containers/storage: layers, images, containers.
//!
//! Everything here blocks; call it where that is allowed. See [`Store`].

#![cfg(target_os = "linux")]

mod archive;
mod check;
mod containers;
mod data;
mod destroy;
mod dirs;
mod driver;
mod error;
mod export;
mod garbage;
mod id;
mod images;
mod layers;
mod lock;
mod mounts;
mod record;
mod remove;
mod store;
mod table;
mod tempdir;
#[cfg(test)]
mod testing;
mod usage;

pub use archive::{Change, ChangeKind, Extracted, tree_size};
pub use check::{CheckOptions, Damage};
pub use containers::{ContainerMountOptions, ContainerOptions, container_metadata, make_reachable};
pub use cove_archive::{Compression, Digest};
pub use driver::{DriverKind, NamespaceHolder, OverlayOptions, mount_mapped, to_container, to_host};
pub use error::{Result, StorageError};
pub use export::TarStream;
pub use id::random_id;
pub use images::{ImageDeletion, ImageOptions, NameChange};
pub use layers::{Expectations, LayerCommit, StagedLayer, layer_id};
pub use lock::{Held as LockedFile, lock_file};
pub use record::{Container, IdMap, Image, Layer};
pub use store::{Store, StoreOptions};
pub use usage::ImageUsage;
