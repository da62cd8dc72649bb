//! Drives the OCI runtime: the only place in the monitor that knows its command line.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cove_monitor::protocol::{MonitorConfig, Task};
use cove_sys::fs;

/// Most of a runtime's log that is read.
const MAX_LOG: u64 = 1 << 20;

/// The runtime's standard streams, which the container inherits when it has no terminal.
pub(crate) struct Streams {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// Where the runtime writes the pid of what it started.
pub(crate) fn pid_file(config: &MonitorConfig) -> PathBuf {
    config.run_dir.join("pid")
}

fn log_file(config: &MonitorConfig) -> PathBuf {
    config.run_dir.join("oci-log")
}

fn base(config: &MonitorConfig) -> Command {
    let mut command = Command::new(&config.runtime.path);
    command.args(&config.runtime.arguments);
    command.arg("--log-format=json").arg("--log").arg(log_file(config));
    command.current_dir("/");
    if config.runtime.hide_cgroups {
        // SAFETY: the function only makes system calls.
        unsafe { command.pre_exec(cove_monitor::view::hide_cgroups) };
    }
    command
}

/// Starts the runtime for the configured task; returns its pid at once.
pub(crate) fn start(
    config: &MonitorConfig,
    streams: Streams,
    console: Option<&Path>,
    extra: &[OwnedFd],
) -> io::Result<i32> {
    let mut command = base(config);
    match &config.task {
        Task::Container { bundle, restore } => {
            command.arg(if restore.is_empty() { "run" } else { "restore" });
            command.args(&config.runtime.run_arguments).args(restore).arg("--bundle").arg(bundle);
        }
        Task::Exec { process } => {
            command.arg("exec").arg("--process").arg(process);
        }
    }
    command.arg("--detach").arg("--pid-file").arg(pid_file(config));
    if let Some(socket) = console {
        if matches!(config.task, Task::Exec { .. }) {
            command.arg("--tty");
        }
        command.arg("--console-socket").arg(socket);
    }
    if !extra.is_empty() {
        command.arg("--preserve-fds").arg(extra.len().to_string());
    }
    command.arg(&config.id);
    command.stdin(streams.stdin).stdout(streams.stdout).stderr(streams.stderr);
    if !extra.is_empty() {
        let numbers: Vec<i32> = extra.iter().map(AsRawFd::as_raw_fd).collect();
        // SAFETY: the closure calls only dup2(2), which is async-signal-safe, and allocates nothing.
        unsafe { command.pre_exec(move || place(&numbers)) };
    }
    Ok(command.spawn()?.id() as i32)
}

/// Gives descriptors the numbers from 3 on, open across exec. The numbers given must be 3 + their count or more.
fn place(numbers: &[i32]) -> io::Result<()> {
    for (target, fd) in (3..).zip(numbers) {
        // SAFETY: dup2 on plain numbers; `target` is nobody's descriptor that is still needed in this child.
        if unsafe { libc::dup2(*fd, target) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Keeps the system call filter that crun has compiled. That it cannot be kept is no failure.
pub(crate) fn keep_filter(config: &MonitorConfig) {
    let (Some(root), Some(target)) = (&config.runtime.crun_state, &config.seccomp_cache) else { return };
    let mut temporary = target.clone().into_os_string();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    if fs::copy(root.join(&config.id).join("seccomp.bpf"), &temporary).is_err()
        || fs::rename(&temporary, target).is_err()
    {
        let _ = fs::remove_file(&temporary);
    }
}

/// Deletes what crun keeps of a container whose first process has ended, where that is simple: no hooks, and no cgroup
/// or an empty one. `false` means that crun has to do it; calling it takes several milliseconds.
pub(crate) fn delete_directly(config: &MonitorConfig) -> bool {
    let (Some(root), Task::Container { bundle, .. }) = (&config.runtime.crun_state, &config.task) else {
        return false;
    };
    let state = root.join(&config.id);
    let Ok(status) = fs::read(state.join("status")) else { return false };
    let Ok(status) = serde_json::from_slice::<serde_json::Value>(&status) else { return false };
    let text = |name: &str| status.get(name).and_then(|v| v.as_str());
    let (Some(cgroup), Some("")) = (text("cgroup-path"), text("scope")) else { return false };
    if !fs::read(bundle.join("config.json")).is_ok_and(|spec| !contains(&spec, b"\"hooks\"")) {
        return false;
    }
    if !cgroup.is_empty() {
        let path = Path::new("/sys/fs/cgroup").join(cgroup.trim_start_matches('/'));
        match fs::remove_dir(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return false,
        }
    }
    fs::remove_dir_all(&state).is_ok()
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// Starts the deletion of what the runtime keeps of the container; returns its pid at once.
pub(crate) fn delete(config: &MonitorConfig) -> io::Result<i32> {
    let mut command = base(config);
    command.arg("delete").arg("--force").arg(&config.id);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?.id() as i32)
}

/// Starts the runtime for a health check that writes to `output`; returns its pid at once.
pub(crate) fn start_check(
    config: &MonitorConfig,
    process: &Path,
    pid_file: &Path,
    output: OwnedFd,
) -> io::Result<i32> {
    let mut command = base(config);
    command.arg("exec").arg("--process").arg(process);
    command.arg("--detach").arg("--pid-file").arg(pid_file).arg(&config.id);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Ok(command.spawn()?.id() as i32)
}

/// The pid that the runtime wrote.
pub(crate) fn started_pid(config: &MonitorConfig) -> io::Result<i32> {
    read_pid(&pid_file(config))
}

/// The pid in a file.
pub(crate) fn read_pid(path: &Path) -> io::Result<i32> {
    let text = fs::read_to_string(path)?;
    let pid = text.trim().parse().ok().filter(|pid| *pid > 0);
    pid.ok_or_else(|| io::Error::other(format!("{}: {text:?} is not a pid", path.display())))
}

/// The last error in the runtime's log, or else `output`, which it wrote to standard error.
pub(crate) fn error_text(config: &MonitorConfig, output: &[u8]) -> String {
    let text = read_end(&log_file(config)).unwrap_or_default();
    let mut message = None;
    let mut rest = text.as_str();
    while !rest.trim_start().is_empty() {
        // An entry is a JSON document on one line, or (newer crun) on several.
        let mut entries = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        match entries.next() {
            Some(Ok(entry)) => {
                let level = entry.get("level").and_then(|l| l.as_str()).unwrap_or("error");
                if let Some(text) = entry.get("msg").and_then(|m| m.as_str())
                    && matches!(level, "error" | "fatal" | "panic")
                {
                    message = Some(text.to_owned());
                }
                rest = &rest[entries.byte_offset()..];
            }
            _ => {
                let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
                if !line.trim().is_empty() {
                    message = Some(line.trim().to_owned());
                }
                rest = below;
            }
        }
    }
    message.unwrap_or_else(|| String::from_utf8_lossy(output).trim().to_owned())
}

fn read_end(path: &Path) -> io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_LOG {
        file.seek(SeekFrom::Start(length - MAX_LOG))?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_LOG).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
