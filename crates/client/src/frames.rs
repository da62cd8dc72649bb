//! Attached streams: Docker's frames (8 bytes of head, then the bytes) or a terminal's raw bytes.

use bytes::{Buf as _, Bytes, BytesMut};
use cove_api::{AttachStream, Error, ErrorKind, OutputChunk, OutputStream, Result, ValueStream};
use futures_util::StreamExt as _;
use tokio::io::AsyncRead;
use tokio_util::codec::{Decoder, FramedRead};

use crate::http::Hijacked;

/// Longest frame that is believed.
const LONGEST_FRAME: usize = 16 << 20;

/// Takes the two directions of a hijacked connection apart.
pub(crate) fn attach_stream(connection: Hijacked, terminal: bool, with_input: bool) -> AttachStream {
    let (reader, writer) = tokio::io::split(connection);
    let output = if terminal { raw(reader) } else { framed(reader) };
    // Dropping our half of a split stream does not shut the connection down, so the caller decides about input.
    AttachStream { input: with_input.then(|| Box::pin(writer) as _), output }
}

/// A terminal's output.
fn raw(reader: impl AsyncRead + Send + 'static) -> ValueStream<OutputChunk> {
    Box::pin(tokio_util::io::ReaderStream::new(reader).map(|piece| match piece {
        Ok(data) => Ok(OutputChunk { stream: OutputStream::Stdout, data }),
        Err(error) => Err(broken(&error)),
    }))
}

/// Output in frames.
pub(crate) fn framed(reader: impl AsyncRead + Send + 'static) -> ValueStream<OutputChunk> {
    Box::pin(FramedRead::new(reader, Frames))
}

fn broken(error: &std::io::Error) -> Error {
    Error::from_chain(ErrorKind::Unavailable, error).context("attached stream")
}

struct Frames;

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => broken(&error),
            FrameError::Malformed(text) => Error::internal(text),
        }
    }
}

/// What can be wrong with a stream of frames.
pub(crate) enum FrameError {
    Io(std::io::Error),
    Malformed(String),
}

impl Decoder for Frames {
    type Item = OutputChunk;
    type Error = Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<OutputChunk>> {
        match next_frame(buffer) {
            Ok(frame) => Ok(frame.map(|(stream, data)| OutputChunk { stream, data })),
            Err(error) => Err(error.into()),
        }
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<OutputChunk>> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => {
                Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()).into())
            }
            frame => Ok(frame),
        }
    }
}

fn next_frame(buffer: &mut BytesMut) -> std::result::Result<Option<(OutputStream, Bytes)>, FrameError> {
    let Some(head) = buffer.first_chunk::<8>() else { return Ok(None) };
    let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let stream = match head[0] {
        0 | 1 => OutputStream::Stdout,
        2 => OutputStream::Stderr,
        // Docker's stream 3 carries an error of the service itself.
        3 => OutputStream::Stderr,
        other => {
            return Err(FrameError::Malformed(format!("the service sent a frame of unknown stream {other}")));
        }
    };
    if length > LONGEST_FRAME {
        return Err(FrameError::Malformed(format!("the service sent a frame of {length} bytes")));
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

    async fn read(bytes: &'static [u8]) -> Vec<Result<OutputChunk>> {
        framed(bytes).collect().await
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
}
