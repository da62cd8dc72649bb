//! The port forwarder of rootless bridge networks: a process that listens in the host's namespace and connects in
//! the container's.
//!
//! A socket belongs to the namespace its thread was in when it was made. So the listeners are made first, then the
//! whole process moves into the container's namespace and connects there. Connections come from their client's
//! address (`source.rs`); those of this host's loopback from the container's own address, never from
//! 127.0.0.1, which services in it might trust.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cove_api::{Protocol, PublishedPort};
use rustix::thread::LinkNameSpaceType;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::netns;
use crate::ports;
use crate::process;
use crate::source::{self, ClientSocket};
use crate::store::Networks;

/// Connections served at once.
const CONNECTION_LIMIT: usize = 4096;
/// UDP peers remembered for each port, and for how long after the last packet.
const PEER_LIMIT: usize = 1024;
const PEER_TIMEOUT: Duration = Duration::from_secs(60);
const STACK: usize = 128 * 1024;

/// What [`forward`] does, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ForwardRequest {
    pub(crate) netns: PathBuf,
    /// First IPv4 and IPv6 address of the container.
    pub(crate) targets: Vec<IpAddr>,
    /// Single ports.
    #[serde(with = "cove_api::port_ranges")]
    pub(crate) ports: Vec<PublishedPort>,
}

impl Networks {
    /// Starts the forwarder of a rootless container's ports to its addresses `targets` (the first of each family); the
    /// answer has its pid and start time.
    pub(crate) fn start_forwarder(
        &self,
        netns: &Path,
        targets: Vec<IpAddr>,
        ports: &[PublishedPort],
    ) -> Result<(i32, u64)> {
        let Some((program, arguments)) = self.options.port_forwarder.split_first() else {
            return Err(Error::Unsupported(
                "publishing ports of rootless bridge networks needs a port forwarder, and none is configured"
                    .into(),
            ));
        };
        let failed = |message: String| Error::Program { program: "port forwarder".into(), message };
        let request = ForwardRequest { netns: netns.to_owned(), targets, ports: ports.to_vec() };
        let request = serde_json::to_vec(&request).map_err(|error| failed(error.to_string()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let pid = i32::try_from(child.id()).unwrap_or(0);
        let start = process::start_time(pid);
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(&request);
        }
        let mut answer = String::new();
        if let Some(stdout) = child.stdout.take() {
            let _ = BufReader::new(stdout.take(64)).read_line(&mut answer);
        }
        match start {
            Some(start) if answer == "ready\n" => Ok((pid, start)),
            _ => {
                let mut message = String::new();
                let _ = child.kill();
                if let Some(stderr) = child.stderr.take() {
                    let _ = stderr.take(4096).read_to_string(&mut message);
                }
                let _ = child.wait();
                Err(failed(message.trim().to_owned()))
            }
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// Forwards ports until the process is ended; `request` is what came on the standard input of
/// [`crate::NetworksOptions::port_forwarder`]. Writes `ready` and a line feed to `ready_to` when all ports are open. To be called from the main function of a
/// process that has no other threads yet.
///
/// # Errors
/// A port that cannot be bound, or a namespace that cannot be entered.
pub fn forward(request: &str, mut ready_to: impl Write) -> Result<()> {
    let request: ForwardRequest = serde_json::from_str(request)
        .map_err(|source| Error::Parse { path: PathBuf::from("port forwarder request"), source })?;
    let mut listeners = Vec::new();
    for port in &request.ports {
        for socket in ports::reserve(&mut [*port], ports::Holding::Served)? {
            let ipv4 = is_ipv4(&socket)?;
            let of_family = request.targets.iter().find(|target| target.is_ipv4() == ipv4);
            let Some(target) = of_family.or(request.targets.first()) else {
                return Err(Error::Invalid("the container has no address to forward to".into()));
            };
            let target = SocketAddr::new(*target, port.container_port);
            match port.protocol {
                Protocol::Tcp => listeners.push((Listener::Tcp(socket.into()), target)),
                Protocol::Udp => listeners.push((Listener::Udp(socket.into()), target)),
                other @ Protocol::Sctp => {
                    return Err(Error::Unsupported(format!("can't forward protocol: {other} (rootless)")));
                }
            }
        }
    }
    let namespace = netns::open(&request.netns)
        .map_err(|error| Error::file("opening the network namespace", &request.netns, error))?;
    rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| Error::kernel("entering the network namespace", error))?;
    // Open, it would keep the namespace alive after the container.
    drop(namespace);
    let shows = Shows::prepare(&listeners);
    writeln!(ready_to, "ready")
        .and_then(|()| ready_to.flush())
        .map_err(|error| Error::kernel("telling that ports are open", error))?;
    let connections = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = listeners
        .into_iter()
        .filter_map(|(listener, target)| {
            let connections = Arc::clone(&connections);
            spawn(move || match listener {
                Listener::Tcp(listener) => serve_tcp(&listener, target, shows, &connections),
                Listener::Udp(socket) => serve_udp(&Arc::new(socket), target, shows),
            })
        })
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

fn is_ipv4(socket: &OwnedFd) -> Result<bool> {
    rustix::net::getsockname(socket)
        .and_then(SocketAddr::try_from)
        .map(|address| address.is_ipv4())
        .map_err(|error| Error::kernel("looking at a bound port", error))
}

/// For which families services are told their clients' addresses.
#[derive(Debug, Clone, Copy)]
struct Shows {
    ipv4: bool,
    ipv6: bool,
}

impl Shows {
    /// Prepares the namespace. Where it cannot be, connections come from the container's own address.
    fn prepare(listeners: &[(Listener, SocketAddr)]) -> Self {
        let prepared = |ipv4: bool| {
            let target = listeners.iter().map(|(_, target)| *target).find(|target| target.is_ipv4() == ipv4);
            target.is_some_and(|target| source::prepare(target.ip()).is_ok())
        };
        Self { ipv4: prepared(true), ipv6: prepared(false) }
    }

    fn includes(self, client: SocketAddr, target: SocketAddr) -> bool {
        (if target.is_ipv4() { self.ipv4 } else { self.ipv6 }) && source::may_show(client, target)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Option<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().stack_size(STACK).spawn(work).ok()
}

fn serve_tcp(listener: &TcpListener, target: SocketAddr, shows: Shows, connections: &Arc<AtomicUsize>) {
    loop {
        let Ok((client, address)) = listener.accept() else {
            // Out of descriptors, most likely: it passes.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        if connections.fetch_add(1, Ordering::Relaxed) >= CONNECTION_LIMIT {
            connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let counter = Arc::clone(connections);
        let started = spawn(move || {
            if let Some(server) = connect(address, target, shows) {
                relay(client, server);
            }
            counter.fetch_sub(1, Ordering::Relaxed);
        });
        if started.is_none() {
            connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn connect(client: SocketAddr, target: SocketAddr, shows: Shows) -> Option<TcpStream> {
    if shows.includes(client, target) {
        match source::connect(client, target) {
            Ok(server) => return Some(server),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return None,
            // The address could not be had.
            Err(_) => {}
        }
    }
    TcpStream::connect_timeout(&target, Duration::from_secs(10)).ok()
}

fn relay(client: TcpStream, server: TcpStream) {
    let (Ok(mut client_in), Ok(mut server_in)) = (client.try_clone(), server.try_clone()) else { return };
    let back = spawn(move || {
        let mut client = client;
        let _ = std::io::copy(&mut server_in, &mut client);
        let _ = client.shutdown(Shutdown::Write);
    });
    let mut server = server;
    if std::io::copy(&mut client_in, &mut server).is_err() {
        let _ = server.shutdown(Shutdown::Both);
    } else {
        let _ = server.shutdown(Shutdown::Write);
    }
    if let Some(back) = back {
        let _ = back.join();
    }
}

/// A socket towards the container, for one peer.
enum Outlet {
    /// From the peer's address.
    Shown(ClientSocket),
    /// From the container's.
    Own(UdpSocket),
}

impl Outlet {
    fn open(peer: SocketAddr, target: SocketAddr, shows: Shows) -> std::io::Result<Self> {
        if shows.includes(peer, target)
            && let Ok(shown) = ClientSocket::connect(peer, target)
        {
            return Ok(Self::Shown(shown));
        }
        let any: SocketAddr = if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
        let own = UdpSocket::bind(any)?;
        own.connect(target)?;
        Ok(Self::Own(own))
    }

    fn socket(&self) -> &UdpSocket {
        match self {
            Self::Shown(shown) => shown.socket(),
            Self::Own(own) => own,
        }
    }
}

/// The sockets towards the container, by peer, with the time of the peer's last packet.
type Peers = Arc<Mutex<HashMap<SocketAddr, (Arc<Outlet>, Instant)>>>;

fn serve_udp(socket: &Arc<UdpSocket>, target: SocketAddr, shows: Shows) {
    let peers: Peers = Arc::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok((count, peer)) = socket.recv_from(&mut buffer) else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let known = {
            let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
            peers.get_mut(&peer).map(|(out, last)| {
                *last = Instant::now();
                Arc::clone(out)
            })
        };
        if let Some(out) = known.or_else(|| new_peer(socket, peer, target, shows, &peers)) {
            let _ = out.socket().send(&buffer[..count]);
        }
    }
}

fn new_peer(
    socket: &Arc<UdpSocket>,
    peer: SocketAddr,
    target: SocketAddr,
    shows: Shows,
    peers: &Peers,
) -> Option<Arc<Outlet>> {
    let out = Arc::new(Outlet::open(peer, target, shows).ok()?);
    out.socket().set_read_timeout(Some(PEER_TIMEOUT)).ok()?;
    {
        let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= PEER_LIMIT {
            return None;
        }
        peers.insert(peer, (Arc::clone(&out), Instant::now()));
    }
    let (socket, known, from) = (Arc::clone(socket), Arc::clone(peers), Arc::clone(&out));
    let started = spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.socket().recv(&mut buffer) {
                Ok(count) => {
                    let _ = socket.send_to(&buffer[..count], peer);
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => {
                    let mut peers = known.lock().unwrap_or_else(PoisonError::into_inner);
                    if peers.get(&peer).is_none_or(|(_, last)| last.elapsed() >= PEER_TIMEOUT) {
                        peers.remove(&peer);
                        return;
                    }
                }
            }
        }
    });
    if started.is_none() {
        // Nobody else would ever take it away.
        peers.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
        return None;
    }
    Some(out)
}
