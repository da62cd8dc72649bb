//! Checkpoints of running containers, which the OCI runtime makes with CRIU.

use std::path::{Path, PathBuf};

use cove_sys::process::{self, RunOptions};

use crate::error::{Error, Result};
use crate::launch::{OciRuntime, Runtime, check_id};

/// A checkpoint to make.
#[derive(Clone, Debug)]
pub struct Checkpoint<'a> {
    /// Existing directory for the images of the processes.
    pub images: &'a Path,
    /// Existing directory for CRIU's log and statistics.
    pub work: &'a Path,
    /// The directory of an earlier one, relative to [`Checkpoint::images`]: what has not changed since is left out.
    pub previous: Option<&'a str>,
    /// The memory alone; the container runs on.
    pub memory_alone: bool,
    /// The container runs on.
    pub leave_running: bool,
    /// With established TCP connections.
    pub tcp_established: bool,
    /// With locks on files.
    pub file_locks: bool,
}

impl Checkpoint<'_> {
    fn arguments(&self) -> Vec<String> {
        let switches = [
            ("--pre-dump", self.memory_alone),
            ("--leave-running", self.leave_running && !self.memory_alone),
            ("--tcp-established", self.tcp_established),
            ("--file-locks", self.file_locks),
        ];
        let mut arguments = arguments(self.images, self.work, &switches);
        if let Some(previous) = self.previous {
            arguments.extend(["--parent-path".to_owned(), previous.to_owned()]);
        }
        arguments
    }
}

/// How a container goes on from a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    /// Directory with the images of the processes.
    pub images: PathBuf,
    /// Existing directory for CRIU's log and statistics.
    pub work: PathBuf,
    /// With established TCP connections.
    pub tcp_established: bool,
    /// With TCP connections closed.
    pub tcp_close: bool,
    /// With locks on files.
    pub file_locks: bool,
}

impl Restore {
    /// The options of the OCI runtime's `restore`.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let switches = [
            ("--tcp-established", self.tcp_established),
            ("--tcp-close", self.tcp_close),
            ("--file-locks", self.file_locks),
        ];
        arguments(&self.images, &self.work, &switches)
    }
}

fn arguments(images: &Path, work: &Path, switches: &[(&str, bool)]) -> Vec<String> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let mut arguments = vec!["--image-path".into(), path(images), "--work-path".into(), path(work)];
    arguments.extend(switches.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| (*name).to_owned()));
    arguments
}

impl Runtime {
    /// Whether an OCI runtime can make and take checkpoints: crun can be built without.
    #[must_use]
    pub fn can_checkpoint(&self, runtime: &OciRuntime) -> bool {
        let mut command = std::process::Command::new(&runtime.path);
        command.args(["checkpoint", "--help"]).current_dir("/");
        process::run(&mut command, &RunOptions::default()).is_ok_and(|output| output.status.success())
    }

    /// Writes the processes of a running container to the disk. Where it is not to run on, it has ended afterwards.
    ///
    /// # Errors
    /// [`Error::Runtime`] with the OCI runtime's message; the container runs on then, unless CRIU broke off in the
    /// middle.
    pub fn checkpoint(&self, runtime: &OciRuntime, id: &str, checkpoint: &Checkpoint<'_>) -> Result<()> {
        check_id(id)?;
        let own = checkpoint.arguments();
        let mut arguments = vec!["checkpoint"];
        arguments.extend(own.iter().map(String::as_str));
        arguments.push(id);
        self.call(runtime, &arguments).map(drop).map_err(|error| match error {
            Error::Runtime { runtime, message } => Error::Runtime {
                runtime,
                message: format!("{message} (see {}/dump.log)", checkpoint.work.display()),
            },
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_runtime() {
        let (images, work) = (Path::new("/i"), Path::new("/w"));
        let plain = Checkpoint {
            images,
            work,
            previous: None,
            memory_alone: false,
            leave_running: true,
            tcp_established: true,
            file_locks: false,
        };
        let paths = ["--image-path", "/i", "--work-path", "/w"];
        let shown = |checkpoint: &Checkpoint<'_>| checkpoint.arguments().join(" ");
        assert_eq!(shown(&plain), format!("{} --leave-running --tcp-established", paths.join(" ")));
        // A pre-dump leaves it running anyway.
        let memory = Checkpoint { memory_alone: true, tcp_established: false, ..plain.clone() };
        assert_eq!(shown(&memory), format!("{} --pre-dump", paths.join(" ")));
        let next = Checkpoint { previous: Some("../pre-checkpoint"), leave_running: false, ..plain };
        assert!(shown(&next).ends_with("--tcp-established --parent-path ../pre-checkpoint"));
        let restore = Restore {
            images: images.into(),
            work: work.into(),
            tcp_close: true,
            file_locks: true,
            ..Restore::default()
        };
        assert_eq!(restore.arguments().join(" "), format!("{} --tcp-close --file-locks", paths.join(" ")));
    }
}
