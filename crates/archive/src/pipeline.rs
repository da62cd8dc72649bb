//! The pipeline in front of who unpacks a layer: one thread reads and decompresses, one hashes, the caller's
//! thread consumes. Buffers go round, so the memory is a few megabytes whatever the layer's size.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use crate::compression::{Compression, detect, fill};
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::reader::Input;

const BUFFER: usize = 256 * 1024;
const IN_FLIGHT: usize = 4;

/// What is known about the stream once it was read to its end.
#[derive(Debug)]
pub struct Totals {
    /// How the stream was compressed.
    pub compression: Compression,
    /// Bytes of the stream as it came.
    pub compressed_size: u64,
    /// SHA-256 of the stream as it came, where it was asked for.
    pub compressed_digest: Option<Digest>,
    /// Bytes of the uncompressed stream.
    pub size: u64,
    /// SHA-256 of the uncompressed stream.
    pub digest: Digest,
}

/// The uncompressed stream, as buffers.
pub struct Source {
    buffers: Receiver<io::Result<Vec<u8>>>,
    spent: Sender<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
}

/// The threads behind a [`Source`].
pub struct Stages<'scope> {
    decompress: ScopedJoinHandle<'scope, io::Result<(Compression, u64, Option<Digest>)>>,
    hash: ScopedJoinHandle<'scope, (u64, Digest)>,
}

/// Starts the pipeline. With `hash_compressed` the stream as it comes is hashed too. The source must be read to its
/// end, or dropped, before the scope ends.
pub fn pipeline<'scope, R: Read + Send + 'scope>(
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
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        result
    });
    let hash = scope.spawn(move || hash(&raw_in, &hashed_out));
    let source = Source { buffers: hashed_in, spent: spent_out, current: Vec::new(), position: 0 };
    (source, Stages { decompress, hash })
}

impl Stages<'_> {
    /// Waits for the threads. The source must have been read to its end, or dropped.
    ///
    /// # Errors
    /// Reading or decompressing failed, which the source has told already.
    pub fn finish(self) -> io::Result<Totals> {
        let gone = || io::Error::other("a thread of the pipeline panicked");
        let (size, digest) = self.hash.join().map_err(|_| gone())?;
        let (compression, compressed_size, compressed_digest) =
            self.decompress.join().map_err(|_| gone())??;
        Ok(Totals { compression, compressed_size, compressed_digest, size, digest })
    }
}

fn decompress<R: Read>(
    reader: R,
    hash_compressed: bool,
    out: &SyncSender<io::Result<Vec<u8>>>,
    spent: &Receiver<Vec<u8>>,
) -> io::Result<(Compression, u64, Option<Digest>)> {
    let hash = hash_compressed.then(|| Hasher::new(DigestAlgorithm::Sha256));
    let mut counted = Counted { inner: reader, count: 0, hash };
    let mut input = io::BufReader::with_capacity(BUFFER, &mut counted);
    let (compression, whole) = detect(&mut input)?;
    let mut decoder = compression.decoder(whole)?;
    loop {
        let mut buffer = spent.try_recv().unwrap_or_default();
        buffer.resize(BUFFER, 0);
        let length = fill(&mut decoder, &mut buffer)?;
        if length == 0 {
            break;
        }
        buffer.truncate(length);
        if out.send(Ok(buffer)).is_err() {
            // The consumer stopped early and knows why.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
    drop(decoder);
    io::copy(&mut input, &mut io::sink())?;
    drop(input);
    let digest = counted.hash.map(Hasher::finish);
    Ok((compression, counted.count, digest))
}

fn hash(input: &Receiver<io::Result<Vec<u8>>>, out: &SyncSender<io::Result<Vec<u8>>>) -> (u64, Digest) {
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

impl Input for Source {
    fn peek(&mut self) -> io::Result<&[u8]> {
        while self.position == self.current.len() {
            let Ok(next) = self.buffers.recv() else { return Ok(&[]) };
            let spent = std::mem::replace(&mut self.current, next?);
            self.position = 0;
            let _ = self.spent.send(spent);
        }
        Ok(&self.current[self.position..])
    }

    fn consume(&mut self, count: usize) -> io::Result<()> {
        self.position += count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(data: &[u8]) -> io::Result<(Vec<u8>, Totals)> {
        std::thread::scope(|scope| {
            let (mut source, stages) = pipeline(scope, data, true);
            let mut all = Vec::new();
            loop {
                let available = source.peek()?;
                if available.is_empty() {
                    break;
                }
                let count = available.len();
                all.extend_from_slice(available);
                source.consume(count)?;
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
        assert!(read_all(&gzip).is_err());
        assert!(read_all(b"BZh9").is_err());
        assert_eq!(read_all(b"").unwrap().1.size, 0);
    }
}
