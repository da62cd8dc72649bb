//! Where the body of a request ends. Nothing is changed on the way: the HTTP library reads the same bytes.

use bytes::{Buf as _, BytesMut};

use crate::head::BodyLength;

/// Longest line between chunks, in bytes.
const LONGEST_LINE: usize = 16 << 10;

/// What of a body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Bytes(u64),
    /// A line with the size of a chunk.
    ChunkSize,
    /// So many bytes of a chunk with the end of line behind it, then another size.
    Chunk(u64),
    /// Lines up to an empty one.
    Trailer,
    /// Everything up to the end of the connection. Also where chunks are malformed: the library then refuses the
    /// request and closes the connection.
    Rest,
    /// Nothing.
    Done,
}

impl From<BodyLength> for Framing {
    fn from(length: BodyLength) -> Self {
        match length {
            BodyLength::Bytes(0) => Self::Done,
            BodyLength::Bytes(length) => Self::Bytes(length),
            BodyLength::Chunked => Self::ChunkSize,
            BodyLength::Rest => Self::Rest,
        }
    }
}

impl Framing {
    /// Moves what belongs to the body from `input` to `output`; true where anything moved.
    pub(crate) fn pass(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> bool {
        let before = input.remaining();
        while !input.is_empty() && *self != Self::Done {
            match *self {
                Self::Bytes(left) => {
                    let left = left - take(input, output, left);
                    *self = if left == 0 { Self::Done } else { Self::Bytes(left) };
                }
                Self::Chunk(left) => {
                    let left = left - take(input, output, left);
                    *self = if left == 0 { Self::ChunkSize } else { Self::Chunk(left) };
                }
                Self::Rest => {
                    take(input, output, u64::MAX);
                }
                Self::ChunkSize | Self::Trailer => match input.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        *self = self.after(&input[..end]);
                        take(input, output, end as u64 + 1);
                    }
                    None if input.len() > LONGEST_LINE => *self = Self::Rest,
                    None => break,
                },
                Self::Done => {}
            }
        }
        input.remaining() < before
    }

    /// What comes after a line.
    fn after(self, line: &[u8]) -> Self {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self {
            Self::Trailer if line.is_empty() => Self::Done,
            Self::Trailer => Self::Trailer,
            _ => match chunk_size(line) {
                Some(0) => Self::Trailer,
                // The end of line behind it belongs to it.
                Some(size) => size.checked_add(2).map_or(Self::Rest, Self::Chunk),
                None => Self::Rest,
            },
        }
    }
}

/// The number before the extensions of a chunk.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn take(input: &mut BytesMut, output: &mut BytesMut, at_most: u64) -> u64 {
    let count = usize::try_from(at_most).unwrap_or(usize::MAX).min(input.len());
    if output.is_empty() {
        *output = input.split_to(count);
    } else {
        output.extend_from_slice(&input[..count]);
        input.advance(count);
    }
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `length` leaves of `text`, given in pieces of `size`.
    fn rest_of(length: BodyLength, text: &str, size: usize) -> (Framing, String, String) {
        let mut framing = Framing::from(length);
        let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
        for piece in text.as_bytes().chunks(size) {
            input.extend_from_slice(piece);
            framing.pass(&mut input, &mut output);
        }
        let text = |bytes: &BytesMut| String::from_utf8_lossy(bytes).into_owned();
        (framing, text(&output), text(&input))
    }

    #[test]
    fn bodies_end_where_they_say() {
        let chunks = "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n";
        for size in [1, 2, 7, 1000] {
            let (framing, body, rest) = rest_of(BodyLength::Bytes(3), "abcGET /", size);
            assert_eq!((framing, body.as_str(), rest.as_str()), (Framing::Done, "abc", "GET /"));
            let (framing, body, rest) = rest_of(BodyLength::Chunked, &format!("{chunks}GET /"), size);
            assert_eq!((framing, body.as_str(), rest.as_str()), (Framing::Done, chunks, "GET /"));
            let (framing, body, _) = rest_of(BodyLength::Rest, "anything\r\n\r\n", size);
            assert_eq!((framing, body.as_str()), (Framing::Rest, "anything\r\n\r\n"));
        }
        assert_eq!(rest_of(BodyLength::Bytes(0), "GET", 10).0, Framing::Done);
        for broken in ["x\r\nabc", "-1\r\n", "ffffffffffffffffff\r\n", "ffffffffffffffff\r\n", "\r\n"] {
            assert_eq!(rest_of(BodyLength::Chunked, broken, 3).0, Framing::Rest, "{broken:?}");
        }
    }
}
