//! Programs that are run to their end, such as `qemu-img`.

use std::ffi::OsStr;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::error::{Error, Result};

/// Lets a program end with this process, also where that is killed: for work that would be thrown away.
pub(crate) fn with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl(2) is async-signal-safe and takes no pointers here.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
                .map_err(Into::into)
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// A program to run, with the package it comes in.
pub(crate) struct Program {
    name: &'static str,
    package: &'static str,
    command: Command,
}

impl Program {
    /// `name`, looked up in PATH.
    pub(crate) fn new(name: &'static str, package: &'static str) -> Self {
        let mut command = Command::new(name);
        command.stdin(Stdio::null()).kill_on_drop(true);
        Self { name, package, command }
    }

    /// `qemu-img`.
    pub(crate) fn qemu_img() -> Self {
        Self::new("qemu-img", "qemu-utils (Fedora: qemu-img)")
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// As [`with_us`].
    pub(crate) fn with_us(mut self) -> Self {
        with_us(&mut self.command);
        self
    }

    /// Bounds memory (bytes) and processor time (seconds): for files from elsewhere.
    pub(crate) fn bounded(mut self, memory: u64, seconds: u64) -> Self {
        #[cfg(target_os = "linux")]
        // SAFETY: setrlimit(2) is async-signal-safe, and the closure touches no memory but its own.
        unsafe {
            use rustix::process::{Resource, Rlimit, setrlimit};
            self.command.pre_exec(move || {
                let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
                setrlimit(Resource::As, limit(memory))?;
                setrlimit(Resource::Cpu, limit(seconds))?;
                Ok(())
            });
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (memory, seconds, &mut self.command);
        self
    }

    /// Runs it and answers its output, whatever its exit code is.
    ///
    /// # Errors
    /// It is not installed or cannot be started.
    pub(crate) async fn output(mut self) -> Result<Output> {
        match self.command.output().await {
            Ok(output) => Ok(output),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::ProgramMissing { program: self.name.into(), package: self.package })
            }
            Err(error) => Err(Error::ProgramFailed { program: self.name.into(), reason: error.to_string() }),
        }
    }

    /// Runs it and answers its standard output.
    ///
    /// # Errors
    /// As [`Program::output`], or it fails; then with the end of what it says.
    pub(crate) async fn run(self) -> Result<String> {
        let name = self.name;
        let output = self.output().await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let reason = crate::boot_log::tail(&String::from_utf8_lossy(&output.stderr), 5);
        let reason = if reason.is_empty() { output.status.to_string() } else { reason };
        Err(Error::ProgramFailed { program: name.into(), reason })
    }
}
