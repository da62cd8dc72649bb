//! The options of `run` and `create`, in groups by subject. Each group says how it becomes a part of a container's
//! specification (`apply`) and can be used alone, by any command that has those options.
//!
//! A further option of a subject is a field of its group and a line in its `apply`; its syntax is a parser in
//! `cove-spec`.

mod around;
mod block;
mod files;
mod glob;
mod health;
mod identity;
mod idmaps;
mod image;
mod lifecycle;
mod logging;
mod namespaces;
mod network;
mod pod;
mod process;
mod resources;
mod secrets;
mod security;
#[cfg(test)]
mod testing;
mod whole;

pub(crate) use around::Surroundings;
pub(crate) use block::BlockArgs;
pub(crate) use files::FileArgs;
pub(crate) use health::HealthArgs;
pub(crate) use image::ImageArgs;
pub(crate) use network::NetworkArgs;
pub(crate) use pod::{PodChangeArgs, PodSpecArgs};
pub(crate) use process::VariableArgs;
pub(crate) use resources::{LimitArgs, ResourceArgs};
pub(crate) use security::SecurityArgs;
pub(crate) use whole::SpecArgs;
