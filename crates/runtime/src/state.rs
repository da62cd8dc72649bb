//! What is left of a launched process: alive, ended, or lost; signals, waiting, force.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cove_monitor::process::ProcessRef;
use cove_monitor::protocol::{
    ExitRecord, FRAME_EXIT, FRAME_FAILED, FRAME_HEADER, MONITOR_FILE, PROCESS_FILE, hello,
};
use cove_sys::fs;

use crate::attach::{parse_header, short_path};
use crate::error::{Error, Result};
use crate::launch::{OciRuntime, Runtime, check_id, make_private_dir, remove_dir, remove_file};

/// What is known of a container's or exec session's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// Never launched, or forgotten.
    Absent,
    /// The monitor waits or the OCI runtime is at work.
    Starting {
        /// The monitor.
        monitor: ProcessRef,
    },
    /// It runs under its monitor.
    Running {
        /// The process.
        process: ProcessRef,
        /// The monitor.
        monitor: ProcessRef,
    },
    /// It has just ended and its monitor is about to write the exit code.
    Ending {
        /// The monitor.
        monitor: ProcessRef,
    },
    /// It runs, but its monitor was killed: it can be signalled, but output and exit code are lost.
    Orphaned {
        /// The process.
        process: ProcessRef,
    },
    /// It has ended.
    Exited(ExitRecord),
    /// It has ended, and its monitor was killed before it knew the exit code.
    Lost,
}

impl ProcessState {
    /// The process, where it is alive.
    #[must_use]
    pub fn process(&self) -> Option<ProcessRef> {
        match self {
            Self::Running { process, .. } | Self::Orphaned { process } => Some(*process),
            _ => None,
        }
    }
}

impl Runtime {
    /// The state of a container's process, from its files and `/proc`; takes some 20 µs.
    ///
    /// # Errors
    /// The files are there but cannot be read.
    pub fn state(&self, id: &str) -> Result<ProcessState> {
        check_id(id)?;
        state_of(&self.container_dir(id), &self.exit_file(id))
    }

    /// Whether the container's monitor is alive: then somebody will clean up.
    ///
    /// # Errors
    /// Its file is there but cannot be read.
    pub fn has_monitor(&self, id: &str) -> Result<bool> {
        check_id(id)?;
        Ok(read_process(&self.container_dir(id).join(MONITOR_FILE))?
            .is_some_and(|monitor| monitor.is_alive()))
    }

    /// Writes anew what the run directory said of a container that runs, for one that somebody has emptied. Its
    /// monitor, if it lives, leaves the exit code as usual; attaching, which needs its socket, comes with a restart.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn recall(&self, id: &str, process: ProcessRef, monitor: ProcessRef) -> Result<()> {
        check_id(id)?;
        let dir = self.container_dir(id);
        make_private_dir(&dir)?;
        // The monitor's comes last, because nothing is looked at without it.
        for (name, named) in [(PROCESS_FILE, process), (MONITOR_FILE, monitor)] {
            let path = dir.join(name);
            let text =
                serde_json::to_vec(&named).map_err(|source| Error::Json { path: path.clone(), source })?;
            cove_sys::atomic::write(&path, &text, 0o600).map_err(Error::file)?;
        }
        Ok(())
    }

    /// The state of an exec session's process.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn exec_state(&self, id: &str, session: &str) -> Result<ProcessState> {
        check_id(id)?;
        check_id(session)?;
        let dir = self.exec_dir(id, session);
        state_of(&dir, &dir.join("exit"))
    }

    /// Blocks until the process has ended, at most for `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::NotRunning`] when there never was one; [`Error::ExitUnknown`] when its monitor was
    /// killed and it has ended.
    pub fn wait(&self, id: &str, timeout: Option<Duration>) -> Result<ExitRecord> {
        check_id(id)?;
        wait_on(id, &self.container_dir(id), &self.exit_file(id), timeout)
    }

    /// As [`Self::wait`], for an exec session.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_exec(&self, id: &str, session: &str, timeout: Option<Duration>) -> Result<ExitRecord> {
        check_id(id)?;
        check_id(session)?;
        let dir = self.exec_dir(id, session);
        wait_on(session, &dir, &dir.join("exit"), timeout)
    }

    /// Signals the container's first process; `false` when it has ended. Never signals another process that got the
    /// same pid.
    ///
    /// # Errors
    /// No permission, or an unknown signal.
    pub fn signal(&self, id: &str, signal: i32) -> Result<bool> {
        match self.state(id)?.process() {
            Some(process) => process.signal(signal).map_err(Error::io(format!("signal {signal} to {id}"))),
            None => Ok(false),
        }
    }

    /// As [`Self::signal`], for an exec session.
    ///
    /// # Errors
    /// As [`Self::signal`].
    pub fn signal_exec(&self, id: &str, session: &str, signal: i32) -> Result<bool> {
        match self.exec_state(id, session)?.process() {
            Some(process) => {
                process.signal(signal).map_err(Error::io(format!("signal {signal} to {session}")))
            }
            None => Ok(false),
        }
    }

    /// Signals every process of the container (`kill --all`), for a container that shares the host's pid namespace.
    ///
    /// # Errors
    /// [`Error::Runtime`].
    pub fn signal_all(&self, runtime: &OciRuntime, id: &str, signal: i32) -> Result<()> {
        self.call(runtime, &["kill", "--all", id, &signal.to_string()]).map(drop)
    }

    /// Freezes all processes of the container.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without cgroups; [`Error::Runtime`].
    pub fn pause(&self, runtime: &OciRuntime, id: &str) -> Result<()> {
        self.needs_cgroups("pause")?;
        self.call(runtime, &["pause", id]).map(drop)
    }

    /// Thaws what [`Self::pause`] froze.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn unpause(&self, runtime: &OciRuntime, id: &str) -> Result<()> {
        self.needs_cgroups("unpause")?;
        self.call(runtime, &["resume", id]).map(drop)
    }

    /// Changes limits of a running container.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn update(
        &self,
        runtime: &OciRuntime,
        id: &str,
        resources: &oci_spec::runtime::LinuxResources,
    ) -> Result<()> {
        self.needs_cgroups("update")?;
        let path = self.container_dir(id).join("resources.json");
        let text =
            serde_json::to_vec(resources).map_err(|source| Error::Json { path: path.clone(), source })?;
        fs::write(&path, text).map_err(Error::file)?;
        self.call(runtime, &["update", "--resources", &path.to_string_lossy(), id]).map(drop)
    }

    fn needs_cgroups(&self, what: &str) -> Result<()> {
        match &self.options.cgroup {
            crate::cgroup::CgroupMode::Disabled { reason, .. } => {
                Err(Error::Unsupported { what: what.to_owned(), why: reason.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Kills what is left of a container whose monitor was killed, and deletes the OCI runtime's state of it.
    ///
    /// Idempotent: also right for a container that is gone already. It does not wait for the monitor of a healthy one;
    /// use [`Self::signal`] and [`Self::wait`] for those.
    ///
    /// # Errors
    /// The process does not end within ten seconds of SIGKILL.
    pub fn force_delete(&self, runtime: &OciRuntime, id: &str) -> Result<()> {
        check_id(id)?;
        let process = read_process(&self.container_dir(id).join(PROCESS_FILE))?;
        if let Some(process) = process {
            kill_and_wait(id, process)?;
        }
        let state = self.options.run_dir.join("oci").join(&runtime.name).join(id);
        if state.exists()
            && let Err(e) = self.call(runtime, &["delete", "--force", id])
            && state.exists()
        {
            return Err(e);
        }
        Ok(())
    }

    /// Removes the files of a container that has ended: its run directory with exec sessions, and its exit record.
    ///
    /// # Errors
    /// Files cannot be removed.
    pub fn forget(&self, id: &str) -> Result<()> {
        check_id(id)?;
        remove_dir(&self.container_dir(id))?;
        remove_file(&self.exit_file(id))
    }

    /// Removes the files of an exec session that has ended.
    ///
    /// # Errors
    /// Files cannot be removed.
    pub fn forget_exec(&self, id: &str, session: &str) -> Result<()> {
        check_id(id)?;
        check_id(session)?;
        remove_dir(&self.exec_dir(id, session))
    }

    /// Calls the OCI runtime and returns its standard output.
    pub(crate) fn call(&self, runtime: &OciRuntime, arguments: &[&str]) -> Result<Vec<u8>> {
        let base = self.runtime_command(runtime);
        let mut command = Command::new(&base.path);
        command.args(&base.arguments).args(arguments).current_dir("/").stdin(Stdio::null());
        if base.hide_cgroups {
            // SAFETY: the function only makes system calls.
            unsafe { command.pre_exec(cove_monitor::view::hide_cgroups) };
        }
        let output =
            command.output().map_err(Error::io(format!("start the OCI runtime {}", base.path.display())))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let message = text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned();
        Err(Error::Runtime { runtime: runtime.name.clone(), message }.explained_by(&runtime.path))
    }
}

fn state_of(dir: &Path, exit_file: &Path) -> Result<ProcessState> {
    if let Some(record) = read_exit(exit_file)? {
        return Ok(ProcessState::Exited(record));
    }
    let Some(monitor) = read_process(&dir.join(MONITOR_FILE))? else {
        // It may have ended and tidied up between the two looks.
        return Ok(read_exit(exit_file)?.map_or(ProcessState::Absent, ProcessState::Exited));
    };
    let process = read_process(&dir.join(PROCESS_FILE))?;
    let process_alive = process.filter(ProcessRef::is_alive);
    let monitor_alive = monitor.is_alive();
    Ok(match (process, process_alive, monitor_alive) {
        (_, Some(process), true) => ProcessState::Running { process, monitor },
        (_, Some(process), false) => ProcessState::Orphaned { process },
        (Some(_), None, true) => ProcessState::Ending { monitor },
        (None, None, true) => ProcessState::Starting { monitor },
        // It may have ended in the right way between the two looks.
        (_, None, false) => match read_exit(exit_file)? {
            Some(record) => ProcessState::Exited(record),
            None => ProcessState::Lost,
        },
    })
}

fn read_exit(path: &Path) -> Result<Option<ExitRecord>> {
    read_json(path)
}

fn read_process(path: &Path) -> Result<Option<ProcessRef>> {
    read_json(path)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::file(e)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|source| Error::Json { path: path.to_owned(), source })
}

fn wait_on(id: &str, dir: &Path, exit_file: &Path, timeout: Option<Duration>) -> Result<ExitRecord> {
    let deadline = timeout.map(|t| Instant::now() + t);
    let timed_out = || Error::Timeout { what: format!("wait for {id}") };
    loop {
        match state_of(dir, exit_file)? {
            ProcessState::Exited(record) => return Ok(record),
            ProcessState::Absent => return Err(Error::NotRunning { id: id.to_owned() }),
            ProcessState::Lost => return Err(Error::ExitUnknown { id: id.to_owned() }),
            ProcessState::Orphaned { process } => {
                wait_for_process(id, process, deadline)?;
                return Err(Error::ExitUnknown { id: id.to_owned() });
            }
            state @ (ProcessState::Starting { .. }
            | ProcessState::Running { .. }
            | ProcessState::Ending { .. }) => {
                match wait_connected(dir, deadline) {
                    Ok(true) => {}
                    Ok(false) => match state.process() {
                        // Its socket went with the run directory.
                        Some(process) => wait_for_process(id, process, deadline)?,
                        None => std::thread::sleep(Duration::from_millis(1)),
                    },
                    Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                        return Err(timed_out());
                    }
                    Err(e) => return Err(Error::io(format!("wait for {id}"))(e)),
                }
            }
        }
        if deadline.is_some_and(|d| Instant::now() >= d) {
            return match read_exit(exit_file)? {
                Some(record) => Ok(record),
                None => Err(timed_out()),
            };
        }
    }
}

/// Waits until the monitor says that it is over, or is gone; `false` when it cannot be reached.
fn wait_connected(dir: &Path, deadline: Option<Instant>) -> io::Result<bool> {
    let Ok((path, _directory)) = short_path(dir) else { return Ok(false) };
    let Ok(mut socket) = UnixStream::connect(path) else { return Ok(false) };
    if socket.write_all(&[crate::attach::AttachStreams::NONE.hello() & !hello::CONTROL]).is_err() {
        return Ok(false);
    }
    let mut buffer = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        while buffer.len() >= FRAME_HEADER {
            let (stream, length) = parse_header(&buffer).map_err(io::Error::other)?;
            if matches!(stream, FRAME_EXIT | FRAME_FAILED) {
                return Ok(true);
            }
            if buffer.len() < FRAME_HEADER + length {
                break;
            }
            buffer.drain(..FRAME_HEADER + length);
        }
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
        }
        match socket.read(&mut chunk) {
            Ok(0) => return Ok(true),
            Ok(length) => buffer.extend_from_slice(&chunk[..length]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(true),
            Err(e) => return Err(e),
        }
    }
}

fn wait_for_process(id: &str, process: ProcessRef, deadline: Option<Instant>) -> Result<()> {
    let Some(fd) = process.open().map_err(Error::io(format!("wait for {id}")))? else { return Ok(()) };
    loop {
        let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| rustix::event::Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Err(Error::Timeout { what: format!("wait for {id}") }),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Error::io(format!("wait for {id}"))(e.into())),
        }
    }
}

fn kill_and_wait(id: &str, process: ProcessRef) -> Result<()> {
    if process.signal(9).map_err(Error::io(format!("kill {id}")))? {
        wait_for_process(id, process, Some(Instant::now() + Duration::from_secs(10)))?;
    }
    Ok(())
}
