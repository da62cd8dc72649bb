//! What can go wrong between the engine and a container's process.

use std::io;
use std::path::{Path, PathBuf};

use cove_sys::program::Program;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call or file operation failed.
    #[error("{what}{source}")]
    Io {
        /// What was being done, with the path or id, ending in a colon; empty when the cause tells it.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A program that is needed is not installed.
    #[error("{program} is not installed: {hint}")]
    Missing {
        /// The program's name or path.
        program: String,
        /// What to do about it.
        hint: String,
    },
    /// The command to run does not exist in the container (exit code 127).
    #[error("{message}")]
    CommandNotFound {
        /// The runtime's message and what it means.
        message: String,
    },
    /// The command to run cannot be executed (exit code 126).
    #[error("{message}")]
    CommandNotExecutable {
        /// The runtime's message and what it means.
        message: String,
    },
    /// The OCI runtime refused.
    #[error("{runtime}: {message}: OCI runtime error")]
    Runtime {
        /// Name of the runtime.
        runtime: String,
        /// Its message.
        message: String,
    },
    /// The monitor could not do its work, or died.
    #[error("monitor of {id}: {message}")]
    Monitor {
        /// The container or exec session.
        id: String,
        /// What happened.
        message: String,
    },
    /// There is no running process.
    #[error("container {id} is not running")]
    NotRunning {
        /// The container.
        id: String,
    },
    /// The process has gone and nobody kept its exit code.
    #[error("exit code of {id} is not known: its monitor was killed")]
    ExitUnknown {
        /// The container or exec session.
        id: String,
    },
    /// Nothing happened in the time given.
    #[error("{what}: timed out")]
    Timeout {
        /// What was waited for.
        what: String,
    },
    /// This machine cannot keep what was asked for.
    #[error("{what} is not supported: {why}")]
    Unsupported {
        /// The option.
        what: String,
        /// The reason.
        why: String,
    },
    /// A value makes no sense.
    #[error("invalid {what}: {why}")]
    Invalid {
        /// The option and its value.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A name (user, group, file in the image) was not found.
    #[error("{what}: not found")]
    NotFound {
        /// What was looked for and where.
        what: String,
    },
    /// The types of the OCI runtime specification refuse a value.
    #[error("OCI configuration: {0}")]
    Oci(#[from] oci_spec::OciSpecError),
    /// A JSON document is not what it should be.
    #[error("{}: {source}", path.display())]
    Json {
        /// The document.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{}: ", what.into());
        move |source| Self::Io { what, source }
    }

    /// For errors of `cove_sys::fs`, which name the path themselves.
    pub(crate) fn file(source: io::Error) -> Self {
        Self::Io { what: String::new(), source }
    }

    pub(crate) fn invalid(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), why: why.into() }
    }

    /// Sorts a runtime's message: a command that is missing or cannot be executed is the user's, the rest the runtime's.
    ///
    /// The wording is Podman's, which scripts know.
    #[must_use]
    pub(crate) fn from_runtime(runtime: &str, message: &str) -> Self {
        let lower = message.to_ascii_lowercase();
        let has = |needles: &[&str]| needles.iter().any(|n| lower.contains(n));
        let missing = lower.contains("no such file or directory");
        if has(&["executable file not found in $path", "executable file `"]) && has(&["not found"])
            || missing && lower.contains("cannot find `")
            || missing && lower.contains("chdir")
            || missing
                && has(&["exec", "open executable"])
                && !has(&["cgroup", "mount", "/proc/self/fd", "sockopt", "config.json"])
        {
            return Self::CommandNotFound {
                message: format!(
                    "{runtime}: {message}: OCI runtime attempted to invoke a command that was not found"
                ),
            };
        }
        if has(&["exec", "open executable"])
            && has(&["permission denied", "operation not permitted", "is a directory", "exec format error"])
            || has(&["cannot be executed", "is not a regular file"])
        {
            return Self::CommandNotExecutable {
                message: format!("{runtime}: {message}: OCI permission denied"),
            };
        }
        Self::Runtime { runtime: runtime.to_owned(), message: message.to_owned() }
    }

    /// The same; what the OCI runtime with this path refused says also whether it is too old.
    #[must_use]
    pub(crate) fn explained_by(self, path: &Path) -> Self {
        match self {
            Self::Runtime { runtime, message } => {
                let message = Program::at(path.to_owned()).explain(&message);
                Self::Runtime { runtime, message }
            }
            other => other,
        }
    }
}

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        use cove_api::ErrorKind;
        let kind = match &error {
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                _ => ErrorKind::Internal,
            },
            Error::Missing { .. } => ErrorKind::Unavailable,
            Error::CommandNotFound { .. } => ErrorKind::CommandNotFound,
            Error::CommandNotExecutable { .. } => ErrorKind::CommandNotExecutable,
            Error::NotRunning { .. } => ErrorKind::WrongState,
            Error::Timeout { .. } => ErrorKind::Timeout,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::Invalid { .. } => ErrorKind::InvalidArgument,
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::Runtime { .. }
            | Error::Monitor { .. }
            | Error::ExitUnknown { .. }
            | Error::Oci(_)
            | Error::Json { .. } => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_messages_of_runtimes() {
        for text in [
            "executable file `foo` not found in $PATH: No such file or directory",
            "exec failed: unable to start container process: exec: \"foo\": executable file not found in $PATH",
            "runc create failed: unable to start container process: error during container init: exec: \"/foo\": stat /foo: no such file or directory",
            "open executable: No such file or directory",
            "exec `/foo`: No such file or directory",
            "chdir to `/missing`: No such file or directory",
            "unable to start container process: chdir to cwd (\"/missing\") set in config.json failed: no such file or directory",
        ] {
            assert!(matches!(Error::from_runtime("crun", text), Error::CommandNotFound { .. }), "{text}");
        }
        for text in [
            "open executable: Permission denied",
            "open executable: Operation not permitted",
            "exec: \"/etc\": is a directory: permission denied",
            "exec /bin/x: Exec format error",
            "the path `/etc` exists but it is not a regular file: cannot be executed",
        ] {
            assert!(
                matches!(Error::from_runtime("crun", text), Error::CommandNotExecutable { .. }),
                "{text}"
            );
        }
        for text in ["cannot set memory limit", "mount `x` to `y`: No such file or directory"] {
            assert!(matches!(Error::from_runtime("crun", text), Error::Runtime { .. }), "{text}");
        }
    }
}
