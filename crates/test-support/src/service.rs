//! `cove system service` on a socket of the bed.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::Bed;
use crate::program::wait_for;

/// A running service; it ends with this value.
pub struct Service {
    process: Child,
    socket: PathBuf,
}

impl Service {
    /// Starts one on the bed's store.
    ///
    /// # Panics
    /// Where its socket does not answer.
    pub fn start(bed: &Bed) -> Self {
        Self::start_with(bed, &[])
    }

    /// As [`Service::start`], with further global options.
    ///
    /// # Panics
    /// Where its socket does not answer.
    pub fn start_with(bed: &Bed, options: &[&str]) -> Self {
        Self::spawn(bed, options, &[], None)
    }

    /// As [`Service::start`], with further variables in its environment.
    ///
    /// # Panics
    /// Where its socket does not answer.
    pub fn start_among(bed: &Bed, variables: &[(&str, &str)]) -> Self {
        Self::spawn(bed, &[], variables, None)
    }

    /// As [`Service::start`], with so many descriptors at most and no way to have more.
    ///
    /// # Panics
    /// Where its socket does not answer.
    pub fn start_limited(bed: &Bed, descriptors: u64) -> Self {
        Self::spawn(bed, &[], &[], Some(descriptors))
    }

    fn spawn(bed: &Bed, options: &[&str], variables: &[(&str, &str)], descriptors: Option<u64>) -> Self {
        let socket = bed.path("api.sock");
        let uri = format!("unix://{}", socket.display());
        let mut command = bed.command(&[options, &["system", "service", "--time", "0", &uri]].concat());
        command.envs(variables.iter().copied());
        if let Some(most) = descriptors {
            use std::os::unix::process::CommandExt as _;
            let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            // SAFETY: the closure makes one system call, with a value of its own.
            unsafe {
                command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                })
            };
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("cove system service");
        wait_for("the API socket", 20, || UnixStream::connect(&socket).ok());
        Self { process, socket }
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// `unix://PATH`.
    pub fn uri(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// How many descriptors it and the processes below it hold.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn descriptors(&self) -> usize {
        let mut pids = vec![self.process.id().to_string()];
        let mut count = 0;
        while let Some(pid) = pids.pop() {
            let folder = format!("/proc/{pid}");
            count += cove_sys::fs::read_dir(format!("{folder}/fd")).map_or(0, Iterator::count);
            let below = cove_sys::fs::read_to_string(format!("{folder}/task/{pid}/children"));
            // runuser has the service as its child; a service's own children are monitors.
            if cove_sys::fs::read_to_string(format!("{folder}/comm"))
                .is_ok_and(|name| name.trim() == "runuser")
            {
                pids.extend(below.unwrap_or_default().split_whitespace().map(str::to_owned));
            }
        }
        count
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
