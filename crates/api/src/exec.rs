//! Exec sessions: further processes in a running container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to run. JSON: libpod's and Docker's exec-create body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExecSpec {
    /// Connect standard input.
    pub attach_stdin: bool,
    /// Connect standard output.
    pub attach_stdout: bool,
    /// Connect standard error.
    pub attach_stderr: bool,
    /// Keys that detach, as the user wrote them.
    pub detach_keys: String,
    /// `KEY=value` entries.
    pub env: Vec<String>,
    /// Command and arguments.
    pub cmd: Vec<String>,
    /// All capabilities.
    pub privileged: bool,
    /// Make a terminal.
    pub tty: bool,
    /// `user[:group]`; empty takes the container's.
    pub user: String,
    /// Empty takes the container's.
    pub working_dir: String,
    /// How many descriptors from 3 on to pass (local engine only).
    pub preserve_fds: u32,
    /// Further ones, by their numbers (local engine only).
    pub preserve_fd: Vec<u32>,
    /// Others are not told of it (local engine only).
    pub no_session: bool,
}

impl ExecSpec {
    /// That a service can do it, for both ends of the API.
    ///
    /// # Errors
    /// There is no command, or descriptors are to be passed: the service would pass its own.
    pub fn check_for_service(&self) -> crate::Result<()> {
        if self.cmd.is_empty() {
            return Err(crate::Error::invalid("exec: Cmd is empty: a command to run is needed"));
        }
        if self.no_session {
            return Err(crate::Error::unsupported("exec: --no-session is not supported in remote mode"));
        }
        if self.preserve_fds > 0 || !self.preserve_fd.is_empty() {
            return Err(crate::Error::unsupported(
                "exec: PreserveFds: file descriptors cannot be passed over a service: run the command on its host, without it",
            ));
        }
        Ok(())
    }
}

/// Options of starting a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExecStartOptions {
    /// Do not wait and do not attach.
    pub detach: bool,
    /// The caller stays to the end: an engine in this process may spare the process that would hold the session.
    pub attended: bool,
    /// First size of the terminal.
    pub size: Option<crate::TerminalSize>,
}

/// State of a session. JSON: libpod's `InspectExecSession`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ExecInspect {
    #[serde(rename = "CanRemove")]
    pub can_remove: bool,
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    #[serde(rename = "DetachKeys")]
    pub detach_keys: String,
    #[serde(rename = "ExitCode")]
    pub exit_code: i32,
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "OpenStderr")]
    pub open_stderr: bool,
    #[serde(rename = "OpenStdin")]
    pub open_stdin: bool,
    #[serde(rename = "OpenStdout")]
    pub open_stdout: bool,
    #[serde(rename = "Running")]
    pub running: bool,
    #[serde(rename = "Pid")]
    pub pid: i32,
    #[serde(rename = "ProcessConfig")]
    pub process_config: ExecProcess,
}

/// The process of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are libpod's")]
pub struct ExecProcess {
    pub arguments: Vec<String>,
    pub entrypoint: String,
    pub privileged: bool,
    pub tty: bool,
    pub user: String,
}
