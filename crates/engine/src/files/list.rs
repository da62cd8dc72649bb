//! What is in a directory of a container.

use std::sync::Arc;

use cove_api::{Error, PathStat, Result, go_mode};
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

use super::copy::{changed, failed};
use super::view::ContainerFiles;
use crate::engine::Core;

/// Most entries of a directory that is listed.
const MOST_ENTRIES: usize = 100_000;

/// Most bytes of their names and of what links say.
const MOST_BYTES: usize = 32 << 20;

/// The entries of a directory, in no order. Of a link it is told where it leads, and whether that is a directory.
pub(super) fn list(core: &Arc<Core>, name: &str, path: &str) -> Result<Vec<PathStat>> {
    let files = ContainerFiles::open(core, name)?;
    let absolute = files.absolute(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
    let (root, _, inner) = files.place(&absolute);
    let directory = root.find(inner.as_bytes(), flags).map_err(|errno| match errno {
        Errno::NOTDIR => Error::invalid(format!("{path}: it is no directory")),
        errno => failed(path, errno),
    })?;
    let mut rows = Vec::new();
    let mut bytes = 0;
    for entry in Dir::read_from(&directory).map_err(|errno| failed(path, errno))? {
        let entry = entry.map_err(|errno| failed(path, errno))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if rows.len() == MOST_ENTRIES {
            return Err(Error::unsupported(format!(
                "{path}: more than {MOST_ENTRIES} entries are not listed"
            )));
        }
        let stat = match rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // It has gone since.
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(failed(path, errno)),
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let mut row = PathStat {
            name: name.to_string_lossy().into_owned(),
            size: stat.st_size,
            mode: go_mode(stat.st_mode),
            mtime: changed(&stat),
            is_dir: kind.is_dir(),
            ..PathStat::default()
        };
        if kind.is_symlink() {
            let target = rustix::fs::readlinkat(&directory, name, Vec::new()).unwrap_or_default();
            row.link_target = target.to_string_lossy().into_owned();
            // Links are evaluated inside of the container, as everywhere.
            let whole = [inner.as_bytes(), b"/", name.to_bytes()].concat();
            row.is_dir = root.find(&whole, OFlags::PATH | OFlags::DIRECTORY).is_ok();
        }
        bytes += row.name.len() + row.link_target.len();
        if bytes > MOST_BYTES {
            return Err(Error::unsupported(format!(
                "{path}: names and links of more than {MOST_BYTES} bytes are not listed"
            )));
        }
        rows.push(row);
    }
    Ok(rows)
}
