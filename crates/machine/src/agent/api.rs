//! The few questions the agent asks the guest's engine, over its own API. Answers come from the guest and are
//! bounded.

use bytes::Bytes;
use cove_api::{ContainerState, PortMapping};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Deserialize;

use super::state::PublishedPort;
use crate::provision::GUEST_SOCKET;
use crate::ssh::SshSession;

/// Largest accepted list of containers, in bytes.
const LIST_LIMIT: usize = 16 << 20;
/// Most ports that are forwarded.
const PORT_LIMIT: usize = 4096;

const PING: &str = "/libpod/_ping";
const CONTAINERS: &str = "/v5.0.0/libpod/containers/json?all=true";
/// `filters={"type":["container"]}`
const EVENTS: &str = "/v5.0.0/libpod/events?stream=true&filters=%7B%22type%22%3A%5B%22container%22%5D%7D";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    state: ContainerState,
    #[serde(default)]
    ports: Option<Vec<PortMapping>>,
}

/// Whether the engine answers; the guest's time by its `Date` header, in seconds since 1970.
pub(super) async fn ping(session: &SshSession) -> Result<Option<i64>, String> {
    let response = get(session, PING).await?;
    let date = response.headers().get(http::header::DATE).and_then(|value| value.to_str().ok());
    Ok(date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()).map(|time| time.timestamp().as_second()))
}

/// The published ports of the running containers.
pub(super) async fn published_ports(session: &SshSession) -> Result<Vec<PublishedPort>, String> {
    let response = get(session, CONTAINERS).await?;
    let body =
        Limited::new(response.into_body(), LIST_LIMIT).collect().await.map_err(|error| error.to_string())?;
    parse_ports(&body.to_bytes())
}

/// The stream of container events; every piece of it means that something may have changed.
pub(super) async fn events(session: &SshSession) -> Result<Incoming, String> {
    Ok(get(session, EVENTS).await?.into_body())
}

async fn get(session: &SshSession, path: &str) -> Result<Response<Incoming>, String> {
    let stream = session.unix(GUEST_SOCKET).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(http::header::HOST, "d")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    if response.status() == StatusCode::OK {
        Ok(response)
    } else {
        Err(format!("GET {path}: the guest's engine answered {}", response.status()))
    }
}

fn published(mapping: &PortMapping, port: cove_api::PublishedPort) -> PublishedPort {
    PublishedPort {
        protocol: port.protocol.to_string(),
        host_ip: mapping.host_ip.clone(),
        port: port.host_port,
        error: None,
    }
}

fn parse_ports(json: &[u8]) -> Result<Vec<PublishedPort>, String> {
    let containers: Option<Vec<Container>> =
        serde_json::from_slice(json).map_err(|error| format!("list of containers: {error}"))?;
    let mut ports = Vec::new();
    for container in containers.unwrap_or_default() {
        if !container.state.is_alive() {
            continue;
        }
        for mapping in container.ports.unwrap_or_default() {
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
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_running_containers_with_ranges_and_protocols() {
        let json = br#"[
            {"State":"running","Ports":[{"host_ip":"","container_port":80,"host_port":8080,"range":2,"protocol":"tcp"}]},
            {"State":"running","Ports":[{"host_ip":"127.0.0.1","container_port":53,"host_port":5353,"range":1,"protocol":"udp,tcp"}]},
            {"State":"exited","Ports":[{"host_port":9,"range":1,"protocol":"tcp"}]},
            {"State":"running","Ports":null},{"State":"running"}]"#;
        let found = parse_ports(json).unwrap();
        let short: Vec<String> =
            found.iter().map(|port| format!("{}/{}/{}", port.protocol, port.host_ip, port.port)).collect();
        assert_eq!(short, ["tcp//8080", "tcp//8081", "tcp/127.0.0.1/5353", "udp/127.0.0.1/5353"]);
        assert_eq!(parse_ports(b"null").unwrap(), []);
        assert!(parse_ports(b"{").is_err());
    }

    #[test]
    fn a_hostile_list_is_bounded() {
        let json = br#"[{"State":"running","Ports":[{"host_port":65000,"container_port":1,"range":65535}]}]"#;
        assert_eq!(parse_ports(json).unwrap(), []);
        let json = br#"[{"State":"running","Ports":[{"host_port":1,"container_port":1,"range":65535}]}]"#;
        assert_eq!(parse_ports(json).unwrap().len(), PORT_LIMIT);
    }
}
