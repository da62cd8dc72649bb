//! The engine's side of a monitor that it started: the order to start, and what is reported of the run.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cove_monitor::process::ProcessRef;
use cove_monitor::protocol::{ExitRecord, MAX_MESSAGE, Order, Report};
use rustix::net::{RecvFlags, SendFlags};

use crate::error::{Error, Result};
use crate::launch::OciRuntime;

/// A monitor that waits for the order to start.
///
/// Dropping it makes the monitor go away without a trace.
#[derive(Debug)]
pub struct Launch {
    run_dir: PathBuf,
    monitor: ProcessRef,
    supervision: Supervision,
}

impl Launch {
    pub(crate) fn new(run_dir: PathBuf, monitor: ProcessRef, supervision: Supervision) -> Self {
        Self { run_dir, monitor, supervision }
    }

    /// Where to attach, see [`crate::attach::Attachment::connect`].
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// The monitor's process.
    #[must_use]
    pub fn monitor(&self) -> ProcessRef {
        self.monitor
    }

    /// Has the OCI runtime create and start the process; blocks until it runs.
    ///
    /// # Errors
    /// [`Error::CommandNotFound`], [`Error::CommandNotExecutable`] or [`Error::Runtime`] with the runtime's message;
    /// nothing is left then but the bundle and the run directory.
    pub fn start(self) -> Result<Started> {
        self.supervision.send(Order::Start)?;
        match self.supervision.receive()? {
            Report::Started { process } => {
                Ok(Started { process, monitor: self.monitor, supervision: self.supervision })
            }
            Report::Failed { message } => {
                let runtime = self.supervision.runtime.clone();
                // The runtime's state is deleted before the next attempt may use the same id.
                let _ = self.supervision.wait_cleaned();
                Err(Error::from_runtime(&runtime.name, &message).explained_by(&runtime.path))
            }
            other => {
                let message = format!("unexpected {other:?}");
                Err(Error::Monitor { id: self.supervision.id, message })
            }
        }
    }
}

/// A process that runs.
#[derive(Debug)]
pub struct Started {
    /// The container's init, or the exec session's process.
    pub process: ProcessRef,
    /// Its monitor.
    pub monitor: ProcessRef,
    /// Keep it to take the clean-up upon yourself; drop it to leave that to the exit command.
    pub supervision: Supervision,
}

/// The engine's connection with a monitor it started.
///
/// As long as it is open the monitor leaves the clean-up to this process. When it is dropped (or this process dies)
/// without [`Self::acknowledge`], the monitor runs the exit command at the end.
#[derive(Debug)]
pub struct Supervision {
    id: String,
    runtime: OciRuntime,
    socket: OwnedFd,
}

impl Supervision {
    pub(crate) fn new(id: String, runtime: OciRuntime, socket: OwnedFd) -> Self {
        Self { id, runtime, socket }
    }

    /// Blocks until the process has ended and its output is drained.
    ///
    /// # Errors
    /// [`Error::Monitor`] when the monitor was killed.
    pub fn wait_exit(&self) -> Result<ExitRecord> {
        loop {
            if let Report::Exited(record) = self.receive()? {
                return Ok(record);
            }
        }
    }

    /// After [`Self::wait_exit`]: blocks until the OCI runtime has deleted its state, so that the root file system and
    /// the cgroup are free. Returns the runtime's message if it could not.
    ///
    /// # Errors
    /// [`Error::Monitor`] when the monitor was killed.
    pub fn wait_cleaned(&self) -> Result<Option<String>> {
        loop {
            if let Report::Cleaned { error } = self.receive()? {
                return Ok(error);
            }
        }
    }

    /// Tells the monitor that this engine has done what the exit command would do.
    ///
    /// # Errors
    /// The monitor was killed; nothing is lost then.
    pub fn acknowledge(self) -> Result<()> {
        self.send(Order::Acknowledge)
    }

    fn send(&self, order: Order) -> Result<()> {
        let text = serde_json::to_vec(&order)
            .map_err(|e| Error::Monitor { id: self.id.clone(), message: e.to_string() })?;
        rustix::net::send(&self.socket, &text, SendFlags::NOSIGNAL).map_err(|e| self.lost(e.into()))?;
        Ok(())
    }

    pub(crate) fn receive(&self) -> Result<Report> {
        let mut buffer = vec![0_u8; MAX_MESSAGE];
        let mut receive = || {
            rustix::io::retry_on_intr(|| rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty()))
        };
        let received = match receive() {
            // The monitor ended with orders unread, which is told once; its reports are still there.
            Err(rustix::io::Errno::CONNRESET) => receive(),
            other => other,
        };
        match received {
            Ok((length, _)) if length > 0 => serde_json::from_slice(&buffer[..length]).map_err(|e| {
                Error::Monitor { id: self.id.clone(), message: format!("message not understood: {e}") }
            }),
            Ok(_) => Err(Error::Monitor { id: self.id.clone(), message: "it has died".to_owned() }),
            Err(e) => Err(self.lost(e.into())),
        }
    }

    fn lost(&self, error: io::Error) -> Error {
        Error::Monitor { id: self.id.clone(), message: error.to_string() }
    }
}

impl AsFd for Supervision {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
