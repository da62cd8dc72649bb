//! `cove network update`

use cove_api::NetworkUpdateOptions;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Change which name servers a network asks, also for containers that run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
    /// Name server to ask
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    dns_add: Vec<String>,
    /// Name server to ask no more
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    dns_drop: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NETWORK");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.networks, 1)?;
    for server in args.dns_add.iter().chain(&args.dns_drop) {
        if server.parse::<std::net::IpAddr>().is_err() {
            return Err(CommandError::other(format!("unable to parse ip {server}: invalid argument")));
        }
    }
    let options = NetworkUpdateOptions { add_dns_servers: args.dns_add, remove_dns_servers: args.dns_drop };
    context.engine().await?.networks().update(&args.networks[0], options).await?;
    context.printer.line(&args.networks[0])?;
    Ok(0)
}
