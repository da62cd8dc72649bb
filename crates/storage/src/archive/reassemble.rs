//! Putting a layer's tar together again from tar-split and the layer's files, bit for bit.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use rustix::fs::{Mode, OFlags};
use serde::Deserialize;

use super::crc64::Crc64;
use super::extract::clean_name;
use super::header::lossy;
use super::tree::open_in;
use crate::error::{Context, Result};

/// The longest line of tar-split that is read; podman writes segments of up to a megabyte.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// Reads as the uncompressed archive the layer came from.
pub(crate) struct Reassembler {
    lines: BufReader<MultiGzDecoder<BufReader<cove_sys::fs::File>>>,
    root: OwnedFd,
    path: PathBuf,
    line: Vec<u8>,
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

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: String,
    #[serde(default)]
    name_raw: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    payload: Option<String>,
}

impl Reassembler {
    /// Opens the tar-split file of a layer and the directory with its files.
    pub(crate) fn open(tar_split: &Path, directory: &Path) -> Result<Self> {
        let file = BufReader::with_capacity(64 * 1024, cove_sys::fs::File::open(tar_split)?);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(directory, flags, Mode::empty()).context("open", directory)?;
        Ok(Self {
            lines: BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(file)),
            root,
            path: directory.to_path_buf(),
            line: Vec::new(),
            part: Part::Next,
        })
    }

    /// Goes on to the next entry with bytes; `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            self.line.clear();
            let length = (&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut self.line)?;
            if length == 0 {
                return Ok(false);
            }
            if length as u64 == MAX_LINE {
                return Err(bad("a line of tar-split is too long"));
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let entry: Entry = serde_json::from_slice(&self.line)?;
            let payload = STANDARD.decode(entry.payload.as_deref().unwrap_or_default()).map_err(bad)?;
            match entry.kind {
                1 if entry.size == 0 => {}
                1 => {
                    let name = match &entry.name_raw {
                        Some(raw) => STANDARD.decode(raw).map_err(bad)?,
                        None => entry.name.into_bytes(),
                    };
                    let file = self.open_file(&name)?;
                    self.part = Part::File {
                        file,
                        left: entry.size,
                        checksum: Crc64::new(),
                        expected: payload,
                        name: lossy(&name),
                    };
                    return Ok(true);
                }
                2 if payload.is_empty() => {}
                2 => {
                    self.part = Part::Segment(payload, 0);
                    return Ok(true);
                }
                other => return Err(bad(format!("tar-split has an entry of the unknown type {other}"))),
            }
        }
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
