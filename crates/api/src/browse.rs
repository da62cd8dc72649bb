//! Looking into containers, images and volumes, a folder and a file at a time. Cove's own: no peer has such calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ByteStream, Error, PathStat, Result, Timestamp, zero_time};

/// Entries of a page where none are asked for.
pub const USUAL_PAGE: u32 = 1000;

/// Most entries of a page.
pub const LONGEST_PAGE: u32 = 5000;

/// Longest path, in bytes: the kernel's bound.
const LONGEST_PATH: usize = 4095;

/// What kind of object has files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreeKind {
    /// A container: its root file system with its volumes and mounts, running or not.
    Container,
    /// An image, whose files can be read only.
    Image,
    /// A volume.
    Volume,
}

impl TreeKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Container, Self::Image, Self::Volume];
}

/// Whose files are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTree {
    /// The kind of object.
    pub kind: TreeKind,
    /// Its name or id.
    pub name: String,
}

impl FileTree {
    /// The files of that object.
    pub fn new(kind: TreeKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A plain file.
    #[default]
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
    /// A character or block device.
    Device,
    /// A named pipe.
    Pipe,
    /// A Unix socket.
    Socket,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct FileEntry {
    /// Its name in the folder; what is no UTF-8 is replaced.
    pub name: String,
    /// What it is, not followed where it is a link.
    pub kind: FileKind,
    /// It is a folder, or a link that leads to one.
    pub directory: bool,
    /// Bytes.
    pub size: u64,
    /// The twelve bits of chmod(2).
    pub mode: u32,
    /// The owner, as seen in the container.
    pub uid: u32,
    /// The group, as seen in the container.
    pub gid: u32,
    /// Last change of the contents.
    pub modified: Timestamp,
    /// What a link says, as it is written; else empty.
    pub target: String,
}

impl Default for FileEntry {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: FileKind::File,
            directory: false,
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            modified: zero_time(),
            target: String::new(),
        }
    }
}

/// Some of what is in a folder, by the bytes of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct FilePage {
    /// The folder's path after all links.
    pub path: String,
    /// Its entries.
    pub entries: Vec<FileEntry>,
    /// There are more: what `after` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Options of [`crate::Files::list_files`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileListOptions {
    /// The folder, absolute or in the working directory; links are followed within the object.
    pub path: String,
    /// Where a page begins: `next` of the page before, empty for the first one.
    pub after: String,
    /// Most entries of the answer, 1 to 5000.
    pub limit: u32,
}

impl Default for FileListOptions {
    fn default() -> Self {
        Self { path: "/".into(), after: String::new(), limit: USUAL_PAGE }
    }
}

impl FileListOptions {
    /// That path and limit are within their bounds.
    ///
    /// # Errors
    /// One is not; the text names the parameter.
    pub fn checked(self) -> Result<Self> {
        check_path(&self.path)?;
        if !(1..=LONGEST_PAGE).contains(&self.limit) {
            return Err(Error::invalid(format!(
                "parameter limit: {} is not between 1 and {LONGEST_PAGE}",
                self.limit
            )));
        }
        Ok(self)
    }
}

/// Which bytes of a file (RFC 9110, section 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePart {
    /// From an offset on, to the last byte that is named, or to the end.
    From(u64, Option<u64>),
    /// The last ones, so many.
    Last(u64),
}

impl FilePart {
    /// The one part that a `Range` header names. [`None`] for what a server leaves alone: other units, several parts,
    /// what is malformed.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let (unit, part) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = part.trim().split_once('-')?;
        if first.is_empty() {
            return number(last).map(Self::Last);
        }
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        last.is_none_or(|last| last >= first).then_some(Self::From(first, last))
    }

    /// The value of a `Range` header.
    #[must_use]
    pub fn header(self) -> String {
        match self {
            Self::From(first, Some(last)) => format!("bytes={first}-{last}"),
            Self::From(first, None) => format!("bytes={first}-"),
            Self::Last(count) => format!("bytes=-{count}"),
        }
    }

    /// Offset and length of it in a file of `size` bytes. The length is 0 where the file has no such bytes.
    #[must_use]
    pub fn within(self, size: u64) -> (u64, u64) {
        match self {
            Self::From(first, _) if first >= size => (size, 0),
            Self::From(first, last) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                (first, end - first)
            }
            Self::Last(count) => (size - count.min(size), count.min(size)),
        }
    }
}

/// Options of [`crate::Files::read_file`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReadOptions {
    /// The file, absolute or in the working directory; links are followed within the object.
    pub path: String,
    /// Some of its bytes; [`None`] for all.
    pub part: Option<FilePart>,
}

impl FileReadOptions {
    /// That there is a path within its bound.
    ///
    /// # Errors
    /// There is none.
    pub fn checked(self) -> Result<Self> {
        check_path(&self.path).map(|()| self)
    }
}

/// A file, or part of it.
pub struct FileData {
    /// What it is; `size` is that of the whole file.
    pub stat: PathStat,
    /// Where the bytes begin.
    pub offset: u64,
    /// How many there are: none where a part was asked for that the file does not have.
    pub length: u64,
    /// Whether a part was asked for.
    pub partial: bool,
    /// The bytes. A file that becomes shorter meanwhile breaks them off.
    pub data: ByteStream,
}

impl std::fmt::Debug for FileData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FileData")
            .field("stat", &self.stat)
            .field("offset", &self.offset)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Options of [`crate::Files::write_file`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileWriteOptions {
    /// The file, absolute or in the working directory, in a folder that exists. Links are followed within the object.
    pub path: String,
    /// Its permissions in octal, such as `0640`. Without it a file that is there keeps its own, and a new one gets 0644.
    pub mode: String,
}

impl FileWriteOptions {
    /// The permissions, once all is within its bounds.
    ///
    /// # Errors
    /// A value is not; the text names the parameter.
    pub fn checked_mode(&self) -> Result<Option<u32>> {
        check_path(&self.path)?;
        if self.mode.is_empty() {
            return Ok(None);
        }
        let digits = self.mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let mode = u32::from_str_radix(&self.mode, 8).ok().filter(|mode| digits && *mode <= 0o7777);
        let wrong =
            || Error::invalid(format!("parameter mode: {:?} is no octal number up to 7777", self.mode));
        mode.map(Some).ok_or_else(wrong)
    }
}

/// The error for writing into an image.
#[must_use]
pub fn image_is_read_only(name: &str) -> Error {
    Error::unsupported(format!(
        "{name}: the files of an image cannot be changed: change a container of it and commit that"
    ))
}

/// That a path can be one.
///
/// # Errors
/// It is empty, too long or has a zero byte.
pub(crate) fn check_path(path: &str) -> Result<()> {
    if path.is_empty() {
        return Err(Error::invalid("missing `path` parameter"));
    }
    if path.len() > LONGEST_PATH || path.contains('\0') {
        return Err(Error::invalid(format!(
            "parameter path: a path has at most {LONGEST_PATH} bytes, none of them zero"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_file() {
        for (header, part) in [
            ("bytes=0-0", Some(FilePart::From(0, Some(0)))),
            ("bytes=5-", Some(FilePart::From(5, None))),
            ("Bytes = 5-9", Some(FilePart::From(5, Some(9)))),
            ("bytes=-3", Some(FilePart::Last(3))),
            ("bytes=9-5", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-1", None),
            ("", None),
            // Behind the end of any file, whatever the number.
            ("bytes=99999999999999999999-", Some(FilePart::From(u64::MAX, None))),
        ] {
            assert_eq!(FilePart::parse(header), part, "{header}");
        }
        for (part, within) in [
            (FilePart::From(0, Some(0)), (0, 1)),
            (FilePart::From(8, Some(u64::MAX)), (8, 2)),
            (FilePart::From(10, None), (10, 0)),
            (FilePart::Last(3), (7, 3)),
            (FilePart::Last(0), (10, 0)),
            (FilePart::Last(11), (0, 10)),
        ] {
            assert_eq!(part.within(10), within, "{part:?}");
            assert_eq!(FilePart::parse(&part.header()), Some(part));
        }
    }

    #[test]
    fn bounds_are_kept() {
        let write = |path: &str, mode: &str| {
            FileWriteOptions { path: path.into(), mode: mode.into() }
                .checked_mode()
                .map_err(|error| error.message)
        };
        assert_eq!(write("/a", ""), Ok(None));
        assert_eq!(write("/a", "0640"), Ok(Some(0o640)));
        for mode in ["8", "+7", "-1", "10000", "0o7", "x", "77777777777777"] {
            assert!(write("/a", mode).unwrap_err().contains("mode"), "{mode}");
        }
        for path in ["", "a\0b", &"x".repeat(4096)] {
            assert!(write(path, "").unwrap_err().contains("path"), "{path:?}");
        }
        for limit in [0, LONGEST_PAGE + 1] {
            let options = FileListOptions { limit, ..FileListOptions::default() };
            assert!(options.checked().unwrap_err().message.contains("limit"), "{limit}");
        }
    }
}
