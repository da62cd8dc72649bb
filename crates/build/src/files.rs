//! Small files of a context: build files and rules.

use std::io::Read;
use std::os::fd::OwnedFd;

use cove_api::{BuildText, Error, Result};
use cove_tree::Root;
use rustix::fs::{FileType, OFlags};

/// Largest build file or file of rules, in bytes.
const MAX_TEXT: u64 = 8 << 20;

/// A regular file of a context, by its path in it; a link leads to a file of the same context. [`None`] where it is not.
///
/// # Errors
/// It is something else, too large, or cannot be read.
pub fn read_text(root: &Root, name: &str) -> Result<Option<Vec<u8>>> {
    let at = |error: std::io::Error| Error::from(error).context(name);
    let file: OwnedFd = match root.find(name.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(at(errno.into())),
    };
    let stat = rustix::fs::fstat(&file).map_err(|errno| at(errno.into()))?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(Error::invalid(format!("{name}: it is no regular file")));
    }
    read_bounded(std::fs::File::from(file), name).map(Some)
}

/// A text to its end.
///
/// # Errors
/// It is too large or cannot be read.
pub fn read_bounded(reader: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = reader.take(MAX_TEXT + 1).read_to_end(&mut text);
    read.map_err(|error| Error::from(error).context(name))?;
    if text.len() as u64 > MAX_TEXT {
        return Err(Error::invalid(format!("{name}: it is larger than {} MiB", MAX_TEXT >> 20)));
    }
    Ok(text)
}

/// The build file that a context has where none is named.
///
/// # Errors
/// It cannot be read.
pub fn usual_file(root: &Root) -> Result<Option<BuildText>> {
    for name in ["Containerfile", "Dockerfile"] {
        if let Some(text) = read_text(root, name)? {
            return Ok(Some(BuildText { name: name.into(), text }));
        }
    }
    Ok(None)
}

/// The file of rules that a context has: one for the build file of that name comes first.
///
/// # Errors
/// It cannot be read.
pub fn usual_rules(root: &Root, build_file: &str) -> Result<Option<BuildText>> {
    let own = build_file.rsplit('/').next().filter(|own| !own.is_empty());
    let of_file = own
        .into_iter()
        .flat_map(|own| [".containerignore", ".dockerignore"].map(|suffix| format!("{own}{suffix}")));
    for name in of_file.chain([".containerignore".to_owned(), ".dockerignore".to_owned()]) {
        if let Some(text) = read_text(root, &name)? {
            return Ok(Some(BuildText { name, text }));
        }
    }
    Ok(None)
}

impl crate::Ignore {
    /// The rules of a file.
    ///
    /// # Errors
    /// One is none; the error names the file.
    pub fn of_text(file: &BuildText) -> Result<Self> {
        let text = std::str::from_utf8(&file.text)
            .map_err(|_| Error::invalid(format!("{}: it is not UTF-8", file.name)))?;
        Self::parse(text).map_err(|error| Error::from(error).context(&file.name))
    }
}
