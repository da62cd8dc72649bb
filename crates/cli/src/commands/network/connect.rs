//! `cove network connect`

use std::net::{Ipv4Addr, Ipv6Addr};

use cove_api::PerNetworkOptions;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Add a container to a network, also one that runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Network and container, names or ids
    #[arg(value_name = "NETWORK CONTAINER")]
    words: Vec<String>,
    /// Further name of the container on the network
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    alias: Vec<String>,
    /// Its IPv4 address there
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// Its IPv6 address there
    #[arg(long, value_name = "ADDRESS")]
    ip6: Option<String>,
    /// Its hardware address there
    #[arg(long, value_name = "ADDRESS")]
    mac_address: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NETWORK CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let options = options(&args)?;
    context.engine().await?.networks().connect(&args.words[0], &args.words[1], options).await?;
    Ok(0)
}

fn options(args: &Args) -> Result<PerNetworkOptions, CommandError> {
    let wrong = |flag: &str, text: &str, kind: &str| {
        CommandError::other(format!("invalid value for {flag}: {text:?} is not an {kind} address"))
    };
    let mut options = PerNetworkOptions::default();
    if let Some(text) = &args.ip {
        let address: Ipv4Addr = text.parse().map_err(|_| wrong("--ip", text, "IPv4"))?;
        if address.is_link_local() {
            return Err(CommandError::other(cove_spec::network::is_link_local("--ip", text)));
        }
        options.static_ips.push(address.to_string());
    }
    if let Some(text) = &args.ip6 {
        let address: Ipv6Addr = text.parse().map_err(|_| wrong("--ip6", text, "IPv6"))?;
        if address.is_unicast_link_local() {
            return Err(CommandError::other(cove_spec::network::is_link_local("--ip6", text)));
        }
        options.static_ips.push(address.to_string());
    }
    if let Some(text) = &args.mac_address {
        options.static_mac = cove_spec::network::mac_address(text)?;
    }
    for alias in &args.alias {
        cove_spec::name::hostname(alias)?;
        options.aliases.push(alias.clone());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names() {
        let found = options(&crate::args::parsed(
            "--ip 10.9.0.5 --ip6 fd00::5 --mac-address 02-AA-00-00-00-01 --alias a,b --alias c net ctr",
        ))
        .unwrap();
        assert_eq!(found.static_ips, ["10.9.0.5", "fd00::5"]);
        assert_eq!(found.static_mac, "02:aa:00:00:00:01");
        assert_eq!(found.aliases, ["a", "b", "c"]);
        for line in [
            "--ip fd00::5 n c",
            "--ip6 10.0.0.1 n c",
            "--mac-address 01:00:00:00:00:00 n c",
            "--alias a_b! n c",
        ] {
            assert!(options(&crate::args::parsed(line)).is_err(), "{line}");
        }
    }
}
