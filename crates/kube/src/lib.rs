//! Kubernetes YAML: what a file describes, as pods, containers, volumes and secrets, and the way back.
//!
//! [`Application::parse`] reads documents, within bounds, and knows of each field whether it has an effect. A
//! [`Workload`] becomes a [`PodPlan`] by the options of a play, and that one requests of containers. [`generate()`] describes
//! what exists. Nothing here touches a file or an engine.

mod application;
mod controller;
mod error;
mod generate;
mod objects;
mod plan;
mod quantity;
mod secret;
mod yaml;

pub use application::{Application, ScheduledJob, Unused, Workload};
pub use error::{KubeError, Result};
pub use generate::{GenerateFacts, GeneratedContainer, GeneratedPod, Objects, generate};
pub use objects::{ConfigMap, PersistentVolumeClaim, Secret};
pub use plan::{
    COPIES, Claim, ContainerPlan, HostFacts, HostPathKind, ImageFacts, Known, PodPlan, SecretData, Source,
    claim, image_folder, image_policy,
};
pub use secret::{data as secret_data, is_immutable, stored as stored_secret};
pub use yaml::{documents_of, to_yaml};

/// The network of pods for which no other is asked for.
pub const DEFAULT_NETWORK: &str = "podman-default-kube-network";
