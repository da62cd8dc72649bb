//! The error that crosses process boundaries: a kind that programs decide on, and a message for people.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shown;

/// What sort of failure it is; the server maps it once to an HTTP status, the command line once to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The named object does not exist (404).
    NotFound,
    /// An object of that name exists already (409).
    AlreadyExists,
    /// The request itself is wrong (400).
    InvalidArgument,
    /// Something else uses the object (409).
    InUse,
    /// The object is in a state in which the request makes no sense (409).
    WrongState,
    /// The kernel or the file system refused (403).
    PermissionDenied,
    /// Credentials are missing or wrong (401).
    Unauthorized,
    /// Not done by this version or impossible on this machine (501).
    Unsupported,
    /// A registry, service or helper program cannot be reached or is missing (503).
    Unavailable,
    /// No answer in time (504).
    Timeout,
    /// The caller gave up.
    Cancelled,
    /// The container's command was not found: exit code 127 (as in Podman).
    CommandNotFound,
    /// The container's command cannot be run: exit code 126 (as in Podman).
    CommandNotExecutable,
    /// Anything else (500).
    Internal,
}

impl ErrorKind {
    /// The HTTP status that stands for this kind.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::Unauthorized => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::InUse | Self::WrongState => 409,
            Self::Unsupported => 501,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::CommandNotFound | Self::CommandNotExecutable | Self::Cancelled | Self::Internal => 500,
        }
    }

    /// The kind to assume for a status from a server that sends none of its own.
    #[must_use]
    pub fn from_http_status(status: u16) -> Self {
        match status {
            400 => Self::InvalidArgument,
            401 => Self::Unauthorized,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            409 => Self::WrongState,
            501 => Self::Unsupported,
            503 => Self::Unavailable,
            504 => Self::Timeout,
            _ => Self::Internal,
        }
    }
}

/// An engine error: its kind and its whole text (what failed, on which object, why).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{message}")]
// Not to be made field by field elsewhere: `new` sees that the text is safe to show.
#[non_exhaustive]
pub struct Error {
    /// The kind, for programs.
    pub kind: ErrorKind,
    /// The text, for people, without a leading "Error:": one line that is safe to show (see [`crate::shown`]), and
    /// perhaps more, each indented.
    pub message: String,
}

/// The result of an engine call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` with `message`, which becomes one line that is safe to show.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: one_line(message.into()) }
    }
    /// An [`ErrorKind::NotFound`] error.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }
    /// An [`ErrorKind::InvalidArgument`] error.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }
    /// An [`ErrorKind::Unsupported`] error.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }
    /// An [`ErrorKind::Internal`] error.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }
    /// The same error with `context: ` put before its text.
    #[must_use]
    pub fn context(mut self, context: impl std::fmt::Display) -> Self {
        self.message = format!("{}: {}", shown::line(&context.to_string()), self.message);
        self
    }
    /// The same error with further lines below its text, indented so that none looks like a message of its own; at
    /// most a hundred.
    #[must_use]
    pub fn with_lines<T: AsRef<str>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        for line in lines.into_iter().take(MOST_LINES) {
            self.message.push_str("\n  ");
            self.message.push_str(&shown::line(line.as_ref()));
        }
        self
    }
    /// Any error with its whole chain of causes as one line, under `kind`.
    pub fn from_chain(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.ends_with(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(kind, message)
    }
}

/// Most lines that [`Error::with_lines`] adds.
const MOST_LINES: usize = 100;

fn one_line(text: String) -> String {
    match shown::line(&text) {
        Cow::Borrowed(same) if same.len() == text.len() => text,
        Cow::Borrowed(part) => part.to_owned(),
        Cow::Owned(changed) => changed,
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            std::io::ErrorKind::TimedOut => ErrorKind::Timeout,
            std::io::ErrorKind::ConnectionRefused => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        };
        Self::from_chain(kind, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_safe_to_show() {
        let error = Error::not_found("no such image: a\u{1b}[2J\nError: b").context("pull\r");
        assert_eq!(error.message, "pull\\r: no such image: a\\x1b[2J\\nError: b");
        let error = Error::internal("the end of the console:").with_lines(["one", "t\nwo\u{7}"]);
        assert_eq!(error.message, "the end of the console:\n  one\n  t\\nwo\\x07");
        assert!(Error::invalid("x".repeat(70_000)).message.len() <= shown::LONGEST_LINE);
    }
}
