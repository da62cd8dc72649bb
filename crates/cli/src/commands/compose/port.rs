//! `cove compose port`

use cove_api::{PortMapping, Protocol};

use super::here::{Here, index};
use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show where a port of a service is published
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service, then the port in the container
    #[arg(value_name = "SERVICE PORT")]
    words: Vec<String>,
    /// Of the container with this number
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    index: u32,
    /// tcp or udp
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp", hide_default_value = true)]
    protocol: Protocol,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SERVICE PORT");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let port: u16 = args.words[1].parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        CommandError::other(format!("invalid port {:?}: a number from 1 to 65535", args.words[1]))
    })?;
    let here = Here::of(context, &[]).await?;
    let container = here.running(&args.words[0], index(args.index))?;
    let published = PortMapping::expand_all(&container.row.ports)?;
    let found = published.iter().find(|one| one.container_port == port && one.protocol == args.protocol);
    match found {
        Some(found) => context.printer.line(&found.host().to_string())?,
        None => {
            let there: Vec<String> =
                published.iter().map(|one| format!("{}/{}", one.host_port, one.protocol.as_str())).collect();
            return Err(CommandError::other(format!(
                "no port {port}/{} for container {}: {}",
                args.protocol.as_str(),
                container.name,
                there.join(", ")
            )));
        }
    }
    Ok(0)
}
