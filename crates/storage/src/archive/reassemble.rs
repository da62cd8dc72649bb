//! Putting a layer's tar together again from tar-split and the layer's files, bit for bit.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use cove_archive::{Crc64, TarSplitPart, TarSplitReader, clean_name, lossy};
use rustix::fs::{Mode, OFlags};

use super::tree::open_in;
use crate::error::{Context, Result};

/// Reads as the uncompressed archive the layer came from.
pub(crate) struct Reassembler {
    parts: TarSplitReader<BufReader<cove_sys::fs::File>>,
    root: OwnedFd,
    path: PathBuf,
    part: Part,
}

enum Part {
    /// Raw bytes and how many of them are read.
    Segment(Vec<u8>, usize),
    File {
        file: File,
        left: u64,
        checksum: Crc64,
        expected: Vec<u8>,
        name: String,
    },
    Next,
}

impl Reassembler {
    /// Opens the tar-split file of a layer and the directory with its files.
    pub(crate) fn open(tar_split: &Path, directory: &Path) -> Result<Self> {
        let file = BufReader::with_capacity(64 * 1024, cove_sys::fs::File::open(tar_split)?);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(directory, flags, Mode::empty()).context("open", directory)?;
        Ok(Self { parts: TarSplitReader::new(file), root, path: directory.to_path_buf(), part: Part::Next })
    }

    /// Goes on to the next entry with bytes; `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        self.part = match self.parts.next()? {
            None => return Ok(false),
            Some(TarSplitPart::Bytes(bytes)) => Part::Segment(bytes, 0),
            Some(TarSplitPart::File { name, size, checksum }) => Part::File {
                file: self.open_file(&name)?,
                left: size,
                checksum: Crc64::new(),
                expected: checksum,
                name: lossy(&name),
            },
        };
        Ok(true)
    }

    fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let fail = |error: io::Error| {
            io::Error::new(error.kind(), format!("{} in {}: {error}", lossy(name), self.path.display()))
        };
        let clean = clean_name(name).ok_or_else(|| fail(bad("the name leads out of the layer")))?;
        // Not blocking, should it be a FIFO by now.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(open_in(&self.root, &clean, flags).map_err(|error| fail(error.into()))?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(fail(bad("it is no longer a file"))) }
    }
}

impl Read for Reassembler {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.part {
                Part::Segment(bytes, position) if *position < bytes.len() => {
                    let count = buffer.len().min(bytes.len() - *position);
                    buffer[..count].copy_from_slice(&bytes[*position..*position + count]);
                    *position += count;
                    return Ok(count);
                }
                Part::File { file, left, checksum, name, .. } if *left > 0 => {
                    let limit = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    let count = match file.read(&mut buffer[..limit]) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        other => other?,
                    };
                    if count == 0 {
                        return Err(bad(format!("the file {name} of the layer is shorter than it was")));
                    }
                    checksum.update(&buffer[..count]);
                    *left -= count as u64;
                    return Ok(count);
                }
                Part::File { checksum, expected, name, .. } => {
                    if checksum.finish().as_slice() != expected.as_slice() {
                        return Err(bad(format!("the file {name} of the layer was changed")));
                    }
                    self.part = Part::Next;
                }
                Part::Segment(..) | Part::Next => {
                    if !self.advance()? {
                        return Ok(0);
                    }
                }
            }
        }
    }
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
