//! What is wrong with a file, and where.

use cove_api::{Error, ErrorKind};

/// The result of reading and planning.
pub type Result<T, E = KubeError> = std::result::Result<T, E>;

/// Something wrong in a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), self.shown_path())]
pub struct KubeError {
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The field, such as `spec.containers[0].image`; empty where it is none.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What kind of fault it is.
    pub kind: ErrorKind,
}

impl KubeError {
    /// A wrong value, at no place yet.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { line: None, path: String::new(), message: message.into(), kind: ErrorKind::InvalidArgument }
    }

    /// With the place, where there is none yet.
    pub(crate) fn at(mut self, line: usize, path: impl FnOnce() -> String) -> Self {
        if self.line.is_none() {
            self.line = Some(line);
            self.path = path();
        }
        self
    }

    /// With words before it.
    pub(crate) fn context(mut self, words: impl std::fmt::Display) -> Self {
        self.message = format!("{words}: {}", self.message);
        self
    }

    fn shown_path(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) }
    }
}

impl From<KubeError> for Error {
    fn from(error: KubeError) -> Self {
        Self::new(error.kind, error.to_string())
    }
}

impl From<cove_spec::Error> for KubeError {
    fn from(error: cove_spec::Error) -> Self {
        error_of(&error.into())
    }
}

impl From<Error> for KubeError {
    fn from(error: Error) -> Self {
        error_of(&error)
    }
}

fn error_of(error: &Error) -> KubeError {
    KubeError { kind: error.kind, ..KubeError::new(error.message.clone()) }
}

impl serde::de::Error for KubeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// Returns an error with a formatted message.
macro_rules! bail {
    ($($argument:tt)+) => {
        return Err($crate::error::KubeError::new(format!($($argument)+)))
    };
}

pub(crate) use bail;
