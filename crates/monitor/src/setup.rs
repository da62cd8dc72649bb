//! From the configuration to a monitor that is ready: descriptors, detaching, sockets, pipes.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use cove_monitor::process::ProcessRef;
use cove_monitor::protocol::{
    ATTACH_SOCKET, LogConfig, MAX_CONFIG, MAX_MESSAGE, MONITOR_FILE, MonitorConfig, Order, Report, VERSION,
};
use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::health::Health;
use crate::host::{self, Signals};
use crate::journal::Journal;
use crate::log::{Log, Sink, Stream};
use crate::notify::Notifier;
use crate::runtime;
use crate::supervise::{CONSOLE_SOCKET, Monitor, Output, Phase};

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
pub(crate) struct Supervised {
    pub(crate) socket: Option<OwnedFd>,
}

impl Supervised {
    /// Whether the engine got the report.
    pub(crate) fn send(&self, report: &Report) -> bool {
        let Some(socket) = &self.socket else { return false };
        let Ok(mut text) = serde_json::to_vec(report) else { return false };
        text.truncate(MAX_MESSAGE);
        rustix::net::send(socket, &text, SendFlags::NOSIGNAL).is_ok()
    }

    /// The next order; `None` when there is none, and the socket is dropped when the engine has gone.
    pub(crate) fn receive(&mut self) -> Option<Order> {
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

impl Monitor {
    fn new(
        config: MonitorConfig,
        supervised: Supervised,
        count: usize,
    ) -> Result<Self, (Supervised, String)> {
        match Self::prepare(&config, &supervised, count) {
            Ok(parts) => {
                let size = config.size;
                let health = config.health.clone().map(Health::new);
                Ok(Self {
                    config,
                    supervised,
                    signals: parts.signals,
                    listener: parts.listener,
                    console: parts.console,
                    run_dir: parts.run_dir,
                    streams: Some(parts.streams),
                    descriptors: parts.descriptors,
                    held: parts.held,
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
                    health,
                    notifier: parts.notifier,
                    kill_at: None,
                    timed_out: false,
                    oom: None,
                    oom_killed: false,
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
        let held = descriptors.split_off(descriptors.len().saturating_sub(config.held as usize));
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
            LogConfig::K8sFile { path, max_size, files } => {
                let log = Log::open(path.clone(), *max_size, *files).map_err(|e| failed("log file", e))?;
                Some(Sink::File(log))
            }
            LogConfig::Journal { socket, fields } => {
                let journal = Journal::open(socket.clone(), fields)
                    .map_err(|e| failed(&format!("journal at {}", socket.display()), e))?;
                Some(Sink::Journal(journal))
            }
            LogConfig::None | LogConfig::Passthrough => None,
        };
        let notifier = config.notify.as_ref().map(Notifier::open).transpose();
        let notifier = notifier.map_err(|e| failed("notify socket", e))?;
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
        Ok(Parts {
            signals,
            listener,
            console,
            run_dir,
            streams,
            descriptors,
            held,
            stdin,
            outputs,
            log,
            notifier,
        })
    }
}

struct Parts {
    signals: Signals,
    listener: OwnedFd,
    console: Option<OwnedFd>,
    run_dir: OwnedFd,
    streams: runtime::Streams,
    descriptors: Vec<OwnedFd>,
    held: Vec<OwnedFd>,
    stdin: Option<OwnedFd>,
    outputs: Vec<Output>,
    log: Option<Sink>,
    notifier: Option<Notifier>,
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

/// Replaces a file in one step. It need not outlive a power failure, as the process does not either.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&temporary)?.write_all(&text)?;
    fs::rename(&temporary, path)
}
