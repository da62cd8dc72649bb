//! Keeping tar-split while an archive is read.

use std::io::{self, Write};

use crate::reader::Input;
use crate::tarsplit::TarSplitWriter;

/// An input that writes down what passes, but for the contents of files.
#[derive(Debug)]
pub struct Recorder<I, W: Write> {
    input: I,
    split: TarSplitWriter<W>,
    paused: bool,
}

impl<I: Input, W: Write> Recorder<I, W> {
    /// Records what is read from `input` into `out`.
    pub fn new(input: I, out: W) -> Self {
        Self { input, split: TarSplitWriter::new(out), paused: false }
    }

    /// Where the bytes come from.
    pub(crate) fn inner(&mut self) -> &mut I {
        &mut self.input
    }

    /// From here on contents pass that [`Recorder::mention`] will stand for.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Mentions an entry, whose contents (if there were any) passed since [`Recorder::pause`], and goes on recording.
    ///
    /// # Errors
    /// Writing failed.
    pub fn mention(&mut self, name: &[u8], size: u64, checksum: Option<[u8; 8]>) -> io::Result<()> {
        self.paused = false;
        self.split.file(name, size, checksum)
    }

    /// Ends the record and gives both sides back.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(self) -> io::Result<(I, W)> {
        Ok((self.input, self.split.finish()?))
    }
}

impl<I: Input, W: Write> Input for Recorder<I, W> {
    fn peek(&mut self) -> io::Result<&[u8]> {
        self.input.peek()
    }

    fn consume(&mut self, count: usize) -> io::Result<()> {
        if !self.paused {
            self.split.raw(&self.input.peek()?[..count])?;
        }
        self.input.consume(count)
    }
}
