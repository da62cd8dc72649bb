//! The monitor's life: from its configuration to the end of the container.
//!
//! ```text
//! Waiting --Start--> Starting --runtime ok--> Running --process ends--> Ended --clean, told, flushed--> gone
//!    | engine gone       | runtime failed                                 ^
//!    +--> gone           +------------------------------------------------+
//! ```

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cove_monitor::process::ProcessRef;
use cove_monitor::protocol::{
    ATTACH_SOCKET, ExitRecord, FRAME_EXIT, FRAME_FAILED, FRAME_STDERR, FRAME_STDOUT, LogConfig, MAX_CONFIG,
    MAX_MESSAGE, MONITOR_FILE, MonitorConfig, Order, PROCESS_FILE, Reply, Report, Request, Task, VERSION,
    hello,
};
use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::WaitOptions;

use crate::attach::{Client, Incoming, MAX_CLIENTS};
use crate::host::{self, Signals};
use crate::log::{Log, Stream};
use crate::runtime;

/// Name of the socket on which the OCI runtime hands over the terminal.
const CONSOLE_SOCKET: &str = "console";

/// Standard input that the process has not read yet is kept up to this size.
const INPUT_BACKLOG: usize = 64 << 10;

/// How much is read of an output after the process has ended, when others still write to it.
const DRAIN_LIMIT: usize = 4 << 20;

/// How long a terminal that nobody has open is left alone, in milliseconds.
const TERMINAL_RETRY: u64 = 100;

/// How much output is remembered while the runtime starts, for its error message.
const START_TAIL: usize = 4096;

/// Reads the configuration, detaches and serves until the process has ended.
pub(crate) fn main() -> Result<(), String> {
    host::close_inherited();
    let mut text = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_CONFIG + 1)
        .read_to_end(&mut text)
        .map_err(|e| format!("configuration: {e}"))?;
    if text.len() as u64 > MAX_CONFIG {
        return Err(format!("configuration: more than {MAX_CONFIG} bytes"));
    }
    let config: MonitorConfig = serde_json::from_slice(&text).map_err(|e| format!("configuration: {e}"))?;
    if config.version != VERSION {
        return Err(format!("configuration: version {} where {VERSION} is known", config.version));
    }
    let count = config.descriptors as usize;
    let end = 3 + i32::try_from(count).ok().filter(|c| *c < 253).ok_or("too many descriptors")?;
    let _reserved = host::reserve_numbers(end).map_err(|e| format!("descriptors: {e}"))?;
    let supervisor = host::copy_up(1, end).map_err(|e| format!("supervision socket: {e}"))?;
    host::detach().map_err(|e| format!("detach: {e}"))?;
    let supervised = Supervised { socket: Some(supervisor) };
    let result = Monitor::new(config, supervised, count);
    match result {
        Ok(mut monitor) => monitor.serve(),
        Err((supervised, message)) => {
            supervised.send(&Report::Failed { message });
            Ok(())
        }
    }
}

/// The connection with the engine that started this monitor.
struct Supervised {
    socket: Option<OwnedFd>,
}

impl Supervised {
    /// Whether the engine got the report.
    fn send(&self, report: &Report) -> bool {
        let Some(socket) = &self.socket else { return false };
        let Ok(mut text) = serde_json::to_vec(report) else { return false };
        text.truncate(MAX_MESSAGE);
        rustix::net::send(socket, &text, SendFlags::NOSIGNAL).is_ok()
    }

    /// The next order; `None` when there is none, and the socket is dropped when the engine has gone.
    fn receive(&mut self) -> Option<Order> {
        let socket = self.socket.as_ref()?;
        let mut buffer = [0_u8; 1024];
        let mut received = rustix::net::recv(socket, &mut buffer, RecvFlags::DONTWAIT);
        if received == Err(rustix::io::Errno::CONNRESET) {
            // The engine left reports unread, which is told once; what it sent before is still there.
            received = rustix::net::recv(socket, &mut buffer, RecvFlags::DONTWAIT);
        }
        match received {
            Ok((length, _)) if length > 0 => serde_json::from_slice(&buffer[..length]).ok(),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => None,
            _ => {
                self.socket = None;
                None
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Starting { runtime: i32 },
    Running { pid: i32 },
    Ended { deleting: Option<i32> },
}

struct Output {
    stream: Stream,
    fd: OwnedFd,
    /// A terminal that nobody has open: not polled before this time.
    retry_at: u64,
}

struct PeriodicRun {
    next_at: u64,
    pid: Option<i32>,
}

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Signals,
    Supervisor,
    Listener,
    Console,
    Stdin,
    Output(usize),
    Client(usize),
}

struct Monitor {
    config: MonitorConfig,
    supervised: Supervised,
    signals: Signals,
    listener: OwnedFd,
    console: Option<OwnedFd>,
    run_dir: OwnedFd,
    streams: Option<runtime::Streams>,
    descriptors: Vec<OwnedFd>,
    stdin: Option<OwnedFd>,
    input: VecDeque<u8>,
    end_input: bool,
    outputs: Vec<Output>,
    terminal: Option<OwnedFd>,
    size: Option<(u16, u16)>,
    clients: Vec<Client>,
    log: Option<Log>,
    reaped: HashMap<i32, rustix::process::WaitStatus>,
    pending_signal: Option<i32>,
    start_tail: Vec<u8>,
    phase: Phase,
    last_frame: Option<(u8, Vec<u8>)>,
    acknowledged: bool,
    cleaned: bool,
    handed_over: bool,
    periodic: Vec<PeriodicRun>,
}

impl Monitor {
    fn new(
        config: MonitorConfig,
        supervised: Supervised,
        count: usize,
    ) -> Result<Self, (Supervised, String)> {
        match Self::prepare(&config, &supervised, count) {
            Ok(parts) => {
                let size = config.size;
                let periodic =
                    config.periodic.iter().map(|_| PeriodicRun { next_at: 0, pid: None }).collect();
                Ok(Self {
                    config,
                    supervised,
                    signals: parts.signals,
                    listener: parts.listener,
                    console: parts.console,
                    run_dir: parts.run_dir,
                    streams: Some(parts.streams),
                    descriptors: parts.descriptors,
                    stdin: parts.stdin,
                    input: VecDeque::new(),
                    end_input: false,
                    outputs: parts.outputs,
                    terminal: None,
                    size,
                    clients: Vec::new(),
                    log: parts.log,
                    reaped: HashMap::new(),
                    pending_signal: None,
                    start_tail: Vec::new(),
                    phase: Phase::Waiting,
                    last_frame: None,
                    acknowledged: false,
                    cleaned: false,
                    handed_over: false,
                    periodic,
                })
            }
            Err(message) => Err((supervised, message)),
        }
    }

    fn prepare(config: &MonitorConfig, supervised: &Supervised, count: usize) -> Result<Parts, String> {
        let failed = |what: &str, e: io::Error| format!("{what}: {e}");
        let mut descriptors = match &supervised.socket {
            Some(socket) if count > 0 => {
                host::receive_descriptors(socket, count).map_err(|e| failed("descriptors", e))?
            }
            _ => Vec::new(),
        };
        host::close_standard_streams().map_err(|e| failed("/dev/null", e))?;
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|e| failed("child subreaper", e.into()))?;
        if let Some(cgroup) = &config.monitor_cgroup {
            // Staying in the caller's cgroup is no reason not to run the container.
            let _ = fs::create_dir_all(cgroup);
            let _ = fs::write(cgroup.join("cgroup.procs"), "0");
        }
        let signals = Signals::install().map_err(|e| failed("signals", e))?;
        // Relative names, so that the length of the directory's name does not matter to the sockets.
        std::env::set_current_dir(&config.run_dir)
            .map_err(|e| failed(&config.run_dir.display().to_string(), e))?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = listen(ATTACH_SOCKET).map_err(|e| failed("attach socket", e))?;
        let console = match config.terminal {
            true => Some(listen(CONSOLE_SOCKET).map_err(|e| failed("console socket", e))?),
            false => None,
        };
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        let run_dir = rustix::fs::open(
            ".",
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map_err(|e| failed("run directory", e.into()))?;
        std::env::set_current_dir("/").map_err(|e| failed("/", e))?;
        let log = match &config.log {
            LogConfig::K8sFile { path, max_size } => {
                Some(Log::open(path.clone(), *max_size).map_err(|e| failed("log file", e))?)
            }
            LogConfig::None | LogConfig::Passthrough => None,
        };
        let (streams, stdin, outputs) = if config.log == LogConfig::Passthrough {
            if descriptors.len() < 3 {
                return Err("passthrough needs three descriptors".to_owned());
            }
            let rest = descriptors.split_off(3);
            let mut standard = std::mem::replace(&mut descriptors, rest).into_iter();
            match (standard.next(), standard.next(), standard.next()) {
                (Some(stdin), Some(stdout), Some(stderr)) => {
                    (runtime::Streams { stdin, stdout, stderr }, None, Vec::new())
                }
                _ => return Err("passthrough needs three descriptors".to_owned()),
            }
        } else {
            make_streams(config).map_err(|e| failed("pipes", e))?
        };
        let me = ProcessRef::of(rustix::process::getpid().as_raw_nonzero().get())
            .map_err(|e| failed("own process", e))?;
        write_json(&config.run_dir.join(MONITOR_FILE), &me).map_err(|e| failed("monitor file", e))?;
        supervised.send(&Report::Ready { monitor: me });
        Ok(Parts { signals, listener, console, run_dir, streams, descriptors, stdin, outputs, log })
    }

    fn serve(&mut self) -> Result<(), String> {
        if !self.config.wait_for_start {
            self.start();
        }
        while !self.is_finished() {
            for (source, flags) in self.poll()? {
                match source {
                    Source::Signals => self.on_signals(),
                    Source::Supervisor => self.on_supervisor(),
                    Source::Listener => self.on_connection(),
                    Source::Console => self.on_console(),
                    Source::Stdin => self.feed(),
                    Source::Output(index) => self.on_output(index),
                    Source::Client(index) => self.on_client(index, flags),
                }
            }
            self.outputs.retain(|o| o.retry_at != u64::MAX);
            self.advance();
            let once = self.config.stdin_once;
            let mut feeder_left = false;
            self.clients.retain(|c| {
                let gone = c.is_gone();
                feeder_left |= gone && c.feeds_stdin();
                !gone
            });
            if once && feeder_left && !self.config.terminal && !self.clients.iter().any(Client::feeds_stdin) {
                self.end_input = true;
                self.feed();
            }
            self.run_periodic();
        }
        // Not by its path, which may be that of the container's next monitor by now.
        self.unlink(ATTACH_SOCKET);
        Ok(())
    }

    /// Removes one of this monitor's own sockets.
    fn unlink(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.run_dir, name, rustix::fs::AtFlags::empty());
    }

    fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Waiting => self.supervised.socket.is_none(),
            Phase::Ended { .. } => {
                self.cleaned && self.handed_over && !self.clients.iter().any(Client::has_backlog)
            }
            _ => false,
        }
    }

    fn poll(&self) -> Result<Vec<(Source, PollFlags)>, String> {
        let mut sources = vec![Source::Signals, Source::Listener];
        let mut fds =
            vec![PollFd::new(self.signals.fd(), PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        if let Some(socket) = &self.supervised.socket {
            sources.push(Source::Supervisor);
            fds.push(PollFd::new(socket, PollFlags::IN));
        }
        if let Some(console) = &self.console {
            sources.push(Source::Console);
            fds.push(PollFd::new(console, PollFlags::IN));
        }
        if let Some(stdin) = self.stdin.as_ref().filter(|_| !self.input.is_empty()) {
            sources.push(Source::Stdin);
            fds.push(PollFd::new(stdin, PollFlags::OUT));
        }
        let now = host::monotonic_ms();
        let mut wake_at = u64::MAX;
        if !self.clients.iter().any(Client::is_behind) {
            for (index, output) in self.outputs.iter().enumerate() {
                if output.retry_at > now {
                    wake_at = wake_at.min(output.retry_at);
                    continue;
                }
                sources.push(Source::Output(index));
                fds.push(PollFd::new(&output.fd, PollFlags::IN));
            }
        }
        let room = self.input.len() < INPUT_BACKLOG;
        for (index, client) in self.clients.iter().enumerate() {
            sources.push(Source::Client(index));
            fds.push(PollFd::new(client.fd(), client.interest(room)));
        }
        if matches!(self.phase, Phase::Running { .. }) {
            for run in self.periodic.iter().filter(|r| r.pid.is_none()) {
                wake_at = wake_at.min(run.next_at);
            }
        }
        let timeout = (wake_at != u64::MAX).then(|| {
            let ms = wake_at.saturating_sub(now).min(86_400_000);
            Timespec { tv_sec: (ms / 1000) as i64, tv_nsec: ((ms % 1000) * 1_000_000) as i64 }
        });
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(e) => return Err(format!("poll: {}", io::Error::from(e))),
        }
        let ready = sources.into_iter().zip(fds.iter().map(PollFd::revents));
        Ok(ready.filter(|(_, flags)| !flags.is_empty()).collect())
    }

    fn on_signals(&mut self) {
        for signal in self.signals.take() {
            match signal {
                libc::SIGCHLD | libc::SIGHUP => {}
                _ => match self.phase {
                    Phase::Running { pid } => kill(pid, signal),
                    Phase::Starting { .. } => self.pending_signal = Some(signal),
                    Phase::Waiting => self.supervised.socket = None,
                    Phase::Ended { .. } => {}
                },
            }
        }
        self.reap();
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            self.reaped.insert(pid.as_raw_nonzero().get(), status);
        }
        // Statuses of processes that were adopted and are nobody's business; a start may still ask for any.
        if !matches!(self.phase, Phase::Starting { .. }) && self.reaped.len() > 1024 {
            let keep = [self.known_pid()].into_iter().flatten().collect::<Vec<i32>>();
            self.reaped.retain(|pid, _| keep.contains(pid));
        }
    }

    fn known_pid(&self) -> Option<i32> {
        match self.phase {
            Phase::Starting { runtime } => Some(runtime),
            Phase::Running { pid } => Some(pid),
            Phase::Ended { deleting } => deleting,
            Phase::Waiting => None,
        }
    }

    fn on_supervisor(&mut self) {
        match self.supervised.receive() {
            Some(Order::Start) if self.phase == Phase::Waiting => self.start(),
            Some(Order::Acknowledge) => self.acknowledged = true,
            Some(Order::Start) | None => {}
        }
    }

    fn start(&mut self) {
        let Some(streams) = self.streams.take() else { return };
        let console = self.console.as_ref().map(|_| self.console_path());
        match runtime::start(&self.config, streams, console.as_deref(), &self.descriptors) {
            Ok(runtime) => self.phase = Phase::Starting { runtime },
            Err(e) => {
                let path = self.config.runtime.path.display().to_string();
                self.fail(format!("cannot start the OCI runtime {path}: {e}"));
            }
        }
        self.descriptors.clear();
    }

    /// A name for the console socket that is short enough for a socket address.
    fn console_path(&self) -> PathBuf {
        let path = self.config.run_dir.join(CONSOLE_SOCKET);
        if path.as_os_str().len() < 100 {
            return path;
        }
        let pid = rustix::process::getpid().as_raw_nonzero();
        PathBuf::from(format!("/proc/{pid}/fd/{}/{CONSOLE_SOCKET}", self.run_dir.as_raw_fd()))
    }

    fn on_console(&mut self) {
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

    /// Moves on from one phase to the next when the process waited for has ended.
    fn advance(&mut self) {
        match self.phase {
            Phase::Waiting => {}
            Phase::Starting { runtime } => {
                if let Some(status) = self.reaped.remove(&runtime) {
                    if status.exit_status() == Some(0) {
                        self.started();
                    } else {
                        self.drain();
                        let message = runtime::error_text(&self.config, &self.start_tail);
                        let message = if message.is_empty() {
                            format!("the OCI runtime ended with {}", exit_code(status))
                        } else {
                            message
                        };
                        self.fail(message);
                    }
                }
            }
            Phase::Running { pid } => {
                if let Some(status) = self.reaped.remove(&pid) {
                    self.drain();
                    let record = ExitRecord {
                        exit_code: exit_code(status),
                        finished_at_ns: host::now_ns(),
                        oom_killed: self.was_oom_killed(),
                        start_error: None,
                    };
                    let frame = (FRAME_EXIT, record.exit_code.to_be_bytes().to_vec());
                    self.end(&record, &Report::Exited(record.clone()), frame);
                }
            }
            Phase::Ended { deleting } => {
                if let Some(status) = deleting.and_then(|pid| self.reaped.remove(&pid)) {
                    let error = match status.exit_status() {
                        Some(0) => None,
                        _ => Some(runtime::error_text(&self.config, &[])),
                    };
                    self.clean(error);
                }
            }
        }
        if self.cleaned && !self.handed_over {
            if self.acknowledged {
                self.handed_over = true;
            } else if self.supervised.socket.is_none() {
                self.handed_over = true;
                self.run_exit_command();
            }
        }
    }

    fn started(&mut self) {
        // The runtime hands over the terminal before it ends; it may not have been looked at yet.
        if self.console.is_some() {
            self.on_console();
        }
        self.start_tail = Vec::new();
        let pid = match runtime::started_pid(&self.config) {
            Ok(pid) => pid,
            Err(e) => return self.fail(format!("pid of the process: {e}")),
        };
        self.phase = Phase::Running { pid };
        // A process that has ended at once is still a zombie or was reaped: then its start time is not known.
        let process = ProcessRef::of(pid).unwrap_or(ProcessRef { pid, start_time: 0 });
        let _ = write_json(&self.config.run_dir.join(PROCESS_FILE), &process);
        self.supervised.send(&Report::Started { process });
        runtime::keep_filter(&self.config);
        if let Some(signal) = self.pending_signal.take() {
            kill(pid, signal);
        }
        let now = host::monotonic_ms();
        for (run, task) in self.periodic.iter_mut().zip(&self.config.periodic) {
            run.next_at = now.saturating_add(task.interval_ms);
        }
        if self.reaped.contains_key(&pid) {
            self.advance();
        }
    }

    /// The start came to nothing.
    fn fail(&mut self, message: String) {
        let record = ExitRecord {
            exit_code: 125,
            finished_at_ns: host::now_ns(),
            oom_killed: false,
            start_error: Some(message.clone()),
        };
        let report = Report::Failed { message: message.clone() };
        self.end(&record, &report, (FRAME_FAILED, message.into_bytes()));
    }

    fn end(&mut self, record: &ExitRecord, report: &Report, frame: (u8, Vec<u8>)) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if let Some(log) = &mut self.log {
                log.finish(stream);
            }
        }
        self.stdin = None;
        self.input.clear();
        self.outputs.clear();
        self.terminal = None;
        self.console = None;
        let _ = write_json(&self.config.exit_file, record);
        let told = self.supervised.send(report);
        if matches!(report, Report::Failed { .. }) && told {
            // Who was told of a failed start needs no exit command.
            self.acknowledged = true;
        }
        for client in &mut self.clients {
            client.finish(frame.0, &frame.1);
        }
        self.last_frame = Some(frame);
        self.phase = Phase::Ended { deleting: None };
        match self.config.task {
            Task::Exec { .. } => self.clean(None),
            Task::Container { .. } if runtime::delete_directly(&self.config) => self.clean(None),
            Task::Container { .. } => match runtime::delete(&self.config) {
                Ok(pid) => self.phase = Phase::Ended { deleting: Some(pid) },
                Err(e) => self.clean(Some(e.to_string())),
            },
        }
    }

    fn clean(&mut self, error: Option<String>) {
        self.cleaned = true;
        self.supervised.send(&Report::Cleaned { error });
    }

    fn run_exit_command(&self) {
        let Some((program, arguments)) = self.config.exit_command.split_first() else { return };
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/");
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }

    fn run_periodic(&mut self) {
        if !matches!(self.phase, Phase::Running { .. }) {
            return;
        }
        let now = host::monotonic_ms();
        for (run, task) in self.periodic.iter_mut().zip(&self.config.periodic) {
            if let Some(pid) = run.pid {
                if self.reaped.remove(&pid).is_some() {
                    run.pid = None;
                    run.next_at = now.saturating_add(task.interval_ms);
                }
            } else if run.next_at <= now
                && let Some((program, arguments)) = task.command.split_first()
            {
                run.next_at = now.saturating_add(task.interval_ms);
                let mut command = Command::new(program);
                command.args(arguments).current_dir("/");
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                run.pid = command.spawn().ok().map(|c| c.id() as i32);
            }
        }
    }

    fn was_oom_killed(&self) -> bool {
        let Some(cgroup) = &self.config.container_cgroup else { return false };
        let Ok(events) = fs::read_to_string(cgroup.join("memory.events")) else { return false };
        events.lines().any(|l| l.strip_prefix("oom_kill ").is_some_and(|n| n != "0"))
    }

    fn on_output(&mut self, index: usize) {
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

    fn emit(&mut self, stream: Stream, data: &[u8]) {
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
    fn drain(&mut self) {
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

    fn on_connection(&mut self) {
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

    fn on_client(&mut self, index: usize, flags: PollFlags) {
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
            let error = request.and_then(|r| self.perform(&r)).err();
            if let Some(client) = self.clients.get_mut(index) {
                client.reply(&Reply { error });
            }
        }
        if let (Phase::Ended { .. }, Some((stream, payload))) = (self.phase, self.last_frame.as_ref())
            && let Some(client) = self.clients.get_mut(index)
        {
            client.finish_once(*stream, payload);
        }
    }

    /// Whether the process reads standard input, or will once its terminal is there.
    fn takes_input(&self) -> bool {
        self.config.stdin
            && match self.phase {
                Phase::Waiting | Phase::Starting { .. } => true,
                Phase::Running { .. } => self.stdin.is_some(),
                Phase::Ended { .. } => false,
            }
    }

    /// Gives the process as much of its standard input as it takes.
    fn feed(&mut self) {
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

    fn perform(&mut self, request: &Request) -> Result<(), String> {
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
            Request::ReopenLog => match &mut self.log {
                Some(log) => log.reopen().map_err(|e| e.to_string()),
                None => Err("there is no log file".to_owned()),
            },
        }
    }
}

struct Parts {
    signals: Signals,
    listener: OwnedFd,
    console: Option<OwnedFd>,
    run_dir: OwnedFd,
    streams: runtime::Streams,
    descriptors: Vec<OwnedFd>,
    stdin: Option<OwnedFd>,
    outputs: Vec<Output>,
    log: Option<Log>,
}

/// The runtime's ends and the monitor's ends of the process's standard streams.
fn make_streams(config: &MonitorConfig) -> io::Result<(runtime::Streams, Option<OwnedFd>, Vec<Output>)> {
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(io::Error::from);
    let mut feeding = None;
    let stdin = if config.stdin && !config.terminal {
        let (reader, writer) = pipe()?;
        host::set_nonblocking(&writer)?;
        feeding = Some(writer);
        reader
    } else {
        host::open_null()?
    };
    // With a terminal the runtime itself still has something to write its own errors to.
    let (out_reader, stdout) = pipe()?;
    let (err_reader, stderr) = pipe()?;
    host::set_nonblocking(&out_reader)?;
    host::set_nonblocking(&err_reader)?;
    let outputs = vec![
        Output { stream: Stream::Stdout, fd: out_reader, retry_at: 0 },
        Output { stream: Stream::Stderr, fd: err_reader, retry_at: 0 },
    ];
    Ok((runtime::Streams { stdin, stdout, stderr }, feeding, outputs))
}

fn listen(name: &str) -> io::Result<OwnedFd> {
    let _ = fs::remove_file(name);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(name)?)?;
    rustix::net::listen(&socket, 128)?;
    Ok(socket)
}

fn resize(terminal: impl AsFd, (columns, rows): (u16, u16)) {
    let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let _ = rustix::termios::tcsetwinsize(terminal, size);
}

/// Signals a child that has not been reaped, whose pid therefore cannot belong to another process.
fn kill(pid: i32, signal: i32) {
    // SAFETY: kill(2) on plain numbers.
    unsafe { libc::kill(pid, signal) };
}

fn exit_code(status: rustix::process::WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|s| 128 + s)).unwrap_or(-1)
}

/// Replaces a file in one step. It need not outlive a power failure, as the process does not either.
fn write_json(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&temporary)?.write_all(&text)?;
    fs::rename(&temporary, path)
}
