//! The contract between the engine and a monitor.
//!
//! 1. The engine starts `cove-monitor` with a JSON [`MonitorConfig`] on its standard input (a memory file) and one
//!    end of a `SOCK_SEQPACKET` pair, the *supervision socket*, as its standard output.
//! 2. The monitor detaches, listens on `RUN_DIR/attach` and sends [`Report::Ready`]. Clients may attach now.
//! 3. The engine sends [`Order::Start`]; the answer is [`Report::Started`] or [`Report::Failed`].
//! 4. At the end: [`Report::Exited`], then [`Report::Cleaned`] when the OCI runtime's state is gone. An engine that
//!    takes the clean-up upon itself sends [`Order::Acknowledge`] after it; when the socket closes without it, the
//!    monitor runs [`MonitorConfig::exit_command`].
//!
//! On the attach socket a client first sends one [`hello`] byte; the monitor answers with a [`FRAME_READY`] frame,
//! then sends frames. Frames have Docker's header: stream number, three zero bytes, payload length (big endian).

use std::collections::VecDeque;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The version of [`MonitorConfig`] that this code writes and understands.
pub const VERSION: u32 = 2;

/// Upper bound of a configuration document, in bytes.
pub const MAX_CONFIG: u64 = 4 << 20;

/// Upper bound of a message on the supervision socket, in bytes.
pub const MAX_MESSAGE: usize = 64 << 10;

/// Name of the attach socket in [`MonitorConfig::run_dir`].
pub const ATTACH_SOCKET: &str = "attach";

/// Name of the file in [`MonitorConfig::run_dir`] that holds the monitor's own [`ProcessRef`](crate::process::ProcessRef).
pub const MONITOR_FILE: &str = "monitor.json";

/// Name of the file in [`MonitorConfig::run_dir`] that holds the [`ProcessRef`](crate::process::ProcessRef) of the
/// container's first process (or of the exec session's process).
pub const PROCESS_FILE: &str = "process.json";

/// Name of the file in [`MonitorConfig::run_dir`] that holds health checks, which [`Request::ReloadHealth`] puts in the
/// place of those before: an `Option` of [`HealthPlan`].
pub const HEALTH_FILE: &str = "health.json";

/// Name of the socket in [`NotifyConfig::folder`].
pub const NOTIFY_SOCKET: &str = "notify.sock";

/// First byte a client sends on the attach socket.
pub mod hello {
    /// The client will send the container's standard input, raw; half-closing the socket ends it.
    pub const STDIN: u8 = 1;
    /// The client wants standard output (and everything from a terminal).
    pub const STDOUT: u8 = 2;
    /// The client wants standard error.
    pub const STDERR: u8 = 4;
    /// A control connection instead: JSON [`Request`](super::Request) lines, each answered by a JSON
    /// [`Reply`](super::Reply) line.
    pub const CONTROL: u8 = 0x80;
}

/// Frame without payload: the client is registered and misses nothing from now on.
pub const FRAME_READY: u8 = 0;
/// Frame of standard output.
pub const FRAME_STDOUT: u8 = 1;
/// Frame of standard error.
pub const FRAME_STDERR: u8 = 2;
/// Last frame: the exit code, four bytes, big endian.
pub const FRAME_EXIT: u8 = 3;
/// Last frame when the start failed: the runtime's message.
pub const FRAME_FAILED: u8 = 4;

/// Length of a frame's header.
pub const FRAME_HEADER: usize = 8;

/// Upper bound of a frame's payload, in bytes.
pub const MAX_FRAME: usize = 64 << 10;

/// The header of a frame with `length` bytes of payload.
#[must_use]
pub fn frame_header(stream: u8, length: u32) -> [u8; FRAME_HEADER] {
    let l = length.to_be_bytes();
    [stream, 0, 0, 0, l[0], l[1], l[2], l[3]]
}

/// Everything a monitor is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorConfig {
    /// [`VERSION`].
    pub version: u32,
    /// Container id, as the OCI runtime knows it.
    pub id: String,
    /// What to run.
    pub task: Task,
    /// How to call the OCI runtime.
    pub runtime: RuntimeCommand,
    /// Existing directory for this monitor's socket and files; should be on a tmpfs.
    pub run_dir: PathBuf,
    /// Where the exit record ([`ExitRecord`], JSON) is written, atomically.
    pub exit_file: PathBuf,
    /// The process has a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// The process's standard input is open (else `/dev/null`).
    #[serde(default)]
    pub stdin: bool,
    /// Standard input ends when the first client that feeds it goes away.
    #[serde(default)]
    pub stdin_once: bool,
    /// First size of the terminal: columns, rows.
    #[serde(default)]
    pub size: Option<(u16, u16)>,
    /// Where output goes besides attached clients.
    pub log: LogConfig,
    /// Wait for [`Order::Start`] before the OCI runtime is called.
    #[serde(default)]
    pub wait_for_start: bool,
    /// Run at the end if no supervisor acknowledged: program and arguments.
    #[serde(default)]
    pub exit_command: Vec<String>,
    /// Number of descriptors the engine sends (SCM_RIGHTS) as first message on the supervision socket. With
    /// [`LogConfig::Passthrough`] the first three are the process's standard streams; the rest is handed to the
    /// process from descriptor 3 on.
    #[serde(default)]
    pub descriptors: u32,
    /// How many of them, the last ones, the monitor keeps open itself while the process runs, which does not get
    /// them: sockets that reserve ports.
    #[serde(default)]
    pub held: u32,
    /// Cgroup directory that the monitor itself moves to (best effort).
    #[serde(default)]
    pub monitor_cgroup: Option<PathBuf>,
    /// Cgroup v2 directory of the container, to learn of out-of-memory kills.
    #[serde(default)]
    pub container_cgroup: Option<PathBuf>,
    /// Where to keep the system call filter that crun compiles for this container.
    #[serde(default)]
    pub seccomp_cache: Option<PathBuf>,
    /// How to find out whether the container is well.
    #[serde(default)]
    pub health: Option<HealthPlan>,
    /// Who is told that it is ready.
    #[serde(default)]
    pub notify: Option<NotifyConfig>,
    /// Milliseconds after its start at which the process is killed; its exit code is -1 then.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
}

/// Who is told, as sd_notify(3) does, that a container is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyConfig {
    /// The socket; a name that begins with `@` is an abstract one.
    pub socket: String,
    /// A folder in which the monitor makes [`NOTIFY_SOCKET`]: what the container writes to it is passed on.
    pub folder: Option<PathBuf>,
    /// It is ready with the first check that finds it healthy.
    pub with_health: bool,
}

/// How to find out whether a container is well, and what to do about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthPlan {
    /// The check.
    pub check: Check,
    /// The check that must succeed before the other begins.
    #[serde(default)]
    pub startup: Option<StartupCheck>,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
    /// Milliseconds after the start in which failures do not count.
    pub start_period_ms: u64,
    /// Most entries of the log; 0 is no limit.
    pub max_log_count: u32,
    /// Most bytes of output in an entry; 0 is no limit.
    pub max_log_size: u32,
    /// Where [`HealthFound`] is written, atomically.
    pub state_file: PathBuf,
    /// A second place for it, which the user chose.
    #[serde(default)]
    pub log_file: Option<PathBuf>,
    /// Run when a check finds it unhealthy: program and arguments.
    #[serde(default)]
    pub failure_command: Vec<String>,
    /// Run when the start-up check has failed too often.
    #[serde(default)]
    pub restart_command: Vec<String>,
    /// Where each check is told.
    #[serde(default)]
    pub events: Option<HealthEvents>,
}

/// A command in the container, never run twice at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// File with the OCI process object.
    pub process: PathBuf,
    /// Milliseconds between the end of one run and the start of the next; 0 is only when asked.
    pub interval_ms: u64,
    /// Milliseconds after which it has failed and is killed.
    pub timeout_ms: u64,
}

/// The check that must succeed before the other begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartupCheck {
    /// The check.
    pub check: Check,
    /// Failures after which the container is started again; 0 is never.
    pub retries: u32,
    /// Successes that are needed; 0 is one.
    pub successes: u32,
}

/// Where events of health checks go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthEvents {
    /// The engine's file.
    pub file: PathBuf,
    /// The event as JSON, but for time and what was found.
    pub event: serde_json::Value,
    /// With the output of the check.
    #[serde(default)]
    pub with_log: bool,
    /// The journal of systemd, where they go as well.
    #[serde(default)]
    pub journal: Option<HealthJournal>,
}

/// An event in the journal of systemd.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthJournal {
    /// The journal's socket.
    pub socket: PathBuf,
    /// Its fields, but for time and what was found.
    pub fields: Vec<(String, String)>,
}

/// What the checks have found. JSON: libpod's `HealthCheckResults`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthFound {
    /// `starting`, `healthy`, `unhealthy`; `stopped` where the container ended during a check.
    pub status: String,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The last checks, oldest first.
    pub log: VecDeque<HealthLogEntry>,
}

/// One check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthLogEntry {
    /// When it began (RFC 3339).
    pub start: String,
    /// When it ended.
    pub end: String,
    /// 0, 1, or -1 for one that took too long.
    pub exit_code: i32,
    /// What it wrote.
    pub output: String,
}

/// What came of a check that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// `healthy`, `unhealthy`, `starting` or `stopped`.
    pub result: String,
    /// The container is unhealthy: who asked does what is to be done then.
    pub unhealthy: bool,
    /// Its start-up check has failed too often: who asked starts it again.
    pub restart: bool,
}

/// What a monitor runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A container from a bundle directory.
    Container {
        /// Directory with `config.json`.
        bundle: PathBuf,
        /// Options of the OCI runtime's `restore`, which is called in place of `run` where there are any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restore: Vec<String>,
    },
    /// A process in a running container.
    Exec {
        /// File with the OCI process object.
        process: PathBuf,
    },
}

/// An OCI runtime and how to call it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuntimeCommand {
    /// Absolute path of the program.
    pub path: PathBuf,
    /// Arguments before the verb, such as `--root DIR` or `--cgroup-manager=disabled`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Arguments after `run`, such as `--no-pivot`.
    #[serde(default)]
    pub run_arguments: Vec<String>,
    /// Where crun keeps its state of containers; lets the monitor delete it without calling crun. `None` for others.
    #[serde(default)]
    pub crun_state: Option<PathBuf>,
    /// Call it under [`crate::view::hide_cgroups`].
    #[serde(default)]
    pub hide_cgroups: bool,
}

/// Where output goes besides attached clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogConfig {
    /// Nowhere.
    None,
    /// A file in the format of Kubernetes' CRI: `TIME STREAM P|F TEXT`.
    K8sFile {
        /// The file, created when missing (mode 0600).
        path: PathBuf,
        /// Above this size in bytes the file is started anew.
        #[serde(default)]
        max_size: Option<u64>,
        /// How many files there are then, with those before (`PATH.1` is the last one); 0 and 1 are the one file.
        #[serde(default)]
        files: u32,
    },
    /// The journal of systemd (systemd.journal-fields(7)), an entry for each line.
    Journal {
        /// The journal's socket.
        socket: PathBuf,
        /// Fields of every entry.
        fields: Vec<(String, String)>,
    },
    /// The process gets the given descriptors as its standard streams; nothing is logged and nobody can attach.
    Passthrough,
}

/// From the engine to the monitor, on the supervision socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Call the OCI runtime now.
    Start,
    /// The engine has done what the exit command would do.
    Acknowledge,
}

/// From the monitor to the engine, on the supervision socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Clients can attach.
    Ready {
        /// The monitor.
        monitor: crate::process::ProcessRef,
    },
    /// The process runs.
    Started {
        /// The process (for a container: its init).
        process: crate::process::ProcessRef,
    },
    /// It was not started.
    Failed {
        /// The OCI runtime's or the monitor's message.
        message: String,
    },
    /// The process has ended and its output is drained.
    Exited(ExitRecord),
    /// The OCI runtime has deleted its state of the container.
    Cleaned {
        /// Its message if it could not.
        error: Option<String>,
    },
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Exit code; 128 + signal number when a signal ended it.
    pub exit_code: i32,
    /// Nanoseconds since 1970.
    pub finished_at_ns: i64,
    /// The kernel killed a process of the container for lack of memory.
    #[serde(default)]
    pub oom_killed: bool,
    /// It never ran: the message why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_error: Option<String>,
}

/// On a control connection, to the monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Sets the size of the terminal.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// Opens the log file again, after it was moved away.
    ReopenLog,
    /// Runs the health check now; the reply comes when it has ended.
    CheckHealth,
    /// Goes by the health checks in [`HEALTH_FILE`] from now on.
    ReloadHealth,
}

/// On a control connection, from the monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Why it was not done; absent on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What came of [`Request::CheckHealth`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthReport>,
}
