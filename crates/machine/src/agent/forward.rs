//! TCP ports of the host that lead into the guest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ssh::SshSession;

const PATIENCE: Duration = Duration::from_secs(10);

/// The present SSH session, for everybody who needs it.
#[derive(Clone)]
pub(super) struct Sessions {
    receiver: watch::Receiver<Option<Arc<SshSession>>>,
    /// The guest's own address, where the provider gave it one.
    guest: Option<Ipv4Addr>,
}

impl Sessions {
    pub(super) fn new(guest: Option<Ipv4Addr>) -> (watch::Sender<Option<Arc<SshSession>>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self { receiver, guest })
    }

    /// The open session, waiting for one at most `patience`.
    pub(super) async fn wait(&self, patience: Duration) -> Option<Arc<SshSession>> {
        let mut receiver = self.receiver.clone();
        let open = receiver.wait_for(|session| session.as_ref().is_some_and(|session| !session.is_closed()));
        tokio::time::timeout(patience, open).await.ok()?.ok()?.clone()
    }
}

/// A listening port; dropping it closes the port (open connections go on).
pub(super) struct TcpForward(Vec<JoinHandle<()>>);

impl Drop for TcpForward {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl TcpForward {
    /// Listens on `port` of `host_ip` (empty: all addresses).
    pub(super) async fn open(host_ip: &str, port: u16, sessions: Sessions) -> Result<Self, String> {
        let address = parse_address(host_ip)?;
        let listener =
            TcpListener::bind(SocketAddr::new(address, port)).await.map_err(|error| error.to_string())?;
        let mut tasks = vec![tokio::spawn(accept(listener, address, port, sessions.clone()))];
        // Programs that take `localhost` for ::1 first find the port too, where the host has IPv6.
        if matches!(address, IpAddr::V4(address) if address.is_unspecified() || address == Ipv4Addr::LOCALHOST)
            && let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await
        {
            tasks.push(tokio::spawn(accept(listener, address, port, sessions)));
        }
        Ok(Self(tasks))
    }
}

/// Podman writes nothing, `0.0.0.0` or `::` for all addresses.
fn parse_address(host_ip: &str) -> Result<IpAddr, String> {
    match host_ip {
        "" | "*" | "::" => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        text => text.parse().map_err(|_| format!("{text:?} is no IP address")),
    }
}

async fn accept(listener: TcpListener, address: IpAddr, port: u16, sessions: Sessions) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(carry(stream, address, port, sessions.clone()));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn carry(mut stream: TcpStream, address: IpAddr, port: u16, sessions: Sessions) {
    let Some(session) = sessions.wait(PATIENCE).await else { return };
    for target in targets(address, sessions.guest) {
        if let Ok(mut guest) = session.tcp(&target, port).await {
            let _ = copy_bidirectional(&mut stream, &mut guest).await;
            return;
        }
    }
}

/// Where the guest's own port forwarding may answer: its address first, which every network driver serves.
fn targets(address: IpAddr, guest: Option<Ipv4Addr>) -> Vec<String> {
    let local = Some(Ipv4Addr::LOCALHOST);
    let order = if address.is_loopback() { [local, guest] } else { [guest, local] };
    order.into_iter().flatten().map(|address| address.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(parse_address("").unwrap().is_unspecified());
        assert!(parse_address("127.0.0.1").unwrap().is_loopback());
        assert!(parse_address("host").is_err());
        let own = Some(Ipv4Addr::new(10, 0, 2, 15));
        assert_eq!(targets(parse_address("127.0.0.1").unwrap(), own), ["127.0.0.1", "10.0.2.15"]);
        assert_eq!(targets(parse_address("0.0.0.0").unwrap(), own)[0], "10.0.2.15");
        assert_eq!(targets(parse_address("").unwrap(), None), ["127.0.0.1"]);
    }
}
