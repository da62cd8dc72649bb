//! Logs of containers: followed until the screen has seen enough.

use std::sync::Arc;

use cove_api::{Engine, LogLine, LogOptions, OutputStream};
use futures_util::StreamExt as _;

use crate::act::flows::{self, Sink};
use crate::core::Core;
use crate::{Event, Failure, LogEntry};

/// Lines taken together.
const MOST_LINES: usize = 64;
/// A longer line is cut, in bytes.
pub(crate) const LONGEST_LINE: usize = 64 << 10;

/// Follows a container's log and answers the subscription's number.
pub(crate) fn open(core: &Arc<Core>, id: String, tail: u32) -> Result<u32, Failure> {
    let engine = core.engine()?;
    Ok(flows::open(core, |_, sink| follow(engine, id, tail, sink)))
}

async fn follow(engine: Arc<dyn Engine>, id: String, tail: u32, sink: Sink) -> cove_api::Result<Option<i32>> {
    let options = LogOptions {
        follow: true,
        tail: Some(u64::from(tail)),
        stdout: true,
        stderr: true,
        ..LogOptions::default()
    };
    let mut lines = engine.containers().logs(&id, options).await?.ready_chunks(MOST_LINES);
    let mut joined = Joined::default();
    while let Some(chunk) = lines.next().await {
        let mut entries = Vec::with_capacity(chunk.len());
        let mut failed = None;
        for line in chunk {
            match line {
                Ok(line) => entries.extend(joined.push(line)),
                Err(error) => failed = Some(error),
            }
        }
        if !entries.is_empty() {
            sink.send(Event::Log { subscription: sink.subscription, lines: entries });
        }
        if let Some(error) = failed {
            return Err(error);
        }
        sink.room().await;
    }
    Ok(None)
}

/// Puts the parts of long lines together, each output for itself.
#[derive(Default)]
struct Joined {
    out: Vec<u8>,
    error: Vec<u8>,
}

impl Joined {
    fn push(&mut self, line: LogLine) -> Option<LogEntry> {
        let error = line.stream == OutputStream::Stderr;
        let buffer = if error { &mut self.error } else { &mut self.out };
        let room = LONGEST_LINE.saturating_sub(buffer.len());
        buffer.extend_from_slice(&line.data[..line.data.len().min(room)]);
        if line.partial {
            return None;
        }
        let bytes = std::mem::take(buffer);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Some(LogEntry { time: line.time.as_millisecond(), error, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stream: OutputStream, data: &'static [u8], partial: bool) -> LogLine {
        LogLine { time: cove_api::Timestamp::UNIX_EPOCH, stream, data: data.into(), partial }
    }

    #[test]
    fn parts_become_lines_for_each_output() {
        let mut joined = Joined::default();
        assert_eq!(joined.push(line(OutputStream::Stdout, b"one ", true)), None);
        let error = joined.push(line(OutputStream::Stderr, b"bad \xff", false)).unwrap();
        assert_eq!((error.text.as_str(), error.error), ("bad \u{fffd}", true));
        let out = joined.push(line(OutputStream::Stdout, b"line", false)).unwrap();
        assert_eq!((out.text.as_str(), out.error), ("one line", false));
    }

    #[test]
    fn endless_lines_are_cut() {
        static PIECE: [u8; 40 << 10] = [b'x'; 40 << 10];
        let mut joined = Joined::default();
        for _ in 0..3 {
            assert_eq!(joined.push(line(OutputStream::Stdout, &PIECE, true)), None);
        }
        assert_eq!(joined.push(line(OutputStream::Stdout, b"", false)).unwrap().text.len(), LONGEST_LINE);
    }
}
