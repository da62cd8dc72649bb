//! Named content of an archive or a directory, and bringing an archive into a seekable, plain form.

use std::fs::File as StdFile;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use cove_sys::fs;
use futures_util::stream;

use super::tar::{Place, TarIndex};
use crate::error::{Error, Result};
use crate::image::BlobStream;

const PIECE: usize = 512 << 10;

/// How the start of a file says it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    pub(crate) fn of(start: &[u8]) -> Self {
        if start.starts_with(&[0x1f, 0x8b, 0x08]) {
            Self::Gzip
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else if start.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            Self::Xz
        } else if start.starts_with(b"BZh") {
            Self::Bzip2
        } else {
            Self::None
        }
    }
}

/// `reader` without its gzip or zstd packing; others are refused by name.
pub(crate) fn unpacked<'a>(packing: Packing, reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let refuse = |name: &str| {
        let text = format!("compression with {name} is not supported: unpack it first");
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    };
    match packing {
        Packing::None => Ok(Box::new(reader)),
        Packing::Gzip => Ok(Box::new(flate2::read::MultiGzDecoder::new(reader))),
        Packing::Zstd => Ok(Box::new(zstd::stream::read::Decoder::new(reader)?)),
        Packing::Xz => refuse("xz"),
        Packing::Bzip2 => refuse("bzip2"),
    }
}

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
                let count = read_full(&mut reader, &mut piece)?;
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

/// Fills `buffer` as far as the reader goes.
pub(crate) fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// An archive or a directory whose members are found by name.
pub(crate) struct Content {
    pub(crate) path: PathBuf,
    kind: Kind,
}

enum Kind {
    Tar { file: Arc<StdFile>, index: TarIndex },
    Directory,
}

impl Content {
    /// Opens a directory, or a tar archive that may be packed with gzip or zstd; a packed one is unpacked into an
    /// unnamed file in `spool`.
    pub(crate) fn open(path: &Path, spool: &Path) -> Result<Self> {
        let failed = |error| Error::io(path.display().to_string(), error);
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Ok(Self { path: path.into(), kind: Kind::Directory });
        }
        let mut file = fs::File::open(path).map_err(failed)?.into_parts().0;
        if metadata.is_file() {
            let mut start = [0; 8];
            let count = read_full(&mut file, &mut start).map_err(failed)?;
            file.rewind().map_err(failed)?;
            if Packing::of(&start[..count]) == Packing::None {
                return Self::from_file(path, file);
            }
        }
        // A pipe or device, or a packed file.
        Self::from_reader(path, file, spool)
    }

    /// Takes an archive from a stream, such as the standard input, into an unnamed file in `spool`.
    pub(crate) fn from_reader(name: &Path, reader: impl Read, spool: &Path) -> Result<Self> {
        let failed = |error| Error::io(name.display().to_string(), error);
        let mut reader = BufReader::with_capacity(PIECE, reader);
        let mut start = [0; 8];
        let count = read_full(&mut reader, &mut start).map_err(failed)?;
        if count == 0 {
            return Err(Error::archive(name, "it is empty: no image archive"));
        }
        let packing = Packing::of(&start[..count]);
        let whole = io::Cursor::new(start[..count].to_vec()).chain(reader);
        let mut unpacked = unpacked(packing, whole).map_err(failed)?;
        let mut file = tempfile::tempfile_in(spool)
            .map_err(|error| Error::io(format!("temporary file in {}", spool.display()), error))?;
        io::copy(&mut unpacked, &mut file).map_err(failed)?;
        file.flush().map_err(failed)?;
        Self::from_file(name, file)
    }

    fn from_file(name: &Path, mut file: StdFile) -> Result<Self> {
        let failed = |error| Error::io(name.display().to_string(), error);
        let length = file.metadata().map_err(failed)?.len();
        if length == 0 {
            return Err(Error::archive(name, "it is empty: no image archive"));
        }
        let index = TarIndex::scan(&mut BufReader::new(&mut file), length).map_err(failed)?;
        Ok(Self { path: name.into(), kind: Kind::Tar { file: Arc::new(file), index } })
    }

    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory)
    }

    /// A member; `None` where there is no regular file of this name. In a directory, `name` must be made of
    /// checked parts, because it becomes a path.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Section>> {
        match &self.kind {
            Kind::Tar { file, index } => {
                Ok(index.find(name).map(|place| Section { file: file.clone(), place }))
            }
            Kind::Directory => {
                let path = self.path.join(name);
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
