//! Drives the OCI runtime for the task of this monitor; what the engine needs of it too is in [`cove_monitor::oci`].

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cove_monitor::oci;
use cove_monitor::protocol::{MonitorConfig, Task};
use cove_sys::fs;

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
    oci::command(&config.runtime, &log_file(config))
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
            command.arg("--detach").arg("--pid-file").arg(pid_file(config));
        }
        Task::Exec { process } => oci::exec(&mut command, process, &pid_file(config)),
    }
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
    oci::exec(&mut command, process, pid_file);
    command.arg(&config.id);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Ok(command.spawn()?.id() as i32)
}

/// The pid that the runtime wrote.
pub(crate) fn started_pid(config: &MonitorConfig) -> io::Result<i32> {
    oci::read_pid(&pid_file(config))
}

/// What the runtime says of its failure: see [`oci::error_text`].
pub(crate) fn error_text(config: &MonitorConfig, output: &[u8]) -> String {
    oci::error_text(&log_file(config), output)
}
