//! What is wrong with a project, and where.

use std::sync::Arc;

use cove_api::{Error, ErrorKind};

/// The result of loading.
pub type Result<T, E = ComposeError> = std::result::Result<T, E>;

/// Something wrong in a file, or about the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.place())]
pub struct ComposeError {
    /// The file.
    pub file: Option<Arc<str>>,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The key, such as `services.web.ports`; empty where it is none.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What kind of fault it is.
    pub kind: ErrorKind,
}

impl ComposeError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            file: None,
            line: None,
            path: String::new(),
            message: message.into(),
            kind: ErrorKind::InvalidArgument,
        }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NotFound, ..Self::new(message) }
    }

    /// With its place in a file, where there is none yet.
    pub(crate) fn at(mut self, file: &Arc<str>, line: usize, path: impl Into<String>) -> Self {
        if self.file.is_none() {
            self.file = Some(Arc::clone(file));
            self.line = Some(line);
            self.path = path.into();
        }
        self
    }

    fn place(&self) -> String {
        let mut place = String::new();
        if let Some(file) = &self.file {
            place.push_str(file);
            if let Some(line) = self.line.filter(|line| *line > 0) {
                place.push_str(&format!(":{line}"));
            }
            place.push_str(": ");
        }
        if !self.path.is_empty() {
            place.push_str(&self.path);
            place.push_str(": ");
        }
        place
    }
}

impl From<ComposeError> for Error {
    fn from(error: ComposeError) -> Self {
        Self::new(error.kind, error.to_string())
    }
}
