//! Where a written archive goes: a tar stream or a directory.

#[cfg(unix)]
use std::fs::Permissions;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use cove_archive::{Kind, Member, Writer};
use cove_sys::fs;
use tempfile::NamedTempFile;

/// Receives named files.
pub(super) enum Sink {
    Tar(Writer<Box<dyn Write + Send>>),
    Directory(PathBuf),
}

/// A file that is complete but has no name yet.
pub(super) enum Staged {
    Spooled { file: std::fs::File, size: u64 },
    Named(NamedTempFile),
}

impl Sink {
    pub(super) fn put_bytes(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Tar(tar) => tar.file(name, data),
            Self::Directory(path) => {
                let path = path.join(name);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                cove_sys::atomic::write(&path, data, 0o644)
            }
        }
    }

    pub(super) fn put_staged(&mut self, name: &str, staged: Staged) -> io::Result<()> {
        match (self, staged) {
            (Self::Tar(tar), Staged::Spooled { mut file, size }) => {
                file.rewind()?;
                tar.file_from(name, size, &mut file)
            }
            (Self::Directory(path), Staged::Named(file)) => {
                let path = path.join(name);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
                }
                file.as_file().sync_data()?;
                file.persist(&path).map(drop).map_err(|error| error.error)
            }
            _ => Err(io::Error::other("staged for another sink")),
        }
    }

    /// Straight into a tar; a directory's files are staged.
    pub(super) fn put_stream(&mut self, name: &str, size: u64, data: &mut impl Read) -> io::Result<()> {
        match self {
            Self::Tar(tar) => tar.file_from(name, size, data),
            Self::Directory(_) => Err(io::Error::other("a directory's files are staged")),
        }
    }

    pub(super) fn symlink(&mut self, name: &str, target: &str) -> io::Result<()> {
        match self {
            Self::Tar(tar) => {
                let link = target.as_bytes();
                tar.member(&Member { link, ..Member::new(Kind::Symlink, name.as_bytes(), 0o777) })
            }
            Self::Directory(_) => Ok(()),
        }
    }

    pub(super) fn folder(&mut self, name: &str) -> io::Result<()> {
        match self {
            Self::Tar(tar) => tar.member(&Member::new(Kind::Directory, format!("{name}/").as_bytes(), 0o755)),
            Self::Directory(path) => fs::create_dir_all(path.join(name)),
        }
    }
}

/// A file under its final name only once it is complete; anything but a regular file is written directly.
pub(super) struct FinalFile {
    pub(super) writer: Box<dyn Write + Send>,
    pub(super) pending: Option<Pending>,
}

/// The last step for a regular file.
pub(super) struct Pending {
    file: NamedTempFile,
    path: PathBuf,
}

impl FinalFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = fs::OpenOptions::new().write(true).open(path)?;
                return Ok(Self { writer: buffered(file), pending: None });
            }
            Ok(_) => (),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(error),
        }
        // The target of a link is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new().prefix(".cove-save-").tempfile_in(folder)?;
        let writer = buffered(file.as_file().try_clone()?);
        Ok(Self { writer, pending: Some(Pending { file, path }) })
    }
}

fn buffered(file: impl Write + Send + 'static) -> Box<dyn Write + Send> {
    Box::new(BufWriter::with_capacity(256 << 10, file))
}

impl Pending {
    /// Puts the file under its name, with the mode that the umask gives a new file.
    pub(super) fn persist(self) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = match fs::metadata(&self.path) {
                Ok(metadata) => metadata.permissions().mode() & 0o777,
                Err(_) => 0o644,
            };
            self.file.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        self.file.as_file().sync_data()?;
        self.file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}
