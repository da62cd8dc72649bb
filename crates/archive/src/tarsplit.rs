//! tar-split: what of a tar is not file contents, so that the tar can be put together again.
//!
//! The format is github.com/vbatts/tar-split's: gzip of one JSON object per line. Type 2 holds raw bytes
//! (headers, padding); type 1 stands for the contents of a file, with its size and CRC-64.

use std::io::{self, BufRead, BufReader, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize;

/// Raw bytes are written out when this many have come together.
const SEGMENT: usize = 1024 * 1024;

/// The longest line that is read; podman writes segments of up to a megabyte.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// Writes tar-split; raw bytes are collected into segments.
#[derive(Debug)]
pub struct TarSplitWriter<W: Write> {
    out: GzEncoder<W>,
    pending: Vec<u8>,
    encoded: String,
    entry: u64,
}

impl<W: Write> TarSplitWriter<W> {
    /// Into `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        let out = GzEncoder::new(out, flate2::Compression::fast());
        Self { out, pending: Vec::new(), encoded: String::new(), entry: 0 }
    }

    /// Adds bytes that are kept as they are.
    ///
    /// # Errors
    /// Writing failed.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= SEGMENT { self.flush() } else { Ok(()) }
    }

    /// Adds the mention of a file whose contents are found under `name`.
    ///
    /// # Errors
    /// Writing failed.
    pub fn file(&mut self, name: &[u8], size: u64, checksum: Option<[u8; 8]>) -> io::Result<()> {
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

    /// Ends the stream and gives the output back.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        self.out.finish()
    }

    fn flush(&mut self) -> io::Result<()> {
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

/// A part of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarSplitPart {
    /// Bytes as they are; not empty.
    Bytes(Vec<u8>),
    /// The contents of a file; not empty.
    File {
        /// Its name as the archive has it: not cleaned.
        name: Vec<u8>,
        /// Its length.
        size: u64,
        /// Its CRC-64 as [`Crc64::finish`](crate::Crc64::finish) gives it.
        checksum: Vec<u8>,
    },
}

#[derive(Deserialize)]
struct Line {
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

/// Reads tar-split.
#[derive(Debug)]
pub struct TarSplitReader<R> {
    lines: BufReader<MultiGzDecoder<R>>,
    line: Vec<u8>,
}

impl<R: BufRead> TarSplitReader<R> {
    /// From `input`.
    pub fn new(input: R) -> Self {
        Self { lines: BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(input)), line: Vec::new() }
    }

    /// The next part with bytes; `None` at the end.
    ///
    /// # Errors
    /// Reading failed, or this is no tar-split.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> io::Result<Option<TarSplitPart>> {
        loop {
            self.line.clear();
            let length = (&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut self.line)?;
            if length == 0 {
                return Ok(None);
            }
            if length as u64 == MAX_LINE {
                return Err(bad("a line of tar-split is too long"));
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(&self.line)?;
            let payload = STANDARD.decode(line.payload.as_deref().unwrap_or_default()).map_err(bad)?;
            match line.kind {
                1 if line.size == 0 => {}
                1 => {
                    let name = match &line.name_raw {
                        Some(raw) => STANDARD.decode(raw).map_err(bad)?,
                        None => line.name.into_bytes(),
                    };
                    return Ok(Some(TarSplitPart::File { name, size: line.size, checksum: payload }));
                }
                2 if payload.is_empty() => {}
                2 => return Ok(Some(TarSplitPart::Bytes(payload))),
                other => return Err(bad(format!("tar-split has an entry of the unknown type {other}"))),
            }
        }
    }
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = TarSplitWriter::new(Vec::new());
        writer.raw(b"head").unwrap();
        writer.raw(b"er").unwrap();
        writer.file(b"a\xff", 5, Some([1; 8])).unwrap();
        writer.file("ü\n\"".as_bytes(), 7, Some([2; 8])).unwrap();
        writer.file(b"empty", 0, None).unwrap();
        writer.raw(&vec![7; 3_000_000]).unwrap();
        let data = writer.finish().unwrap();
        let mut reader = TarSplitReader::new(data.as_slice());
        let mut parts = Vec::new();
        while let Some(part) = reader.next().unwrap() {
            parts.push(part);
        }
        let file =
            |name: &[u8], size, sum| TarSplitPart::File { name: name.into(), size, checksum: vec![sum; 8] };
        assert_eq!(parts[0], TarSplitPart::Bytes(b"header".to_vec()));
        assert_eq!(parts[1..3], [file(b"a\xff", 5, 1), file("ü\n\"".as_bytes(), 7, 2)]);
        assert_eq!(parts[3], TarSplitPart::Bytes(vec![7; 3_000_000]));
        assert_eq!(parts.len(), 4);
    }

    #[test]
    fn damage_is_an_error() {
        let pack = |text: &str| {
            let mut out = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(text.as_bytes()).unwrap();
            out.finish().unwrap()
        };
        for text in ["x", "{}", r#"{"type":3}"#, r#"{"type":2,"payload":"%"}"#, r#"{"type":1,"size":-1}"#] {
            let data = pack(text);
            assert!(TarSplitReader::new(data.as_slice()).next().is_err(), "{text}");
        }
        let data = pack("\n\n");
        assert_eq!(TarSplitReader::new(data.as_slice()).next().unwrap(), None);
        assert!(TarSplitReader::new(&data[..data.len() - 4]).next().is_err());
        assert!(TarSplitReader::new(&b"no gzip"[..]).next().is_err());
    }
}
