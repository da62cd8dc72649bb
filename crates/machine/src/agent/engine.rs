//! The guest's engine, as any other over HTTP, and the few questions the agent asks it. Answers come from the guest and
//! are bounded.

use std::fmt;
use std::sync::Arc;

use cove_api::endpoint::Duplex;
use cove_api::{
    ContainerSummary, Engine as _, Event, EventOptions, Filters, ListOptions, PortMapping, ValueStream,
};
use cove_client::{Client, Connect, Connecting};

use super::state::PublishedPort;
use crate::provision::GUEST_SOCKET;
use crate::ssh::SshSession;

/// Most ports that are forwarded.
const PORT_LIMIT: usize = 4096;

/// The way to the engine: its socket in the guest, through the ssh connection.
struct OverSsh(Arc<SshSession>);

impl Connect for OverSsh {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let stream = self.0.unix(GUEST_SOCKET).await.map_err(std::io::Error::other)?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

impl fmt::Display for OverSsh {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{GUEST_SOCKET} in the guest")
    }
}

impl fmt::Debug for OverSsh {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The engine behind a connection.
pub(super) fn engine(session: &Arc<SshSession>) -> Client {
    Client::over(Arc::new(OverSsh(Arc::clone(session))))
}

/// Whether it answers.
pub(super) async fn ping(engine: &Client) -> Result<(), String> {
    engine.system().ping().await.map(drop).map_err(|error| error.message)
}

/// The published ports of the running containers.
pub(super) async fn published_ports(engine: &Client) -> Result<Vec<PublishedPort>, String> {
    let options = ListOptions { all: true, ..ListOptions::default() };
    Ok(ports_of(engine.containers().list(options).await.map_err(|error| error.message)?))
}

/// The stream of container events; every one of them means that something may have changed.
pub(super) async fn events(engine: &Client) -> Result<ValueStream<Event>, String> {
    let filters = Filters::from([("type".to_owned(), vec!["container".to_owned()])]);
    let options = EventOptions { stream: true, filters, ..EventOptions::default() };
    engine.system().events(options).await.map_err(|error| error.message)
}

fn published(mapping: &PortMapping, port: cove_api::PublishedPort) -> PublishedPort {
    PublishedPort {
        protocol: port.protocol.to_string(),
        host_ip: mapping.host_ip.clone(),
        port: port.host_port,
        error: None,
    }
}

fn ports_of(containers: Vec<ContainerSummary>) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for container in containers.into_iter().filter(|container| container.state.is_alive()) {
        for mapping in container.ports {
            match mapping.expand() {
                Ok(single) => {
                    let chosen = single.into_iter().filter(|port| port.host_port != 0);
                    ports.extend(chosen.map(|port| published(&mapping, port)).take(PORT_LIMIT));
                    ports.truncate(PORT_LIMIT);
                }
                Err(error) => tracing::warn!("a port of the guest: {error}"),
            }
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(json: &str) -> Vec<PublishedPort> {
        ports_of(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn ports_of_running_containers_with_ranges_and_protocols() {
        let found = ports(
            r#"[
            {"State":"running","Ports":[{"host_ip":"","container_port":80,"host_port":8080,"range":2,"protocol":"tcp"}]},
            {"State":"running","Ports":[{"host_ip":"127.0.0.1","container_port":53,"host_port":5353,"range":1,"protocol":"udp,tcp"}]},
            {"State":"exited","Ports":[{"host_port":9,"range":1,"protocol":"tcp"}]},
            {"State":"running"}]"#,
        );
        let short: Vec<String> =
            found.iter().map(|port| format!("{}/{}/{}", port.protocol, port.host_ip, port.port)).collect();
        assert_eq!(short, ["tcp//8080", "tcp//8081", "tcp/127.0.0.1/5353", "udp/127.0.0.1/5353"]);
    }

    #[test]
    fn a_hostile_list_is_bounded() {
        let beyond =
            r#"[{"State":"running","Ports":[{"host_port":65000,"container_port":1,"range":65535}]}]"#;
        assert_eq!(ports(beyond), []);
        let many = r#"[{"State":"running","Ports":[{"host_port":1,"container_port":1,"range":65535}]}]"#;
        assert_eq!(ports(many).len(), PORT_LIMIT);
    }
}
