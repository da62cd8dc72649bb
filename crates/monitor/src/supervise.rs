//! The monitor's life: from its configuration to the end of the container.
//!
//! ```text
//! Waiting --Start--> Starting --runtime ok--> Running --process ends--> Ended --clean, told, flushed--> gone
//!    | engine gone       | runtime failed                                 ^
//!    +--> gone           +------------------------------------------------+
//! ```

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cove_monitor::process::ProcessRef;
use cove_monitor::protocol::{
    ATTACH_SOCKET, ExitRecord, FRAME_EXIT, FRAME_FAILED, MonitorConfig, Order, PROCESS_FILE, Report, Task,
};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::WaitOptions;

use crate::attach::Client;
use crate::health::Health;
use crate::host::{self, Signals};
use crate::log::{Sink, Stream};
use crate::notify::Notifier;
use crate::oom::OomWatch;
use crate::runtime;
use crate::setup::{Supervised, write_json};

/// Name of the socket on which the OCI runtime hands over the terminal.
pub(crate) const CONSOLE_SOCKET: &str = "console";

/// Standard input that the process has not read yet is kept up to this size.
const INPUT_BACKLOG: usize = 64 << 10;

/// Where the monitor is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Starting { runtime: i32 },
    Running { pid: i32 },
    Ended { deleting: Option<i32> },
}

/// A stream that the process writes to.
pub(crate) struct Output {
    pub(crate) stream: Stream,
    pub(crate) fd: OwnedFd,
    /// A terminal that nobody has open: not polled before this time.
    pub(crate) retry_at: u64,
}

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Signals,
    Supervisor,
    Listener,
    Console,
    Stdin,
    Oom,
    Health,
    Notify,
    Output(usize),
    Client(usize),
}

/// All of the monitor's state.
pub(crate) struct Monitor {
    pub(crate) config: MonitorConfig,
    pub(crate) supervised: Supervised,
    pub(crate) signals: Signals,
    pub(crate) listener: OwnedFd,
    pub(crate) console: Option<OwnedFd>,
    pub(crate) run_dir: OwnedFd,
    pub(crate) streams: Option<runtime::Streams>,
    pub(crate) descriptors: Vec<OwnedFd>,
    pub(crate) held: Vec<OwnedFd>,
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) input: VecDeque<u8>,
    pub(crate) end_input: bool,
    pub(crate) outputs: Vec<Output>,
    pub(crate) terminal: Option<OwnedFd>,
    pub(crate) size: Option<(u16, u16)>,
    pub(crate) clients: Vec<Client>,
    pub(crate) log: Option<Sink>,
    pub(crate) reaped: HashMap<i32, rustix::process::WaitStatus>,
    pub(crate) pending_signal: Option<i32>,
    pub(crate) start_tail: Vec<u8>,
    pub(crate) phase: Phase,
    pub(crate) last_frame: Option<(u8, Vec<u8>)>,
    pub(crate) acknowledged: bool,
    pub(crate) cleaned: bool,
    pub(crate) handed_over: bool,
    pub(crate) health: Option<Health>,
    pub(crate) notifier: Option<Notifier>,
    pub(crate) kill_at: Option<u64>,
    pub(crate) timed_out: bool,
    pub(crate) oom: Option<OomWatch>,
    pub(crate) oom_killed: bool,
}

impl Monitor {
    pub(crate) fn serve(&mut self) -> Result<(), String> {
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
                    Source::Oom => self.on_oom_event(),
                    Source::Health => self.read_health(),
                    Source::Notify => self.pass_on(),
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
            self.attend_health();
            self.check_time();
        }
        // Not by its path, which may be that of the container's next monitor by now.
        self.unlink(ATTACH_SOCKET);
        Ok(())
    }

    /// Removes one of this monitor's own sockets.
    pub(crate) fn unlink(&self, name: &str) {
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
        if let Some(watch) = &self.oom {
            sources.push(Source::Oom);
            fds.push(PollFd::new(watch, PollFlags::PRI));
        }
        if let Some(output) = self.health.as_ref().and_then(Health::output) {
            sources.push(Source::Health);
            fds.push(PollFd::new(output, PollFlags::IN));
        }
        if let Some(receiver) = self.notifier.as_ref().and_then(Notifier::receiver) {
            sources.push(Source::Notify);
            fds.push(PollFd::from_borrowed_fd(receiver, PollFlags::IN));
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
            wake_at = wake_at.min(self.health.as_ref().map_or(u64::MAX, Health::wake_at));
            wake_at = wake_at.min(self.kill_at.unwrap_or(u64::MAX));
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
        // A start may still ask for any.
        if !matches!(self.phase, Phase::Starting { .. }) {
            let known = self.known_pid();
            let health = self.health.as_ref();
            forget_strangers(&mut self.reaped, |pid| {
                known == Some(pid) || health.is_some_and(|health| health.knows(pid))
            });
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
                    self.on_oom_event();
                    let record = ExitRecord {
                        exit_code: if self.timed_out { -1 } else { exit_code(status) },
                        finished_at_ns: host::now_ns(),
                        oom_killed: self.oom_killed,
                        start_error: None,
                    };
                    let frame = (FRAME_EXIT, record.exit_code.to_be_bytes().to_vec());
                    // The next start may come before this monitor ends.
                    self.held.clear();
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
        if matches!(self.config.task, Task::Container { .. }) {
            self.oom = OomWatch::open(self.config.container_cgroup.as_deref(), pid);
            // The kernel tells of changes after a first reading.
            self.on_oom_event();
        }
        if let Some(signal) = self.pending_signal.take() {
            kill(pid, signal);
        }
        let now = host::monotonic_ms();
        self.start_health();
        self.kill_at = self.config.timeout_ms.map(|timeout| now.saturating_add(timeout));
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
        self.end_health();
        // What it wrote at the very end.
        self.pass_on();
        self.notifier = None;
        self.oom = None;
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

    fn read_health(&mut self) {
        if let Some(health) = &mut self.health {
            health.read();
        }
    }

    fn pass_on(&mut self) {
        if let Some(notifier) = &mut self.notifier {
            notifier.pass_on();
        }
    }

    fn check_time(&mut self) {
        if let Phase::Running { pid } = self.phase
            && self.kill_at.is_some_and(|at| at <= host::monotonic_ms())
        {
            self.kill_at = None;
            self.timed_out = true;
            kill(pid, libc::SIGKILL);
        }
    }

    fn on_oom_event(&mut self) {
        match self.oom.as_mut().map(OomWatch::was_killed) {
            Some(Some(killed)) => self.oom_killed |= killed,
            Some(None) => self.oom = None,
            None => {}
        }
    }
}

/// Drops the statuses of processes that were adopted and are nobody's business. Their numbers are used again: a later
/// run of one's own with such a number would be taken for ended.
fn forget_strangers<T>(reaped: &mut HashMap<i32, T>, known: impl Fn(i32) -> bool) {
    reaped.retain(|pid, _| known(*pid));
}

/// Signals a child that has not been reaped, whose pid therefore cannot belong to another process.
pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: kill(2) on plain numbers.
    unsafe { libc::kill(pid, signal) };
}

pub(crate) fn exit_code(status: rustix::process::WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|s| 128 + s)).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_processes_are_remembered() {
        let mut reaped: HashMap<i32, ()> = [(1, ()), (2, ()), (3, ()), (4, ())].into();
        forget_strangers(&mut reaped, |pid| [1, 3].contains(&pid));
        let mut kept: Vec<i32> = reaped.into_keys().collect();
        kept.sort_unstable();
        assert_eq!(kept, [1, 3]);
    }
}
