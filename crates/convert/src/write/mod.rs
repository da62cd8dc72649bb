//! From an application to texts.

mod compose;
mod compose_limits;
mod compose_service;
mod compose_value;
mod flag;
mod flags;
mod flags_mount;
mod flags_pod;
mod flags_value;
mod kube;
mod kube_container;
mod kube_pod;
mod kube_value;
mod kube_volume;
mod quadlet;
mod quadlet_unit;
mod run;

pub use compose::compose;
pub use kube::{Facts, kube};
pub use quadlet::quadlet;
pub use run::run;

/// A file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}
