//! What can go wrong with networks, each case naming the network, container, path or port.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No network has this name or id.
    #[error("unable to find network with name or ID {0}: network not found")]
    NetworkNotFound(String),
    /// More than one network's id starts so.
    #[error("more than one result for network ID {0}")]
    Ambiguous(String),
    /// A network of this name exists.
    #[error("netavark: network already exists {0}")]
    NetworkExists(String),
    /// What was asked for is malformed or contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// Understood, but not done here; the text names what.
    #[error("{0}")]
    Unsupported(String),
    /// Something else uses the address, subnet, name or port.
    #[error("{0}")]
    InUse(String),
    /// All addresses of the subnet are leased.
    #[error("no free address left in network {network}, subnet {subnet}")]
    Exhausted {
        /// Name of the network.
        network: String,
        /// The subnet or lease range, as text.
        subnet: String,
    },
    /// A host port is taken.
    #[error("rootlessport listen {protocol} {address}: bind: address already in use")]
    PortInUse {
        /// Its protocol.
        protocol: cove_api::Protocol,
        /// `address:port`.
        address: String,
    },
    /// A host port is for root alone.
    #[error(
        "cannot expose privileged port {port}, you can add 'net.ipv4.ip_unprivileged_port_start={port}' to /etc/sysctl.conf \
         (currently {first}), or choose a larger port number (>= {first}): listen {protocol} {address}: bind: permission denied"
    )]
    PrivilegedPort {
        /// Its protocol.
        protocol: cove_api::Protocol,
        /// `address:port`.
        address: String,
        /// The port.
        port: u16,
        /// The first port that everybody may use.
        first: u16,
    },
    /// A host port cannot be bound for another reason.
    #[error("cannot expose port {protocol} {address}: {source}")]
    PortBind {
        /// Its protocol.
        protocol: cove_api::Protocol,
        /// `address:port`.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A helper program is not installed.
    #[error("{program} was not found: install the package {package}")]
    MissingProgram {
        /// Name of the program.
        program: String,
        /// Name of the distribution package that has it.
        package: String,
    },
    /// A helper program failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Name of the program.
        program: String,
        /// What it printed, or how it ended.
        message: String,
    },
    /// The kernel refused a netlink request.
    #[error("{action}: {source}")]
    Kernel {
        /// What was tried, naming the device or address.
        action: String,
        /// The kernel's error.
        source: io::Error,
    },
    /// A file or namespace operation failed.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A configuration or state file does not parse.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Several steps of a teardown failed; all of them were tried.
    #[error("{}", join(.0))]
    Several(Vec<Error>),
}

fn join(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Error {
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_path_buf(), source }
    }

    pub(crate) fn kernel(action: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Kernel { action: action.into(), source: source.into() }
    }

    /// Nothing, the one error, or [`Error::Several`].
    pub(crate) fn collected(mut errors: Vec<Error>) -> Result<()> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several(errors)),
        }
    }
}

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        use cove_api::ErrorKind;
        let io_kind = |source: &io::Error| match source.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Internal,
        };
        let kind = match &error {
            Error::NetworkNotFound(_) => ErrorKind::NotFound,
            Error::NetworkExists(_) => ErrorKind::AlreadyExists,
            Error::Ambiguous(_) | Error::Invalid(_) => ErrorKind::InvalidArgument,
            Error::Unsupported(_) => ErrorKind::Unsupported,
            Error::PrivilegedPort { .. } => ErrorKind::PermissionDenied,
            Error::InUse(_) | Error::Exhausted { .. } | Error::PortInUse { .. } => ErrorKind::InUse,
            Error::MissingProgram { .. } => ErrorKind::Unavailable,
            Error::PortBind { source, .. } | Error::Kernel { source, .. } | Error::File { source, .. } => {
                io_kind(source)
            }
            Error::Program { .. } | Error::Parse { .. } | Error::Several(_) => ErrorKind::Internal,
        };
        // The messages already hold their causes.
        Self::new(kind, error.to_string())
    }
}
