//! How a stream is compressed, told by its first bytes, and its decoder. Every decoder's memory is bounded.

use std::io::{self, BufRead, BufReader, Read};

use lzma_rust2::XzReader;

/// The memory that a decoder of xz may take, in KiB: enough for `xz -9`, whose dictionary has 64 MiB. The format
/// allows dictionaries of 4 GiB.
pub(crate) const XZ_MEMORY: u32 = 80 * 1024;

/// The bytes that [`Compression::of`] needs at most.
const MAGIC: usize = 8;

const BUFFER: usize = 256 * 1024;

/// How a stream is compressed, with the numbers that containers/storage gives it in `layers.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None = 0,
    /// bzip2, any number of streams.
    Bzip2 = 1,
    /// gzip (RFC 1952), any number of members.
    Gzip = 2,
    /// xz, any number of streams.
    Xz = 3,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd = 4,
}

impl Compression {
    /// Tells it from the first bytes of a stream; eight are enough.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 0x08, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // zstd:chunked and pzstd put skippable frames (0x184D2A50 to 5F) anywhere, also in front.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::None,
        }
    }

    /// The uncompressed bytes of `source`.
    ///
    /// # Errors
    /// The decoder cannot be made. Reading fails where the stream is damaged, breaks off, or needs more memory than
    /// is allowed.
    pub fn decoder<'a>(self, source: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(source),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
            Self::Xz => Box::new(Bounded(XzReader::new_mem_limit(source, true, XZ_MEMORY))),
        })
    }
}

/// Has `write` write through an encoder: gzip and Zstandard at their usual levels, or nothing at all.
///
/// # Errors
/// What `write` fails with; the encoder's, also where there is none for `compression`.
pub fn compressed<T, E: From<io::Error>>(
    compression: Compression,
    mut out: impl io::Write,
    write: impl FnOnce(&mut dyn io::Write) -> Result<T, E>,
) -> Result<T, E> {
    match compression {
        Compression::None => {
            let value = write(&mut out)?;
            out.flush()?;
            Ok(value)
        }
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            let value = write(&mut encoder)?;
            encoder.finish()?.flush()?;
            Ok(value)
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            let value = write(&mut encoder)?;
            encoder.finish()?.flush()?;
            Ok(value)
        }
        Compression::Bzip2 | Compression::Xz => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
    }
}

/// Says what it means when a stream of xz wants too much memory.
struct Bounded<R>(R);

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => io::Error::new(
                io::ErrorKind::Unsupported,
                format!("the xz stream needs more than {} MiB of memory to unpack", XZ_MEMORY / 1024),
            ),
            _ => error,
        })
    }
}

/// Reads as much as is needed to tell the compression; answers it and the whole stream again.
///
/// # Errors
/// Reading failed.
pub fn detect<'a, R: Read + 'a>(mut source: R) -> io::Result<(Compression, impl BufRead + use<'a, R>)> {
    let mut start = vec![0; MAGIC];
    let length = fill(&mut source, &mut start)?;
    start.truncate(length);
    let compression = Compression::of(&start);
    Ok((compression, BufReader::with_capacity(BUFFER, io::Cursor::new(start).chain(source))))
}

/// `source` without its compression, whichever it is.
///
/// # Errors
/// As [`detect`] and [`Compression::decoder`].
pub fn unpacked<'a>(source: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let (compression, whole) = detect(source)?;
    compression.decoder(whole)
}

/// Fills `buffer` as far as the reader goes; answers how far.
///
/// # Errors
/// Reading failed.
pub fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn sample() -> Vec<u8> {
        (0..100_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect()
    }

    fn packed(compression: Compression, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match compression {
            Compression::None => out.extend_from_slice(data),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Zstd => out = zstd::encode_all(data, 1).unwrap(),
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast());
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Xz => out = xz(data),
        }
        out
    }

    /// One LZMA2 chunk after another of plain bytes, in the frame of xz with a dictionary of 2^`exponent` bytes.
    fn xz_with_dictionary(data: &[u8], property: u8) -> Vec<u8> {
        let mut out = vec![0xfd, b'7', b'z', b'X', b'Z', 0, 0, 0];
        out.extend(crc32(&[0, 0]).to_le_bytes());
        let header_start = out.len();
        // Header size (12 bytes), no flags, filter LZMA2 with one byte of properties, padding.
        out.extend([2, 0, 0x21, 1, property, 0, 0, 0]);
        out.extend(crc32(&out[header_start..]).to_le_bytes());
        let block_start = header_start;
        for (number, chunk) in data.chunks(65_536).enumerate() {
            out.push(if number == 0 { 1 } else { 2 });
            out.extend(u16::try_from(chunk.len() - 1).unwrap().to_be_bytes());
            out.extend_from_slice(chunk);
        }
        out.push(0);
        let unpadded = out.len() - block_start;
        out.resize(out.len().next_multiple_of(4), 0);
        let mut index = vec![0, 1];
        varint(&mut index, unpadded);
        varint(&mut index, data.len());
        index.resize(index.len().next_multiple_of(4), 0);
        let size = index.len() + 4;
        out.extend_from_slice(&index);
        out.extend(crc32(&index).to_le_bytes());
        let mut footer = u32::try_from(size / 4 - 1).unwrap().to_le_bytes().to_vec();
        footer.extend([0, 0]);
        out.extend(crc32(&footer).to_le_bytes());
        out.extend_from_slice(&footer);
        out.extend(b"YZ");
        out
    }

    fn xz(data: &[u8]) -> Vec<u8> {
        xz_with_dictionary(data, 22)
    }

    fn varint(out: &mut Vec<u8>, mut value: usize) {
        while value > 127 {
            out.push(u8::try_from(value & 127).unwrap() | 128);
            value >>= 7;
        }
        out.push(u8::try_from(value).unwrap());
    }

    fn crc32(data: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in data {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        !crc
    }

    const ALL: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz];

    fn read(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        unpacked(stream)?.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn every_compression_is_told_and_undone() {
        let data = sample();
        for compression in ALL {
            let stream = packed(compression, &data);
            assert_eq!(detect(stream.as_slice()).unwrap().0, compression);
            assert!(read(&stream).unwrap() == data, "{compression:?}");
            // Two streams behind each other are one.
            assert!(read(&[&stream[..], &stream].concat()).unwrap() == [&data[..], &data].concat());
        }
        assert_eq!(Compression::of(b""), Compression::None);
        assert_eq!(Compression::of(b"BZhello"), Compression::None);
        assert_eq!(Compression::of(&[0x52, 0x2a, 0x4d, 0x18]), Compression::Zstd);
        assert!(read(b"").unwrap().is_empty());
    }

    #[test]
    fn damage_is_an_error() {
        let data = sample();
        for compression in &ALL[1..] {
            let stream = packed(*compression, &data);
            assert!(read(&stream[..stream.len() / 2]).is_err(), "{compression:?} cut");
            assert!(read(&stream[..stream.len() - 1]).is_err(), "{compression:?} cut at the end");
            let mut wrong = stream.clone();
            wrong[10] ^= 0x55;
            assert!(read(&wrong).map_or(true, |read| read != data), "{compression:?} changed");
        }
    }

    #[test]
    fn a_huge_dictionary_is_refused_by_name() {
        // 64 MiB, the most that `xz -9` takes, and 128 MiB, 1 GiB, 4 GiB.
        assert_eq!(read(&xz_with_dictionary(b"x", 28)).unwrap(), b"x");
        for property in [30, 36, 40] {
            let error = read(&xz_with_dictionary(b"x", property)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            assert!(error.to_string().contains("80 MiB"), "{error}");
        }
    }
}
