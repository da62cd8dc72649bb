//! Keeps the host's listening ports equal to the ports that the guest's containers publish.

use std::collections::BTreeMap;

use super::forward::{Sessions, TcpForward};
use super::state::PublishedPort;
use crate::name::MachineName;
use crate::paths::MachinePaths;
use crate::provider::{UdpForward, VmProvider};

type Key = (String, String, u16);

enum Open {
    Tcp { _listener: TcpForward },
    Udp(UdpForward),
}

/// The open ports.
pub(super) struct Ports<'a> {
    name: &'a MachineName,
    paths: &'a MachinePaths,
    provider: &'a dyn VmProvider,
    sessions: Sessions,
    open: BTreeMap<Key, Open>,
}

impl<'a> Ports<'a> {
    pub(super) fn new(
        name: &'a MachineName,
        paths: &'a MachinePaths,
        provider: &'a dyn VmProvider,
        sessions: Sessions,
    ) -> Self {
        Self { name, paths, provider, sessions, open: BTreeMap::new() }
    }

    /// Closes what is no longer wanted and opens what is new; answers the list with the failures in it.
    pub(super) async fn reconcile(&mut self, mut wanted: Vec<PublishedPort>) -> Vec<PublishedPort> {
        let keys: Vec<Key> = wanted.iter().map(key).collect();
        let gone: Vec<Key> = self.open.keys().filter(|key| !keys.contains(key)).cloned().collect();
        for key in gone {
            if let Some(Open::Udp(forward)) = self.open.remove(&key) {
                let _ = self.provider.forward_udp(self.name.as_str(), self.paths, &forward, false).await;
            }
        }
        for port in &mut wanted {
            let key = key(port);
            if self.open.contains_key(&key) {
                continue;
            }
            match self.open_port(port).await {
                Ok(open) => {
                    self.open.insert(key, open);
                }
                Err(error) => port.error = Some(error),
            }
        }
        wanted
    }

    async fn open_port(&self, port: &PublishedPort) -> Result<Open, String> {
        match port.protocol.as_str() {
            "tcp" => {
                let listener = TcpForward::open(&port.host_ip, port.port, self.sessions.clone()).await?;
                Ok(Open::Tcp { _listener: listener })
            }
            "udp" if self.provider.capabilities().udp => {
                let host_ip = udp_address(&port.host_ip)?;
                let forward = UdpForward { host_ip, host_port: port.port, guest_port: port.port };
                self.provider
                    .forward_udp(self.name.as_str(), self.paths, &forward, true)
                    .await
                    .map_err(|error| error.to_string())?;
                Ok(Open::Udp(forward))
            }
            other => Err(format!("{other} ports are not forwarded from a machine")),
        }
    }
}

fn key(port: &PublishedPort) -> Key {
    (port.protocol.clone(), port.host_ip.clone(), port.port)
}

/// The guest chose this text: only an IPv4 address may get into a monitor command.
fn udp_address(host_ip: &str) -> Result<String, String> {
    if matches!(host_ip, "" | "*" | "::" | "0.0.0.0") {
        return Ok(String::new());
    }
    let address: std::net::Ipv4Addr =
        host_ip.parse().map_err(|_| format!("UDP forwarding needs an IPv4 address, not {host_ip:?}"))?;
    Ok(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_an_address_reaches_the_monitor() {
        assert_eq!(udp_address("").unwrap(), "");
        assert_eq!(udp_address("127.0.0.1").unwrap(), "127.0.0.1");
        assert!(udp_address("1.2.3.4:1-:1\nquit").is_err());
    }
}
