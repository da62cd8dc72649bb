//! The one conversion of every failure into a message and an exit code.

use cove_api::{Error, ErrorKind};

use crate::format::FormatError;

/// How a command ends: an exit code, or an error.
pub(crate) type CommandResult = Result<u8, CommandError>;

/// Exit code of an error of Cove's own, as Podman's and Docker's.
pub(crate) const OWN_ERROR: u8 = 125;

/// Why a command failed, and the exit code where it is not the usual one for that.
#[derive(Debug)]
pub(crate) struct CommandError {
    failure: Failure,
    /// Text of our own that follows the message, such as a pointer to the help.
    below: Option<String>,
    /// Text of our own that stands before the message, such as the help.
    above: Option<String>,
    code: Option<u8>,
}

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine's answer.
    Engine(Error),
    /// Anything else.
    Other(String),
    /// Several failures; each is reported.
    Several(Vec<CommandError>),
    /// The reader of standard output is gone.
    BrokenPipe,
}

impl CommandError {
    /// An error with that text, which becomes one line that is safe to show.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Failure::Other(cove_api::shown::line(&message.into()).into_owned()).into()
    }
    /// The same error with a text of our own below the message, shown as it is.
    #[must_use]
    pub(crate) fn followed_by(mut self, below: impl Into<String>) -> Self {
        self.below = Some(below.into());
        self
    }
    /// The same error with a text of our own before the message, shown as it is.
    #[must_use]
    pub(crate) fn preceded_by(mut self, above: impl Into<String>) -> Self {
        self.above = Some(above.into());
        self
    }
    /// What stands before the message.
    pub(crate) fn above(&self) -> Option<&str> {
        self.above.as_deref()
    }
    /// The same error with another exit code.
    #[must_use]
    pub(crate) fn with_code(mut self, code: u8) -> Self {
        self.code = Some(code);
        self
    }
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        if let Some(code) = self.code {
            return code;
        }
        match &self.failure {
            Failure::Engine(error) => match error.kind {
                ErrorKind::CommandNotExecutable => 126,
                ErrorKind::CommandNotFound => 127,
                _ => OWN_ERROR,
            },
            Failure::Several(errors) => errors.last().map_or(OWN_ERROR, Self::code),
            // What a shell shows for a program that SIGPIPE ended.
            Failure::BrokenPipe => 141,
            Failure::Other(_) => OWN_ERROR,
        }
    }
    /// The kind of an engine error.
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        match &self.failure {
            Failure::Engine(error) => Some(error.kind),
            Failure::Several(errors) => errors.last().and_then(Self::kind),
            _ => None,
        }
    }
    /// The messages to write, one after the other, without a leading `Error:`.
    pub(crate) fn messages(&self) -> Vec<String> {
        let below = self.below.as_ref().map(|text| format!("\n{text}")).unwrap_or_default();
        match &self.failure {
            Failure::Engine(error) => vec![error.message.clone() + &below],
            Failure::Other(message) => vec![message.clone() + &below],
            Failure::Several(errors) => errors.iter().flat_map(Self::messages).collect(),
            Failure::BrokenPipe => Vec::new(),
        }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self { failure, below: None, above: None, code: None }
    }
}
impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Failure::Engine(error).into()
    }
}
impl From<FormatError> for CommandError {
    fn from(error: FormatError) -> Self {
        Self::other(error.to_string())
    }
}
impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Failure::Engine(error.into()).into()
    }
}
impl From<cove_config::Error> for CommandError {
    fn from(error: cove_config::Error) -> Self {
        Self::other(chain(&error))
    }
}

impl From<cove_registry::Error> for CommandError {
    fn from(error: cove_registry::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<cove_spec::Error> for CommandError {
    fn from(error: cove_spec::Error) -> Self {
        Error::from(error).into()
    }
}

/// An error with its causes as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    Error::from_chain(ErrorKind::Internal, error).message
}

/// Collects the failures of a command with several targets.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<CommandError>);

impl Failures {
    /// Notes a failure.
    pub(crate) fn push(&mut self, error: impl Into<CommandError>) {
        self.0.push(error.into());
    }
    /// Notes the failure, if any, and answers the value, if any.
    pub(crate) fn note<T, E: Into<CommandError>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
    /// The end of the command: success, or all failures with the exit code of the last.
    pub(crate) fn finish(self) -> CommandResult {
        match self.0.len() {
            0 => Ok(0),
            _ => Err(Failure::Several(self.0).into()),
        }
    }
    /// As [`Failures::finish`], with that exit code.
    pub(crate) fn finish_with(self, code: impl FnOnce(&[CommandError]) -> u8) -> CommandResult {
        if self.0.is_empty() {
            return Ok(0);
        }
        let code = code(&self.0);
        Err(CommandError::from(Failure::Several(self.0)).with_code(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        for (kind, code) in [
            (ErrorKind::NotFound, 125),
            (ErrorKind::CommandNotFound, 127),
            (ErrorKind::CommandNotExecutable, 126),
        ] {
            assert_eq!(CommandError::from(Error::new(kind, "x")).code(), code);
        }
        let mut failures = Failures::default();
        failures.push(Error::not_found("a"));
        failures.push(CommandError::other("b").with_code(3));
        let error = failures.finish().unwrap_err();
        assert_eq!((error.code(), error.messages()), (3, vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_was_typed_cannot_forge_a_line() {
        let error =
            CommandError::other("unknown flag: --a\nError: b\u{1b}[2J").followed_by("See 'cove run --help'");
        assert_eq!(error.messages(), ["unknown flag: --a\\nError: b\\x1b[2J\nSee 'cove run --help'"]);
    }
}
