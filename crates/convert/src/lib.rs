//! Applications from one form into another: command lines of `run`, Compose files, Kubernetes YAML and Quadlet's unit
//! files.
//!
//! All of them become an [`Application`], whose heart is the engine's own request of a container
//! ([`cove_api::ContainerSpec`]); [`read`] makes one, [`write`](mod@write) makes texts of it. What a form cannot say is a
//! [`Loss`], never dropped: the writers take the requests apart field by field, so that a new field has to be placed.
//! Pure: no file is read or written here.

mod loss;
mod model;
mod normal;
pub mod read;
mod shell;
pub mod write;

pub use loss::{Loss, Losses, Of};
pub use model::{After, Application, Condition, Container, Network, Volume};
