//! Walking through a tar: one entry after another, each with all that its extension headers say.
//!
//! What an entry is, how it is called and how long it is are decided here and nowhere else, from the whole of its
//! headers. Everything is bounded; nothing is opened.

use std::io::{self, BufRead, Seek};

use crate::error::{Error, Result};
use crate::header::{BadHeader, Extensions, Header, MAX_EXTENSION, PaxRecords, Role};
use crate::sparse::Sparse;

pub(crate) const BLOCK: usize = 512;

/// Where the bytes of an archive come from.
pub trait Input {
    /// The bytes at hand; empty only at the end.
    ///
    /// # Errors
    /// Reading failed.
    fn peek(&mut self) -> io::Result<&[u8]>;

    /// Marks bytes that [`Input::peek`] showed as used.
    ///
    /// # Errors
    /// An input that keeps what passes could not.
    fn consume(&mut self, count: usize) -> io::Result<()>;

    /// Passes over `count` bytes; `false` where there are fewer.
    ///
    /// # Errors
    /// Reading failed.
    fn skip(&mut self, count: u64) -> io::Result<bool> {
        let mut left = count;
        while left > 0 {
            let available = self.peek()?.len();
            if available == 0 {
                return Ok(false);
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            self.consume(count)?;
            left -= count as u64;
        }
        Ok(true)
    }
}

/// A stream, read from its present place to its end.
#[derive(Debug)]
pub struct Streamed<R>(io::BufReader<R>);

impl<R: io::Read> Streamed<R> {
    /// What is left of `stream`.
    pub fn new(stream: R) -> Self {
        Self(io::BufReader::with_capacity(128 << 10, stream))
    }
}

impl<R: io::Read> Input for Streamed<R> {
    fn peek(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.0.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(self.0.buffer()),
            }
        }
    }

    fn consume(&mut self, count: usize) -> io::Result<()> {
        self.0.consume(count);
        Ok(())
    }
}

/// A file, in which contents are passed over without reading them.
#[derive(Debug)]
pub struct Seekable<R> {
    file: io::BufReader<R>,
    left: u64,
}

impl<R: io::Read + Seek> Seekable<R> {
    /// `file` from its present place on, with `length` bytes.
    pub fn new(file: R, length: u64) -> Self {
        Self { file: io::BufReader::new(file), left: length }
    }
}

impl<R: io::Read + Seek> Input for Seekable<R> {
    fn peek(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let available = loop {
            match self.file.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(available) => break available.len().min(left),
            }
        };
        Ok(&self.file.buffer()[..available])
    }

    fn consume(&mut self, count: usize) -> io::Result<()> {
        self.file.consume(count);
        self.left = self.left.saturating_sub(count as u64);
        Ok(())
    }

    fn skip(&mut self, count: u64) -> io::Result<bool> {
        let (Ok(offset), Some(left)) = (i64::try_from(count), self.left.checked_sub(count)) else {
            return Ok(false);
        };
        self.file.seek_relative(offset)?;
        self.left = left;
        Ok(true)
    }
}

/// An entry with its place and, where it has holes, their map.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What all its headers say together.
    pub header: Header,
    /// For a sparse file: where its data goes. The data of the entry is then that of the extents, in their order.
    pub sparse: Option<Sparse>,
}

/// Reads a tar entry by entry.
#[derive(Debug)]
pub struct Reader<I> {
    input: I,
    offset: u64,
    /// Bytes of the present entry's data that were not used yet.
    left: u64,
    padding: u64,
    ended: bool,
}

impl<I: Input> Reader<I> {
    /// An archive from its first byte on.
    pub fn new(input: I) -> Self {
        Self { input, offset: 0, left: 0, padding: 0, ended: false }
    }

    /// The next entry, after what is left of the present one; `None` at the archive's end.
    ///
    /// # Errors
    /// The archive is damaged, breaks off, or has an extension that is too large.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry>> {
        if self.ended {
            return Ok(None);
        }
        self.skip_data()?;
        let mut block = [0; BLOCK];
        let mut extensions = Extensions::default();
        loop {
            if !self.block(&mut block)? {
                self.ended = true;
                return Ok(None);
            }
            if block.iter().all(|&byte| byte == 0) {
                if self.block(&mut block)? && block.iter().any(|&byte| byte != 0) {
                    return Err(self.bad("a single zero block inside the archive"));
                }
                self.ended = true;
                return Ok(None);
            }
            let header = Header::parse(&block).map_err(|error| self.at(error))?;
            match header.role {
                Role::Pax => {
                    let data = self.extension(header.size)?;
                    extensions.pax = PaxRecords::parse(&data).map_err(|error| self.at(error))?;
                }
                Role::LongName => extensions.name = Some(cut_at_nul(self.extension(header.size)?)),
                Role::LongLink => extensions.link = Some(cut_at_nul(self.extension(header.size)?)),
                Role::GlobalPax => {
                    self.extension(header.size)?;
                }
                Role::Entry | Role::GnuSparse => return self.entry(header, &block, &extensions).map(Some),
            }
        }
    }

    fn entry(&mut self, mut header: Header, block: &[u8; BLOCK], extensions: &Extensions) -> Result<Entry> {
        header.complete(extensions).map_err(|error| self.at(error))?;
        let (sparse, map_bytes) = self.sparse_map(&mut header, block, &extensions.pax)?;
        self.left = header.size - map_bytes;
        self.padding = header.size.wrapping_neg() % BLOCK as u64;
        header.size = self.left;
        Ok(Entry { header, sparse })
    }

    /// The bytes at hand of the present entry's data; empty only at its end.
    ///
    /// # Errors
    /// Reading failed, or the archive breaks off.
    pub fn peek(&mut self) -> Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        if self.input.peek()?.is_empty() {
            return Err(self.bad("the archive ends inside an entry"));
        }
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX);
        let available = self.input.peek()?;
        Ok(&available[..available.len().min(limit)])
    }

    /// Marks data that [`Reader::peek`] showed as used.
    ///
    /// # Errors
    /// As [`Input::consume`].
    pub fn consume(&mut self, count: usize) -> Result<()> {
        self.input.consume(count)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(())
    }

    /// Passes over what is left of the present entry, with what fills up its last block. The last entry of all need not
    /// be filled up: docker's client leaves that out, and the archive's end, where it adds a build file to a context, and
    /// Go's reader takes it.
    ///
    /// # Errors
    /// Reading failed, or the archive breaks off.
    pub fn skip_data(&mut self) -> Result<()> {
        let left = std::mem::take(&mut self.left);
        self.skip(left)?;
        let padding = std::mem::take(&mut self.padding);
        if !self.input.skip(padding)? {
            return self.drain();
        }
        self.offset += padding;
        Ok(())
    }

    /// Reads what follows the archive's end; it belongs to the archive's digest.
    ///
    /// # Errors
    /// Reading failed.
    pub fn drain(&mut self) -> Result<()> {
        loop {
            let count = self.input.peek()?.len();
            if count == 0 {
                return Ok(());
            }
            self.input.consume(count)?;
            self.offset += count as u64;
        }
    }

    /// Position in the archive, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the bytes come from.
    pub fn input(&mut self) -> &mut I {
        &mut self.input
    }

    /// The same, for good.
    pub fn into_input(self) -> I {
        self.input
    }

    /// An error at the present position.
    pub fn bad(&self, reason: impl Into<String>) -> Error {
        Error::Bad { offset: self.offset, reason: reason.into() }
    }

    pub(crate) fn at(&self, error: BadHeader) -> Error {
        self.bad(error.0)
    }

    /// Fills `block`, or answers `false` at a clean end.
    pub(crate) fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool> {
        let mut length = 0;
        while length < block.len() {
            let available = self.input.peek()?;
            if available.is_empty() {
                return if length == 0 {
                    Ok(false)
                } else {
                    Err(self.bad("the archive ends inside a block"))
                };
            }
            let count = available.len().min(block.len() - length);
            block[length..length + count].copy_from_slice(&available[..count]);
            self.input.consume(count)?;
            self.offset += count as u64;
            length += count;
        }
        Ok(true)
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        if !self.input.skip(count)? {
            return Err(self.bad("the archive ends inside an entry"));
        }
        self.offset += count;
        Ok(())
    }

    /// The data of an extension header.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(self.bad(format!("an extension header of {size} bytes")));
        }
        let mut data = Vec::new();
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
        loop {
            let piece = self.peek()?;
            if piece.is_empty() {
                let padding = std::mem::take(&mut self.padding);
                self.skip(padding)?;
                return Ok(data);
            }
            data.extend_from_slice(piece);
            let count = piece.len();
            self.consume(count)?;
        }
    }
}

fn cut_at_nul(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|&byte| byte == 0) {
        name.truncate(end);
    }
    name
}
