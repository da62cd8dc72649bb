//! Archives made by hand, header by header.

use cove_archive::{Entry, Error, Input, Reader, Seekable};

/// A header block with a right checksum.
#[derive(Clone)]
pub(crate) struct Block(pub(crate) [u8; 512]);

impl Block {
    /// A POSIX header of `kind` for `name` (cut at 100 bytes) and `size` bytes of data.
    pub(crate) fn new(kind: u8, name: &[u8], size: usize) -> Self {
        let mut block = Self([0; 512]);
        block.put(0, &name[..name.len().min(100)]);
        for (start, value) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0")] {
            block.put(start, value.as_bytes());
        }
        block.put(124, format!("{size:011o}\0").as_bytes());
        block.put(136, b"00000000000\0");
        block.put(257, b"ustar\x0000");
        block.0[156] = kind;
        block.sum();
        block
    }

    pub(crate) fn put(&mut self, start: usize, bytes: &[u8]) {
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// With `bytes` at `start` and the checksum made right again.
    pub(crate) fn with(mut self, start: usize, bytes: &[u8]) -> Self {
        self.put(start, bytes);
        self.sum();
        self
    }

    pub(crate) fn sum(&mut self) {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
    }
}

/// A header with its data, filled up.
pub(crate) fn member(block: &Block, data: &[u8]) -> Vec<u8> {
    let mut all = block.0.to_vec();
    all.extend_from_slice(data);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

/// Members and the end.
pub(crate) fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut all = members.concat();
    all.resize(all.len() + 1024, 0);
    all
}

/// One record of a PAX header.
pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..).find(|length| length.to_string().len() + rest == *length).unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// A PAX header with these records.
pub(crate) fn pax(records: &[Vec<u8>]) -> Vec<u8> {
    let data = records.concat();
    member(&Block::new(b'x', b"PaxHeaders.0/x", data.len()), &data)
}

/// A GNU long name (`L`) or long link (`K`).
pub(crate) fn long(kind: u8, name: &[u8]) -> Vec<u8> {
    let data = [name, b"\0"].concat();
    member(&Block::new(kind, b"././@LongLink", data.len()), &data)
}

/// A whole archive in memory.
pub(crate) struct Whole<'a>(pub(crate) &'a [u8]);

impl Input for Whole<'_> {
    fn peek(&mut self) -> std::io::Result<&[u8]> {
        // Pieces that end anywhere, as those of a pipe do.
        Ok(&self.0[..self.0.len().min(700)])
    }

    fn consume(&mut self, count: usize) -> std::io::Result<()> {
        self.0 = &self.0[count..];
        Ok(())
    }
}

/// All entries with their data; read twice, as a stream and as a file, with the same result.
pub(crate) fn read(archive: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, Error> {
    let streamed = entries(Reader::new(Whole(archive)));
    let length = archive.len() as u64;
    let mut seeking = Reader::new(Seekable::new(std::io::Cursor::new(archive), length));
    let mut count = 0;
    let skipped = loop {
        match seeking.next() {
            Ok(Some(_)) => count += 1,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    match (&streamed, &skipped) {
        (Ok(entries), Ok(())) => assert_eq!(entries.len(), count),
        (Err(one), Err(two)) => {
            assert_eq!(one.to_string().split(" (at").next(), two.to_string().split(" (at").next())
        }
        _ => panic!("a stream gives {:?}, a file {skipped:?}", streamed.as_ref().map(Vec::len)),
    }
    streamed
}

fn entries(mut reader: Reader<Whole<'_>>) -> Result<Vec<(Entry, Vec<u8>)>, Error> {
    let mut entries = Vec::new();
    while let Some(entry) = reader.next()? {
        let mut data = Vec::new();
        loop {
            let piece = reader.peek()?;
            if piece.is_empty() {
                break;
            }
            data.extend_from_slice(piece);
            let count = piece.len();
            reader.consume(count)?;
        }
        entries.push((entry, data));
    }
    reader.drain()?;
    Ok(entries)
}
