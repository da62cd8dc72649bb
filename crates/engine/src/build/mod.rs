//! Building images: the doing of what `cove-build` understands.
//!
//! A build goes through the stages that its target needs, one step after another. What a step changes of files happens in
//! a *working container* ([`working`]), a container of the store that no database knows; its changes become a layer, and
//! with layers every step an image that later builds find again ([`cache`]). A command is run like a container's
//! ([`run`]), from a plan of values.

mod agent;
mod cache;
mod caches;
mod commit;
mod context;
mod copying;
mod distant;
mod export;
mod fetch;
mod hand;
mod mounts;
mod naming;
mod placing;
mod platforms;
mod remote;
mod report;
mod run;
mod sbom;
mod stage;
mod stages;
mod start;
mod state;
mod working;

pub(crate) use caches::prune_caches;
pub(crate) use context::Unpacked;
pub(crate) use export::files;
pub(crate) use start::build;
pub(crate) use working::{BUILD_FILE, lock_left};
