//! Kubernetes clusters: which one a kubeconfig means, and objects that are applied there.
//!
//! [`Access`] is what a kubeconfig says: where the API is, whom it is to believe and as whom it is asked. [`Objects`] are
//! the documents of a text in the order in which they are applied. A [`Cluster`] applies them by server-side apply and
//! waits until they are ready. Nothing of the user is read but the files that are named.

mod access;
mod apply;
mod cluster;
mod error;
mod kubeconfig;
mod objects;
mod ready;
mod tls;

pub use access::{Access, Authority, Choice};
pub use apply::{Applied, ApplyOptions};
pub use cluster::Cluster;
pub use error::{ClusterError, Result};
pub use objects::Objects;
