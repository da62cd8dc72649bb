//! The pipeline in front of the extractor: one thread reads and decompresses, one hashes, the caller's
//! thread consumes. Buffers go round, so the memory is a few megabytes whatever the layer's size.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use cove_archive::{Compression, Digest, DigestAlgorithm, Hasher, detect, fill};

use crate::error::{Result, StorageError};

const BUFFER: usize = 256 * 1024;
const IN_FLIGHT: usize = 4;

/// What is known about the stream once it was read to its end.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) compression: Compression,
    pub(super) compressed_size: u64,
    pub(super) compressed_digest: Option<Digest>,
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// The uncompressed stream, as buffers.
pub(super) struct Source {
    buffers: Receiver<Result<Vec<u8>>>,
    spent: Sender<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
    /// Bytes consumed so far.
    pub(super) offset: u64,
}

/// The threads behind a [`Source`].
pub(super) struct Stages<'scope> {
    decompress: ScopedJoinHandle<'scope, Result<(Compression, u64, Option<Digest>)>>,
    hash: ScopedJoinHandle<'scope, (u64, Digest)>,
}

/// Starts the pipeline. With `hash_compressed` the stream as it comes is hashed too.
pub(super) fn start<'scope, R: Read + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    reader: R,
    hash_compressed: bool,
) -> (Source, Stages<'scope>) {
    let (raw_out, raw_in) = sync_channel(IN_FLIGHT);
    let (hashed_out, hashed_in) = sync_channel(IN_FLIGHT);
    let (spent_out, spent_in) = channel();
    let decompress = scope.spawn(move || {
        let result = decompress(reader, hash_compressed, &raw_out, &spent_in);
        if let Err(error) = result {
            // The consumer reports the error; it may be gone already, for a reason of its own.
            let _ = raw_out.send(Err(error));
            return Err(StorageError::Stream(io::ErrorKind::BrokenPipe.into()));
        }
        result
    });
    let hash = scope.spawn(move || hash(&raw_in, &hashed_out));
    let source = Source { buffers: hashed_in, spent: spent_out, current: Vec::new(), position: 0, offset: 0 };
    (source, Stages { decompress, hash })
}

impl Stages<'_> {
    /// Waits for the threads. The source must have been read to its end, or dropped.
    pub(super) fn finish(self) -> Result<Totals> {
        let gone = || StorageError::Stream(io::Error::other("a thread of the pipeline panicked"));
        let (size, digest) = self.hash.join().map_err(|_| gone())?;
        let (compression, compressed_size, compressed_digest) =
            self.decompress.join().map_err(|_| gone())??;
        Ok(Totals { compression, compressed_size, compressed_digest, size, digest })
    }
}

fn decompress<R: Read>(
    reader: R,
    hash_compressed: bool,
    out: &SyncSender<Result<Vec<u8>>>,
    spent: &Receiver<Vec<u8>>,
) -> Result<(Compression, u64, Option<Digest>)> {
    let hash = hash_compressed.then(|| Hasher::new(DigestAlgorithm::Sha256));
    let mut counted = Counted { inner: reader, count: 0, hash };
    let mut input = io::BufReader::with_capacity(BUFFER, &mut counted);
    let (compression, whole) = detect(&mut input).map_err(StorageError::Stream)?;
    let mut decoder = compression.decoder(whole).map_err(StorageError::Stream)?;
    loop {
        let mut buffer = spent.try_recv().unwrap_or_default();
        buffer.resize(BUFFER, 0);
        let length = fill(&mut decoder, &mut buffer).map_err(StorageError::Stream)?;
        if length == 0 {
            break;
        }
        buffer.truncate(length);
        if out.send(Ok(buffer)).is_err() {
            // The consumer stopped early and knows why.
            return Err(StorageError::Stream(io::ErrorKind::BrokenPipe.into()));
        }
    }
    drop(decoder);
    io::copy(&mut input, &mut io::sink()).map_err(StorageError::Stream)?;
    drop(input);
    let digest = counted.hash.map(Hasher::finish);
    Ok((compression, counted.count, digest))
}

fn hash(input: &Receiver<Result<Vec<u8>>>, out: &SyncSender<Result<Vec<u8>>>) -> (u64, Digest) {
    let mut hash = Hasher::new(DigestAlgorithm::Sha256);
    let mut size = 0;
    while let Ok(message) = input.recv() {
        if let Ok(buffer) = &message {
            hash.update(buffer);
            size += buffer.len() as u64;
        }
        if out.send(message).is_err() {
            break;
        }
    }
    (size, hash.finish())
}

struct Counted<R> {
    inner: R,
    count: u64,
    hash: Option<Hasher>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..count]);
        }
        Ok(count)
    }
}

impl Source {
    /// The bytes at hand; empty only at the end of the stream.
    pub(super) fn peek(&mut self) -> Result<&[u8]> {
        while self.position == self.current.len() {
            let Ok(next) = self.buffers.recv() else { return Ok(&[]) };
            let spent = std::mem::replace(&mut self.current, next?);
            self.position = 0;
            let _ = self.spent.send(spent);
        }
        Ok(&self.current[self.position..])
    }

    /// Marks bytes that [`Source::peek`] showed as used.
    pub(super) fn consume(&mut self, count: usize) {
        self.position += count;
        self.offset += count as u64;
    }

    /// Fills `block`, or answers `false` at a clean end of the stream.
    pub(super) fn read_block(&mut self, block: &mut [u8; 512]) -> Result<bool> {
        let mut length = 0;
        while length < block.len() {
            let available = self.peek()?;
            if available.is_empty() {
                return if length == 0 {
                    Ok(false)
                } else {
                    Err(self.bad("the archive ends inside a block"))
                };
            }
            let count = available.len().min(block.len() - length);
            block[length..length + count].copy_from_slice(&available[..count]);
            self.consume(count);
            length += count;
        }
        Ok(true)
    }

    /// An error at the present position.
    pub(super) fn bad(&self, reason: impl Into<String>) -> StorageError {
        StorageError::BadArchive { offset: self.offset, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(data: &[u8]) -> Result<(Vec<u8>, Totals)> {
        std::thread::scope(|scope| {
            let (mut source, stages) = start(scope, data, true);
            let mut all = Vec::new();
            loop {
                let available = source.peek()?;
                if available.is_empty() {
                    break;
                }
                let count = available.len();
                all.extend_from_slice(available);
                source.consume(count);
            }
            Ok((all, stages.finish()?))
        })
    }

    #[test]
    fn decompresses_and_hashes() {
        use std::io::Write;
        let data: Vec<u8> = (0..1_000_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let mut gzip = Vec::new();
        for half in data.chunks(data.len() / 2) {
            let mut encoder = flate2::write::GzEncoder::new(&mut gzip, flate2::Compression::fast());
            encoder.write_all(half).unwrap();
            encoder.finish().unwrap();
        }
        let zstd = zstd::encode_all(data.as_slice(), 1).unwrap();
        for (stream, kind) in
            [(&data, Compression::None), (&gzip, Compression::Gzip), (&zstd, Compression::Zstd)]
        {
            let (all, totals) = read_all(stream).unwrap();
            assert!(all == data);
            assert_eq!(totals.compression, kind);
            assert_eq!(totals.digest, Digest::sha256(&data));
            assert_eq!(totals.compressed_digest.unwrap(), Digest::sha256(stream));
            assert_eq!(totals.compressed_size, stream.len() as u64);
        }
    }

    #[test]
    fn damaged_streams_are_errors() {
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];
        gzip.extend_from_slice(&[0xff; 100]);
        assert!(matches!(read_all(&gzip), Err(StorageError::Stream(_))));
        assert!(matches!(read_all(b"BZh9"), Err(StorageError::Stream(_))));
        assert_eq!(read_all(b"").unwrap().1.size, 0);
    }
}
