//! Writing tar-split: what of a tar is not file contents, so that the tar can be put together again.
//!
//! The format is github.com/vbatts/tar-split's: gzip of one JSON object per line. Type 2 holds raw bytes
//! (headers, padding); type 1 stands for the contents of a file, with its size and CRC-64.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cove_sys::fs;
use flate2::write::GzEncoder;

use crate::error::Result;

/// Raw bytes are written out when this many have come together.
const SEGMENT: usize = 1024 * 1024;

/// The writer; raw bytes are collected into segments.
pub(super) struct TarSplitWriter {
    out: GzEncoder<io::BufWriter<fs::File>>,
    pending: Vec<u8>,
    encoded: String,
    entry: u64,
}

impl TarSplitWriter {
    pub(super) fn new(file: fs::File) -> Self {
        let out = GzEncoder::new(io::BufWriter::with_capacity(64 * 1024, file), flate2::Compression::fast());
        Self { out, pending: Vec::new(), encoded: String::new(), entry: 0 }
    }

    /// Adds bytes that are kept as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= SEGMENT { self.flush() } else { Ok(()) }
    }

    /// Adds the mention of a file whose contents are found in the layer's directory under `name`.
    pub(super) fn file(&mut self, name: &[u8], size: u64, checksum: Option<[u8; 8]>) -> Result<()> {
        self.flush()?;
        let (key, text) = match std::str::from_utf8(name) {
            Ok(text) => ("name", text.to_owned()),
            Err(_) => ("name_raw", STANDARD.encode(name)),
        };
        let text = serde_json::Value::String(text);
        let payload = checksum.map_or("null".to_owned(), |sum| format!("\"{}\"", STANDARD.encode(sum)));
        write!(self.out, "{{\"type\":1,\"{key}\":{text}")?;
        if size > 0 {
            write!(self.out, ",\"size\":{size}")?;
        }
        writeln!(self.out, ",\"payload\":{payload},\"position\":{}}}", self.entry)?;
        self.entry += 1;
        Ok(())
    }

    /// Ends the file and puts it on the disk.
    pub(super) fn finish(mut self) -> Result<()> {
        self.flush()?;
        let file = self.out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        drop(file);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.encoded.clear();
            STANDARD.encode_string(&self.pending, &mut self.encoded);
            self.pending.clear();
            writeln!(
                self.out,
                "{{\"type\":2,\"payload\":\"{}\",\"position\":{}}}",
                self.encoded, self.entry
            )?;
            self.entry += 1;
        }
        Ok(())
    }
}
