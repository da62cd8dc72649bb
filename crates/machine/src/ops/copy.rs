//! The two ends of `machine cp`.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::name::MachineName;

/// What is copied, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyEnds {
    /// From this host into the machine.
    Into {
        /// What is copied.
        host: PathBuf,
        /// Where to.
        guest: String,
    },
    /// From the machine to this host.
    OutOf {
        /// What is copied.
        guest: String,
        /// Where to.
        host: PathBuf,
    },
}

impl CopyEnds {
    /// Reads `[MACHINE:]PATH` twice. What begins with a dot or a slash names no machine.
    ///
    /// # Errors
    /// None or both of them name a machine, the name is not allowed, or a path of this host is empty.
    pub fn parse(source: &str, destination: &str) -> Result<(MachineName, Self)> {
        match (end(source), end(destination)) {
            ((Some(_), _), (Some(_), _)) => {
                Err(Error::BadCopy("copying between two machines is unsupported"))
            }
            ((None, _), (None, _)) => {
                Err(Error::BadCopy("a machine name must prefix either the source path or destination path"))
            }
            ((None, ""), _) | (_, (None, "")) => Err(Error::BadCopy("you must specify paths")),
            ((None, host), (Some(name), guest)) => {
                Ok((name.parse()?, Self::Into { host: host.into(), guest: guest.into() }))
            }
            ((Some(name), guest), (None, host)) => {
                Ok((name.parse()?, Self::OutOf { guest: guest.into(), host: host.into() }))
            }
        }
    }
}

/// The machine and the path.
fn end(text: &str) -> (Option<&str>, &str) {
    match text.split_once(':') {
        Some((name, path)) if !text.starts_with(['.', '/']) => (Some(name), path),
        _ => (None, text),
    }
}
