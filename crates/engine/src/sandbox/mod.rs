//! Running a process confined: mounts, networks, files, OCI bundle and monitor, and giving all of it back.
//!
//! What is to be is a [`Plan`] of pure values, what it is made with are the engine's [`crate::parts::Parts`]. Nothing
//! here knows of the state database or of containers as users know them: those are one caller, see
//! `container/prepare.rs`; a build step or the first container of a pod is another.
//!
//! [`prepare`] makes everything and answers with a monitor that waits for the order to start; [`release`] takes
//! apart whatever there is, from the id and the folder alone, as often as one likes.

mod accounts;
mod additions;
mod bundle;
mod files;
mod idmap;
mod images;
mod mounts;
mod network;
mod overlay;
mod plan;
mod prepare;
mod release;
mod rootfs;
mod secrets;
mod subscriptions;
#[cfg(test)]
mod tests;
mod userns;

pub(crate) use files::follow_networks;
pub(crate) use images::{mount as mount_image, release as release_images};
pub(crate) use mounts::settle;
pub(crate) use plan::{
    Hidden, Plan, PlannedHealth, PlannedSecret, PlannedVolume, Prepared, Remains, Shm, shm_directory,
};
pub(crate) use prepare::{health_options, mount_root, prepare};
pub(crate) use release::release;
pub(crate) use rootfs::RootDir;
#[cfg(test)]
pub(crate) use rootfs::descriptor_path;
