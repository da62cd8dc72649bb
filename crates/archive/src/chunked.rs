//! zstd:chunked: a layer packed with Zstandard in frames of its own for each file, and a table of what is where, so that
//! a reader may fetch only the files that it lacks. Whoever does not know of it sees Zstandard.
//!
//! The format is containers/storage's (`pkg/chunked`): table, tar-split and a footer are skippable frames at the end.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use serde::Serialize;
use zstd::bulk::Compressor;

use crate::crc64::Crc64;
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::header::{Header, Kind};
use crate::reader::{Input, Reader, Streamed};
use crate::recorder::Recorder;

/// Most bytes of a frame before they are packed; a larger file has several.
const CHUNK: usize = 1 << 20;
/// Longest table and tar-split, before they are packed: nobody reads longer ones.
const MOST: u64 = 150 << 20;
const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// Bytes before the contents of a skippable frame.
const SKIPPABLE_HEAD: u64 = 8;
const MAGIC: &[u8; 8] = b"GNUlInUx";
/// The one sort of table.
const TABLE_SORT: u64 = 1;

/// Digest of the packed table.
const TABLE_DIGEST: &str = "io.github.containers.zstd-chunked.manifest-checksum";
/// Where the table is: offset, packed and plain length, sort.
const TABLE_PLACE: &str = "io.github.containers.zstd-chunked.manifest-position";
/// Where tar-split is: offset, packed and plain length.
const SPLIT_PLACE: &str = "io.github.containers.zstd-chunked.tarsplit-position";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    version: u8,
    entries: Vec<TableEntry>,
    tar_split_digest: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TableEntry {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    link_name: String,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    uid: u64,
    #[serde(skip_serializing_if = "is_zero")]
    gid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    modtime: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    dev_major: u64,
    #[serde(skip_serializing_if = "is_zero")]
    dev_minor: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    digest: String,
    #[serde(skip_serializing_if = "is_zero")]
    offset: u64,
    #[serde(skip_serializing_if = "is_zero")]
    end_offset: u64,
    #[serde(skip_serializing_if = "is_zero")]
    chunk_size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    chunk_offset: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    chunk_digest: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Whether a layer's annotations say that it is packed so.
pub fn is_chunked(annotations: &BTreeMap<String, String>) -> bool {
    annotations.contains_key(TABLE_DIGEST) && annotations.contains_key(TABLE_PLACE)
}

/// Packs a plain tar; answers the annotations that the layer's descriptor gets.
///
/// # Errors
/// Reading or writing failed, the tar is damaged, or has what the table cannot hold: a name that is not UTF-8, or a file
/// with holes.
pub fn write_chunked(tar: impl Read, out: impl Write, level: i32) -> io::Result<BTreeMap<String, String>> {
    let passing = Passing { input: Streamed::new(tar), frames: Frames::new(out, level)? };
    let mut reader = Reader::new(Recorder::new(passing, Vec::new()));
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().map_err(io::Error::other)? {
        if entry.sparse.is_some() {
            return Err(unsupported(&entry.header.name, "it is a file with holes"));
        }
        let mut known = table_entry(&entry.header)?;
        let mut chunks = Vec::new();
        let mut size = 0;
        let mut checksum = None;
        if entry.header.kind == Kind::File && entry.header.size > 0 {
            let packed = contents(&mut reader)?;
            known.digest = packed.digest.to_string();
            chunks = packed.chunks;
            checksum = Some(packed.checksum);
            size = entry.header.size;
        }
        reader.input().mention(&entry.header.name, size, checksum)?;
        enter(&mut entries, known, &chunks);
        // Each takes more than that in the table.
        if entries.len() as u64 > MOST / 64 {
            return Err(too_many());
        }
    }
    reader.drain().map_err(io::Error::other)?;
    let (passing, split) = reader.into_input().finish()?;
    passing.frames.finish(entries, &split)
}

fn too_many() -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        "a layer has too many files, or too much behind its end, for zstd:chunked: push with --compression-format zstd",
    )
}

fn unsupported(name: &[u8], reason: &str) -> io::Error {
    let name = String::from_utf8_lossy(name);
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{name:?} cannot be stored as zstd:chunked ({reason}): push with --compression-format zstd"),
    )
}

fn table_entry(header: &Header) -> io::Result<TableEntry> {
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| unsupported(&header.name, "a name is not UTF-8"))
    };
    let kind = match header.kind {
        Kind::File => "reg",
        Kind::HardLink => "hardlink",
        Kind::Symlink => "symlink",
        Kind::CharDevice => "char",
        Kind::BlockDevice => "block",
        Kind::Directory => "dir",
        Kind::Fifo => "fifo",
    };
    let xattrs = header.xattrs.iter().map(|(name, value)| (name.clone(), STANDARD.encode(value)));
    let (seconds, nanoseconds) = header.mtime;
    let time = jiff::Timestamp::new(seconds, i32::try_from(nanoseconds).unwrap_or_default());
    Ok(TableEntry {
        kind,
        name: text(&header.name)?,
        link_name: text(&header.link)?,
        mode: header.mode.into(),
        size: if header.kind == Kind::File { header.size } else { 0 },
        uid: header.uid.into(),
        gid: header.gid.into(),
        modtime: time.ok().map(|time| time.to_string()),
        dev_major: header.major.into(),
        dev_minor: header.minor.into(),
        xattrs: xattrs.collect(),
        ..TableEntry::default()
    })
}

/// Puts a file with its chunks into the table: the first one is part of its entry.
fn enter(entries: &mut Vec<TableEntry>, mut known: TableEntry, chunks: &[Chunk]) {
    let name = known.name.clone();
    let several = chunks.len() > 1;
    if let (Some(first), Some(last)) = (chunks.first(), chunks.last()) {
        known.offset = first.offset;
        known.end_offset = last.end;
        if several {
            known.chunk_size = first.size;
            known.chunk_digest = first.digest.to_string();
        }
    }
    entries.push(known);
    let mut chunk_offset = 0;
    for (position, chunk) in chunks.iter().enumerate() {
        if position > 0 {
            entries.push(TableEntry {
                kind: "chunk",
                name: name.clone(),
                offset: chunk.offset,
                chunk_size: chunk.size,
                chunk_offset,
                chunk_digest: chunk.digest.to_string(),
                ..TableEntry::default()
            });
        }
        chunk_offset += chunk.size;
    }
}

/// A frame with a part of a file.
struct Chunk {
    offset: u64,
    end: u64,
    size: u64,
    digest: Digest,
}

/// A file's contents, packed.
struct Contents {
    chunks: Vec<Chunk>,
    digest: Digest,
    checksum: [u8; 8],
}

/// All that passes is recorded, and goes into frames.
type Recorded<R, W> = Recorder<Passing<R, W>, Vec<u8>>;

/// Packs the contents of the present entry into frames of their own.
fn contents<R: Read, W: Write>(reader: &mut Reader<Recorded<R, W>>) -> io::Result<Contents> {
    let hasher = || Hasher::new(DigestAlgorithm::Sha256);
    reader.input().inner().frames.end()?;
    reader.input().pause();
    let (mut checksum, mut whole, mut part) = (Crc64::new(), hasher(), hasher());
    let mut chunks = Vec::new();
    loop {
        let room = CHUNK - reader.input().inner().frames.pending.len();
        let piece = reader.peek().map_err(io::Error::other)?;
        let length = piece.len().min(room);
        checksum.update(&piece[..length]);
        whole.update(&piece[..length]);
        part.update(&piece[..length]);
        if length > 0 {
            reader.consume(length).map_err(io::Error::other)?;
        }
        let frames = &mut reader.input().inner().frames;
        let size = frames.pending.len() as u64;
        if size > 0 && (length == 0 || frames.pending.len() == CHUNK) {
            let offset = frames.position;
            frames.end()?;
            let digest = std::mem::replace(&mut part, hasher()).finish();
            chunks.push(Chunk { offset, end: frames.position, size, digest });
        }
        if length == 0 {
            return Ok(Contents { chunks, digest: whole.finish(), checksum: checksum.finish() });
        }
    }
}

/// An input all of whose bytes go into frames as they pass.
struct Passing<R, W: Write> {
    input: Streamed<R>,
    frames: Frames<W>,
}

impl<R: Read, W: Write> Input for Passing<R, W> {
    fn peek(&mut self) -> io::Result<&[u8]> {
        self.input.peek()
    }

    fn consume(&mut self, count: usize) -> io::Result<()> {
        self.frames.add(&self.input.peek()?[..count])?;
        self.input.consume(count)
    }
}

/// Frames of Zstandard, one behind the other.
struct Frames<W: Write> {
    out: W,
    position: u64,
    pending: Vec<u8>,
    packer: Compressor<'static>,
    level: i32,
}

impl<W: Write> Frames<W> {
    fn new(out: W, level: i32) -> io::Result<Self> {
        let packer = Compressor::new(level)?;
        Ok(Self { out, position: 0, pending: Vec::with_capacity(CHUNK), packer, level })
    }

    fn add(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            if self.pending.len() == CHUNK {
                self.end()?;
            }
            let count = data.len().min(CHUNK - self.pending.len());
            self.pending.extend_from_slice(&data[..count]);
            data = &data[count..];
        }
        Ok(())
    }

    /// Ends the present frame, if there is anything in it.
    fn end(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            let packed = self.packer.compress(&self.pending)?;
            self.pending.clear();
            self.write(&packed)?;
        }
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.out.write_all(data)?;
        self.position += data.len() as u64;
        Ok(())
    }

    fn skippable(&mut self, data: &[u8]) -> io::Result<()> {
        let length = u32::try_from(data.len())
            .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "the table of a layer is too large"))?;
        self.write(&SKIPPABLE)?;
        self.write(&length.to_le_bytes())?;
        self.write(data)
    }

    /// Writes table, tar-split (as gzip here) and footer; answers the annotations.
    fn finish(mut self, entries: Vec<TableEntry>, split: &[u8]) -> io::Result<BTreeMap<String, String>> {
        self.end()?;
        let mut plain_split = Vec::new();
        MultiGzDecoder::new(split).take(MOST + 1).read_to_end(&mut plain_split)?;
        let split = zstd::bulk::compress(&plain_split, self.level)?;
        let table = Table { version: 1, entries, tar_split_digest: Digest::sha256(&split).to_string() };
        let plain_table = serde_json::to_vec(&table)?;
        if plain_split.len() as u64 > MOST || plain_table.len() as u64 > MOST {
            return Err(too_many());
        }
        let table = zstd::bulk::compress(&plain_table, self.level)?;
        let length = |data: &[u8]| data.len() as u64;
        let table_offset = self.position + SKIPPABLE_HEAD;
        self.skippable(&table)?;
        let split_offset = self.position + SKIPPABLE_HEAD;
        self.skippable(&split)?;
        let footer: Vec<u8> = [
            table_offset,
            length(&table),
            length(&plain_table),
            TABLE_SORT,
            split_offset,
            length(&split),
            length(&plain_split),
        ]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .chain(*MAGIC)
        .collect();
        self.skippable(&footer)?;
        self.out.flush()?;
        Ok([
            (TABLE_DIGEST, Digest::sha256(&table).to_string()),
            (TABLE_PLACE, format!("{table_offset}:{}:{}:{TABLE_SORT}", table.len(), plain_table.len())),
            (SPLIT_PLACE, format!("{split_offset}:{}:{}", split.len(), plain_split.len())),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tarsplit::{TarSplitPart, TarSplitReader};
    use crate::writer::{Member, Writer};

    /// A tar with a folder, an empty file, a small one, a large one and a link.
    fn tar() -> Vec<u8> {
        let mut tar = Writer::new(Vec::new());
        tar.member(&Member::new(Kind::Directory, b"etc/", 0o755)).unwrap();
        tar.file("etc/empty", b"").unwrap();
        tar.file("etc/hosts", b"127.0.0.1 localhost\n").unwrap();
        let large: Vec<u8> = (0..2 * CHUNK + 7).map(|at| u8::try_from(at % 251).unwrap()).collect();
        tar.file("large", &large).unwrap();
        tar.member(&Member { link: b"etc/hosts", ..Member::new(Kind::Symlink, b"link", 0o777) }).unwrap();
        tar.finish().unwrap()
    }

    fn place(annotations: &BTreeMap<String, String>, key: &str) -> Vec<usize> {
        annotations[key].split(':').map(|number| number.parse().unwrap()).collect()
    }

    #[test]
    fn zstandard_to_whoever_does_not_know() {
        let tar = tar();
        let mut packed = Vec::new();
        write_chunked(&tar[..], &mut packed, 3).unwrap();
        let mut plain = Vec::new();
        zstd::Decoder::new(&packed[..]).unwrap().read_to_end(&mut plain).unwrap();
        assert!(plain == tar, "{} bytes of {}", plain.len(), tar.len());
    }

    #[test]
    fn the_table_says_where_files_are() {
        let tar = tar();
        let mut packed = Vec::new();
        let annotations = write_chunked(&tar[..], &mut packed, 3).unwrap();
        let at = place(&annotations, TABLE_PLACE);
        let table = &packed[at[0]..at[0] + at[1]];
        assert_eq!(annotations[TABLE_DIGEST], Digest::sha256(table).to_string());
        let table: serde_json::Value =
            serde_json::from_slice(&zstd::bulk::decompress(table, at[2]).unwrap()).unwrap();
        let entries = table["entries"].as_array().unwrap();
        let names: Vec<_> = entries
            .iter()
            .map(|entry| (entry["name"].as_str().unwrap(), entry["type"].as_str().unwrap()))
            .collect();
        assert_eq!(
            names,
            [
                ("etc/", "dir"),
                ("etc/empty", "reg"),
                ("etc/hosts", "reg"),
                ("large", "reg"),
                ("large", "chunk"),
                ("large", "chunk"),
                ("link", "symlink"),
            ]
        );
        let number =
            |entry: &serde_json::Value, key: &str| usize::try_from(entry[key].as_u64().unwrap()).unwrap();
        let hosts = &packed[number(&entries[2], "offset")..number(&entries[2], "endOffset")];
        assert_eq!(zstd::bulk::decompress(hosts, 100).unwrap(), b"127.0.0.1 localhost\n");
        assert_eq!(entries[2]["digest"], Digest::sha256(b"127.0.0.1 localhost\n").to_string());
        assert_eq!(
            entries[3..6].iter().map(|entry| number(entry, "chunkSize")).collect::<Vec<_>>(),
            [CHUNK, CHUNK, 7]
        );
        assert_eq!(number(&entries[5], "chunkOffset"), 2 * CHUNK);
        assert_eq!(number(&entries[3], "size"), 2 * CHUNK + 7);

        // tar-split has everything but the contents.
        let at = place(&annotations, SPLIT_PLACE);
        let split = &packed[at[0]..at[0] + at[1]];
        assert_eq!(table["tarSplitDigest"], Digest::sha256(split).to_string());
        let split = zstd::bulk::decompress(split, at[2]).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&split).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut reader = TarSplitReader::new(&gzip[..]);
        let mut length = 0;
        while let Some(part) = reader.next().unwrap() {
            length += match part {
                TarSplitPart::Bytes(bytes) => bytes.len(),
                TarSplitPart::File { size, .. } => usize::try_from(size).unwrap(),
            };
        }
        assert_eq!(length, tar.len());

        // The footer repeats it.
        let footer = &packed[packed.len() - 64..];
        let place = place(&annotations, TABLE_PLACE);
        assert_eq!(footer[..8], (place[0] as u64).to_le_bytes());
        assert_eq!(&footer[56..], MAGIC);
    }

    #[test]
    fn damaged_and_unusual() {
        let tar = tar();
        assert!(write_chunked(&tar[..tar.len() / 2], Vec::new(), 3).is_err());
        let mut odd = Writer::new(Vec::new());
        odd.member(&Member::new(Kind::Directory, b"\xff/", 0o755)).unwrap();
        let error = write_chunked(&odd.finish().unwrap()[..], Vec::new(), 3).unwrap_err();
        assert!(error.to_string().contains("not UTF-8"), "{error}");
    }
}
