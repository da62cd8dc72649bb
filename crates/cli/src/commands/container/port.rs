//! `cove port`

use cove_api::{ExposedPort, ListOptions, PortMapping};

use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show the published ports of a container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container, then perhaps one of its ports: PORT[/PROTOCOL]
    #[arg(value_name = "CONTAINER [PORT]")]
    words: Vec<String>,
    /// Every running container
    #[arg(long, short)]
    all: bool,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [PORT]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let engine = context.engine().await?;
    let mut words = args.words;
    if args.all && (args.latest || !words.is_empty()) {
        return Err(CommandError::other("cannot use --all with container names or --latest"));
    }
    if args.all {
        for container in engine.containers().list(ListOptions::default()).await? {
            for (port, host) in lines(&container.ports)? {
                let id = crate::render::short_id(&container.id);
                context.printer.text(&format!("{id}\t{port} -> {host}\n"))?;
            }
        }
        return Ok(0);
    }
    if args.latest {
        words.insert(0, super::latest(engine).await?);
    }
    let (name, wanted) = match words.as_slice() {
        [name] => (name, None),
        [name, port] => (name, Some(port)),
        _ => return Err(CommandError::other("you must supply a running container name or id")),
    };
    let wanted = wanted.map(|text| text.parse::<ExposedPort>()).transpose()?.map(|port| port.to_string());
    let inspected = engine.containers().inspect(name, false).await?;
    let mut found = false;
    for (port, hosts) in &inspected.network_settings.ports {
        for host in hosts {
            let address = match host.host_ip.as_str() {
                "" => "0.0.0.0".to_owned(),
                address if address.contains(':') => format!("[{address}]"),
                address => address.to_owned(),
            };
            match &wanted {
                None => context.printer.line(&format!("{port} -> {address}:{}", host.host_port))?,
                Some(wanted) if wanted == port => {
                    found = true;
                    context.printer.line(&format!("{address}:{}", host.host_port))?;
                }
                Some(_) => {}
            }
        }
    }
    if let Some(wanted) = wanted
        && !found
    {
        return Err(CommandError::other(format!("failed to find published port {wanted:?}")));
    }
    Ok(0)
}

/// Port and address of each published one; IPv6 in brackets.
fn lines(ports: &[PortMapping]) -> cove_api::Result<Vec<(String, String)>> {
    let ports = PortMapping::expand_all(ports)?;
    Ok(ports.iter().map(|port| (port.exposed().to_string(), port.host().to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_in_brackets() {
        let mapping = |host_ip: &str| PortMapping {
            host_ip: host_ip.into(),
            host_port: 8080,
            container_port: 80,
            ..PortMapping::default()
        };
        let shown = lines(&[mapping(""), mapping("::1")]).unwrap();
        let expected = [("80/tcp", "0.0.0.0:8080"), ("80/tcp", "[::1]:8080")];
        assert_eq!(shown, expected.map(|(port, host)| (port.to_owned(), host.to_owned())));
    }
}
