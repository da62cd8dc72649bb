//! The process's streams: its terminal or pipes, the clients, the log.

use std::os::fd::AsFd;

use cove_monitor::protocol::{FRAME_STDERR, FRAME_STDOUT, Reply, Request, hello};
use rustix::event::PollFlags;
use rustix::net::SocketFlags;

use crate::attach::{Client, Incoming, MAX_CLIENTS};
use crate::host;
use crate::log::Stream;
use crate::supervise::{CONSOLE_SOCKET, Monitor, Output, Phase};

/// How much is read of an output after the process has ended, when others still write to it.
const DRAIN_LIMIT: usize = 4 << 20;

/// How long a terminal that nobody has open is left alone, in milliseconds.
const TERMINAL_RETRY: u64 = 100;

/// How much output is remembered while the runtime starts, for its error message.
const START_TAIL: usize = 4096;

impl Monitor {
    pub(crate) fn on_console(&mut self) {
        let Some(console) = &self.console else { return };
        let Ok(connection) = rustix::net::accept_with(console, SocketFlags::CLOEXEC) else { return };
        let Ok(mut fds) = host::receive_descriptors(&connection, 1) else { return };
        let Some(master) = fds.pop() else { return };
        self.console = None;
        self.unlink(CONSOLE_SOCKET);
        if host::set_nonblocking(&master).is_err() {
            return;
        }
        if let Some(size) = self.size {
            resize(&master, size);
        }
        if let (Ok(input), Ok(output)) = (master.try_clone(), master.try_clone()) {
            self.stdin = self.config.stdin.then_some(input);
            self.outputs.push(Output { stream: Stream::Stdout, fd: output, retry_at: 0 });
        }
        self.terminal = Some(master);
        self.feed();
    }

    pub(crate) fn on_output(&mut self, index: usize) {
        let mut buffer = [0_u8; 32 << 10];
        let Some(output) = self.outputs.get_mut(index) else { return };
        let stream = output.stream;
        match rustix::io::read(&output.fd, &mut buffer) {
            Ok(0) => output.retry_at = u64::MAX,
            // Nobody has the terminal open at the moment.
            Err(rustix::io::Errno::IO) => output.retry_at = host::monotonic_ms() + TERMINAL_RETRY,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => output.retry_at = u64::MAX,
            Ok(length) => self.emit(stream, &buffer[..length]),
        }
    }

    pub(crate) fn emit(&mut self, stream: Stream, data: &[u8]) {
        if let Some(log) = &mut self.log {
            log.write(stream, data);
        }
        if matches!(self.phase, Phase::Starting { .. }) {
            self.start_tail.extend_from_slice(data);
            let excess = self.start_tail.len().saturating_sub(START_TAIL);
            self.start_tail.drain(..excess);
        }
        let (bit, frame) = match stream {
            Stream::Stdout => (hello::STDOUT, FRAME_STDOUT),
            Stream::Stderr => (hello::STDERR, FRAME_STDERR),
        };
        for client in &mut self.clients {
            client.output(bit, frame, data);
        }
    }

    /// Reads what the outputs still hold.
    pub(crate) fn drain(&mut self) {
        if self.console.is_some() {
            self.on_console();
        }
        let mut buffer = [0_u8; 32 << 10];
        for output in std::mem::take(&mut self.outputs) {
            let mut total = 0;
            while total < DRAIN_LIMIT {
                match rustix::io::read(&output.fd, &mut buffer) {
                    Ok(length) if length > 0 => {
                        total += length;
                        self.emit(output.stream, &buffer[..length]);
                    }
                    Err(rustix::io::Errno::INTR) => {}
                    _ => break,
                }
            }
        }
    }

    pub(crate) fn on_connection(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        while let Ok(socket) = rustix::net::accept_with(&self.listener, flags) {
            if self.clients.len() >= MAX_CLIENTS {
                continue;
            }
            self.clients.push(Client::new(socket));
            // The first byte is usually there already.
            self.on_client(self.clients.len() - 1, PollFlags::IN);
        }
    }

    pub(crate) fn on_client(&mut self, index: usize, flags: PollFlags) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if flags.contains(PollFlags::OUT) && client.has_backlog() {
            client.flush();
        }
        let mut replies = Vec::new();
        if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            match client.read(flags.intersects(PollFlags::HUP | PollFlags::ERR)) {
                Incoming::Nothing => {}
                Incoming::Input(data) => {
                    // Without a place to go (closed, or not open at all) input is dropped, as a terminal would.
                    if self.takes_input() && !self.end_input {
                        self.input.extend(data);
                        self.feed();
                    }
                }
                Incoming::EndOfInput => {
                    if !self.config.terminal {
                        self.end_input = true;
                        self.feed();
                    }
                }
                Incoming::Requests(requests) => replies = requests,
            }
        }
        for request in replies {
            if request == Ok(Request::CheckHealth) {
                self.begin_asked_check(index);
                continue;
            }
            let error = request.and_then(|r| self.perform(&r)).err();
            if let Some(client) = self.clients.get_mut(index) {
                client.reply(&Reply { error, ..Reply::default() });
            }
        }
        if let (Phase::Ended { .. }, Some((stream, payload))) = (self.phase, self.last_frame.as_ref())
            && let Some(client) = self.clients.get_mut(index)
        {
            client.finish_once(*stream, payload);
        }
    }

    /// A check that a client asks for, which is told of its end.
    fn begin_asked_check(&mut self, index: usize) {
        let asked = self.ask_health();
        let Some(client) = self.clients.get_mut(index) else { return };
        match asked {
            Ok(number) => client.await_health(number),
            Err(error) => client.reply(&Reply { error: Some(error), ..Reply::default() }),
        }
    }

    /// Whether the process reads standard input, or will once its terminal is there.
    pub(crate) fn takes_input(&self) -> bool {
        self.config.stdin
            && match self.phase {
                Phase::Waiting | Phase::Starting { .. } => true,
                Phase::Running { .. } => self.stdin.is_some(),
                Phase::Ended { .. } => false,
            }
    }

    /// Gives the process as much of its standard input as it takes.
    pub(crate) fn feed(&mut self) {
        let Some(stdin) = &self.stdin else { return };
        while !self.input.is_empty() {
            let (front, _) = self.input.as_slices();
            match rustix::io::write(stdin, front) {
                Ok(length) => {
                    self.input.drain(..length);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => {
                    self.input.clear();
                    self.end_input = true;
                }
            }
        }
        if self.end_input && !self.config.terminal {
            self.stdin = None;
        }
    }

    pub(crate) fn perform(&mut self, request: &Request) -> Result<(), String> {
        match request {
            Request::Resize { width, height } => {
                if !self.config.terminal {
                    return Err("the process has no terminal".to_owned());
                }
                self.size = Some((*width, *height));
                if let Some(terminal) = &self.terminal {
                    resize(terminal, (*width, *height));
                }
                Ok(())
            }
            // Asked for in another way, as the answer takes its time.
            Request::CheckHealth => Err("not now".to_owned()),
            Request::ReloadHealth => self.reload_health(),
            Request::ReopenLog => match &mut self.log {
                Some(log) => log.reopen().map_err(|e| e.to_string()),
                None => Err("there is no log file".to_owned()),
            },
        }
    }
}

pub(crate) fn resize(terminal: impl AsFd, (columns, rows): (u16, u16)) {
    let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let _ = rustix::termios::tcsetwinsize(terminal, size);
}
