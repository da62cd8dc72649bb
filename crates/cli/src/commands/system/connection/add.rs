//! `cove system connection add`

use cove_config::connections::Destination;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Name an engine elsewhere
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name, then ssh://[USER@]HOST[:PORT]/SOCKET, unix://PATH or tcp://HOST:PORT
    #[arg(value_name = "NAME URI")]
    words: Vec<String>,
    /// Use it where no connection is named
    #[arg(long, short)]
    default: bool,
    /// Private key for ssh
    #[arg(long, value_name = "FILE")]
    identity: Option<String>,
    /// Port for ssh
    #[arg(long, short, value_name = "PORT")]
    port: Option<u16>,
    /// The engine's socket on the other host
    #[arg(long, value_name = "PATH")]
    socket_path: Option<String>,
    /// CA for tcp:// with TLS
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<String>,
    /// Client certificate for tcp:// with TLS
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// Client key for tcp:// with TLS
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME URI", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let (name, uri) = (&args.words[0], &args.words[1]);
    let destination = Destination {
        uri: complete(uri, &args)?,
        identity: args.identity.unwrap_or_default(),
        tls_ca: args.tls_ca.unwrap_or_default(),
        tls_cert: args.tls_cert.unwrap_or_default(),
        tls_key: args.tls_key.unwrap_or_default(),
        ..Default::default()
    };
    let connections = super::connections(context);
    // The first one is the default, as nothing else could be meant.
    let first = connections.list()?.is_empty();
    connections.add(name, destination, args.default || first)?;
    Ok(0)
}

/// The URI with the parts that options give.
fn complete(uri: &str, args: &Args) -> Result<String, CommandError> {
    let with_scheme = if uri.contains("://") { uri.to_owned() } else { format!("ssh://{uri}") };
    let (scheme, rest) = with_scheme.split_once("://").unwrap_or(("ssh", uri));
    match scheme {
        "unix" => {
            let path = args.socket_path.as_deref().unwrap_or(rest);
            if path.is_empty() {
                return Err(CommandError::other(format!("{uri:?} has no path")));
            }
            Ok(format!("unix://{}", std::path::absolute(path)?.display()))
        }
        "tcp" | "npipe" => {
            if args.socket_path.is_some() {
                return Err(CommandError::other(format!(
                    "--socket-path option not supported for {scheme} scheme"
                )));
            }
            Ok(with_scheme)
        }
        "ssh" => {
            let (host, path) = match rest.find('/') {
                Some(slash) => rest.split_at(slash),
                None => (rest, ""),
            };
            if host.is_empty() || host.ends_with('@') {
                return Err(CommandError::other(format!("{uri:?} names no host")));
            }
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            let host = if has_port { host.to_owned() } else { format!("{host}:{}", args.port.unwrap_or(22)) };
            let path = match args.socket_path.as_deref() {
                Some(path) => path,
                None if path.is_empty() || path == "/" => "/run/podman/podman.sock",
                None => path,
            };
            Ok(format!("ssh://{host}{path}"))
        }
        _ => Err(CommandError::other(format!("invalid schema {scheme:?}: must be one of unix, ssh, tcp"))),
    }
}
