//! Which engine a command talks to, and the way to it. The only place that knows whether it is local.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{Credentials, Engine};
use cove_config::auth::CredentialStore;
use cove_config::connections::Connections;
use cove_config::containers::ContainersConf;
use cove_config::contexts::DEFAULT;
use cove_config::{Directories, Environment, Registries, env};

use crate::args::GlobalOptions;
use crate::command_error::CommandError;
use crate::context::Context;

pub(crate) mod docker;

/// Where the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// In this process.
    Local,
    /// Behind an API.
    Remote(cove_config::connections::Destination),
    /// Nowhere, for that reason.
    Missing(String),
}

/// Decides by options, then environment, then (called `docker`) as Docker's program does, then (where there is no engine
/// of its own) the default connection.
///
/// # Errors
/// A connection or context that is named does not exist; two ways are named at once.
pub(crate) fn choose(
    program: &str,
    global: &GlobalOptions,
    environment: &Environment,
    directories: &Directories,
    conf: &ContainersConf,
) -> Result<Destination, CommandError> {
    let identity =
        global.root.identity.clone().or_else(|| environment.get(env::CONTAINER_SSHKEY).map(str::to_owned));
    let root = &global.root;
    let secured = |mut destination: cove_config::connections::Destination| {
        for (own, option) in [
            (&mut destination.tls_ca, &root.tls_ca),
            (&mut destination.tls_cert, &root.tls_cert),
            (&mut destination.tls_key, &root.tls_key),
        ] {
            if let Some(file) = option {
                own.clone_from(file);
            }
        }
        Destination::Remote(destination)
    };
    let by_url = |uri: String| {
        let mut destination = cove_config::connections::Destination {
            uri,
            identity: identity.clone().unwrap_or_default(),
            ..Default::default()
        };
        let variable = |name| environment.get(name).unwrap_or_default().to_owned();
        destination.tls_ca = variable(env::CONTAINER_TLS_CA);
        destination.tls_cert = variable(env::CONTAINER_TLS_CERT);
        destination.tls_key = variable(env::CONTAINER_TLS_KEY);
        secured(destination)
    };
    let connections = || Connections::new(directories.connections_file(environment), conf);
    let by_name = |name: &str| -> Result<Destination, CommandError> {
        let connection = connections().get(name).map_err(|error| {
            CommandError::other(format!("read cli flags: {}", crate::command_error::chain(&error)))
        })?;
        let mut destination = connection.destination;
        if let Some(identity) = &identity {
            destination.identity.clone_from(identity);
        }
        Ok(secured(destination))
    };
    // The engine of this host needs no service to run.
    let by_docker = |destination: cove_config::connections::Destination| {
        if cfg!(target_os = "linux") && !root.remote && docker::is_own_socket(&destination.uri, directories) {
            return Destination::Local;
        }
        secured(destination)
    };
    if root.context.is_some() && (root.url.is_some() || root.connection.is_some()) {
        let other = if root.url.is_some() { "--url (--host)" } else { "--connection" };
        return Err(CommandError::other(format!(
            "conflicting options: cannot specify both {other} and --context"
        )));
    }
    if let Some(url) = &root.url {
        return Ok(by_url(url.clone()));
    }
    // Docker's program has -c for contexts.
    let short = root.connection.as_deref();
    if let Some(name) = short.filter(|_| program != docker::PROGRAM) {
        return by_name(name);
    }
    // The default context is whatever is used where none is named.
    let context = root.context.as_deref().or(short);
    let no_context = context == Some(DEFAULT);
    if let Some(name) = context.filter(|_| !no_context) {
        return match docker::named(name, environment, directories)? {
            Some(destination) => Ok(by_docker(destination)),
            // Podman has the option for connections.
            None => by_name(name),
        };
    }
    if let Some(url) = environment.get(env::CONTAINER_HOST) {
        return Ok(by_url(url.to_owned()));
    }
    if let Some(name) = environment.get(env::CONTAINER_CONNECTION) {
        return by_name(name);
    }
    if !no_context && let Some(destination) = docker::followed(program, environment, directories)? {
        return Ok(by_docker(destination));
    }
    if cfg!(target_os = "linux") && !global.root.remote && conf.engine.remote != Some(true) {
        return Ok(Destination::Local);
    }
    match connections().default_connection() {
        Ok(connection) => Ok(secured(connection.destination)),
        Err(_) if cfg!(target_os = "linux") => {
            let own = directories.api_socket();
            let socket = if own.exists() { own } else { directories.podman_socket() };
            Ok(by_url(format!("unix://{}", socket.display())))
        }
        Err(_) => Err(CommandError::other(
            "this system has no engine of its own and no connection to one: run 'cove machine init' and 'cove machine start'",
        )),
    }
}

/// Opens or connects to the engine.
///
/// # Errors
/// It cannot be opened or reached.
pub(crate) async fn open(context: &Context) -> Result<Box<dyn Engine>, CommandError> {
    match &context.destination {
        Destination::Local => {
            let root = &context.global.root;
            if [&root.tls_ca, &root.tls_cert, &root.tls_key].iter().any(|option| option.is_some()) {
                return Err(CommandError::other(TLS_WITHOUT_TCP));
            }
            open_local(context)
        }
        Destination::Remote(destination) => open_remote(context, destination),
        Destination::Missing(reason) => Err(CommandError::other(reason.clone())),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_local(_: &Context) -> Result<Box<dyn Engine>, CommandError> {
    Err(CommandError::other("this system has no engine of its own: use a connection or a machine"))
}

#[cfg(target_os = "linux")]
fn open_local(context: &Context) -> Result<Box<dyn Engine>, CommandError> {
    let engine = cove_engine::LocalEngine::open(local_options(context)?)?;
    Ok(Box::new(engine))
}

/// What the local engine is opened with.
///
/// # Errors
/// A configuration file is wrong, or the monitor program is missing.
#[cfg(target_os = "linux")]
pub(crate) fn local_options(context: &Context) -> Result<cove_engine::EngineOptions, CommandError> {
    let shared = &context.global.shared;
    let storage = cove_config::storage::StorageConf::load(&context.environment, &context.directories)?;
    let flags = cove_config::storage::StorageFlags {
        graph_root: shared.root.clone().map(absolute).transpose()?,
        run_root: shared.runroot.clone().map(absolute).transpose()?,
        driver: shared.storage_driver.clone(),
        driver_options: shared.storage_opt.clone(),
    };
    let store = cove_config::storage::StoreOptions::resolve(
        &storage.value,
        &flags,
        &context.environment,
        &context.directories,
    )?;
    for warning in storage.warnings.iter().chain(&store.warnings) {
        tracing::warn!("{warning}");
    }
    for remark in &storage.remarks {
        tracing::info!("{remark}");
    }
    if let Some(backend) = &shared.events_backend
        && !matches!(backend.as_str(), "file" | "journald" | "none")
    {
        return Err(CommandError::other(format!(
            "events backend {backend:?} is not known: only \"file\", \"journald\" and \"none\""
        )));
    }
    let events_backend = shared.events_backend.clone();
    let helpers = context.conf.helper_folders(&context.environment, context.executable.parent());
    let mut options = cove_engine::EngineOptions::new(
        context.directories.clone(),
        context.environment.clone(),
        context.conf.clone(),
        store,
        monitor(context)?,
    );
    options.runtime.clone_from(&shared.runtime);
    options.runtime_flags.clone_from(&shared.runtime_flag);
    let engine = &mut options.containers.engine;
    for (folders, key) in
        [(&shared.hooks_dir, &mut engine.hooks_dir), (&shared.cdi_spec_dir, &mut engine.cdi_spec_dirs)]
    {
        if !folders.is_empty() {
            *key = Some(crate::args::absolute(folders).into());
        }
    }
    options.cgroup_manager.clone_from(&shared.cgroup_manager);
    options.run_dir = shared.tmpdir.clone().map(absolute).transpose()?.map(|folder| folder.join("cove"));
    options.events_backend = events_backend;
    options.volume_path = shared.volumepath.clone().map(absolute).transpose()?;
    options.network_config_dir = shared.network_config_dir.clone().map(absolute).transpose()?;
    options.default_mounts_file = shared.default_mounts_file.clone().map(absolute).transpose()?;
    options.helper_dirs = helpers;
    options.build = crate::commands::system::version::build();
    options.port_forwarder = crate::forward::command(&context.executable);
    let mut exit_command = vec![context.executable.display().to_string()];
    exit_command.extend(shared.to_arguments());
    options.own_command.clone_from(&exit_command);
    exit_command.extend(["container".to_owned(), "cleanup".to_owned()]);
    options.exit_command = exit_command;
    Ok(options)
}

/// The monitor: beside this program, in a folder of helper programs, or on the search path.
#[cfg(target_os = "linux")]
pub(crate) fn monitor(context: &Context) -> Result<PathBuf, CommandError> {
    let name = "cove-monitor";
    let helpers = context.conf.helper_folders(&context.environment, context.executable.parent());
    let beside = context.executable.parent().map(|folder| folder.join(name));
    let on_path = context.environment.os(env::PATH).map(std::env::split_paths).into_iter().flatten();
    beside
        .into_iter()
        .chain(helpers.iter().map(|folder| folder.join(name)))
        .chain(on_path.map(|folder| folder.join(name)))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            CommandError::other(format!(
                "the program {name} is missing: it belongs beside {} or into a folder of helper programs",
                context.executable.display()
            ))
        })
}

/// An absolute path for one that may be relative to the working directory.
#[cfg(target_os = "linux")]
fn absolute(path: PathBuf) -> Result<PathBuf, CommandError> {
    std::path::absolute(&path).map_err(|error| CommandError::other(format!("{}: {error}", path.display())))
}

/// Whoever asks for TLS must not be connected without.
const TLS_WITHOUT_TCP: &str = "TLS is for services at tcp://HOST:PORT";

/// The files that a connection is secured with; [`None`] where it is not.
fn tls_files(
    to: &cove_config::connections::Destination,
) -> Result<Option<cove_client::TlsFiles>, CommandError> {
    let file = |name: &String| (!name.is_empty()).then(|| PathBuf::from(name));
    let authorities = file(&to.tls_ca);
    let identity = match (file(&to.tls_cert), file(&to.tls_key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(CommandError::other("TLS Key and Certificate must both or neither be provided")),
    };
    let asked = authorities.is_some() || identity.is_some();
    Ok(asked.then_some(cove_client::TlsFiles { authorities, identity }))
}

/// The credentials of who calls this program, which a service elsewhere has not.
#[derive(Debug)]
struct OwnCredentials {
    environment: Environment,
    directories: Directories,
}

impl cove_client::UserCredentials for OwnCredentials {
    fn all(&self, file: Option<&str>) -> cove_api::Result<BTreeMap<String, Credentials>> {
        let registries = Registries::load(&self.environment, &self.directories, None)?.value;
        let file = file.map(Path::new);
        let store = CredentialStore::new(&self.environment, &self.directories, &registries, file);
        let (all, failures) = store.all()?;
        for error in failures {
            tracing::warn!("credentials for registries: {error}");
        }
        let shown = |found: cove_config::Credentials| Credentials {
            username: found.username.clone(),
            password: found.password().to_owned(),
            identity_token: found.identity_token().unwrap_or_default().to_owned(),
            registry_token: found.registry_token().unwrap_or_default().to_owned(),
        };
        Ok(all.into_iter().map(|(name, found)| (name, shown(found))).collect())
    }
}

/// The engine behind a connection.
///
/// # Errors
/// Its address is none, or there is no way to it.
pub(crate) fn open_remote(
    context: &Context,
    destination: &cove_config::connections::Destination,
) -> Result<Box<dyn Engine>, CommandError> {
    use cove_client::{Address, Client, SecureTcp};
    let client = match (destination.uri.parse()?, tls_files(destination)?) {
        (address, None) => Client::new(address),
        (Address::Tcp(host), Some(files)) => Client::over(Arc::new(SecureTcp::new(&host, &files)?)),
        (Address::Unix(_), Some(_)) => return Err(CommandError::other(TLS_WITHOUT_TCP)),
    };
    let credentials =
        OwnCredentials { environment: context.environment.clone(), directories: context.directories.clone() };
    Ok(Box::new(client.with_credentials(Arc::new(credentials))))
}
