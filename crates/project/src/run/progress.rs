//! What is told while something is done.

use std::fmt;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is being done.
    Working,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// Something to know.
    Warning,
}

/// One step of one object, as docker-compose tells it: ` Container shop-web-1  Created`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `Container NAME`, `Network NAME`, `Volume NAME`, `Image NAME`; empty for a warning about the whole.
    pub object: String,
    /// The step, such as `Creating`, or the warning.
    pub text: String,
    /// How far it is.
    pub status: Status,
}

impl Event {
    pub(crate) fn working(object: &str, text: &str) -> Self {
        Self { object: object.to_owned(), text: text.to_owned(), status: Status::Working }
    }

    pub(crate) fn done(object: &str, text: &str) -> Self {
        Self { status: Status::Done, ..Self::working(object, text) }
    }

    pub(crate) fn failed(object: &str, text: &str) -> Self {
        Self { status: Status::Failed, ..Self::working(object, text) }
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self { object: String::new(), text: text.into(), status: Status::Warning }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.object.is_empty() {
            out.write_str(&self.text)
        } else {
            write!(out, " {}  {}", self.object, self.text)
        }
    }
}

/// Gets the steps.
pub type Sink<'a> = &'a (dyn Fn(Event) + Send + Sync);
