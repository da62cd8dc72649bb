//! Named content of an archive or a directory, and bringing an archive into a seekable, plain form.

use std::fs::File as StdFile;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use cove_archive::{Compression, fill, unpacked};
use cove_sys::fs;
use futures_util::stream;

use super::tar::{Place, TarIndex};
use crate::error::{Error, Result};
use crate::image::BlobStream;

const PIECE: usize = 512 << 10;

/// Part of an open file.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) file: Arc<StdFile>,
    pub(crate) place: Place,
}

impl Section {
    pub(crate) fn reader(&self) -> SectionReader {
        SectionReader { section: self.clone(), position: 0 }
    }

    /// The bytes as a stream, read on blocking threads.
    pub(crate) fn stream(&self) -> BlobStream {
        Box::pin(stream::try_unfold(self.reader(), |mut reader| async move {
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; PIECE];
                let count = fill(&mut reader, &mut piece)?;
                piece.truncate(count);
                io::Result::Ok((piece, reader))
            });
            let (piece, reader) = read.await.map_err(io::Error::other)??;
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), reader)))
        }))
    }
}

pub(crate) struct SectionReader {
    section: Section,
    position: u64,
}

impl Read for SectionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.section.place.size - self.position;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if length == 0 {
            return Ok(0);
        }
        let offset = self.section.place.offset + self.position;
        let count = read_at(&self.section.file, &mut buffer[..length], offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &StdFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &StdFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// An archive or a directory whose members are found by name.
pub(crate) struct Content {
    pub(crate) path: PathBuf,
    /// Directory for unnamed temporary files.
    spool: PathBuf,
    kind: Kind,
}

enum Kind {
    Tar {
        file: Arc<StdFile>,
        index: TarIndex,
    },
    /// What is called `blobs/…` is in another folder where there is one.
    Directory {
        blobs: Option<PathBuf>,
    },
}

/// Where the member `name` of a folder is.
pub(super) fn place(path: &Path, blobs: Option<&Path>, name: &str) -> PathBuf {
    match (blobs, name.strip_prefix("blobs/")) {
        (Some(blobs), Some(blob)) => blobs.join(blob),
        _ => path.join(name),
    }
}

impl Content {
    /// Opens a directory, or a tar archive that may be packed; a packed one is unpacked into an
    /// unnamed file in `spool`.
    pub(crate) fn open(path: &Path, spool: &Path) -> Result<Self> {
        let failed = |error| Error::io(path.display().to_string(), error);
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            let kind = Kind::Directory { blobs: None };
            return Ok(Self { path: path.into(), spool: spool.into(), kind });
        }
        let mut file = fs::File::open(path).map_err(failed)?.into_parts().0;
        if metadata.is_file() {
            let mut start = [0; 8];
            let count = fill(&mut file, &mut start).map_err(failed)?;
            file.rewind().map_err(failed)?;
            if Compression::of(&start[..count]) == Compression::None {
                return Self::from_file(path, file, spool);
            }
        }
        // A pipe or device, or a packed file.
        Self::from_reader(path, file, spool)
    }

    /// Takes an archive from a stream, such as the standard input, into an unnamed file in `spool`.
    pub(crate) fn from_reader(name: &Path, reader: impl Read, spool: &Path) -> Result<Self> {
        let failed = |error| Error::io(name.display().to_string(), error);
        let mut whole = BufReader::with_capacity(PIECE, reader);
        if whole.fill_buf().map_err(failed)?.is_empty() {
            return Err(Error::archive(name, "it is empty: no image archive"));
        }
        let file = spooled(&mut unpacked(whole).map_err(failed)?, spool).map_err(failed)?;
        Self::from_file(name, file, spool)
    }

    /// The same with the blobs of a layout in another folder; an archive has all its own.
    pub(crate) fn with_blobs(mut self, folder: Option<&Path>) -> Self {
        if let Kind::Directory { blobs } = &mut self.kind {
            *blobs = folder.map(Path::to_owned);
        }
        self
    }

    fn from_file(name: &Path, mut file: StdFile, spool: &Path) -> Result<Self> {
        let failed = |error| Error::io(name.display().to_string(), error);
        let length = file.metadata().map_err(failed)?.len();
        if length == 0 {
            return Err(Error::archive(name, "it is empty: no image archive"));
        }
        file.rewind().map_err(failed)?;
        let index = TarIndex::scan(&mut file, length).map_err(failed)?;
        Ok(Self { path: name.into(), spool: spool.into(), kind: Kind::Tar { file: Arc::new(file), index } })
    }

    /// The uncompressed bytes of a packed member, in an unnamed file.
    pub(crate) fn unpack(&self, section: &Section) -> io::Result<Section> {
        let file = spooled(&mut unpacked(section.reader())?, &self.spool)?;
        let size = file.metadata()?.len();
        Ok(Section { file: Arc::new(file), place: Place { offset: 0, size } })
    }

    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }

    /// A member; `None` where there is no regular file of this name. In a directory, `name` must be made of
    /// checked parts, because it becomes a path.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Section>> {
        match &self.kind {
            Kind::Tar { file, index } => {
                let place = index
                    .find(name)
                    .map_err(|error| Error::io(format!("{}: {name}", self.path.display()), error))?;
                Ok(place.map(|place| Section { file: file.clone(), place }))
            }
            Kind::Directory { blobs } => {
                let path = place(&self.path, blobs.as_deref(), name);
                let failed = |error| Error::io(path.display().to_string(), error);
                // Neither a link out of the directory nor a pipe that would block.
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_file() => (),
                    Ok(_) => return Ok(None),
                    Err(error)
                        if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
                    {
                        return Ok(None);
                    }
                    Err(error) => return Err(failed(error)),
                }
                let file = fs::File::open(&path).map_err(failed)?.into_parts().0;
                let size = file.metadata().map_err(failed)?.len();
                Ok(Some(Section { file: Arc::new(file), place: Place { offset: 0, size } }))
            }
        }
    }

    /// All of a small member.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(section) = self.find(name)? else { return Ok(None) };
        if section.place.size > limit {
            return Err(Error::TooLarge { subject: format!("{}: {name}", self.path.display()), limit });
        }
        let mut data = Vec::new();
        section
            .reader()
            .read_to_end(&mut data)
            .map_err(|error| Error::io(format!("{}: {name}", self.path.display()), error))?;
        Ok(Some(data))
    }
}

/// All that `reader` gives, in an unnamed file in `spool`.
fn spooled(reader: &mut impl Read, spool: &Path) -> io::Result<StdFile> {
    let mut file = tempfile::tempfile_in(spool).map_err(|error| {
        io::Error::new(error.kind(), format!("temporary file in {}: {error}", spool.display()))
    })?;
    io::copy(reader, &mut file)?;
    file.flush()?;
    Ok(file)
}
