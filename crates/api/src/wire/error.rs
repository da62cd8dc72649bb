//! Why a request was refused before anything was done.

use crate::{Error, ErrorKind};

/// Longest piece of a client's text in a message, in characters.
const LONGEST: usize = 64;

/// A body or a query that cannot be read, or that asks for what is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    place: Place,
    path: String,
    problem: Problem,
}

/// Where the value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Body,
    Query,
    /// A value of this process, see [`super::json::check`].
    Options,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// No JSON at all.
    Syntax(String),
    /// A value of another kind.
    Kind { expected: String, found: String },
    /// A value of the right kind that its type refuses.
    Value(String),
    /// No such field.
    Unknown,
    /// A field that this version does not do.
    NotDone,
}

impl WireError {
    pub(super) fn new(problem: Problem) -> Self {
        Self { place: Place::Body, path: String::new(), problem }
    }

    pub(super) fn kind(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Problem::Kind { expected: expected.into(), found: found.into() })
    }

    /// The same error with the place and the path of the value.
    pub(super) fn found_at(mut self, place: Place, path: String) -> Self {
        self.place = place;
        self.path = path;
        self
    }

    /// The path of the field, such as `HostConfig.Mounts[2].Target`; empty for the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The kind of the engine error that it becomes.
    #[must_use]
    pub(crate) fn error_kind(&self) -> ErrorKind {
        match self.problem {
            Problem::NotDone => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidArgument,
        }
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        if self.problem == Problem::NotDone {
            return write!(out, "the option {path:?} is not supported yet");
        }
        match (self.place, path.is_empty()) {
            (Place::Body, _) => out.write_str("request body: ")?,
            (Place::Query, true) => out.write_str("query: ")?,
            (Place::Query, false) => out.write_str("parameter ")?,
            (Place::Options, _) => {}
        }
        if self.problem == Problem::Unknown {
            return write!(out, "there is no field {path:?}");
        }
        if !path.is_empty() {
            write!(out, "{path}: ")?;
        }
        match &self.problem {
            Problem::Syntax(text) => write!(out, "it is not JSON: {text}"),
            Problem::Kind { expected, found } => write!(out, "expected {expected}, found {found}"),
            Problem::Value(text) => out.write_str(text),
            Problem::Unknown | Problem::NotDone => Ok(()),
        }
    }
}

impl std::error::Error for WireError {}

impl serde::de::Error for WireError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(Problem::Value(message.to_string()))
    }

    fn invalid_type(unexpected: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::kind(expected.to_string(), unexpected.to_string())
    }

    fn invalid_value(unexpected: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::kind(expected.to_string(), unexpected.to_string())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::kind(format!("one of {}", expected.join(", ")), quoted(variant))
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        Self::new(error.error_kind(), error.to_string())
    }
}

/// A client's text for a message: quoted, escaped and cut.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
