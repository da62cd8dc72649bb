//! Files of containers and volumes.

use cove_api::{FileEntry, FileKind, PathStat};
use cove_archive::{Header, Kind};
use serde::{Deserialize, Serialize};

/// Go's bits of a mode: a directory, a link, a device, a pipe, a socket (Go's `fs.FileMode`).
const KINDS: [(u32, &str); 5] =
    [(1 << 31, "directory"), (1 << 27, "link"), (1 << 26, "device"), (1 << 25, "pipe"), (1 << 24, "socket")];

/// What is in a directory of a container, or in a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FileRow {
    /// Its name; in a volume with the folders above it.
    pub name: String,
    /// `file`, `directory`, `link`, `device`, `pipe`, `socket`.
    pub kind: String,
    /// Whether it can be looked into: a directory, or a link to one.
    pub directory: bool,
    /// Where a link leads; else empty.
    pub target: String,
    /// Bytes.
    pub size: i64,
    /// The nine permission bits.
    pub mode: u32,
    /// Seconds since the epoch.
    pub changed: i64,
}

impl FileRow {
    /// An entry of an archive; its name is the whole path from the archive's root on. [`None`] for the root, and for what
    /// would be above it.
    pub(crate) fn of_archive(header: &Header) -> Option<Self> {
        let name = cove_archive::clean_name(&header.name).filter(|name| !name.is_empty())?;
        let kind = match header.kind {
            Kind::File | Kind::HardLink => "file",
            Kind::Directory => "directory",
            Kind::Symlink => "link",
            Kind::CharDevice | Kind::BlockDevice => "device",
            Kind::Fifo => "pipe",
        };
        Some(Self {
            name: String::from_utf8_lossy(&name).into_owned(),
            kind: kind.to_owned(),
            directory: header.kind == Kind::Directory,
            target: String::from_utf8_lossy(&header.link).into_owned(),
            size: i64::try_from(header.size).unwrap_or(i64::MAX),
            mode: header.mode & 0o777,
            changed: header.mtime.0.max(0),
        })
    }
}

impl FileRow {
    /// An entry of a folder of a volume; the folder is named from the volume's root on, which is empty.
    pub(crate) fn of_entry(folder: &str, entry: FileEntry) -> Self {
        let kind = match entry.kind {
            FileKind::File => "file",
            FileKind::Directory => "directory",
            FileKind::Link => "link",
            FileKind::Device => "device",
            FileKind::Pipe => "pipe",
            FileKind::Socket => "socket",
        };
        Self {
            name: if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) },
            kind: kind.to_owned(),
            // What a link leads to is shown where it is.
            directory: entry.kind == FileKind::Directory,
            target: entry.target,
            size: i64::try_from(entry.size).unwrap_or(i64::MAX),
            mode: entry.mode & 0o777,
            changed: entry.modified.as_second().max(0),
        }
    }
}

impl From<PathStat> for FileRow {
    fn from(stat: PathStat) -> Self {
        let kind = KINDS.iter().find(|(bit, _)| stat.mode & bit != 0).map_or("file", |(_, kind)| kind);
        Self {
            name: stat.name,
            kind: kind.to_owned(),
            directory: stat.is_dir,
            target: stat.link_target,
            size: stat.size.max(0),
            mode: stat.mode & 0o777,
            changed: stat.mtime.as_second().max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::go_mode;

    #[test]
    fn kinds_are_read_from_gos_modes() {
        for (mode, kind) in [
            (0o100_644, "file"),
            (0o040_755, "directory"),
            (0o120_777, "link"),
            (0o020_600, "device"),
            (0o010_600, "pipe"),
            (0o140_600, "socket"),
        ] {
            let row = FileRow::from(PathStat { mode: go_mode(mode), ..PathStat::default() });
            assert_eq!((row.kind.as_str(), row.mode), (kind, mode & 0o777));
        }
    }
}
