//! Logs of containers: followed until the screen has seen enough.

use std::pin::Pin;
use std::sync::Arc;

use cove_api::{Engine, ErrorKind, LogLine, LogOptions, OutputStream};
use futures_util::future::join_all;
use futures_util::{Stream, StreamExt as _, stream};

use crate::act::flows::{self, Sink};
use crate::core::Core;
use crate::{Event, Failure, LogEntry};

/// Lines taken together.
const MOST_LINES: usize = 64;
/// Containers whose logs are read together.
const MOST_TOGETHER: usize = 200;
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

/// Follows the logs of several containers and answers the subscription's number.
pub(crate) fn open_several(core: &Arc<Core>, ids: Vec<String>, tail: u32) -> Result<u32, Failure> {
    let engine = core.engine()?;
    if ids.len() > MOST_TOGETHER {
        let message = format!("the logs of at most {MOST_TOGETHER} containers are read together");
        return Err(Failure::new(ErrorKind::InvalidArgument, message));
    }
    Ok(flows::open(core, |_, sink| follow_several(engine, ids, tail, sink)))
}

async fn follow_several(
    engine: Arc<dyn Engine>,
    ids: Vec<String>,
    tail: u32,
    sink: Sink,
) -> cove_api::Result<Option<i32>> {
    let sources = || (0_u16..).zip(&ids);
    let kept = join_all(sources().map(|(source, id)| kept(engine.as_ref(), id, source, tail))).await;
    let newest: Vec<_> = kept.iter().map(|(_, newest)| *newest).collect();
    let mut lines: Vec<LogEntry> = kept.into_iter().flat_map(|(lines, _)| lines).collect();
    lines.sort_by_key(|line| line.time);
    while !lines.is_empty() {
        let rest = lines.split_off(lines.len().min(MOST_LINES));
        sink.send(Event::Log { subscription: sink.subscription, lines });
        sink.room().await;
        lines = rest;
    }
    let streams =
        sources().zip(newest).map(|((source, id), newest)| more(engine.as_ref(), id, source, newest));
    let streams = join_all(streams).await;
    let mut lines = stream::select_all(streams).ready_chunks(MOST_LINES);
    while let Some(mut lines) = lines.next().await {
        lines.sort_by_key(|line| line.time);
        sink.send(Event::Log { subscription: sink.subscription, lines });
        sink.room().await;
    }
    Ok(None)
}

/// What is in a container's log, and when the last of it was written.
async fn kept(
    engine: &dyn Engine,
    id: &str,
    source: u16,
    tail: u32,
) -> (Vec<LogEntry>, Option<cove_api::Timestamp>) {
    let options =
        LogOptions { tail: Some(u64::from(tail)), stdout: true, stderr: true, ..LogOptions::default() };
    let mut newest = None;
    let mut lines = Vec::new();
    let mut joined = Joined { source, ..Joined::default() };
    let mut stream = match engine.containers().logs(id, options).await {
        Ok(stream) => stream,
        Err(error) => return (vec![unread(&error, source)], None),
    };
    while let Some(line) = stream.next().await {
        match line {
            Ok(line) => {
                newest = newest.max(Some(line.time));
                lines.extend(joined.push(line));
            }
            Err(error) => lines.push(unread(&error, source)),
        }
    }
    (lines, newest)
}

/// What a container writes from now on, after that moment; nothing where its log cannot be read.
async fn more(
    engine: &dyn Engine,
    id: &str,
    source: u16,
    newest: Option<cove_api::Timestamp>,
) -> Pin<Box<dyn Stream<Item = LogEntry> + Send>> {
    let options =
        LogOptions { follow: true, since: newest, stdout: true, stderr: true, ..LogOptions::default() };
    let Ok(stream) = engine.containers().logs(id, options).await else { return Box::pin(stream::empty()) };
    let mut joined = Joined { source, ..Joined::default() };
    Box::pin(stream.filter_map(move |line| {
        std::future::ready(match line {
            // The last ones of before come again.
            Ok(line) if newest.is_some_and(|newest| line.time <= newest) => None,
            Ok(line) => joined.push(line),
            Err(error) => Some(unread(&error, source)),
        })
    }))
}

/// A log that cannot be read, as a line among those of others.
fn unread(error: &cove_api::Error, source: u16) -> LogEntry {
    LogEntry { time: 0, error: true, source, text: error.message.clone() }
}

/// Puts the parts of long lines together, each output for itself.
#[derive(Default)]
struct Joined {
    out: Vec<u8>,
    error: Vec<u8>,
    /// Which of several containers they are from.
    source: u16,
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
        Some(LogEntry { time: line.time.as_millisecond(), error, source: self.source, text })
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
