//! `cove system service` on a socket of the bed.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::Bed;
use crate::run::wait_for;

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
        let socket = bed.path("api.sock");
        let uri = format!("unix://{}", socket.display());
        let process = bed
            .command(&["system", "service", "--time", "0", &uri])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("cove system service");
        wait_for("the API socket", 20, || UnixStream::connect(&socket).ok());
        Self { process, socket }
    }

    /// `unix://PATH`.
    pub fn uri(&self) -> String {
        format!("unix://{}", self.socket.display())
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
