//! What is wrong with a build file, and where.

use cove_api::{Error, ErrorKind};

/// The result of reading or planning.
pub type Result<T, E = BuildError> = std::result::Result<T, E>;

/// Something wrong with a build file or its context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct BuildError {
    /// The line of the build file, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// Whether this version cannot do it, rather than nobody.
    pub unsupported: bool,
}

impl BuildError {
    /// Something that nobody can do.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into(), unsupported: false }
    }

    /// Something that this version does not do.
    #[must_use]
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { unsupported: true, ..Self::new(message) }
    }

    /// With the line, where there is none yet.
    #[must_use]
    pub fn at(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        let kind = if error.unsupported { ErrorKind::Unsupported } else { ErrorKind::InvalidArgument };
        Self::new(kind, error.to_string())
    }
}

#[cfg(unix)]
impl From<cove_tree::Error> for BuildError {
    fn from(error: cove_tree::Error) -> Self {
        Self::new(error.to_string())
    }
}
