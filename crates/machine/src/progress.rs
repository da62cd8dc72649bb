//! What a long operation tells its caller while it runs.

use std::time::{Duration, Instant};

use serde::Serialize;

/// One event of a long operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A step began.
    Begin(&'static str),
    /// A step is done, after that long.
    Done(&'static str, Duration),
    /// Something the user should know, such as a missing KVM.
    Note(String),
}

/// Who is told.
pub type ProgressSink<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A finished step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepTime {
    /// Its name.
    pub name: String,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Measures steps one after the other and passes them on.
pub(crate) struct Steps<'a> {
    sink: ProgressSink<'a>,
    current: Option<(&'static str, Instant)>,
    done: Vec<StepTime>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(sink: ProgressSink<'a>) -> Self {
        Self { sink, current: None, done: Vec::new() }
    }

    /// Ends the current step and begins another.
    pub(crate) fn begin(&mut self, name: &'static str) {
        self.end();
        (self.sink)(Progress::Begin(name));
        self.current = Some((name, Instant::now()));
    }

    pub(crate) fn end(&mut self) {
        if let Some((name, started)) = self.current.take() {
            let elapsed = started.elapsed();
            (self.sink)(Progress::Done(name, elapsed));
            self.done.push(StepTime { name: name.to_owned(), seconds: elapsed.as_secs_f64() });
        }
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        (self.sink)(Progress::Note(text.into()));
    }

    /// All steps, ending the current one.
    pub(crate) fn finish(mut self) -> Vec<StepTime> {
        self.end();
        self.done
    }
}
