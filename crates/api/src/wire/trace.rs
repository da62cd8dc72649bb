//! Where in a request the reading is.

use std::cell::RefCell;

use super::error::{Place, Problem, WireError, quoted};

/// One step from a value to a value in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A declared field.
    Field(&'static str),
    /// A key that nothing declares.
    Unknown(String),
    /// An entry of a map.
    Entry(String),
    /// An element of a list.
    Element(usize),
}

/// The steps from the whole to the value that is read. A step is taken back after its value only where the value could be
/// read, so that they lead to the fault otherwise.
#[derive(Debug, Default)]
pub(super) struct Trace(RefCell<Vec<Step>>);

impl Trace {
    /// Reads a value that lies one step further.
    pub(super) fn step<T>(
        &self,
        step: Step,
        read: impl FnOnce() -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        self.0.borrow_mut().push(step);
        let value = read()?;
        self.0.borrow_mut().pop();
        Ok(value)
    }

    /// The fault of a key that nothing declares.
    pub(super) fn unknown(&self, key: String) -> WireError {
        self.0.borrow_mut().push(Step::Unknown(key));
        WireError::new(Problem::Unknown)
    }

    /// `error` with the path to here.
    pub(super) fn located(&self, place: Place, error: WireError) -> WireError {
        let path = self.path();
        error.found_at(place, path)
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.borrow().iter() {
            match step {
                Step::Field(name) => push_name(&mut path, name),
                Step::Unknown(name) | Step::Entry(name) if is_plain(name) => push_name(&mut path, name),
                Step::Unknown(name) | Step::Entry(name) => path.push_str(&format!("[{}]", quoted(name))),
                Step::Element(at) => path.push_str(&format!("[{at}]")),
            }
        }
        path
    }

    /// The path as in the table of what clients send: every element is `[]`, every entry of a map `*`.
    pub(super) fn pattern(&self) -> String {
        let mut path = String::new();
        for step in self.0.borrow().iter() {
            match step {
                Step::Field(name) => push_name(&mut path, name),
                Step::Unknown(name) => push_name(&mut path, name),
                Step::Entry(_) => push_name(&mut path, "*"),
                Step::Element(_) => path.push_str("[]"),
            }
        }
        path
    }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// A name that needs no quotes.
fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/:".contains(&byte))
}
