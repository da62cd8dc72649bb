//! What may go wrong with a cluster.

use std::path::PathBuf;

use cove_api::ErrorKind;

/// The result of asking a cluster.
pub type Result<T, E = ClusterError> = std::result::Result<T, E>;

/// Something wrong with a kubeconfig, a document, or what a cluster answers.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file cannot be read; the text names it.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A kubeconfig says something wrong, or something that is not done.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
        /// Whether it is only not done.
        unsupported: bool,
    },
    /// The options, or a document, say something wrong.
    #[error("{0}")]
    Invalid(String),
    /// The cluster cannot be reached, or does not speak as one.
    #[error("the cluster at {server}: {message}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What happened.
        message: String,
    },
    /// The cluster refuses something.
    #[error("{what}: {message}{}", if reason.is_empty() { String::new() } else { format!(" ({reason})") })]
    Refused {
        /// What was asked for.
        what: String,
        /// What the cluster says.
        message: String,
        /// Its word for it.
        reason: String,
        /// The status of the answer.
        status: u16,
    },
    /// Objects are not ready in time, or never will be.
    #[error("{0}")]
    NotReady(String),
}

impl From<cove_kube::KubeError> for ClusterError {
    fn from(error: cove_kube::KubeError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<ClusterError> for cove_api::Error {
    fn from(error: ClusterError) -> Self {
        let kind = match &error {
            ClusterError::File(error) if error.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            ClusterError::Config { unsupported: true, .. } => ErrorKind::Unsupported,
            ClusterError::File(_) | ClusterError::Config { .. } | ClusterError::Invalid(_) => {
                ErrorKind::InvalidArgument
            }
            ClusterError::Unreachable { .. } => ErrorKind::Unavailable,
            ClusterError::Refused { status, .. } => match status {
                401 => ErrorKind::Unauthorized,
                403 => ErrorKind::PermissionDenied,
                404 => ErrorKind::NotFound,
                409 => ErrorKind::InUse,
                400 | 422 => ErrorKind::InvalidArgument,
                _ => ErrorKind::Internal,
            },
            ClusterError::NotReady(_) => ErrorKind::Timeout,
        };
        Self::new(kind, error.to_string())
    }
}
