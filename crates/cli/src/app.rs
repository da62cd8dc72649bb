//! From the process's start to its exit code. The order matters: nothing may start a thread before a rootless
//! command is in its user namespace.

use std::path::{Path, PathBuf};

use cove_config::containers::ContainersConf;
use cove_config::{Directories, Environment, User, env};
use cove_sys::output::{Existing, OutputFile};
use tracing_subscriber::EnvFilter;

use crate::args::{self, Invocation, Parsed};
use crate::command_error::{CommandError, CommandResult, OWN_ERROR};
use crate::commands::{self, Place};
use crate::connect::{self, Destination};
use crate::context::Context;
use crate::hints;
use crate::logging;
use crate::printer::Printer;

/// Runs the program and answers its exit code.
pub(crate) fn main() -> u8 {
    let environment = Environment::new(std::env::vars_os());
    let printer = Printer::new(environment.get(env::NO_COLOR).is_some());
    match run(environment) {
        Ok(code) => code,
        Err(error) if called_by().1 == args::SKOPEO_NAME => report_as_skopeo(&printer, &error),
        Err(error) => {
            report(&printer, &error);
            error.code()
        }
    }
}

/// How the program was called, and its name in that.
fn called_by() -> (PathBuf, String) {
    let called_as = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = called_as.file_stem().and_then(|name| name.to_str()).unwrap_or("cove").to_owned();
    (called_as, name)
}

/// Writes what went wrong as skopeo does, and answers its exit code.
fn report_as_skopeo(printer: &Printer, error: &CommandError) -> u8 {
    for message in error.messages() {
        match printer.error_is_terminal() {
            true => printer.error_line(&format!("FATA[0000] {message}")),
            false => printer.error_line(&logging::fatal(&message)),
        }
    }
    match error.code() {
        OWN_ERROR => 1,
        code => code,
    }
}

/// Writes what went wrong.
fn report(printer: &Printer, error: &CommandError) {
    if let Some(above) = error.above() {
        printer.error_line(above);
    }
    for message in error.messages() {
        // Complaints about the log level have no prefix, as in Podman.
        if message.starts_with("Log Level") || message.starts_with("Setting --log-level") {
            printer.error_line(&message);
        } else {
            printer.error_line(&format!("Error: {message}"));
        }
    }
    if printer.error_is_terminal()
        && let Some(hint) = error.kind().and_then(hints::hint)
    {
        printer.error_line(&format!("Hint: {hint}"));
    }
}

fn run(environment: Environment) -> CommandResult {
    let (called_as, program) = called_by();
    let mut arguments = Vec::new();
    for word in std::env::args_os().skip(1) {
        let text = word.into_string().map_err(|word| {
            CommandError::other(format!("the argument {:?} is not valid UTF-8", word.to_string_lossy()))
        })?;
        arguments.push(text);
    }
    let printer = Printer::new(environment.get(env::NO_COLOR).is_some());
    let invocation = match args::parse(&program, &arguments)? {
        Parsed::Help(text) => {
            printer.text(&text)?;
            return Ok(0);
        }
        Parsed::Version => {
            printer.line(&format!("{program} version {}", env!("CARGO_PKG_VERSION")))?;
            return Ok(0);
        }
        Parsed::Run(invocation) => *invocation,
    };
    invocation.global.shared.refused.check()?;
    start_logging(&program, &invocation, &environment)?;
    redirect_output(&invocation)?;
    let printer = Printer::new(environment.get(env::NO_COLOR).is_some());
    let environment = in_namespace(adjusted(environment, &invocation));

    let user = User::detect(&environment, effective_uid());
    let directories = Directories::new(&environment, user, cove_config::dirs::runtime_dir_problem)?;
    for warning in &directories.warnings {
        tracing::warn!("{warning}");
    }
    let conf = ContainersConf::load(&environment, &directories, &invocation.global.shared.module)?;
    for warning in &conf.warnings {
        tracing::warn!("{warning}");
    }
    for remark in &conf.remarks {
        tracing::info!("{remark}");
    }
    let conf = conf.value;
    let destination = if !matches!(invocation.leaf.place, Place::Engine | Place::Service) {
        // Commands without an engine must work even where none can be found.
        connect::choose(&program, &invocation.global, &environment, &directories, &conf)
            .unwrap_or_else(|error| Destination::Missing(error.messages().join("\n")))
    } else {
        connect::choose(&program, &invocation.global, &environment, &directories, &conf)?
    };
    let executable = executable(&called_as);
    let mut command_line = vec![called_as.display().to_string()];
    command_line.extend(arguments);
    let place = match invocation.leaf.place {
        Place::Images if commands::transport::touches_store(&command_line) => Place::Engine,
        Place::Images => Place::Plain,
        #[cfg(unix)]
        Place::Compose => {
            let words = invocation.matches.get_many::<String>("words").unwrap_or_default();
            commands::compose::place(&environment, &conf, &words.cloned().collect::<Vec<_>>())
        }
        #[cfg(target_os = "linux")]
        Place::Convert => {
            let mut words = invocation.matches.get_many::<String>("words").unwrap_or_default();
            commands::convert::place(words.next().map_or("", String::as_str))
        }
        place => place,
    };
    let context = Context::new(
        printer,
        environment,
        directories,
        conf,
        invocation.global,
        program,
        invocation.path,
        command_line,
        executable,
        destination,
    );
    if place != Place::Plain && context.destination == Destination::Local {
        enter_namespace(&context)?;
    }
    // The service has a thread for each processor, which must not wait for each other.
    if place != Place::Service {
        one_arena();
    }
    let runtime = match place {
        Place::Service => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    }
    .map_err(|error| CommandError::other(format!("start the asynchronous runtime: {error}")))?;
    let result = runtime.block_on((invocation.leaf.run)(&context, &invocation.matches));
    // A blocked read of standard input must not keep the program alive.
    runtime.shutdown_background();
    tracing::debug!("Shutting down engines");
    result
}

/// Has all threads allocate from one place. A command has few, and each place of their own costs it a third of a
/// millisecond of fresh pages.
fn one_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call takes two numbers, and no other thread is there yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

fn start_logging(
    program: &str,
    invocation: &Invocation,
    environment: &Environment,
) -> Result<(), CommandError> {
    let wanted = invocation.global.shared.log_level.as_deref();
    if invocation.global.root.debug && wanted.is_some() {
        return Err(CommandError::other("Setting --log-level and --debug is not allowed").with_code(1));
    }
    let name = if invocation.global.root.debug { "debug" } else { wanted.unwrap_or("warn") };
    let level = logging::level(name)?;
    // What was asked for on the command line comes first.
    let asked = invocation.global.root.debug || wanted.is_some();
    match environment.get(env::COVE_LOG).filter(|text| !asked && !text.is_empty()) {
        Some(text) => {
            logging::start(logging::filter(text)?);
            tracing::info!("filtering by {}", env::COVE_LOG);
        }
        None => {
            let mut filter = EnvFilter::default().add_directive(level.into());
            if program == args::SKOPEO_NAME {
                filter = filter.add_directive(logging::steps());
            }
            logging::start(filter);
            tracing::info!("filtering at log level {name}");
        }
    }
    tracing::debug!("Called {}", invocation.path);
    tracing::trace!("command {} starts", invocation.path);
    Ok(())
}

/// Puts options in the place of the variables that mean the same.
fn adjusted(environment: Environment, invocation: &Invocation) -> Environment {
    let mut environment = environment;
    if let Some(folder) = &invocation.global.root.config {
        environment = environment.with(env::DOCKER_CONFIG, folder);
    }
    if let Some(file) = &invocation.global.shared.registries_conf {
        environment = environment.with(env::CONTAINERS_REGISTRIES_CONF, file);
    }
    if let Some(folder) = &invocation.global.temporary {
        environment =
            environment.with(env::TMPDIR, std::path::absolute(folder).unwrap_or_else(|_| folder.clone()));
    }
    if invocation.leaf.place == Place::Service {
        // It is the service that systemd waits for, not the containers of its clients.
        environment = environment.with(env::NOTIFY_SOCKET, "");
    }
    environment
}

/// `--out` and `--noout`.
fn redirect_output(invocation: &Invocation) -> Result<(), CommandError> {
    let root = &invocation.global.root;
    let path = match (&root.out, root.noout) {
        (Some(path), _) => path.as_path(),
        (None, true) => Path::new(if cfg!(windows) { "NUL" } else { "/dev/null" }),
        (None, false) => return Ok(()),
    };
    let file = OutputFile::create(path, Existing::Replace)?.into_file()?;
    #[cfg(unix)]
    rustix::stdio::dup2_stdout(&file).map_err(std::io::Error::from)?;
    #[cfg(not(unix))]
    {
        let _ = file;
        return Err(CommandError::other("--out and --noout are not supported on this system"));
    }
    #[cfg(unix)]
    Ok(())
}

#[cfg(unix)]
fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
#[cfg(not(unix))]
fn effective_uid() -> u32 {
    0
}

/// This program's own file: monitors start it again later, when the working directory may be another.
fn executable(called_as: &Path) -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| called_as.to_owned())
}

/// Where this process is in a namespace that an earlier command has made, it says whose.
#[cfg(target_os = "linux")]
fn in_namespace(environment: Environment) -> Environment {
    if !rustix::process::geteuid().is_root() || environment.get(env::ROOTLESS_UID).is_some() {
        return environment;
    }
    let outer = cove_sys::fs::read_to_string("/proc/self/uid_map")
        .ok()
        .and_then(|map| cove_runtime::rootless::outer_id(&map));
    match outer {
        Some(uid) => {
            environment.with(env::ROOTLESS_UID, uid.to_string()).with(env::USERNS_CONFIGURED, "done")
        }
        None => environment,
    }
}
#[cfg(not(target_os = "linux"))]
fn in_namespace(environment: Environment) -> Environment {
    environment
}

/// Without root's rights, becomes the root of the user's own namespace. There must be no thread yet.
#[cfg(target_os = "linux")]
pub(crate) fn enter_namespace(context: &Context) -> Result<(), CommandError> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let options = cove_runtime::rootless::EnterOptions {
        run_dir: context.directories.run_root.join("cove"),
        monitor: connect::monitor(context)?,
        subuid: "/etc/subuid".into(),
        subgid: "/etc/subgid".into(),
    };
    let identity = cove_runtime::rootless::enter(&options).map_err(cove_api::Error::from)?;
    if let Some(warning) = identity.warning {
        tracing::warn!("{warning}");
    }
    Ok(())
}
#[cfg(not(target_os = "linux"))]
pub(crate) fn enter_namespace(_: &Context) -> Result<(), CommandError> {
    Ok(())
}
