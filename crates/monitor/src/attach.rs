//! Clients of the attach socket: who wants what, and what each has still to get.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

use cove_monitor::protocol::{FRAME_HEADER, FRAME_READY, HealthReport, Reply, Request, frame_header, hello};
use rustix::event::PollFlags;
use rustix::net::{SendAncillaryBuffer, SendFlags};

/// Output that a client has not taken yet is kept up to this size; above it the container has to wait.
pub(crate) const CLIENT_BACKLOG: usize = 256 << 10;

/// Most clients at a time.
pub(crate) const MAX_CLIENTS: usize = 512;

/// Longest control line.
const MAX_LINE: usize = 4096;

/// One connection.
pub(crate) struct Client {
    socket: OwnedFd,
    /// `None` until the first byte has come.
    wants: Option<u8>,
    backlog: VecDeque<u8>,
    line: Vec<u8>,
    /// The client has closed its sending half.
    half_closed: bool,
    gone: bool,
    /// Close when the backlog is empty.
    last_words: bool,
    /// The health check whose end it waits for.
    awaits: Option<u64>,
}

/// What came from a client.
pub(crate) enum Incoming {
    /// Nothing to act on.
    Nothing,
    /// Bytes for standard input.
    Input(Vec<u8>),
    /// The client ended standard input and goes on listening.
    EndOfInput,
    /// Requests on a control connection.
    Requests(Vec<Result<Request, String>>),
}

impl Client {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            wants: None,
            backlog: VecDeque::new(),
            line: Vec::new(),
            half_closed: false,
            gone: false,
            last_words: false,
            awaits: None,
        }
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.socket
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone || (self.last_words && self.backlog.is_empty())
    }

    pub(crate) fn feeds_stdin(&self) -> bool {
        self.wants.is_some_and(|w| w & hello::CONTROL == 0 && w & hello::STDIN != 0)
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.len() > CLIENT_BACKLOG
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// What to poll for; `input_room` says whether more standard input can be taken.
    pub(crate) fn interest(&self, input_room: bool) -> PollFlags {
        let mut flags = PollFlags::empty();
        if !self.half_closed && (input_room || !self.feeds_stdin()) {
            flags |= PollFlags::IN;
        }
        if !self.backlog.is_empty() {
            flags |= PollFlags::OUT;
        }
        flags
    }

    /// Reads what there is. `hang_up` is whether poll said that both directions are closed.
    pub(crate) fn read(&mut self, hang_up: bool) -> Incoming {
        if self.half_closed {
            // Polled only for output, but the kernel always reports a full hang-up.
            self.gone |= hang_up;
            return Incoming::Nothing;
        }
        let mut buffer = [0_u8; 16 << 10];
        let length = match rustix::io::read(&self.socket, &mut buffer) {
            Ok(0) => {
                self.half_closed = true;
                self.gone = hang_up || !self.is_listening();
                return if !self.gone && self.feeds_stdin() {
                    Incoming::EndOfInput
                } else {
                    Incoming::Nothing
                };
            }
            Ok(n) => n,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Incoming::Nothing,
            Err(_) => {
                self.gone = true;
                return Incoming::Nothing;
            }
        };
        let mut data = &buffer[..length];
        if self.wants.is_none() {
            self.wants = Some(data[0]);
            data = &data[1..];
            if self.wants.is_some_and(|w| w & hello::CONTROL == 0) {
                self.send(FRAME_READY, &[]);
            }
        }
        match self.wants {
            Some(wants) if wants & hello::CONTROL != 0 => self.control(data),
            Some(wants) if wants & hello::STDIN != 0 && !data.is_empty() => Incoming::Input(data.to_vec()),
            _ => Incoming::Nothing,
        }
    }

    /// Half-closing keeps a client that gets output; others are gone with it.
    fn is_listening(&self) -> bool {
        self.wants.is_some_and(|w| w & hello::CONTROL == 0)
    }

    fn control(&mut self, data: &[u8]) -> Incoming {
        self.line.extend_from_slice(data);
        let mut requests = Vec::new();
        while let Some(end) = self.line.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            requests.push(serde_json::from_slice(&line).map_err(|e| format!("request not understood: {e}")));
        }
        if self.line.len() > MAX_LINE {
            self.gone = true;
        }
        Incoming::Requests(requests)
    }

    /// Answers a request.
    pub(crate) fn reply(&mut self, reply: &Reply) {
        if let Ok(mut line) = serde_json::to_vec(reply) {
            line.push(b'\n');
            self.push(&[&line]);
        }
    }

    /// The reply comes with the end of that health check.
    pub(crate) fn await_health(&mut self, number: u64) {
        self.awaits = Some(number);
    }

    /// Replies to who waits for that health check, or an earlier one.
    pub(crate) fn answer_health(&mut self, number: u64, report: &HealthReport) {
        if self.awaits.is_some_and(|awaited| awaited <= number) {
            self.awaits = None;
            self.reply(&Reply { health: Some(report.clone()), ..Reply::default() });
        }
    }

    /// Sends a frame of output if the client wants the stream (`bit`).
    pub(crate) fn output(&mut self, bit: u8, stream: u8, data: &[u8]) {
        if self.wants.is_some_and(|w| w & hello::CONTROL == 0 && w & bit != 0) {
            self.send(stream, data);
        }
    }

    /// Sends the last frame; the connection closes when it is through.
    pub(crate) fn finish(&mut self, stream: u8, payload: &[u8]) {
        if self.wants.is_none_or(|w| w & hello::CONTROL == 0) {
            self.send(stream, payload);
        }
        self.last_words = true;
    }

    /// As [`Self::finish`], for a client that may have had its last frame already or has not said hello yet.
    pub(crate) fn finish_once(&mut self, stream: u8, payload: &[u8]) {
        if !self.last_words && self.wants.is_some() {
            self.finish(stream, payload);
        }
    }

    fn send(&mut self, stream: u8, data: &[u8]) {
        let header: [u8; FRAME_HEADER] = frame_header(stream, data.len() as u32);
        self.push(&[&header, data]);
    }

    /// Sends now what can be sent and keeps the rest.
    fn push(&mut self, parts: &[&[u8]]) {
        if self.gone {
            return;
        }
        let mut sent = 0;
        if self.backlog.is_empty() {
            let slices: Vec<IoSlice<'_>> = parts.iter().map(|p| IoSlice::new(p)).collect();
            match send_message(&self.socket, &slices) {
                Ok(n) => sent = n,
                Err(e) if would_block(&e) => {}
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
        for part in parts {
            let skip = sent.min(part.len());
            sent -= skip;
            self.backlog.extend(&part[skip..]);
        }
    }

    /// Sends more of the backlog.
    pub(crate) fn flush(&mut self) {
        while !self.backlog.is_empty() && !self.gone {
            let (front, back) = self.backlog.as_slices();
            match send_message(&self.socket, &[IoSlice::new(front), IoSlice::new(back)]) {
                Ok(n) => {
                    self.backlog.drain(..n);
                }
                Err(e) if would_block(&e) => return,
                Err(_) => self.gone = true,
            }
        }
        if self.backlog.is_empty() && self.backlog.capacity() > 64 << 10 {
            self.backlog = VecDeque::new();
        }
    }
}

fn send_message(socket: &OwnedFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut none = SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(socket, slices, &mut none, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
