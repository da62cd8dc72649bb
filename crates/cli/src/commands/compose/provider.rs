//! An installed compose program on this engine.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use cove_config::env;
use cove_sys::process::{find_program, is_executable};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::command_error::{CommandError, CommandResult};
use crate::connect::Destination;
use crate::context::Context;

/// How long a service may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Seconds after which the service ends by itself where this process was killed.
const ALONE: &str = "--time=5";
/// How often the connection that keeps the service is replaced, before the service takes it for forgotten.
const RENEWAL: Duration = Duration::from_secs(120);

/// Runs it with these words.
pub(super) async fn run(context: &Context, words: &[String]) -> CommandResult {
    let provider = provider(context)?;
    run_program(context, &provider, words).await
}

/// The same where one is installed.
pub(super) async fn run_if_installed(context: &Context, words: &[String]) -> Option<CommandResult> {
    let provider = provider(context).ok()?;
    Some(run_program(context, &provider, words).await)
}

async fn run_program(context: &Context, provider: &Path, words: &[String]) -> CommandResult {
    if warns(context) {
        context.printer.error_line(&format!(
            "Executing external compose provider {provider:?}; compose_warning_logs=false in containers.conf hides this line"
        ));
    }
    let mut command = Command::new(provider);
    command.args(words);
    if let Some(uri) = reachable(context)? {
        return attended(command.env(env::DOCKER_HOST, &uri).env(env::CONTAINER_HOST, uri)).await;
    }
    let mut service = Service::start(context).await?;
    let uri = service.uri();
    command.env(env::DOCKER_HOST, &uri).env(env::CONTAINER_HOST, uri);
    let code = tokio::select! {
        code = attended(&mut command) => code,
        error = service.held() => Err(error),
    };
    service.stop().await;
    code
}

/// The program: the variable's, else the first of the configuration's that is there.
fn provider(context: &Context) -> Result<PathBuf, CommandError> {
    let path = context.environment.os(env::PATH);
    if let Some(named) = context.environment.get(env::PODMAN_COMPOSE_PROVIDER) {
        return find_program(named, &[], path)
            .map_err(|error| CommandError::other(format!("{}: {error}", env::PODMAN_COMPOSE_PROVIDER)));
    }
    let names = context.conf.engine.compose_providers.clone().unwrap_or_default();
    let home = context.environment.get(env::HOME).unwrap_or_default();
    let names: Vec<String> = names.values.iter().map(|name| name.replace("$HOME", home)).collect();
    let found = names.iter().find_map(|name| {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| is_executable(path));
        }
        find_program(name, &[], path).ok()
    });
    found.ok_or_else(|| {
        CommandError::other(format!(
            "no compose program was found (looked for {}): install docker-compose, version 2, or name one with {}",
            names.join(", "),
            env::PODMAN_COMPOSE_PROVIDER
        ))
    })
}

fn warns(context: &Context) -> bool {
    match context.environment.get(env::PODMAN_COMPOSE_WARNING_LOGS) {
        Some(text) => matches!(text, "1" | "t" | "true" | "yes"),
        None => context.conf.engine.compose_warning_logs.unwrap_or(true),
    }
}

/// The address of an engine that the program reaches by itself.
fn reachable(context: &Context) -> Result<Option<String>, CommandError> {
    match &context.destination {
        Destination::Local => Ok(None),
        Destination::Remote(to) => {
            let plain = to.tls_ca.is_empty() && to.tls_cert.is_empty() && to.tls_key.is_empty();
            let direct = ["unix:", "tcp:"].iter().any(|scheme| to.uri.starts_with(scheme));
            let usable = plain && direct;
            if !usable && !cfg!(target_os = "linux") {
                return Err(CommandError::other(format!(
                    "compose cannot use {}: name a connection with a unix socket, or tcp without TLS",
                    to.uri
                )));
            }
            Ok(usable.then(|| to.uri.clone()))
        }
        Destination::Missing(reason) => Err(CommandError::other(reason.clone())),
    }
}

/// Runs the program to its end, which it decides: Ctrl-C reaches it by the terminal, and a request to end is passed on.
async fn attended(command: &mut Command) -> CommandResult {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let program = command.as_std().get_program().to_owned();
    let mut child = command
        .spawn()
        .map_err(|error| CommandError::other(format!("start {}: {error}", Path::new(&program).display())))?;
    loop {
        tokio::select! {
            status = child.wait() => {
                use std::os::unix::process::ExitStatusExt as _;
                let status = status?;
                let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
                return Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
            }
            _ = interrupts.recv() => {}
            _ = terminations.recv() => ask_to_end(&child),
        }
    }
}

fn ask_to_end(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// A service of the engine for this command alone.
struct Service {
    folder: tempfile::TempDir,
    process: Child,
}

impl Service {
    async fn start(context: &Context) -> Result<Self, CommandError> {
        let folder = tempfile::Builder::new().prefix("cove-compose").tempdir()?;
        let mut command = Command::new(&context.executable);
        command.args(context.global.shared.to_arguments());
        if let Destination::Remote(to) = &context.destination {
            let named = [("url", &to.uri), ("identity", &to.identity), ("tls-ca", &to.tls_ca)];
            let more = [("tls-cert", &to.tls_cert), ("tls-key", &to.tls_key)];
            let given = named.into_iter().chain(more).filter(|(_, value)| !value.is_empty());
            command.args(given.map(|(name, value)| format!("--{name}={value}")));
        }
        let socket = format!("unix://{}", folder.path().join("s").display());
        command.args(["system", "service", ALONE, &socket]).stdin(Stdio::null()).stdout(Stdio::null());
        // Ctrl-C is for the compose program, which needs the service until it has stopped its containers.
        let process = command.process_group(0).kill_on_drop(true).spawn()?;
        let mut service = Self { folder, process };
        service.listens().await?;
        Ok(service)
    }

    /// Waits until it listens.
    async fn listens(&mut self) -> Result<(), CommandError> {
        let begin = Instant::now();
        while self.connect().await.is_err() {
            if let Some(status) = self.process.try_wait()? {
                return Err(CommandError::other(format!("the engine's service ended at once ({status})")));
            }
            if begin.elapsed() > PATIENCE {
                return Err(CommandError::other(format!(
                    "the engine's service does not listen after {PATIENCE:?}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        Ok(())
    }

    async fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.folder.path().join("s")).await
    }

    fn uri(&self) -> String {
        format!("unix://{}", self.folder.path().join("s").display())
    }

    /// Keeps it from ending while the program has no connection; answers when it is gone all the same.
    async fn held(&mut self) -> CommandError {
        loop {
            let connection = self.connect().await;
            tokio::select! {
                status = self.process.wait() => {
                    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    return CommandError::other(format!("the engine's service has ended ({how})"));
                }
                () = tokio::time::sleep(RENEWAL) => drop(connection),
            }
        }
    }

    async fn stop(mut self) {
        ask_to_end(&self.process);
        let _ = tokio::time::timeout(PATIENCE, self.process.wait()).await;
    }
}
