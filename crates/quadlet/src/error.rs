//! What may be wrong with a unit file, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1; of a line that is continued the first one.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.display(), self.line)
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be used; the text names it.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A line that no unit file may have.
    #[error("error loading {path:?}, {message}", path = place.file)]
    Syntax {
        /// What is wrong with which line.
        message: String,
        /// Where it stands.
        place: Place,
    },
    /// A key that the section does not have.
    #[error("unsupported key '{key}' in group '{section}' in {place}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The section.
        section: &'static str,
        /// Where it stands.
        place: Place,
    },
    /// A value or a combination of keys that means nothing.
    #[error("{message}{}", after(.place))]
    Invalid {
        /// What is wrong.
        message: String,
        /// The line that says so, where one does.
        place: Option<Place>,
    },
    /// A name that is no plain file name.
    #[error("{what} {name:?} cannot be a file name")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// More than what is read of a file or folder.
    #[error("{path} has too much: {message}", path = .path.display())]
    TooMuch {
        /// The file or folder.
        path: PathBuf,
        /// Which limit.
        message: String,
    },
    /// A file that is there already and may not be replaced.
    #[error("a Quadlet with name {0} already exists, refusing to overwrite")]
    Exists(String),
    /// A file whose name is of no kind of unit.
    #[error("{0:?} is not a supported Quadlet file type")]
    Kind(String),
    /// No folder has a unit of that name.
    #[error("could not locate quadlet {0:?} in any supported quadlet directory")]
    NotFound(String),
}

impl Error {
    /// An invalid value or combination that no single line is to blame for.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), place: None }
    }
}

fn after(place: &Option<Place>) -> String {
    place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default()
}
