//! The only place that writes: data to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use cove_api::shown;

use crate::command_error::{CommandError, Failure};

/// Writes to the two outputs.
#[derive(Debug)]
pub(crate) struct Printer {
    out_terminal: bool,
    error_terminal: bool,
    colour: bool,
}

impl Printer {
    /// A printer; `no_color` is the wish of the NO_COLOR variable.
    pub(crate) fn new(no_color: bool) -> Self {
        Self {
            out_terminal: io::stdout().is_terminal(),
            error_terminal: io::stderr().is_terminal(),
            colour: !no_color,
        }
    }

    /// Whether standard output is a terminal.
    pub(crate) fn out_is_terminal(&self) -> bool {
        self.out_terminal
    }
    /// Whether standard error is a terminal.
    pub(crate) fn error_is_terminal(&self) -> bool {
        self.error_terminal
    }
    /// Whether colours may be used on standard output.
    pub(crate) fn out_is_coloured(&self) -> bool {
        self.out_terminal && self.colour
    }
    /// Whether colours may be used on standard error.
    pub(crate) fn error_is_coloured(&self) -> bool {
        self.error_terminal && self.colour
    }

    /// Writes bytes to standard output.
    ///
    /// # Errors
    /// A closed pipe ends the command quietly; anything else is reported.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), CommandError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe.into(),
            _ => CommandError::other(format!("write to standard output: {error}")),
        })
    }

    /// Writes text to standard output: exactly to a file or program, without anything that acts on it to a terminal.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub(crate) fn text(&self, text: &str) -> Result<(), CommandError> {
        match text {
            "" => Ok(()),
            text if self.out_terminal => self.bytes(shown::data(text).as_bytes()),
            text => self.bytes(text.as_bytes()),
        }
    }

    /// Writes a line to standard output, as [`Printer::text`] does; on a terminal it stays one line.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub(crate) fn line(&self, line: &str) -> Result<(), CommandError> {
        let line = if self.out_terminal { shown::cell(line) } else { line.into() };
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// Writes a text of several lines to standard output, and a line end after it.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub(crate) fn document(&self, text: &str) -> Result<(), CommandError> {
        self.text(&format!("{text}\n"))
    }

    /// Writes bytes to standard error; nobody can be told if that fails.
    pub(crate) fn error_bytes(&self, bytes: &[u8]) {
        let mut out = io::stderr().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Writes a message to standard error: nothing in it acts on a terminal, whoever reads it.
    pub(crate) fn error_line(&self, line: &str) {
        self.error_bytes(format!("{}\n", shown::block(line)).as_bytes());
    }
}
