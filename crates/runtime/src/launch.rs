//! Starting containers and exec sessions under a monitor.

use std::io::{self, IoSlice, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cove_monitor::oci::OWN_VARIABLES;
use cove_monitor::protocol::{LogConfig, MonitorConfig, NotifyConfig, Report, RuntimeCommand, Task, VERSION};
use cove_sys::fs;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use crate::cgroup::CgroupMode;
use crate::checkpoint::Restore;
use crate::error::{Error, Result};
use crate::health::{self, HealthOptions};
use crate::supervision::{Launch, Supervision};

/// Most descriptors a monitor holds; the kernel passes at most 253 in one message.
const MAX_HELD: usize = 200;

/// What is the same for every container of an engine.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// The engine's directory in the run root (`RUNROOT/cove`), on a tmpfs.
    pub run_dir: PathBuf,
    /// The program `cove-monitor`.
    pub monitor: PathBuf,
    /// How cgroups are managed on this machine, see [`crate::cgroup::detect`].
    pub cgroup: CgroupMode,
}

/// An OCI runtime: name as in `--runtime`, path, and flags before the verb (`--runtime-flag`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciRuntime {
    /// `crun`, `runc`, `youki`, …
    pub name: String,
    /// Absolute path.
    pub path: PathBuf,
    /// Flags before the verb, with their dashes.
    pub flags: Vec<String>,
}

/// What a monitor does for a process besides running it.
#[derive(Debug)]
pub struct StreamOptions {
    /// The process has a terminal; must equal `process.terminal` of the OCI configuration.
    pub terminal: bool,
    /// Standard input stays open for clients.
    pub stdin: bool,
    /// Standard input ends when the first client that feeds it goes away.
    pub stdin_once: bool,
    /// First size of the terminal: columns, rows.
    pub size: Option<(u16, u16)>,
    /// Where output goes besides attached clients.
    pub log: LogConfig,
    /// With [`LogConfig::Passthrough`] the three standard streams first; then descriptors for the process, which sees
    /// them from number 3 on.
    pub descriptors: Vec<OwnedFd>,
    /// Descriptors that the monitor keeps open while the process runs, unseen by it: sockets that reserve ports.
    pub held: Vec<OwnedFd>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            terminal: false,
            stdin: false,
            stdin_once: false,
            size: None,
            log: LogConfig::None,
            descriptors: Vec::new(),
            held: Vec::new(),
        }
    }
}

/// A container to launch.
#[derive(Debug)]
pub struct LaunchOptions {
    /// Full id.
    pub id: String,
    /// The OCI runtime.
    pub oci_runtime: OciRuntime,
    /// Directory with `config.json`, see [`crate::oci::write_bundle`].
    pub bundle: PathBuf,
    /// The checkpoint that it goes on from; without one it begins.
    pub restore: Option<Restore>,
    /// Terminal, pipes, log.
    pub streams: StreamOptions,
    /// Program and arguments run at the end when no engine takes the clean-up upon itself.
    pub exit_command: Vec<String>,
    /// How the monitor finds out whether the container is well.
    pub health: Option<HealthOptions>,
    /// Who is told that it is ready.
    pub notify: Option<NotifyConfig>,
    /// How long the container may run before it is killed; its exit code is -1 then.
    pub timeout: Option<std::time::Duration>,
    /// How cgroups are managed for this one; [`None`] is the usual way.
    pub cgroup: Option<CgroupMode>,
    /// The OCI runtime cannot pivot the root (the root file system is the initramfs).
    pub no_pivot: bool,
    /// Cgroup directory for the monitor itself, best effort.
    pub monitor_cgroup: Option<PathBuf>,
    /// Cgroup v2 directory of the container, to learn of out-of-memory kills.
    pub container_cgroup: Option<PathBuf>,
}

/// A process to run in a running container.
#[derive(Debug)]
pub struct ExecOptions {
    /// Full id of the container.
    pub container: String,
    /// Id of the exec session.
    pub session: String,
    /// The OCI runtime the container runs with.
    pub oci_runtime: OciRuntime,
    /// The process, see [`crate::oci::exec_process`].
    pub process: oci_spec::runtime::Process,
    /// Terminal, pipes; a log is possible but not usual.
    pub streams: StreamOptions,
    /// Program and arguments run at the end when no engine takes the clean-up upon itself.
    pub exit_command: Vec<String>,
}

/// Drives containers' processes; cheap to clone, keeps no state in memory.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub(crate) options: std::sync::Arc<RuntimeOptions>,
}

impl Runtime {
    /// Makes the directories it needs.
    ///
    /// # Errors
    /// The run directory cannot be created.
    pub fn new(options: RuntimeOptions) -> Result<Self> {
        for name in ["c", "exits", "oci", "seccomp"] {
            make_private_dir(&options.run_dir.join(name))?;
        }
        Ok(Self { options: std::sync::Arc::new(options) })
    }

    /// Directory of a running container's socket and files; gone after [`Self::forget`].
    #[must_use]
    pub fn container_dir(&self, id: &str) -> PathBuf {
        self.options.run_dir.join("c").join(id)
    }

    /// Directory of an exec session's socket and files.
    #[must_use]
    pub fn exec_dir(&self, id: &str, session: &str) -> PathBuf {
        self.container_dir(id).join("x").join(session)
    }

    pub(crate) fn exit_file(&self, id: &str) -> PathBuf {
        self.options.run_dir.join("exits").join(id)
    }

    /// Starts a monitor for a container. It listens already: attach, then call [`Launch::start`].
    ///
    /// # Errors
    /// The monitor is not installed or cannot set up what it needs.
    pub fn launch(&self, options: LaunchOptions) -> Result<Launch> {
        check_id(&options.id)?;
        if self.state(&options.id)?.process().is_some() {
            return Err(Error::Monitor {
                id: options.id,
                message: "the container is running already".to_owned(),
            });
        }
        let run_dir = self.container_dir(&options.id);
        // Left over from a run that nobody cleaned up.
        remove_dir(&run_dir)?;
        make_private_dir(&run_dir)?;
        let exit_file = self.exit_file(&options.id);
        remove_file(&exit_file)?;
        let cgroup = options.cgroup.as_ref().unwrap_or(&self.options.cgroup);
        let mut runtime = self.runtime_command_in(&options.oci_runtime, cgroup);
        if options.no_pivot {
            runtime.run_arguments.push("--no-pivot".to_owned());
        }
        let cache = self.options.run_dir.join("seccomp");
        let seccomp_cache = crate::seccomp::cache::prepare(&cache, &options.oci_runtime, &options.bundle)?;
        let health = options.health.map(|health| health::write_checks(health, &run_dir)).transpose()?;
        let StreamOptions { terminal, stdin, stdin_once, size, log, mut descriptors, held } = options.streams;
        let held = hold(&mut descriptors, held);
        let config = MonitorConfig {
            version: VERSION,
            id: options.id,
            seccomp_cache,
            task: Task::Container {
                bundle: options.bundle,
                restore: options.restore.map(|restore| restore.arguments()).unwrap_or_default(),
            },
            runtime,
            run_dir,
            exit_file,
            terminal,
            stdin,
            stdin_once,
            size,
            log,
            wait_for_start: true,
            exit_command: options.exit_command,
            descriptors: 0,
            held,
            monitor_cgroup: options.monitor_cgroup,
            container_cgroup: options.container_cgroup,
            health,
            notify: options.notify,
            timeout_ms: options.timeout.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        };
        self.spawn(config, &options.oci_runtime, descriptors)
    }

    /// Starts a monitor for a process in a running container, as [`Self::launch`] does for a container.
    ///
    /// # Errors
    /// As [`Self::launch`].
    pub fn exec(&self, options: ExecOptions) -> Result<Launch> {
        check_id(&options.container)?;
        check_id(&options.session)?;
        let run_dir = self.exec_dir(&options.container, &options.session);
        remove_dir(&run_dir)?;
        make_private_dir(&run_dir)?;
        let process = run_dir.join("process-spec.json");
        health::write_process(&options.process, &process)?;
        let StreamOptions { terminal, stdin, stdin_once, size, log, mut descriptors, held } = options.streams;
        let held = hold(&mut descriptors, held);
        let config = MonitorConfig {
            version: VERSION,
            id: options.container,
            seccomp_cache: None,
            task: Task::Exec { process },
            runtime: self.runtime_command(&options.oci_runtime),
            exit_file: run_dir.join("exit"),
            run_dir,
            terminal,
            stdin,
            stdin_once,
            size,
            log,
            wait_for_start: true,
            exit_command: options.exit_command,
            descriptors: 0,
            held,
            monitor_cgroup: None,
            container_cgroup: None,
            health: None,
            notify: None,
            timeout_ms: None,
        };
        self.spawn(config, &options.oci_runtime, descriptors)
    }

    pub(crate) fn runtime_command(&self, runtime: &OciRuntime) -> RuntimeCommand {
        self.runtime_command_in(runtime, &self.options.cgroup)
    }

    fn runtime_command_in(&self, runtime: &OciRuntime, cgroup: &CgroupMode) -> RuntimeCommand {
        let mut arguments = runtime.flags.clone();
        arguments.push("--root".to_owned());
        let state = self.options.run_dir.join("oci").join(&runtime.name);
        arguments.push(state.to_string_lossy().into_owned());
        arguments.extend(cgroup.runtime_arguments(&runtime.name));
        let hide_cgroups = cgroup.must_hide(&runtime.name);
        RuntimeCommand {
            path: runtime.path.clone(),
            arguments,
            run_arguments: Vec::new(),
            crun_state: (runtime.name == "crun").then_some(state),
            hide_cgroups,
        }
    }

    fn spawn(
        &self,
        mut config: MonitorConfig,
        runtime: &OciRuntime,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Launch> {
        config.descriptors = u32::try_from(descriptors.len()).unwrap_or(u32::MAX);
        let id = config.id.clone();
        let run_dir = config.run_dir.clone();
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(|e| Error::io("supervision socket")(e.into()))?;
        let text =
            serde_json::to_vec(&config).map_err(|source| Error::Json { path: run_dir.clone(), source })?;
        let document = memory_file(&text).map_err(Error::io("monitor configuration"))?;
        if !descriptors.is_empty() {
            send_descriptors(&ours, &descriptors).map_err(Error::io("descriptors for the monitor"))?;
        }
        drop(descriptors);
        let mut command = Command::new(&self.options.monitor);
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        command.current_dir("/").stdin(document).stdout(theirs).stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::Missing {
                program: self.options.monitor.display().to_string(),
                hint: "it belongs beside the cove program or into its libexec directory".to_owned(),
            },
            _ => Error::io(format!("start {}", self.options.monitor.display()))(e),
        })?;
        // Otherwise this process would keep the monitor's end open and never see its end.
        drop(command);
        let output = child.wait_with_output().map_err(Error::io("monitor"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let message = if text.is_empty() { output.status.to_string() } else { text };
            return Err(Error::Monitor { id, message });
        }
        let supervision = Supervision::new(id.clone(), runtime.clone(), ours);
        match supervision.receive()? {
            Report::Ready { monitor } => Ok(Launch::new(run_dir, monitor, supervision)),
            Report::Failed { message } => Err(Error::Monitor { id, message }),
            other => Err(Error::Monitor { id, message: format!("unexpected {other:?}") }),
        }
    }
}

/// Appends what the monitor holds, and says how much that is; what exceeds one message's limit is not held.
fn hold(descriptors: &mut Vec<OwnedFd>, mut held: Vec<OwnedFd>) -> u32 {
    held.truncate(MAX_HELD);
    let count = u32::try_from(held.len()).unwrap_or(0);
    descriptors.extend(held);
    count
}

/// Ids become names of directories and arguments of programs.
pub(crate) fn check_id(id: &str) -> Result<()> {
    let valid = !id.is_empty()
        && id.len() <= 128
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && id.as_bytes()[0].is_ascii_alphanumeric();
    if valid { Ok(()) } else { Err(Error::invalid(format!("id {id:?}"), "letters, digits, _ - . only")) }
}

pub(crate) fn make_private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let result = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    result.map_err(Error::io(format!("create directory {}", path.display())))
}

pub(crate) fn remove_dir(path: &Path) -> Result<()> {
    /// A monitor that comes to its end may write a last file meanwhile.
    const TRIES: u32 = 100;
    for tries in 1.. {
        match fs::remove_dir_all(path) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty && tries < TRIES => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::file(e)),
            _ => break,
        }
    }
    Ok(())
}

pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::file(e)),
        _ => Ok(()),
    }
}

/// An anonymous file with `data`, positioned at its start.
fn memory_file(data: &[u8]) -> io::Result<std::fs::File> {
    let fd = rustix::fs::memfd_create("cove-monitor", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(fd);
    file.write_all(data)?;
    file.rewind()?;
    Ok(file)
}

fn send_descriptors(socket: &OwnedFd, descriptors: &[OwnedFd]) -> io::Result<()> {
    let fds: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = vec![MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(&fds).size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("too many descriptors"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(b"fds")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}
