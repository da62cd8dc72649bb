//! From objects to requests: what a pod, its containers and its volumes are to be.

mod annotations;
mod container;
mod environment;
mod facts;
mod pod;
mod ports;
mod probe;
mod resources;
mod security;
mod volume;

pub use container::ContainerPlan;
pub use facts::{COPIES, HostFacts, ImageFacts, Known, SecretData};
pub use pod::{PodPlan, image_folder, image_policy};
pub use volume::{Claim, HostPathKind, Source, claim};
