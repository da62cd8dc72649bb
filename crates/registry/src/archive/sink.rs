//! Where a written archive goes: a tar stream or a directory.

use std::collections::HashSet;
#[cfg(unix)]
use std::fs::Permissions;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use cove_archive::{Kind, Member, Writer};
use cove_sys::fs;
use tempfile::NamedTempFile;

use super::content::place;

/// Receives named files.
pub(super) enum Sink {
    Tar(TarSink),
    /// A folder; what is called `blobs/…` goes to another where there is one.
    Directory {
        path: PathBuf,
        blobs: Option<PathBuf>,
    },
}

/// A tar in which each folder has a member before what is in it: tools of the field make missing ones with the rights of
/// root, which an ordinary user has not.
pub(super) struct TarSink {
    tar: Writer<Box<dyn Write + Send>>,
    folders: HashSet<String>,
}

impl TarSink {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { tar: Writer::new(out), folders: HashSet::new() }
    }

    /// Writes the members of the folders that a name is in.
    fn enter(&mut self, name: &str) -> io::Result<&mut Writer<Box<dyn Write + Send>>> {
        for (at, _) in name.match_indices('/') {
            if self.folders.insert(name[..at].to_owned()) {
                let folder = &name.as_bytes()[..=at];
                self.tar.member(&Member::new(Kind::Directory, folder, 0o755))?;
            }
        }
        Ok(&mut self.tar)
    }

    pub(super) fn finish(self) -> io::Result<Box<dyn Write + Send>> {
        self.tar.finish()
    }
}

/// A file that is complete but has no name yet.
pub(super) enum Staged {
    Spooled { file: std::fs::File, size: u64 },
    Named(NamedTempFile),
}

impl Sink {
    pub(super) fn put_bytes(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Tar(tar) => tar.enter(name)?.file(name, data),
            Self::Directory { path, blobs } => {
                let path = place(path, blobs.as_deref(), name);
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
                tar.enter(name)?.file_from(name, size, &mut file)
            }
            (Self::Directory { path, blobs }, Staged::Named(file)) => {
                let path = place(path, blobs.as_deref(), name);
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
            Self::Tar(tar) => tar.enter(name)?.file_from(name, size, data),
            Self::Directory { .. } => Err(io::Error::other("a directory's files are staged")),
        }
    }

    /// Removes what a former image has left in a `dir:` folder and this one has not.
    pub(super) fn tidy(&self, written: &HashSet<String>) -> io::Result<()> {
        let Self::Directory { path, .. } = self else { return Ok(()) };
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if is_part_of_image(&name) && !written.contains(&name) {
                fs::remove_file(path.join(name))?;
            }
        }
        Ok(())
    }

    pub(super) fn symlink(&mut self, name: &str, target: &str) -> io::Result<()> {
        match self {
            Self::Tar(tar) => {
                let link = target.as_bytes();
                tar.enter(name)?
                    .member(&Member { link, ..Member::new(Kind::Symlink, name.as_bytes(), 0o777) })
            }
            Self::Directory { .. } => Ok(()),
        }
    }

    pub(super) fn folder(&mut self, name: &str) -> io::Result<()> {
        match self {
            Self::Tar(tar) => tar.enter(&format!("{name}/")).map(drop),
            Self::Directory { path, .. } => fs::create_dir_all(path.join(name)),
        }
    }
}

/// Whether a file of a `dir:` folder is a blob, the manifest of one image of a list, a signature, or what an
/// interrupted copy has staged.
fn is_part_of_image(name: &str) -> bool {
    let is_digest = matches!(name.len(), 64 | 128) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest
        || name.ends_with(".manifest.json")
        || name.starts_with("signature-")
        || name.contains(".signature-")
        || name.starts_with(".cove-")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_has_one_member_before_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let mut sink = Sink::Tar(TarSink::new(Box::new(fs::File::create(&path).unwrap())));
        sink.folder("id").unwrap();
        sink.put_bytes("id/VERSION", b"1.0").unwrap();
        sink.put_bytes("blobs/sha256/a", b"a").unwrap();
        sink.put_bytes("blobs/sha256/b", b"b").unwrap();
        sink.put_bytes("index.json", b"{}").unwrap();
        let Sink::Tar(tar) = sink else { unreachable!() };
        tar.finish().unwrap().flush().unwrap();
        let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let wanted = [
            "id/",
            "id/VERSION",
            "blobs/",
            "blobs/sha256/",
            "blobs/sha256/a",
            "blobs/sha256/b",
            "index.json",
        ];
        assert_eq!(listed.lines().collect::<Vec<_>>(), wanted);
    }
}
