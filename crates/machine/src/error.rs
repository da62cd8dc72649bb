//! What can go wrong with machines.

use std::io;
use std::path::PathBuf;

use cove_api::ErrorKind;

/// The result of a machine operation.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate; each names its machine, file or program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is not `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, or longer than 63 characters.
    #[error("machine name {name:?} is not allowed: {reason}")]
    BadName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No machine of that name.
    #[error("{name}: VM does not exist")]
    NotFound {
        /// The machine.
        name: String,
    },
    /// A machine of that name exists.
    #[error("machine {name:?} already exists")]
    AlreadyExists {
        /// The machine.
        name: String,
    },
    /// Start of a running machine.
    #[error("unable to start {name:?}: already running")]
    AlreadyRunning {
        /// The machine.
        name: String,
    },
    /// Something that needs a running machine.
    #[error("machine {name:?} is not running: `cove machine start {name}` starts it")]
    NotRunning {
        /// The machine.
        name: String,
    },
    /// Removal of a running machine without force.
    #[error("running machine {name:?} cannot be removed: stop it first, or use --force")]
    RunningNotRemoved {
        /// The machine.
        name: String,
    },
    /// A change that needs a stopped machine.
    #[error("machine {name:?} is running: stop it before changing {what}")]
    RunningNotChanged {
        /// The machine.
        name: String,
        /// What was to be changed.
        what: &'static str,
    },
    /// Another command holds the machine's lock.
    #[error(
        "machine {name:?}: another command has been working on it for {seconds} s; try again when it is done"
    )]
    Locked {
        /// The machine.
        name: String,
        /// How long we waited.
        seconds: u64,
    },
    /// The definition cannot be read.
    #[error(
        "machine {name:?}: {path} cannot be used: {reason}; `cove machine rm --force {name}` removes the machine"
    )]
    BadRecord {
        /// The machine.
        name: String,
        /// Its definition.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No snapshot of that name.
    #[error("machine {name:?} has no snapshot {snapshot:?}")]
    NoSuchSnapshot {
        /// The machine.
        name: String,
        /// The snapshot.
        snapshot: String,
    },
    /// A snapshot of that name exists.
    #[error("machine {name:?} has a snapshot {snapshot:?} already")]
    SnapshotExists {
        /// The machine.
        name: String,
        /// The snapshot.
        snapshot: String,
    },
    /// A snapshot that lacks something.
    #[error("machine {name:?}: its snapshot cannot be used: {path}: {reason}")]
    BadSnapshot {
        /// The machine.
        name: String,
        /// What of it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file that is no exported machine, or must not become one.
    #[error("{path}: {reason}")]
    BadArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What the machine's present state or the host does not allow.
    #[error("machine {name:?}: {reason}")]
    CannotNow {
        /// The machine.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// An option with an impossible value.
    #[error("{option}: {reason}")]
    BadOption {
        /// The option as the user knows it.
        option: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder of the host that cannot be shared with a machine.
    #[error("machine {name:?}: sharing the folder {}: {reason}", .folder.display())]
    SharedFolder {
        /// The machine.
        name: String,
        /// The folder.
        folder: std::path::PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Ends of a copy that do not fit.
    #[error("{0}")]
    BadCopy(&'static str),
    /// No image where one was looked for.
    #[error("no machine image for {arch} found in {}: build one with `cargo xtask vm-image`, or name one with --image", places(.folders))]
    ImageMissing {
        /// Wanted architecture (Debian's name).
        arch: String,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// An image that is damaged or of another kind.
    #[error("machine image {path}: {reason}")]
    BadImage {
        /// The image's folder or file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A program that is not installed.
    #[error("{program} is not installed: install the package {package}")]
    ProgramMissing {
        /// The program.
        program: String,
        /// The package it comes in, by Debian's and Fedora's name.
        package: &'static str,
    },
    /// A program that failed.
    #[error("{program} failed: {reason}")]
    ProgramFailed {
        /// The program.
        program: String,
        /// Its message.
        reason: String,
    },
    /// The VM ended while it was booting.
    #[error("machine {name:?} ended while it was starting; the end of its console ({console}):")]
    DiedAtBoot {
        /// The machine.
        name: String,
        /// The whole log.
        console: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The machine did not answer in time.
    #[error(
        "machine {name:?}: {what} did not answer within {seconds} s; the end of its console ({console}):"
    )]
    NoAnswer {
        /// The machine.
        name: String,
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// The whole log.
        console: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// Not even the guest's kernel said a word.
    #[error("machine {name:?}: its guest has said nothing on its console in {seconds} s")]
    Silent {
        /// The machine.
        name: String,
        /// How long.
        seconds: u64,
    },
    /// The guest said on its console that it cannot go on.
    #[error(
        "machine {name:?} cannot start: its guest says {line:?}; the end of its console ({console}):\n{tail}"
    )]
    GuestFault {
        /// The machine.
        name: String,
        /// The line.
        line: String,
        /// The whole log.
        console: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The forwarding process ended while it was starting.
    #[error("machine {name:?}: its agent ended while it was starting: {reason}")]
    AgentFailed {
        /// The machine.
        name: String,
        /// Its last words.
        reason: String,
    },
    /// The VM did not stop.
    #[error("machine {name:?} did not stop (process {pid})")]
    DidNotStop {
        /// The machine.
        name: String,
        /// The VM's process.
        pid: u32,
    },
    /// A key that others can read or that is lost.
    #[error("{path}: {reason}")]
    BadKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A socket path longer than the kernel takes.
    #[error("the socket path {path} is {} bytes long, the system takes {limit}: choose a shorter machine name or XDG_RUNTIME_DIR", .path.as_os_str().len())]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// The system's limit in bytes.
        limit: usize,
    },
    /// A provider that this version or this host cannot drive.
    #[error("the machine provider {provider} is not supported: {reason}")]
    ProviderUnsupported {
        /// The provider.
        provider: String,
        /// Why.
        reason: &'static str,
    },
    /// The VM's control channel.
    #[error("machine {name:?}: QEMU's control socket: {reason}")]
    Control {
        /// The machine.
        name: String,
        /// What failed.
        reason: String,
    },
    /// The SSH connection to the guest.
    #[error("machine {name:?}: ssh: {reason}")]
    Ssh {
        /// The machine.
        name: String,
        /// What failed.
        reason: String,
    },
    /// The guest showed another host key than the one made at init.
    #[error(
        "machine {name:?}: the guest's ssh host key is not the one made for it; something else answers at {address}"
    )]
    HostKeyChanged {
        /// The machine.
        name: String,
        /// Where it answered.
        address: String,
    },
    /// Registered connections.
    #[error(transparent)]
    Config(#[from] cove_config::Error),
    /// Any file operation; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn places(folders: &[PathBuf]) -> String {
    if folders.is_empty() {
        return "any known place".into();
    }
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// The kind that programs decide on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadName { .. }
            | Self::BadOption { .. }
            | Self::BadImage { .. }
            | Self::BadArchive { .. }
            | Self::BadCopy(_) => ErrorKind::InvalidArgument,
            Self::NotFound { .. } | Self::ImageMissing { .. } | Self::NoSuchSnapshot { .. } => {
                ErrorKind::NotFound
            }
            Self::AlreadyExists { .. } | Self::SnapshotExists { .. } => ErrorKind::AlreadyExists,
            Self::AlreadyRunning { .. }
            | Self::NotRunning { .. }
            | Self::RunningNotRemoved { .. }
            | Self::CannotNow { .. }
            | Self::RunningNotChanged { .. } => ErrorKind::WrongState,
            Self::Locked { .. } => ErrorKind::InUse,
            Self::ProgramMissing { .. }
            | Self::Control { .. }
            | Self::Ssh { .. }
            | Self::AgentFailed { .. }
            | Self::GuestFault { .. } => ErrorKind::Unavailable,
            Self::NoAnswer { .. } | Self::DidNotStop { .. } => ErrorKind::Timeout,
            Self::BadKey { .. } | Self::HostKeyChanged { .. } => ErrorKind::PermissionDenied,
            Self::ProviderUnsupported { .. } => ErrorKind::Unsupported,
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Internal,
        }
    }
}

impl From<Error> for cove_api::Error {
    fn from(error: Error) -> Self {
        if let Error::Config(inner) = error {
            return inner.into();
        }
        let base = Self::new(error.kind(), error.to_string());
        match &error {
            Error::DiedAtBoot { tail, .. } | Error::NoAnswer { tail, .. } => base.with_lines(tail.lines()),
            _ => base,
        }
    }
}
