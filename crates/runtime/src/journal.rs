//! Reading a container's lines from the journal of systemd, through journalctl(1).

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cove_api::OutputStream;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::logs::{LogLine, LogOptions};

/// Longest entry that is read, in bytes of JSON; a longer one is left out.
const LONGEST: u64 = 4 << 20;

/// How often a follower looks for new entries.
const INTERVAL: Duration = Duration::from_millis(250);

/// A container's part of the journal.
#[derive(Debug)]
pub struct JournalReader {
    program: PathBuf,
    container: String,
    options: LogOptions,
    /// The last entry that was read.
    cursor: Option<String>,
    batch: Option<(Child, BufReader<ChildStdout>)>,
    begun: bool,
}

/// An entry as `journalctl --output=json` writes it.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: String,
    #[serde(rename = "PRIORITY", default)]
    priority: String,
    #[serde(rename = "CONTAINER_PARTIAL_MESSAGE", default)]
    partial: Option<String>,
    #[serde(rename = "MESSAGE")]
    message: Message,
}

/// Bytes that are no text are a list of numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    Bytes(Vec<u8>),
}

impl JournalReader {
    /// The lines of a container; `program` is journalctl.
    #[must_use]
    pub fn new(program: PathBuf, container: &str, options: LogOptions) -> Self {
        Self { program, container: container.to_owned(), options, cursor: None, batch: None, begun: false }
    }

    /// The next line that is there already.
    ///
    /// # Errors
    /// journalctl cannot be run.
    pub fn next_line(&mut self) -> Result<Option<LogLine>> {
        if self.batch.is_none() {
            if self.begun && self.cursor.is_none() && self.options.tail == Some(0) {
                self.options.tail = None;
            }
            self.batch = Some(self.start()?);
            self.begun = true;
        }
        let failed = Error::io("journalctl");
        let Some((child, reader)) = &mut self.batch else { return Ok(None) };
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = match reader.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                Ok(length) => length,
                Err(error) => return Err(failed(error)),
            };
            if length == 0 {
                let _ = child.wait();
                self.batch = None;
                return Ok(None);
            }
            // What is no entry, or the rest of one that is too long, costs itself alone.
            let Ok(entry) = serde_json::from_slice::<Entry>(&line) else { continue };
            self.cursor = Some(entry.cursor.clone());
            let Some(line) = of_entry(entry) else { continue };
            if self.options.since.is_some_and(|since| line.time_ns < since)
                || self.options.until.is_some_and(|until| line.time_ns > until)
            {
                continue;
            }
            return Ok(Some(line));
        }
    }

    /// The next line, waiting for it as long as `more_may_come` says so.
    ///
    /// # Errors
    /// As [`JournalReader::next_line`].
    pub fn follow(&mut self, more_may_come: &mut dyn FnMut() -> bool) -> Result<Option<LogLine>> {
        loop {
            // Asked first: what was written before the end is there in the last look.
            let more = more_may_come();
            if let Some(line) = self.next_line()? {
                return Ok(Some(line));
            }
            let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
            if !more || self.options.until.is_some_and(|until| now > until) {
                return Ok(None);
            }
            std::thread::sleep(INTERVAL);
        }
    }

    fn start(&self) -> Result<(Child, BufReader<ChildStdout>)> {
        let mut command = Command::new(&self.program);
        command.args(arguments(&self.container, &self.options, self.cursor.as_deref()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(Error::io(format!("start {}", self.program.display())))?;
        match child.stdout.take() {
            Some(output) => Ok((child, BufReader::new(output))),
            None => Err(Error::io("journalctl")(std::io::Error::other("it has no output"))),
        }
    }
}

impl Drop for JournalReader {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.batch {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn arguments(container: &str, options: &LogOptions, cursor: Option<&str>) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--output=json", "--quiet", "--no-pager", "--all"].map(str::to_owned).into();
    match cursor {
        Some(cursor) => arguments.push(format!("--after-cursor={cursor}")),
        None => {
            // Whole seconds: what is a little too early is left out afterwards.
            if let Some(since) = options.since {
                arguments.push(format!("--since=@{}", since.div_euclid(1_000_000_000)));
            }
            if let Some(tail) = options.tail {
                arguments.push(format!("--lines={tail}"));
            }
        }
    }
    arguments.push(format!("CONTAINER_ID_FULL={container}"));
    arguments
}

fn of_entry(entry: Entry) -> Option<LogLine> {
    let microseconds: i64 = entry.microseconds.parse().ok()?;
    let time_ns = microseconds.checked_mul(1000)?;
    let time = jiff::Timestamp::from_nanosecond(i128::from(time_ns)).ok()?.to_string();
    let data = match entry.message {
        Message::Text(text) => Bytes::from(text),
        Message::Bytes(bytes) => Bytes::from(bytes),
    };
    let stream = if entry.priority == "3" { OutputStream::Stderr } else { OutputStream::Stdout };
    Some(LogLine { time, time_ns, stream, partial: entry.partial.as_deref() == Some("true"), data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn lines_of_a_journal() {
        let path = std::env::temp_dir().join(format!("cove-journalctl-{}", std::process::id()));
        // First everything, then what came after the cursor.
        let script = r#"#!/bin/sh
case "$*" in
*--after-cursor=c2*) echo '{"__CURSOR":"c3","__REALTIME_TIMESTAMP":"3000000","PRIORITY":"6","MESSAGE":[104,105,255]}';;
*--after-cursor=*) ;;
*) echo '{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1000000","PRIORITY":"6","MESSAGE":"one"}'
echo rubbish
echo '{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"2000000","PRIORITY":"3","CONTAINER_PARTIAL_MESSAGE":"true","MESSAGE":"tw"}';;
esac
"#;
        cove_sys::fs::write(&path, script).unwrap();
        cove_sys::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut reader = JournalReader::new(path.clone(), "abc", LogOptions::default());
        let looks = std::cell::Cell::new(2);
        let mut lines = Vec::new();
        let mut more = || {
            looks.set(looks.get() - 1);
            looks.get() > 0
        };
        while let Some(line) = reader.follow(&mut more).unwrap() {
            lines.push((line.time_ns / 1_000_000_000, line.stream, line.partial, line.data));
            looks.set(2);
        }
        assert_eq!(
            lines,
            [
                (1, OutputStream::Stdout, false, Bytes::from_static(b"one")),
                (2, OutputStream::Stderr, true, Bytes::from_static(b"tw")),
                (3, OutputStream::Stdout, false, Bytes::from_static(b"hi\xff")),
            ]
        );
        let options = LogOptions { since: Some(1_500_000_000), ..LogOptions::default() };
        let mut reader = JournalReader::new(path.clone(), "abc", options);
        assert_eq!(reader.next_line().unwrap().unwrap().time_ns, 2_000_000_000);
        assert!(arguments("abc", &options, None).contains(&"--since=@1".to_owned()));
        cove_sys::fs::remove_file(&path).unwrap();
    }
}
