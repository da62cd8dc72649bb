//! The real engines: this host's own, those in machines, or one behind an address.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cove_api::{Engine, Error, ErrorKind, Result};
use cove_client::{Address, Client};
use cove_config::connections::Connections;
use cove_config::{ContainersConf, Directories, Environment, User, dirs, env};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::accounts::Accounts;
use crate::source::{EngineSource, Target};

/// The program's path, where it is neither beside the desktop nor in PATH.
const PROGRAM_VARIABLE: &str = "COVE";
/// Name of the program.
const PROGRAM: &str = if cfg!(windows) { "cove.exe" } else { "cove" };
/// Time from the service's start to its first answer.
const START_TIME: Duration = Duration::from_secs(20);
const START_STEP: Duration = Duration::from_millis(15);
/// Seconds without a connection after which a service ends that lost its desktop.
const IDLE_TIME: &str = "10";
/// Most of what a failed service said that is shown, in bytes.
const LONGEST_REASON: u64 = 4096;

/// What a [`Host`] begins with.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The process's environment.
    pub environment: Environment,
    /// The desktop's own file: `cove` is looked for beside it.
    pub executable: PathBuf,
    /// An engine's address to use in place of this host's own.
    pub url: Option<String>,
    /// Global arguments of `cove` for this host's engine, such as `--root FOLDER`.
    pub arguments: Vec<OsString>,
}

/// The engines that this host's user can reach.
pub struct Host {
    options: HostOptions,
    directories: Directories,
    program: Option<PathBuf>,
    #[cfg(unix)]
    machines: Option<cove_machine::Machines>,
    service: Mutex<Option<Service>>,
}

/// A service that we started.
struct Service {
    child: Child,
    socket: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = cove_sys::fs::remove_file(&self.socket);
    }
}

impl Host {
    /// Looks around; starts nothing.
    ///
    /// # Errors
    /// The home folder is unknown, or containers.conf cannot be read.
    pub fn new(options: HostOptions) -> Result<Self> {
        let failed = |error: cove_config::Error| Error::from_chain(ErrorKind::Internal, &error);
        let user = User::detect(&options.environment, effective_user());
        let directories =
            Directories::new(&options.environment, user, dirs::runtime_dir_problem).map_err(failed)?;
        let program = find_program(&options);
        #[cfg(unix)]
        let machines = {
            let conf = ContainersConf::load(&options.environment, &directories, &[]).map_err(failed)?.value;
            program.as_deref().map(|program| machines(&options, &directories, &conf, program))
        };
        Ok(Self {
            directories,
            program,
            #[cfg(unix)]
            machines,
            service: Mutex::new(None),
            options,
        })
    }

    /// The machines of this host; `None` where `cove`, which looks after them, was not found.
    #[cfg(unix)]
    #[must_use]
    pub fn machines(&self) -> Option<cove_machine::Machines> {
        self.machines.clone()
    }

    /// Ends the service that was started for this host's engine, if any; containers do not notice.
    pub async fn stop(&self) {
        *self.service.lock().await = None;
    }

    async fn native(&self) -> Result<Arc<dyn Engine>> {
        // With arguments of its own it is another engine than the one behind the user's socket.
        if self.options.arguments.is_empty() {
            let socket = self.directories.api_socket();
            if socket.exists()
                && let Ok(engine) = answering(&socket).await
            {
                return Ok(engine);
            }
        }
        let mut service = self.service.lock().await;
        if let Some(running) = service.as_mut()
            && running.child.try_wait().is_ok_and(|status| status.is_none())
            && let Ok(engine) = answering(&running.socket).await
        {
            return Ok(engine);
        }
        *service = None;
        let mut started = self.start()?;
        let engine = first_answer(&mut started).await?;
        *service = Some(started);
        Ok(engine)
    }

    fn program(&self) -> Result<&Path> {
        self.program.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!(
                    "the program {PROGRAM} was found neither beside {} nor in PATH",
                    self.options.executable.display()
                ),
            )
        })
    }

    fn start(&self) -> Result<Service> {
        let program = self.program()?;
        let folder = self.directories.sockets();
        dirs::create_private(&folder)
            .map_err(|error| Error::from_chain(ErrorKind::PermissionDenied, &error))?;
        remove_stale(&folder);
        let socket = folder.join(format!("desktop-{}.sock", std::process::id()));
        let child = Command::new(program)
            .args(&self.options.arguments)
            .args(["system", "service", "--time", IDLE_TIME])
            .arg(format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::from(error).context(format!("start {}", program.display())))?;
        tracing::debug!("started {} on {}", program.display(), socket.display());
        Ok(Service { child, socket })
    }
}

#[cfg(unix)]
fn effective_user() -> u32 {
    cove_sys::user::effective_uid()
}

#[cfg(not(unix))]
fn effective_user() -> u32 {
    0
}

/// Waits until a new service answers.
async fn first_answer(service: &mut Service) -> Result<Arc<dyn Engine>> {
    let wait = async {
        loop {
            if let Ok(engine) = answering(&service.socket).await {
                return Ok(engine);
            }
            if let Some(status) = service.child.try_wait()? {
                let mut reason = String::new();
                if let Some(output) = service.child.stderr.take() {
                    let _ = output.take(LONGEST_REASON).read_to_string(&mut reason).await;
                }
                let reason = reason.trim();
                let reason = if reason.is_empty() { "it said nothing" } else { reason };
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("the engine's service has ended ({status}): {reason}"),
                ));
            }
            tokio::time::sleep(START_STEP).await;
        }
    };
    let engine = tokio::time::timeout(START_TIME, wait).await.map_err(|_| {
        let seconds = START_TIME.as_secs();
        Error::new(
            ErrorKind::Timeout,
            format!("the engine's service did not answer within {seconds} seconds"),
        )
    })??;
    // Its messages are read on, or a full pipe would stop it.
    if let Some(mut output) = service.child.stderr.take() {
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(length @ 1..) = output.read(&mut buffer).await {
                tracing::debug!("service: {}", String::from_utf8_lossy(&buffer[..length]).trim_end());
            }
        });
    }
    Ok(engine)
}

/// Removes the sockets of services that were killed: nobody accepts on those.
fn remove_stale(folder: &Path) {
    #[cfg(unix)]
    for entry in cove_sys::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with("desktop-") && name.ends_with(".sock"));
        if ours
            && let Err(error) = std::os::unix::net::UnixStream::connect(entry.path())
            && error.kind() == std::io::ErrorKind::ConnectionRefused
        {
            let _ = cove_sys::fs::remove_file(entry.path());
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
}

async fn answering(socket: &Path) -> Result<Arc<dyn Engine>> {
    let client = Client::new(Address::Unix(socket.to_owned()));
    client.system().ping().await?;
    Ok(Arc::new(client))
}

/// The program named by the environment, beside us, or in PATH.
fn find_program(options: &HostOptions) -> Option<PathBuf> {
    if let Some(path) = options.environment.absolute_path(PROGRAM_VARIABLE) {
        return Some(path);
    }
    let beside = options.executable.parent().map(|folder| folder.join(PROGRAM));
    let search = options.environment.os(env::PATH).map(std::env::split_paths).into_iter().flatten();
    let mut candidates = beside.into_iter().chain(search.map(|folder| folder.join(PROGRAM)));
    candidates.find(|path| path.is_absolute() && path.is_file())
}

#[cfg(unix)]
fn machines(
    options: &HostOptions,
    directories: &Directories,
    conf: &ContainersConf,
    program: &Path,
) -> cove_machine::Machines {
    let data = directories.machine_data();
    cove_machine::Machines {
        image_folders: cove_machine::image::default_folders(program, &data),
        folders: cove_machine::MachineFolders { data, runtime: directories.machine_runtime() },
        connections: Connections::new(directories.connections_file(&options.environment), conf),
        agent_command: vec![program.as_os_str().to_owned(), "machine".into(), "agent".into()],
    }
}

#[async_trait]
impl EngineSource for Host {
    async fn open(&self, target: &Target) -> Result<Arc<dyn Engine>> {
        match target {
            Target::Native => self.native().await,
            Target::Remote(url) => Ok(Arc::new(Client::new(url.parse::<Address>()?))),
            #[cfg(unix)]
            Target::Machine(name) => {
                let machines = self.machines.as_ref().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unavailable,
                        format!("machine {name}: the program {PROGRAM} was not found"),
                    )
                })?;
                let inspect =
                    machines.inspect(&name.parse().map_err(Error::from)?).await.map_err(Error::from)?;
                if inspect.state == cove_machine::MachineState::Stopped {
                    return Err(Error::new(
                        ErrorKind::Unavailable,
                        format!("machine {name} is stopped: start it, and its engine is connected again"),
                    ));
                }
                answering(Path::new(&inspect.connection_info.podman_socket.path))
                    .await
                    .map_err(|error| error.context(format!("machine {name}")))
            }
            #[cfg(not(unix))]
            Target::Machine(name) => Err(Error::unsupported(format!(
                "machine {name}: not supported on this system by this version"
            ))),
        }
    }

    fn command(&self, target: &Target) -> Result<Command> {
        let mut command = Command::new(self.program()?);
        match target {
            Target::Native => command.args(&self.options.arguments),
            Target::Machine(name) => command.arg("--connection").arg(name),
            Target::Remote(url) => command.arg("--url").arg(url),
        };
        Ok(command)
    }

    fn environment(&self) -> Environment {
        self.options.environment.clone()
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts::new(self.options.environment.clone(), self.directories.clone()))
    }

    fn downloads(&self) -> Option<PathBuf> {
        let home = self.directories.user.home.as_deref()?;
        // The usual name; a home without that folder is used itself.
        Some(home.join("Downloads")).filter(|folder| folder.is_dir()).or_else(|| Some(home.to_owned()))
    }

    fn fixed(&self) -> Vec<(Target, String)> {
        if let Some(url) = &self.options.url {
            return vec![(Target::Remote(url.clone()), url.clone())];
        }
        if cfg!(target_os = "linux") {
            vec![(Target::Native, "This computer".to_owned())]
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path, path: &str) -> HostOptions {
        HostOptions {
            environment: Environment::new([("PATH", path)]),
            executable: folder.join("cove-desktop"),
            url: None,
            arguments: Vec::new(),
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_dead_sockets_of_ours_are_removed() {
        use std::os::unix::net::UnixListener;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        drop(UnixListener::bind(path("desktop-1.sock")).unwrap());
        drop(UnixListener::bind(path("cove.sock")).unwrap());
        let _live = UnixListener::bind(path("desktop-2.sock")).unwrap();
        remove_stale(folder.path());
        let there = ["desktop-1.sock", "desktop-2.sock", "cove.sock"].map(|name| path(name).exists());
        assert_eq!(there, [false, true, true]);
    }

    #[test]
    fn finds_the_program_beside_itself_before_path() {
        let folder = tempfile::tempdir().unwrap();
        let (beside, elsewhere) = (folder.path().join("a"), folder.path().join("b"));
        for place in [&beside, &elsewhere] {
            cove_sys::fs::create_dir(place).unwrap();
        }
        let path = elsewhere.display().to_string();
        assert_eq!(find_program(&options(&beside, &path)), None);
        cove_sys::fs::write(elsewhere.join(PROGRAM), "").unwrap();
        assert_eq!(find_program(&options(&beside, &path)), Some(elsewhere.join(PROGRAM)));
        cove_sys::fs::write(beside.join(PROGRAM), "").unwrap();
        assert_eq!(find_program(&options(&beside, &path)), Some(beside.join(PROGRAM)));
        let mut named = options(&beside, &path);
        named.environment = named.environment.with(PROGRAM_VARIABLE, "/opt/cove");
        assert_eq!(find_program(&named), Some("/opt/cove".into()));
    }
}
