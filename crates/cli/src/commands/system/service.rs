//! `cove system service`

use std::os::fd::{FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cove_config::env;
use cove_server::{Listen, ServeOptions, Tls};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::connect;
use crate::context::Context;

/// Serve the Docker and Podman APIs on a socket
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// unix://PATH or tcp://HOST:PORT; the user's own socket where none is given
    #[arg(value_name = "URI")]
    uris: Vec<String>,
    /// End after so many seconds without a connection; 0 never ends
    #[arg(long, short, value_name = "SECONDS", alias = "timeout")]
    time: Option<u64>,
    /// Origin whose web pages may use the service, or * for any; requests of other pages are refused
    #[arg(long, value_name = "ORIGIN")]
    cors: Option<String>,
    /// File with the certificate to show to clients, which must talk TLS
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// File with the key of that certificate
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// File with the certificates that a client's must be signed by
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
}

impl Args {
    /// How clients must talk to it.
    fn tls(&self) -> Result<Option<Tls>, CommandError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some(Tls {
                certificate: certificate.clone(),
                key: key.clone(),
                client_authorities: self.tls_client_ca.clone(),
            })),
            (Some(_), None) => Err(CommandError::other("--tls-cert provided without --tls-key")),
            (None, Some(_)) => Err(CommandError::other("--tls-key provided without --tls-cert")),
            (None, None) if self.tls_client_ca.is_some() => {
                Err(CommandError::other("--tls-client-ca provided without --tls-cert and --tls-key"))
            }
            (None, None) => Ok(None),
        }
    }
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [URI]", Service);

/// Seconds without a connection after which the service ends, where nothing else is said.
const DEFAULT_TIME: u64 = 5;

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.uris, 1)?;
    let tls = args.tls()?;
    let listen = match (args.uris.first(), inherited(context)?) {
        (None, Some(listen)) => listen,
        (uri, _) => parse(uri.map(String::as_str), context)?,
    };
    let guarded = tls.as_ref().is_some_and(|tls| tls.client_authorities.is_some());
    match &listen {
        Listen::Tcp(address) if !guarded => tracing::warn!(
            "Using the API service with TCP sockets without --tls-client-ca is not recommended: whoever reaches {address} controls this user's account"
        ),
        Listen::Tcp(_) | Listen::Unix(_) | Listen::Inherited(_) => {}
    }
    tracing::info!("API service listening on {listen:?}");
    let configured = context.conf.engine.service_timeout.map(u64::from);
    let time = args.time.or(configured).unwrap_or(DEFAULT_TIME);
    let options = ServeOptions {
        listen,
        idle_timeout: (time > 0).then(|| Duration::from_secs(time)),
        default_network: context.conf.network.default_network.clone().unwrap_or_else(|| "podman".to_owned()),
        tls,
        allowed_origin: args.cors.filter(|origin| !origin.is_empty()),
    };
    if context.destination != connect::Destination::Local {
        let engine = Arc::from(connect::open(context).await?);
        cove_server::serve(engine, options, asked_to_end()?).await?;
        return Ok(0);
    }
    let engine = cove_engine::LocalEngine::open(connect::local_options(context)?)?;
    let booted = tokio::spawn(start_after_reboot(engine.clone()));
    cove_server::serve(Arc::new(engine), options, asked_to_end()?).await?;
    // What has begun is brought to its end.
    let _ = booted.await;
    Ok(0)
}

/// What ran before a reboot runs again as soon as there is a service.
async fn start_after_reboot(engine: cove_engine::LocalEngine) {
    match engine.start_after_reboot().await {
        Ok(errors) => errors.iter().for_each(|error| tracing::warn!("after the reboot: {error}")),
        Err(error) => tracing::warn!("after the reboot: {error}"),
    }
}

fn parse(uri: Option<&str>, context: &Context) -> Result<Listen, CommandError> {
    let Some(uri) = uri else { return Ok(Listen::Unix(context.directories.api_socket())) };
    // Both tcp://HOST:PORT and tcp:HOST:PORT, as URLs are read elsewhere.
    let parts = uri.split_once(':').map(|(scheme, rest)| (scheme, rest.strip_prefix("//").unwrap_or(rest)));
    match parts {
        Some(("unix", path)) if !path.is_empty() => Ok(Listen::Unix(std::path::absolute(path)?)),
        Some(("tcp", address)) if !address.is_empty() => {
            // A port alone listens on every address, as Go's net.Listen does.
            let address =
                if address.starts_with(':') { format!("0.0.0.0{address}") } else { address.to_owned() };
            Ok(Listen::Tcp(address))
        }
        None if uri.starts_with('/') => Ok(Listen::Unix(PathBuf::from(uri))),
        _ => Err(CommandError::other(format!(
            "{uri:?} is no address to serve on: must be unix://PATH or tcp://HOST:PORT"
        ))),
    }
}

/// The socket that systemd passed, if it did.
fn inherited(context: &Context) -> Result<Option<Listen>, CommandError> {
    let own = context.environment.number(env::LISTEN_PID) == Some(std::process::id());
    let count = context.environment.number(env::LISTEN_FDS).filter(|count| *count > 0);
    if !own || count.is_none() {
        return Ok(None);
    }
    if count > Some(1) {
        return Err(CommandError::other("socket activation with several sockets is not supported"));
    }
    // SAFETY: systemd's protocol (sd_listen_fds(3)) hands descriptor 3 over to the process whose id is in
    // LISTEN_PID, and nothing else in this process has taken it.
    let socket = unsafe { OwnedFd::from_raw_fd(3) };
    Ok(Some(Listen::Inherited(socket.into())))
}

/// Done when the process is asked to end.
fn asked_to_end() -> Result<impl Future<Output = ()> + Send, CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
