//! Exec sessions: further processes in a running container.

use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{
    AttachStream, ContainerState, Error, ErrorKind, ExecInspect, ExecProcess, ExecSpec, ExecStartOptions,
    Execs, Result, TerminalSize,
};
use cove_runtime::oci::{ExecInput, exec_process};
use cove_runtime::user::resolve_user;
use cove_runtime::view::View;
use cove_runtime::{
    AttachStreams, AttendedExec, ExecOptions, Launch, LogConfig, ProcessRef, ProcessState, StreamOptions,
    Supervision,
};
use cove_sys::read;

use crate::container::attach;
use crate::container::state::{UNKNOWN_EXIT, improper};
use crate::descriptors::preserved;
use crate::engine::{Core, LocalEngine, blocking};
use crate::name;
use crate::state::{ContainerRow, ExecRecord, Lookup, RECORD_VERSION};

/// Largest OCI configuration that is read back, in bytes.
const MAX_CONFIG: u64 = 16 << 20;

fn find(core: &Core, id: &str) -> Result<ExecRecord> {
    match core.database()?.find_exec(id)? {
        Lookup::Found(record) => Ok(record),
        Lookup::Missing => {
            Err(Error::not_found(format!("no exec session with ID {id} found: no such exec session")))
        }
        Lookup::Ambiguous => Err(Error::invalid(format!("more than one exec session begins with {id}"))),
    }
}

fn running(core: &Core, name: &str) -> Result<ContainerRow> {
    let mut row = core.find_container(name)?;
    core.refresh(&mut row)?;
    match row.state {
        ContainerState::Running => Ok(row),
        ContainerState::Paused => {
            Err(improper(format!("container {} is paused, unpause the container before exec", row.id)))
        }
        _ => Err(improper("can only create exec sessions on running containers".into())),
    }
}

fn create(core: &Core, container: &str, spec: ExecSpec) -> Result<String> {
    let row = running(core, container)?;
    if spec.cmd.is_empty() {
        return Err(Error::invalid(
            "must provide a non-empty command to start an exec session: invalid argument",
        ));
    }
    cove_spec::terminal::detach_keys(&spec.detach_keys)?;
    let record = ExecRecord {
        version: RECORD_VERSION,
        id: name::random_id()?,
        container: row.id.clone(),
        spec,
        boot_id: core.boot_id().to_owned(),
        ..ExecRecord::default()
    };
    core.database()?.save_exec(&record)?;
    tell(core, "exec", &row, &record, None);
    Ok(record.id)
}

fn tell(core: &Core, action: &str, row: &ContainerRow, record: &ExecRecord, exit_code: Option<i32>) {
    if record.spec.no_session {
        return;
    }
    let mut attributes = row.config.labels.clone();
    attributes.insert("name".into(), row.name.clone());
    attributes.insert("image".into(), row.config.image.name.clone());
    attributes.insert("execID".into(), record.id.clone());
    if let Some(code) = exit_code {
        attributes.insert("containerExitCode".into(), code.to_string());
    }
    core.events.write("container", action, &row.id, attributes);
}

/// Takes the one start that a session has, in one step with the look whether it is still to be had: of several at
/// once one wins. Answers what is to be run.
fn claim(core: &Core, id: &str, options: ExecStartOptions) -> Result<(ExecRecord, ExecOptions)> {
    let id = find(core, id)?.id;
    let starter = ProcessRef::of(rustix::process::getpid().as_raw_nonzero().get())?;
    let claimed = core.database()?.change_exec(&id, |record| {
        let free = !record.started;
        if free {
            record.started = true;
            record.starter = starter.pid;
            record.starter_start = starter.start_time;
        }
        free
    })?;
    let Some(record) = claimed else {
        return Err(Error::new(
            ErrorKind::WrongState,
            format!("exec session {id} was started already: exec session state improper"),
        ));
    };
    let process = or_give_back(core, &record, process(core, &record, options))?;
    Ok((record, process))
}

/// A monitor for a session, which waits for the order to start.
fn launch(core: &Core, record: &ExecRecord, process: ExecOptions) -> Result<Launch> {
    or_give_back(core, record, core.runtime()?.exec(process).map_err(Error::from))
}

fn or_give_back<T>(core: &Core, record: &ExecRecord, result: Result<T>) -> Result<T> {
    if result.is_err() {
        give_back(core, record)?;
    }
    result
}

/// After a start that came to nothing before the process was asked for: the next one may try.
fn give_back(core: &Core, record: &ExecRecord) -> Result<()> {
    core.database()?.change_exec(&record.id, |record| {
        record.started = false;
        record.starter = 0;
        record.starter_start = 0;
        true
    })?;
    Ok(())
}

/// The OCI configuration that a container runs with.
pub(super) fn read_config(core: &Core, id: &str) -> Result<oci_spec::runtime::Spec> {
    let path = core.container_run_dir(id).join("config.json");
    let bytes = read::bounded(&path, MAX_CONFIG)?
        .ok_or_else(|| Error::internal(format!("{}: no such file: restart the container", path.display())))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::internal(format!("{}: {error}", path.display())))
}

/// What is to be run for a session.
fn process(core: &Core, record: &ExecRecord, options: ExecStartOptions) -> Result<ExecOptions> {
    let row = running(core, &record.container)?;
    let spec = &record.spec;
    let container = read_config(core, &row.id)?;
    let user = if spec.user.is_empty() {
        None
    } else {
        let files = View::new(format!("/proc/{}/root", row.status.pid).as_ref(), &[])?;
        Some(resolve_user(&files, &spec.user, &row.config.groups)?)
    };
    let has_term = |entries: &[String]| entries.iter().any(|entry| entry.starts_with("TERM="));
    let own = container.process().as_ref().and_then(|process| process.env().as_deref()).unwrap_or_default();
    let mut env = spec.env.clone();
    if spec.tty && !has_term(&env) && !has_term(own) {
        env.push("TERM=xterm".into());
    }
    let process = exec_process(&ExecInput {
        container: &container,
        args: spec.cmd.clone(),
        env,
        cwd: Some(spec.working_dir.clone()).filter(|dir| !dir.is_empty()),
        user,
        cap_add: &row.config.settings.security.capabilities.add,
        privileged: spec.privileged,
        terminal: spec.tty,
        host: core.host_facts(),
    })?;
    Ok(ExecOptions {
        container: row.id.clone(),
        session: record.id.clone(),
        oci_runtime: core.oci_runtime(&row.config.runtime)?,
        process,
        streams: StreamOptions {
            terminal: spec.tty,
            stdin: spec.attach_stdin,
            stdin_once: true,
            size: options.size.map(|size| (size.width, size.height)),
            log: LogConfig::None,
            descriptors: preserved(&descriptors(spec))?,
            held: Vec::new(),
        },
        exit_command: Vec::new(),
    })
}

/// The numbers of the caller's descriptors that it gets.
fn descriptors(spec: &ExecSpec) -> Vec<u32> {
    (3..3_u32.saturating_add(spec.preserve_fds.min(1000))).chain(spec.preserve_fd.iter().copied()).collect()
}

fn begin(core: &Arc<Core>, record: ExecRecord, launch: Launch, detach: bool) -> Result<()> {
    match launch.start() {
        Ok(started) => {
            let record = begun(core, record, started.process)?;
            if !detach {
                let supervision = started.supervision;
                supervise(core, record, move || {
                    let code = supervision.wait_exit().map_or(UNKNOWN_EXIT, |exit| exit.exit_code);
                    (code, Some(supervision))
                });
            }
            Ok(())
        }
        Err(error) => not_begun(core, record, error),
    }
}

/// Starts a session that this process holds itself, and answers the connection with it.
fn begin_attended(core: &Arc<Core>, record: ExecRecord, process: ExecOptions) -> Result<AttachStream> {
    match core.runtime()?.exec_attended(process) {
        Ok(AttendedExec { process, input, output, end }) => {
            let record = begun(core, record, process)?;
            supervise(core, record, move || (end.wait().unwrap_or(UNKNOWN_EXIT), None));
            Ok(attach::piped(input, output))
        }
        Err(error) => not_begun(core, record, error),
    }
}

fn begun(core: &Core, mut record: ExecRecord, process: ProcessRef) -> Result<ExecRecord> {
    record.starter = 0;
    record.starter_start = 0;
    record.pid = process.pid;
    record.pid_start = process.start_time;
    core.database()?.save_exec(&record)?;
    Ok(record)
}

fn not_begun<T>(core: &Core, mut record: ExecRecord, error: cove_runtime::Error) -> Result<T> {
    let error = Error::from(error);
    record.starter = 0;
    record.starter_start = 0;
    record.exit_code = Some(match error.kind {
        ErrorKind::CommandNotFound => 127,
        ErrorKind::CommandNotExecutable => 126,
        _ => 125,
    });
    core.database()?.save_exec(&record)?;
    Err(error)
}

/// Waits for the end of a session and keeps its exit code; its monitor, if it has one, is told that this was done.
fn supervise(
    core: &Arc<Core>,
    mut record: ExecRecord,
    end: impl FnOnce() -> (i32, Option<Supervision>) + Send + 'static,
) {
    let id = record.id.clone();
    let watched = core.supervised.watch(&id);
    let shared = Arc::clone(core);
    let worker = move || {
        let core = shared;
        let (code, supervision) = end();
        record.exit_code = Some(code);
        record.pid = 0;
        let noted = (|| -> Result<()> {
            let database = core.database()?;
            // Its container may be gone already.
            if let Some(row) = database.container(&record.container)? {
                database.save_exec(&record)?;
                tell(&core, "exec_died", &row, &record, Some(code));
            }
            Ok(())
        })();
        if let Err(error) = noted {
            tracing::warn!("exec session {}: {error}", record.id);
        }
        if let Some(supervision) = supervision {
            let _ = supervision.acknowledge();
        }
        watched.ended(code);
    };
    let thread = std::thread::Builder::new().name("supervise".into()).stack_size(256 << 10).spawn(worker);
    if let Err(error) = thread {
        tracing::warn!("supervising exec session {id}: {error}");
    }
}

/// What is known of a session now.
fn refreshed(core: &Core, id: &str) -> Result<ExecRecord> {
    let mut record = find(core, id)?;
    if !record.started || record.exit_code.is_some() {
        return Ok(record);
    }
    let starter = ProcessRef { pid: record.starter, start_time: record.starter_start };
    if record.starter > 0 && starter.is_alive() {
        // Its process is about to come.
        return Ok(record);
    }
    let ended = match core.runtime()?.exec_state(&record.container, &record.id)? {
        ProcessState::Exited(exit) => Some(exit.exit_code),
        ProcessState::Lost | ProcessState::Absent => Some(UNKNOWN_EXIT),
        _ => None,
    };
    if let Some(code) = ended {
        record.exit_code = Some(code);
        record.pid = 0;
        core.database()?.save_exec(&record)?;
        if let Some(row) = core.database()?.container(&record.container)? {
            tell(core, "exec_died", &row, &record, Some(code));
        }
    }
    Ok(record)
}

fn inspect(core: &Core, id: &str) -> Result<ExecInspect> {
    let record = refreshed(core, id)?;
    let spec = &record.spec;
    let running = record.started && record.exit_code.is_none();
    Ok(ExecInspect {
        can_remove: false,
        container_id: record.container,
        detach_keys: spec.detach_keys.clone(),
        exit_code: record.exit_code.unwrap_or_default(),
        id: record.id,
        open_stderr: spec.attach_stderr,
        open_stdin: spec.attach_stdin,
        open_stdout: spec.attach_stdout,
        running,
        pid: record.pid,
        process_config: ExecProcess {
            arguments: spec.cmd.get(1..).map(<[String]>::to_vec).unwrap_or_default(),
            entrypoint: spec.cmd.first().cloned().unwrap_or_default(),
            privileged: spec.privileged,
            tty: spec.tty,
            user: spec.user.clone(),
        },
    })
}

fn remove(core: &Core, id: &str, force: bool) -> Result<()> {
    let record = refreshed(core, id)?;
    if record.started && record.exit_code.is_none() {
        if !force {
            return Err(Error::new(
                ErrorKind::WrongState,
                format!(
                    "cannot remove exec session {} as it is running: exec session state improper",
                    record.id
                ),
            ));
        }
        core.runtime()?.signal_exec(&record.container, &record.id, 9)?;
        let patience = Some(std::time::Duration::from_secs(10));
        let _ = core.runtime()?.wait_exec(&record.container, &record.id, patience);
    }
    drop(core.take_prepared(&record.id));
    core.runtime()?.forget_exec(&record.container, &record.id)?;
    Ok(core.database()?.remove_exec(&record.id)?)
}

#[async_trait]
impl Execs for LocalEngine {
    async fn create(&self, container: &str, spec: ExecSpec) -> Result<String> {
        let container = container.to_owned();
        blocking(&self.core, move |core| create(core, &container, spec)).await
    }

    async fn start(&self, id: &str, options: ExecStartOptions) -> Result<Option<AttachStream>> {
        let id = id.to_owned();
        let (record, process) = blocking(&self.core, move |core| claim(core, &id, options)).await?;
        if options.attended
            && !options.detach
            && record.spec.detach_keys.is_empty()
            && process.can_be_attended()
        {
            let begin = move |core: &Arc<Core>| begin_attended(core, record, process);
            return blocking(&self.core, begin).await.map(Some);
        }
        let (record, launch) = blocking(&self.core, move |core| {
            let launch = launch(core, &record, process)?;
            Ok((record, launch))
        })
        .await?;
        let stream = if options.detach {
            None
        } else {
            let spec = &record.spec;
            let streams = AttachStreams {
                stdin: spec.attach_stdin,
                stdout: spec.attach_stdout,
                stderr: spec.attach_stderr,
            };
            let keys = Some(spec.detach_keys.as_str()).filter(|keys| !keys.is_empty());
            match attach::connect(launch.run_dir(), streams, attach::detach_keys(keys)?).await {
                Ok(stream) => Some(stream),
                Err(error) => {
                    blocking(&self.core, move |core| give_back(core, &record)).await?;
                    return Err(error);
                }
            }
        };
        blocking(&self.core, move |core| begin(core, record, launch, options.detach)).await?;
        Ok(stream)
    }

    async fn inspect(&self, id: &str) -> Result<ExecInspect> {
        let id = id.to_owned();
        blocking(&self.core, move |core| inspect(core, &id)).await
    }

    async fn wait(&self, id: &str) -> Result<i32> {
        let id = id.to_owned();
        let found = {
            let id = id.clone();
            blocking(&self.core, move |core| Ok(find(core, &id)?.id)).await?
        };
        if let Some(mut outcome) = self.core.supervised.outcome(&found)
            && let Ok(code) = outcome.wait_for(Option::is_some).await
        {
            return Ok(code.unwrap_or(UNKNOWN_EXIT));
        }
        blocking(&self.core, move |core| {
            let record = refreshed(core, &found)?;
            if let Some(code) = record.exit_code {
                return Ok(code);
            }
            let _ = core.runtime()?.wait_exec(&record.container, &record.id, None);
            Ok(refreshed(core, &found)?.exit_code.unwrap_or(UNKNOWN_EXIT))
        })
        .await
    }

    async fn resize(&self, id: &str, size: TerminalSize) -> Result<()> {
        let id = id.to_owned();
        let (directory, running) = blocking(&self.core, move |core| {
            let record = refreshed(core, &id)?;
            let running = record.started && record.exit_code.is_none();
            Ok((core.runtime()?.exec_dir(&record.container, &record.id), running))
        })
        .await?;
        if !running {
            return Err(Error::new(
                ErrorKind::WrongState,
                "cannot resize exec session as it is not running: exec session state improper",
            ));
        }
        Ok(cove_runtime::resize(&directory, size.width, size.height).await?)
    }

    async fn remove(&self, id: &str, force: bool) -> Result<()> {
        let id = id.to_owned();
        blocking(&self.core, move |core| remove(core, &id, force)).await
    }
}
