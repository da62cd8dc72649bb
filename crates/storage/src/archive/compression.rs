//! Which compression a layer has, told by its first bytes, and its decoder.

use std::io::{self, BufRead, Read};

use crate::error::{Result, StorageError};

/// How a layer was compressed, with the numbers containers/storage gives it in `layers.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// A plain tar.
    None = 0,
    /// gzip (RFC 1952), any number of members.
    Gzip = 2,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd = 4,
}

impl Compression {
    /// Tells it from the first bytes of a stream.
    ///
    /// # Errors
    /// It is a compression we do not read (bzip2, xz).
    pub fn detect(start: &[u8]) -> Result<Self> {
        let is = |magic: &[u8]| start.starts_with(magic);
        if is(&[0x1f, 0x8b, 0x08]) {
            Ok(Self::Gzip)
        } else if is(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable_frame(start) {
            Ok(Self::Zstd)
        } else if is(b"BZh") {
            Err(StorageError::Unsupported("a layer compressed with bzip2".into()))
        } else if is(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            Err(StorageError::Unsupported("a layer compressed with xz".into()))
        } else {
            Ok(Self::None)
        }
    }

    pub(super) fn decoder<'a, R: BufRead + 'a>(self, source: R) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(source),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
        })
    }
}

/// zstd:chunked and pzstd put skippable frames (0x184D2A50 to 5F) anywhere, also in front.
fn is_skippable_frame(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_by_magic() {
        assert_eq!(Compression::detect(&[0x1f, 0x8b, 8, 0]).unwrap(), Compression::Gzip);
        assert_eq!(Compression::detect(&[0x28, 0xb5, 0x2f, 0xfd]).unwrap(), Compression::Zstd);
        assert_eq!(Compression::detect(b"").unwrap(), Compression::None);
        assert!(Compression::detect(b"BZh91AY").is_err());
    }
}
