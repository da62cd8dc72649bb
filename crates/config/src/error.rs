//! What can go wrong with configuration.

use std::io;
use std::path::{Path, PathBuf};

use cove_api::ErrorKind;

use crate::spans;

/// A text that is not what its format demands; the pure parsers return it, loading adds the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct ParseError {
    /// Line of the text, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong there.
    pub message: String,
}

impl ParseError {
    /// An error without a line.
    pub fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }

    /// An error in line `line` (from 1).
    pub fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    pub(crate) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| spans::line(text, span.start));
        let message = error.message().trim().replace('\n', ", ");
        let spans = spans::Spans::of(text);
        let message = match error.span().and_then(|span| spans.key_at(span.start)) {
            Some(key) => format!("{key}: {message}"),
            None => message,
        };
        Self { line, message }
    }

    pub(crate) fn from_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json appends " at line L column C"; we say the line in our own way.
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
        Self { line: Some(error.line()).filter(|line| *line > 0), message }
    }
}

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is there and cannot be read, is a directory, is too large, or is no text.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A file that was named explicitly is not there.
    #[error("{} does not exist (named by {named_by})", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Who named it, such as an environment variable.
        named_by: String,
    },
    /// A file breaks the rules of its format.
    #[error("{}{}: {}", path.display(), error.line.map(|line| format!(":{line}")).unwrap_or_default(), error.message)]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        error: ParseError,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A value of the configuration or environment is not usable.
    #[error("invalid {what} {value:?}: {reason}")]
    Invalid {
        /// Which setting.
        what: String,
        /// Its value.
        value: String,
        /// Why not.
        reason: String,
    },
    /// Neither HOME nor the password database names the user's home folder.
    #[error("the home folder of user {uid} is unknown: set HOME to an absolute path")]
    NoHome {
        /// The user.
        uid: u32,
    },
    /// No such connection.
    #[error("connection {name:?} not found")]
    ConnectionNotFound {
        /// The name that was asked for.
        name: String,
    },
    /// A connection has that name already.
    #[error("connection {name:?} already exists")]
    ConnectionExists {
        /// The name.
        name: String,
    },
    /// The connection is in containers.conf, which Cove never writes.
    #[error("connection {name:?} is defined in containers.conf and can only be changed there")]
    ConnectionReadOnly {
        /// The name.
        name: String,
    },
    /// A default connection is asked for, and there is none.
    #[error("no default connection found")]
    NoDefaultConnection,
    /// No such context of Docker.
    #[error("context {name:?}: context not found: there is no {}", path.display())]
    ContextNotFound {
        /// The name that was asked for.
        name: String,
        /// The file that would be its document.
        path: PathBuf,
    },
    /// A context has that name already.
    #[error("context {name:?} already exists")]
    ContextExists {
        /// The name.
        name: String,
    },
    /// The name of no context was given for one.
    #[error("\"default\" is a reserved context name")]
    ContextReserved,
    /// No context can have that name.
    #[error(
        "context name {name:?} is invalid: it must match ^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$ and have at most 255 letters"
    )]
    ContextName {
        /// The name.
        name: String,
    },
    /// A credential helper failed.
    #[error("credential helper {program}: {message}")]
    CredentialHelper {
        /// The program.
        program: String,
        /// What it said.
        message: String,
    },
    /// Nobody is logged in there.
    #[error("not logged into {registry}")]
    NotLoggedIn {
        /// The registry or repository.
        registry: String,
    },
}

impl Error {
    pub(crate) fn parse(path: &Path, error: ParseError) -> Self {
        Self::Parse { path: path.to_owned(), error }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Read { source, .. } | Error::Write { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                ErrorKind::PermissionDenied
            }
            Error::Missing { .. }
            | Error::ConnectionNotFound { .. }
            | Error::ContextNotFound { .. }
            | Error::NoDefaultConnection => ErrorKind::NotFound,
            Error::ConnectionExists { .. } | Error::ContextExists { .. } => ErrorKind::AlreadyExists,
            Error::Parse { .. }
            | Error::Invalid { .. }
            | Error::ConnectionReadOnly { .. }
            | Error::ContextReserved
            | Error::ContextName { .. } => ErrorKind::InvalidArgument,
            Error::NotLoggedIn { .. } => ErrorKind::Unauthorized,
            Error::CredentialHelper { .. } => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        Self::from_chain(kind, &error)
    }
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
