//! What can go wrong with references, registries, archives and copying.

use std::io;
use std::path::PathBuf;

use cove_api::ErrorKind;
use cove_archive::{Digest, InvalidDigest};

/// The result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// Every variant names the image, registry or path, and never holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A reference that does not follow the grammar.
    #[error("parsing reference {input:?}: {reason}")]
    InvalidReference {
        /// As given.
        input: String,
        /// The rule it breaks.
        reason: String,
    },
    /// A digest that does not follow the grammar.
    #[error(transparent)]
    InvalidDigest(#[from] InvalidDigest),
    /// A `TRANSPORT:…` text that cannot be understood.
    #[error("invalid image location {input:?}: {reason}")]
    InvalidLocation {
        /// As given.
        input: String,
        /// Why.
        reason: String,
    },
    /// A short name that the configuration does not resolve.
    #[error("{message}")]
    ShortName {
        /// The whole message.
        message: String,
    },
    /// The configuration forbids the registry.
    #[error("registry {registry} is blocked in {place}")]
    Blocked {
        /// The blocked prefix.
        registry: String,
        /// The configuration.
        place: String,
    },
    /// policy.json forbids the image.
    #[error("Source image rejected: {source}")]
    Policy {
        /// The requirement it does not meet.
        #[source]
        source: cove_config::policy::Denied,
    },
    /// An image that cannot be signed.
    #[error("signing {image}: {reason}")]
    Signing {
        /// The image.
        image: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// A manifest, index or configuration that cannot be used.
    #[error("{image}: {reason}")]
    InvalidImage {
        /// The image.
        image: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something that is understood but not supported.
    #[error("{subject}: {what} is not supported")]
    Unsupported {
        /// The image or archive.
        subject: String,
        /// What is not supported.
        what: String,
    },
    /// An index without an entry for the platform.
    #[error(
        "{image}: no image found in image index for architecture {architecture:?}, variant {variant:?}, OS {os:?} (it has: {available})"
    )]
    NoPlatform {
        /// The image.
        image: String,
        /// The wanted architecture.
        architecture: String,
        /// The wanted variant.
        variant: String,
        /// The wanted operating system.
        os: String,
        /// What the index has.
        available: String,
    },
    /// More bytes than allowed.
    #[error("{subject} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What.
        subject: String,
        /// In bytes.
        limit: u64,
    },
    /// Content that is not what its digest promises.
    #[error("{subject}: digest mismatch: expected {expected}, got {actual}")]
    DigestMismatch {
        /// What.
        subject: String,
        /// As named by the reference or the manifest.
        expected: Digest,
        /// Of the bytes received.
        actual: Digest,
    },
    /// Content that is not as long as promised.
    #[error("{subject}: size mismatch: expected {expected} bytes, got {actual}")]
    SizeMismatch {
        /// What.
        subject: String,
        /// In bytes.
        expected: u64,
        /// In bytes; for content that is too long, where reading stopped.
        actual: u64,
    },
    /// The registry has no such image.
    #[error("reading manifest {tag} in {name}: manifest unknown: check the name and the tag{detail}")]
    ManifestUnknown {
        /// The repository with its registry.
        name: String,
        /// Tag or digest.
        tag: String,
        /// What the registry said, with its separator, or nothing.
        detail: String,
    },
    /// The registry has no such repository.
    #[error("fetching tags list of {name}: name unknown: repository name not known to registry")]
    RepositoryUnknown {
        /// The repository with its registry.
        name: String,
    },
    /// The registry has nothing under the name that is to be deleted.
    #[error(
        "Unable to delete {image}. Image may not exist or is not stored with a v2 Schema in a v2 registry"
    )]
    NothingToDelete {
        /// The image.
        image: String,
    },
    /// The registry has no such blob.
    #[error("{image}: blob {digest} is missing in the registry")]
    BlobUnknown {
        /// The image.
        image: String,
        /// The blob.
        digest: Digest,
    },
    /// The registry wants other credentials.
    #[error("{what}: unauthorized: {detail}")]
    Unauthorized {
        /// The image or registry.
        what: String,
        /// The next step, and what the registry said.
        detail: String,
    },
    /// The registry knows the user but refuses.
    #[error("{what}: denied: {detail}")]
    Denied {
        /// The image or registry.
        what: String,
        /// What the registry said.
        detail: String,
    },
    /// An unexpected HTTP status after all tries.
    #[error("{url}: HTTP status {status}{detail}")]
    Status {
        /// Without query and user information.
        url: String,
        /// As received.
        status: u16,
        /// What the registry said, with its separator, or nothing.
        detail: String,
    },
    /// The registry wants a longer pause than is made.
    #[error(
        "{url}: HTTP status {status}: it asks to wait {asked} s, and at most {limit} s are waited in all ({waited} s so far): try again later"
    )]
    Busy {
        /// Without query and user information.
        url: String,
        /// As received.
        status: u16,
        /// What the registry asked for, in seconds.
        asked: u64,
        /// What was waited before because registries asked for it, in seconds.
        waited: u64,
        /// The limit, in seconds.
        limit: u64,
    },
    /// The registry cannot be reached.
    #[error("pinging container registry {registry}: {reason}")]
    Unreachable {
        /// Host and port.
        registry: String,
        /// The cause and the next step.
        reason: String,
    },
    /// The registry's certificate or protocol version is refused.
    #[error("pinging container registry {registry}: tls: {reason}")]
    Tls {
        /// Host and port.
        registry: String,
        /// The cause and the next step.
        reason: String,
    },
    /// No data for too long.
    #[error("{what}: no answer for {seconds} seconds")]
    Timeout {
        /// What was waited for.
        what: String,
        /// The limit.
        seconds: u64,
    },
    /// The registry breaks the protocol.
    #[error("{registry}: {reason}")]
    Protocol {
        /// Host and port.
        registry: String,
        /// How.
        reason: String,
    },
    /// None of several candidates could be used.
    #[error("{}", list_candidates(.image, .causes))]
    AllCandidates {
        /// As the user wrote it.
        image: String,
        /// Each with its candidate's name.
        causes: Vec<(String, Error)>,
    },
    /// An archive or layout that cannot be read.
    #[error("{}: {reason}", .path.display())]
    Archive {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An image that an archive or layout does not hold.
    #[error("{}: no image {name:?} (it has: {available})", .path.display())]
    NotInArchive {
        /// The file or directory.
        path: PathBuf,
        /// As asked for.
        name: String,
        /// What there is.
        available: String,
    },
    /// Reading or writing a file, or a stream, failed.
    #[error("{subject}: {source}")]
    Io {
        /// What.
        subject: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A source or destination outside this crate failed.
    #[error(transparent)]
    External(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An I/O error about `subject`; an [`Error`], or the engine's, that travelled inside an [`io::Error`] comes out
    /// again.
    pub fn io(subject: impl Into<String>, source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => match source.downcast::<cove_api::Error>() {
                Ok(error) => Self::external(error),
                Err(source) => Self::Io { subject: subject.into(), source },
            },
        }
    }

    /// Wraps the error of a source or destination that lives in another crate.
    pub fn external(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::External(error.into())
    }

    /// As an [`io::Error`], for streams; [`Error::io`] brings it back.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io { source, subject } => io::Error::new(source.kind(), format!("{subject}: {source}")),
            other => io::Error::other(other),
        }
    }

    /// The same about the token server of `registry`, which the user has not named and may not know.
    pub(crate) fn of_token_server(self, registry: &str) -> Self {
        let theirs = |what: String| format!("{registry}: its token server: {what}");
        match self {
            Self::Unreachable { registry: server, reason } => Self::Unreachable {
                registry: registry.into(),
                reason: format!("its token server {server}: {reason}"),
            },
            Self::Tls { registry: server, reason } => Self::Tls {
                registry: registry.into(),
                reason: format!("its token server {server}: {reason}"),
            },
            Self::Timeout { what, seconds } => Self::Timeout { what: theirs(what), seconds },
            Self::Protocol { registry: server, reason } => {
                Self::Protocol { registry: theirs(server), reason }
            }
            Self::Status { url, status, detail } => Self::Status { url: theirs(url), status, detail },
            Self::Busy { url, status, asked, waited, limit } => {
                Self::Busy { url: theirs(url), status, asked, waited, limit }
            }
            other => other,
        }
    }

    pub(crate) fn image(image: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidImage { image: image.into(), reason: reason.into() }
    }

    pub(crate) fn archive(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Archive { path: path.into(), reason: reason.into() }
    }
}

impl Error {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidReference { .. }
            | Self::InvalidDigest(_)
            | Self::InvalidLocation { .. }
            | Self::ShortName { .. }
            | Self::InvalidImage { .. }
            | Self::Signing { .. }
            | Self::TooLarge { .. }
            | Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::Archive { .. } => ErrorKind::InvalidArgument,
            Self::Blocked { .. } | Self::Denied { .. } | Self::Policy { .. } => ErrorKind::PermissionDenied,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::NoPlatform { .. }
            | Self::ManifestUnknown { .. }
            | Self::RepositoryUnknown { .. }
            | Self::NothingToDelete { .. }
            | Self::BlobUnknown { .. }
            | Self::NotInArchive { .. } => ErrorKind::NotFound,
            Self::Unauthorized { .. } => ErrorKind::Unauthorized,
            Self::Busy { .. } | Self::Status { .. } | Self::Unreachable { .. } | Self::Tls { .. } => {
                ErrorKind::Unavailable
            }
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Protocol { .. } => ErrorKind::Internal,
            Self::AllCandidates { causes, .. } => {
                let mut kinds = causes.iter().map(|(_, error)| error.kind());
                match kinds.next() {
                    Some(first) if kinds.all(|kind| kind == first) => first,
                    _ => ErrorKind::NotFound,
                }
            }
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
                io::ErrorKind::Unsupported => ErrorKind::Unsupported,
                io::ErrorKind::TimedOut => ErrorKind::Timeout,
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ErrorKind::InvalidArgument,
                _ => ErrorKind::Internal,
            },
            Self::External(error) => {
                error.downcast_ref::<cove_api::Error>().map_or(ErrorKind::Internal, |error| error.kind)
            }
        }
    }
}

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let mut lines = text.lines();
        match error {
            Error::AllCandidates { .. } => Self::new(error.kind(), lines.next().unwrap_or_default())
                .with_lines(lines.map(str::trim_start)),
            _ => Self::new(error.kind(), text),
        }
    }
}

fn list_candidates(image: &str, causes: &[(String, Error)]) -> String {
    match causes {
        [(_, error)] => error.to_string(),
        _ => {
            let mut text = format!("{} errors occurred while pulling {image:?}:", causes.len());
            for (name, error) in causes {
                text.push_str(&format!("\n  {}", cove_api::shown::line(&format!("* {name}: {error}"))));
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_a_way_through_streams() {
        for kind in [
            ErrorKind::NotFound,
            ErrorKind::AlreadyExists,
            ErrorKind::InUse,
            ErrorKind::Unsupported,
            ErrorKind::PermissionDenied,
            ErrorKind::InvalidArgument,
        ] {
            let error = || cove_api::Error::new(kind, "layer abc is so");
            for there in [
                Error::external(error()),
                Error::io("stream", io::Error::other(error())),
                Error::io("stream", Error::external(error()).into_io()),
                Error::io("outer", Error::io("inner", Error::external(error()).into_io()).into_io()),
            ] {
                assert_eq!(there.kind(), kind);
                let back = cove_api::Error::from(there);
                assert_eq!((back.kind, back.message.as_str()), (kind, "layer abc is so"));
            }
        }
    }
}
