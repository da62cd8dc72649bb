//! Paths of the host that pods name (`hostPath`).

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use cove_api::{Error, ErrorKind, Result};
use cove_kube::{HostPathKind, Source};

/// Folders that are made have these permission bits, as in Kubernetes.
const FOLDER: u32 = 0o755;
/// Files that are made, likewise.
const FILE: u32 = 0o644;

/// Refuses a path that is not what it must be. What is to be made where it is missing may be missing.
pub(super) fn check(source: &Source) -> Result<()> {
    let Source::Host { path, kind } = source else { return Ok(()) };
    let made = matches!(kind, HostPathKind::DirectoryOrCreate | HostPathKind::FileOrCreate);
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if made && error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::from(error).context(format!("statfs {path}"))),
    };
    let found = metadata.file_type();
    let (right, what) = match kind {
        HostPathKind::Any => (true, ""),
        HostPathKind::Directory | HostPathKind::DirectoryOrCreate => (found.is_dir(), "a directory"),
        HostPathKind::File | HostPathKind::FileOrCreate => (found.is_file(), "a file"),
        HostPathKind::Socket => (found.is_socket(), "a socket"),
        HostPathKind::CharDevice => (found.is_char_device(), "a character device"),
        HostPathKind::BlockDevice => (found.is_block_device(), "a block device"),
    };
    if right {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, format!("checking HostPath: path {path} is not {what}")))
}

/// Makes what is to be made.
pub(super) fn prepare(source: &Source) -> Result<()> {
    let Source::Host { path, kind } = source else { return Ok(()) };
    match kind {
        HostPathKind::DirectoryOrCreate => {
            use std::os::unix::fs::DirBuilderExt as _;
            let made = std::fs::DirBuilder::new().recursive(true).mode(FOLDER).create(path);
            made.map_err(|error| Error::from(error).context(format!("creating HostPath {path}")))
        }
        HostPathKind::FileOrCreate if !Path::new(path).exists() => {
            use std::os::unix::fs::OpenOptionsExt as _;
            // One that somebody else has made meanwhile is as good.
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .mode(FILE)
                .open(path)
                .map(drop)
                .map_err(|error| Error::from(error).context(format!("creating HostPath {path}")))
        }
        _ => Ok(()),
    }
}
