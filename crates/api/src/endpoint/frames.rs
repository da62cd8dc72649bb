//! Output in Docker's frames (8 bytes of head, then the bytes), and log lines in them.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::codec::{Decoder, FramedRead};

use crate::{Error, ErrorKind, LogLine, OutputChunk, OutputStream, Result, Timestamp, ValueStream};

/// Longest frame that is believed, in bytes.
const LONGEST_FRAME: usize = 16 << 20;

/// Content type of framed output.
pub const FRAMED: &str = "application/vnd.docker.multiplexed-stream";
/// Content type of a terminal's output.
pub const RAW: &str = "application/vnd.docker.raw-stream";

/// A piece of output with its head: stream, three zeros, length.
#[must_use]
pub fn frame(stream: OutputStream, data: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + data.len());
    frame.put_u32(if stream == OutputStream::Stdout { 0x0100_0000 } else { 0x0200_0000 });
    // Pieces come from buffers of some kilobytes.
    frame.put_u32(u32::try_from(data.len()).unwrap_or(u32::MAX));
    frame.put_slice(data);
    frame.freeze()
}

/// A log line as the API sends it, with its time before it where `timestamps`.
#[must_use]
pub fn log_bytes(line: &LogLine, timestamps: bool) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(line.data.len() + 36);
    if timestamps {
        bytes.put_slice(line.time.to_string().as_bytes());
        bytes.put_u8(b' ');
    }
    bytes.put_slice(&line.data);
    if !line.partial {
        bytes.put_u8(b'\n');
    }
    bytes
}

/// Takes the time and a possible line end off a log frame.
pub(super) fn split_log_line(frame: &Bytes) -> Result<(Timestamp, Bytes, bool)> {
    let space = frame.iter().position(|byte| *byte == b' ');
    let time = space
        .and_then(|space| std::str::from_utf8(&frame[..space]).ok())
        .and_then(|text| text.parse::<Timestamp>().ok());
    let (Some(space), Some(time)) = (space, time) else {
        return Err(Error::internal("the service sent a log line without a time"));
    };
    let data = frame.slice(space + 1..);
    match data.strip_suffix(b"\n") {
        Some(line) => Ok((time, data.slice(..line.len()), false)),
        None => Ok((time, data, true)),
    }
}

/// Reads output in frames.
pub(super) fn framed(reader: impl AsyncRead + Send + 'static) -> ValueStream<OutputChunk> {
    Box::pin(FramedRead::new(reader, Frames))
}

pub(super) fn broken(error: &std::io::Error) -> Error {
    Error::from_chain(ErrorKind::Unavailable, error).context("attached stream")
}

struct Frames;

impl Decoder for Frames {
    type Item = OutputChunk;
    type Error = Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<OutputChunk>> {
        Ok(next_frame(buffer)?.map(|(stream, data)| OutputChunk { stream, data }))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<OutputChunk>> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(broken(&std::io::ErrorKind::UnexpectedEof.into())),
            frame => Ok(frame),
        }
    }
}

fn next_frame(buffer: &mut BytesMut) -> Result<Option<(OutputStream, Bytes)>> {
    let Some(head) = buffer.first_chunk::<8>() else { return Ok(None) };
    let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let stream = match head[0] {
        0 | 1 => OutputStream::Stdout,
        2 => OutputStream::Stderr,
        // Docker's stream 3 carries an error of the service itself.
        3 => OutputStream::Stderr,
        other => {
            return Err(Error::internal(format!("the service sent a frame of unknown stream {other}")));
        }
    };
    if length > LONGEST_FRAME {
        return Err(Error::internal(format!("the service sent a frame of {length} bytes")));
    }
    if buffer.len() < 8 + length {
        buffer.reserve(8 + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(8);
    Ok(Some((stream, buffer.split_to(length).freeze())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    async fn read(bytes: &'static [u8]) -> Vec<Result<OutputChunk>> {
        framed(bytes).collect().await
    }

    #[test]
    fn frames_have_dockers_head() {
        assert_eq!(&frame(OutputStream::Stderr, b"hi")[..], b"\x02\0\0\0\0\0\0\x02hi");
    }

    #[tokio::test]
    async fn splits_frames() {
        let chunks = read(b"\x01\0\0\0\0\0\0\x02hi\x02\0\0\0\0\0\0\x01!").await;
        let texts: Vec<_> = chunks.into_iter().map(|chunk| chunk.unwrap()).collect();
        assert_eq!(texts[0], OutputChunk { stream: OutputStream::Stdout, data: Bytes::from("hi") });
        assert_eq!(texts[1], OutputChunk { stream: OutputStream::Stderr, data: Bytes::from("!") });
    }

    #[tokio::test]
    async fn refuses_what_is_no_frame() {
        assert!(read(b"\x09\0\0\0\0\0\0\x01x").await[0].is_err());
        assert!(read(b"\x01\0\0\0\xff\xff\xff\xff").await[0].is_err());
        assert!(read(b"\x01\0\0\0\0\0\0\x05hi").await[0].is_err());
    }

    #[test]
    fn log_lines_lose_time_and_line_end() {
        let (time, data, partial) = split_log_line(&Bytes::from("2026-11-22T10:00:00.5Z a b\n")).unwrap();
        assert_eq!((time.as_second(), data, partial), (1_795_341_600, Bytes::from("a b"), false));
        assert!(split_log_line(&Bytes::from("2026-11-22T10:00:00+01:00 part")).unwrap().2);
        assert!(split_log_line(&Bytes::from("nonsense")).is_err());
    }
}
