//! The two programs PID 1 keeps alive: sshd and the engine's API service.

use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cove_sys::fs;
use rustix::process::Pid;

use super::console::{line, problem, stage};
use crate::boot_log::{STAGE_ENGINE, STAGE_SSH};
use crate::provision::GUEST_SOCKET;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// A service that lived this long starts again without a growing delay.
const STABLE: Duration = Duration::from_secs(30);

/// The engine's state of containers.
const ENGINE_STATE: &str = "/var/lib/containers/storage/cove/state.db";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How to see that a service answers.
#[derive(Clone, Copy)]
enum Check {
    TcpListener(u16),
    UnixSocket(&'static str),
}

/// One supervised program.
pub(super) struct Service {
    name: &'static str,
    program: &'static str,
    args: Vec<String>,
    check: Check,
    answered: bool,
    pid: Option<Pid>,
    started: Instant,
    delay: Duration,
    due: Instant,
}

/// The services of a machine, none of them started.
pub(super) fn all() -> Vec<Service> {
    vec![
        Service::new(
            STAGE_ENGINE,
            "/usr/bin/cove",
            ["system", "service", "--time", "0", &format!("unix://{GUEST_SOCKET}")],
            Check::UnixSocket(GUEST_SOCKET),
        ),
        Service::new(
            STAGE_SSH,
            "/usr/sbin/sshd",
            ["-D", "-e", "-o", "LogLevel=ERROR"],
            Check::TcpListener(22),
        ),
    ]
}

impl Service {
    fn new<'a>(
        name: &'static str,
        program: &'static str,
        args: impl IntoIterator<Item = &'a str>,
        check: Check,
    ) -> Self {
        let now = Instant::now();
        let args = args.into_iter().map(str::to_owned).collect();
        Self {
            name,
            program,
            args,
            check,
            answered: false,
            pid: None,
            started: now,
            delay: FIRST_DELAY,
            due: now,
        }
    }

    /// Starts it where it is not running and its delay is over.
    pub(super) fn start_if_due(&mut self) {
        if self.pid.is_some() || Instant::now() < self.due {
            return;
        }
        match self.spawn() {
            Ok(pid) => {
                self.pid = Some(pid);
                self.started = Instant::now();
            }
            Err(error) => {
                problem(self.program, error);
                self.postpone();
            }
        }
    }

    fn spawn(&self) -> io::Result<Pid> {
        spawn(self.program, &self.args)
    }

    /// Notes the end of `pid`; true when it was this service.
    pub(super) fn ended(&mut self, pid: Pid, status: &str) -> bool {
        if self.pid != Some(pid) {
            return false;
        }
        line(format_args!("{} ended ({status}); it is started again", self.program));
        self.pid = None;
        if self.started.elapsed() >= STABLE {
            self.delay = FIRST_DELAY;
        }
        self.postpone();
        true
    }

    fn postpone(&mut self) {
        self.due = Instant::now() + self.delay;
        self.delay = (self.delay * 2).min(LONGEST_DELAY);
    }

    /// When [`Service::start_if_due`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pid.is_none().then_some(self.due)
    }

    /// True while nobody has seen it answer.
    pub(super) fn is_pending(&self) -> bool {
        !self.answered && self.pid.is_some()
    }

    /// Looks whether it answers for the first time, says so on the console then, and answers true.
    pub(super) fn check(&mut self) -> bool {
        if !self.is_pending() || !self.check.answers() {
            return false;
        }
        self.answered = true;
        stage(self.name);
        true
    }

    /// Whether it is the engine.
    pub(super) fn is_engine(&self) -> bool {
        self.name == STAGE_ENGINE
    }
}

/// Starts the containers whose restart policy is `always`, or `unless-stopped` where nobody has stopped them, as
/// `podman-restart.service` does; without any container ever made there is nothing to ask.
pub(super) fn start_containers() {
    if !std::path::Path::new(ENGINE_STATE).exists() {
        return;
    }
    let words = ["start", "--all", "--filter", "should-start-on-boot=true"].map(str::to_owned);
    if let Err(error) = spawn("/usr/bin/cove", &words) {
        problem("starting containers", error);
    }
}

fn spawn(program: &str, args: &[String]) -> io::Result<Pid> {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("USER", "root")
        .env("TERM", "linux")
        .current_dir("/")
        .stdin(Stdio::null());
    // SAFETY: between fork and exec only two async-signal-safe system calls are made.
    unsafe {
        command.pre_exec(|| {
            unblock_signals()?;
            rustix::process::setsid()?;
            Ok(())
        });
    }
    let child = command.spawn()?;
    Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("no process id"))
}

impl Check {
    fn answers(self) -> bool {
        match self {
            Self::UnixSocket(path) => UnixStream::connect(path).is_ok(),
            Self::TcpListener(port) => {
                fs::read_to_string("/proc/net/tcp").is_ok_and(|table| has_listener(&table, port))
            }
        }
    }
}

/// Whether the kernel's table (proc_pid_net(5)) has a listener on `port`.
fn has_listener(table: &str, port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    table.lines().skip(1).any(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let local = columns.next().unwrap_or_default();
        // The remote address comes between; state 0A is TCP_LISTEN.
        local.ends_with(&wanted) && columns.nth(1) == Some("0A")
    })
}

/// PID 1 blocks the signals it reads from a descriptor, and children inherit that.
fn unblock_signals() -> io::Result<()> {
    // SAFETY: the set lives on the stack and is initialised by sigemptyset before its use.
    let result = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_listener_table() {
        let table = "  sl  local_address rem_address   st\n   0: 00000000:0016 00000000:0000 0A 00000000\n   \
                     1: 0F02000A:0050 0202000A:8CA0 01 00000000\n";
        assert!(has_listener(table, 22));
        assert!(!has_listener(table, 80));
        assert!(!has_listener("", 22));
    }
}
