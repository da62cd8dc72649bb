//! What a user wrote and we do not accept.

use cove_api::ErrorKind;

/// Why a text was refused. The messages are those that Podman's and Docker's users know where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong, with the text in it.
        message: String,
    },
    /// The text is right and asks for something that this version does not do.
    #[error("{what} is not supported")]
    Unsupported {
        /// The thing asked for.
        what: String,
    },
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }
}

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Invalid { .. } => ErrorKind::InvalidArgument,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
        };
        Self::new(kind, error.to_string())
    }
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns an [`Error::Invalid`] with a formatted message.
macro_rules! bail {
    ($($argument:tt)+) => {
        return Err($crate::error::Error::new(format!($($argument)+)))
    };
}

pub(crate) use bail;
