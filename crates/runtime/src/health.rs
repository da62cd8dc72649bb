//! Health checks: what a monitor is told of them, at the start and while the container runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cove_monitor::protocol::{HEALTH_FILE, HealthPlan, MAX_FRAME, Reply, Request, hello};
use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt as _;

use crate::attach::short_path;
use crate::error::{Error, Result};
use crate::launch::{Runtime, check_id};

/// How long a monitor may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Health checks of a container.
#[derive(Debug)]
pub struct HealthOptions {
    /// All but the files of the processes, which are written and named for it.
    pub plan: HealthPlan,
    /// The check's process, see [`crate::oci::exec_process`].
    pub check: oci_spec::runtime::Process,
    /// The start-up check's, where the plan has one.
    pub startup: Option<oci_spec::runtime::Process>,
}

impl Runtime {
    /// Puts other health checks in the place of those that the monitor of a container does, or none.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; the monitor cannot do it.
    pub fn change_health(&self, id: &str, health: Option<HealthOptions>) -> Result<()> {
        check_id(id)?;
        let run_dir = self.container_dir(id);
        let mut socket = dial(id, &run_dir)?;
        let plan = health.map(|health| write_checks(health, &run_dir)).transpose()?;
        let path = run_dir.join(HEALTH_FILE);
        let text = serde_json::to_vec(&plan).map_err(|source| Error::Json { path: path.clone(), source })?;
        replace(&path, &text)?;
        let reply = ask(&mut socket, &Request::ReloadHealth).map_err(Error::io("monitor"))?;
        match reply.error {
            None => Ok(()),
            Some(message) => Err(Error::Monitor { id: id.to_owned(), message }),
        }
    }
}

fn dial(id: &str, run_dir: &Path) -> Result<UnixStream> {
    let not_running = |_| Error::NotRunning { id: id.to_owned() };
    let (path, _directory) = short_path(run_dir).map_err(not_running)?;
    let socket = UnixStream::connect(path).map_err(not_running)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(Error::io("monitor"))?;
    Ok(socket)
}

fn ask(socket: &mut UnixStream, request: &Request) -> std::io::Result<Reply> {
    let mut message = vec![hello::CONTROL];
    serde_json::to_writer(&mut message, request)?;
    message.push(b'\n');
    socket.write_all(&message)?;
    let mut line = String::new();
    BufReader::new(socket.take(MAX_FRAME as u64)).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// Writes the processes of health checks, and names the files in the plan.
pub(crate) fn write_checks(health: HealthOptions, run_dir: &Path) -> Result<HealthPlan> {
    let HealthOptions { mut plan, check, startup } = health;
    plan.check.process = run_dir.join("health-spec.json");
    write_process(&check, &plan.check.process)?;
    if let (Some(planned), Some(process)) = (&mut plan.startup, startup) {
        planned.check.process = run_dir.join("startup-spec.json");
        write_process(&process, &planned.check.process)?;
    }
    Ok(plan)
}

pub(crate) fn write_process(process: &oci_spec::runtime::Process, path: &Path) -> Result<()> {
    let text = serde_json::to_vec(process).map_err(|source| Error::Json { path: path.to_owned(), source })?;
    replace(path, &text)
}

/// Puts a private file in place of another in one step, as somebody may be reading that.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
    file.and_then(|mut file| file.write_all(text)).map_err(Error::file)?;
    fs::rename(&new, path).map_err(Error::file)
}
