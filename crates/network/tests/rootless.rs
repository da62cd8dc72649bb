//! Rootless networks as an ordinary user in a user namespace: pasta, slirp4netns, and bridges with published
//! ports. Needs root (to become an ordinary user), `unshare`, `setpriv`, `pasta`, `nft` and a `/dev/net/tun` that
//! users may open.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use cove_api::{Network, NetworkCreateOptions, PerNetworkOptions, Protocol, PublishedPort};
use cove_network::{Error, Networks, NetworksOptions, SetupOptions, UserNetwork, UserlandOptions};
use cove_sys::fs;
use cove_test_support::{Need, met};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("forward") => forward(),
        Some("inner") => {
            inner();
            ExitCode::SUCCESS
        }
        Some("--list") => ExitCode::SUCCESS,
        _ => outer(),
    }
}

fn forward() -> ExitCode {
    let mut request = String::new();
    std::io::stdin().read_to_string(&mut request).unwrap();
    match cove_network::forward(&request, std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn outer() -> ExitCode {
    use std::os::unix::fs::PermissionsExt;
    if met(&[Need::Root, Need::Pasta, Need::Tun]) {
        // A copy, because users may not look into the folder of the original.
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let copy = folder.path().join("rootless");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let status = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "unshare", "-Urm"])
            .arg(&copy)
            .arg("inner")
            .status()
            .unwrap();
        if !status.success() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn inner() {
    let folder = tempfile::tempdir().unwrap();
    let mut options =
        NetworksOptions::new(&folder.path().join("graph"), Some(&folder.path().join("run"))).unwrap();
    options.port_forwarder = vec![std::env::current_exe().unwrap().into(), "forward".into()];
    let networks = Networks::new(options).unwrap();
    user_mode(&networks, UserNetwork::Pasta);
    if works("command -v slirp4netns") {
        user_mode(&networks, UserNetwork::Slirp4netns);
    }
    bridges(&networks, folder.path());
    println!("rootless: ok");
}

/// A port that is published on a free one of the host.
fn free(container_port: u16, protocol: Protocol) -> PublishedPort {
    PublishedPort { host_ip: None, host_port: 0, container_port, protocol }
}

/// The host's port that leads to this one.
fn published(ports: &[PublishedPort], container_port: u16) -> u16 {
    ports.iter().find(|port| port.container_port == container_port).unwrap().host_port
}

fn user_mode(networks: &Networks, network: UserNetwork) {
    let netns = networks.create_netns("user").unwrap();
    let options = UserlandOptions {
        network,
        container_id: "user".into(),
        netns: netns.clone(),
        ports: vec![PublishedPort { host_ip: "127.0.0.1".parse().ok(), ..free(80, Protocol::Tcp) }],
        ..UserlandOptions::default()
    };
    let report = networks.setup_userland(&options).unwrap();
    println!("{network:?}: {report:?}");
    assert!(!report.addresses.is_empty() && !report.dns_servers.is_empty());
    serve(&netns, "0.0.0.0:80");
    let address = format!("127.0.0.1:{}", published(&report.ports, 80));
    assert!(eventually(|| ask(&address).is_some()), "{network:?}");
    let second = UserlandOptions { container_id: "second".into(), ports: report.ports.clone(), ..options };
    assert!(matches!(networks.setup_userland(&second), Err(Error::PortInUse { .. })));
    networks.teardown("user").unwrap();
    networks.remove_netns("user").unwrap();
    assert!(eventually(|| ask(&address).is_none()), "{network:?} ends with its container");
}

fn bridges(networks: &Networks, folder: &Path) {
    let wanted = Network { name: "net".into(), dns_enabled: true, ..Network::default() };
    networks.create(wanted, NetworkCreateOptions::default()).unwrap();
    let options = |id: &str| SetupOptions {
        container_id: id.into(),
        container_name: id.into(),
        netns: networks.create_netns(id).unwrap(),
        networks: BTreeMap::from([("net".into(), PerNetworkOptions::default())]),
        ..SetupOptions::default()
    };
    let mut web = options("web");
    web.ports = vec![free(80, Protocol::Tcp), free(81, Protocol::Udp), free(82, Protocol::Udp)];
    let start = std::time::Instant::now();
    let report = networks.setup(&web).unwrap();
    println!("first set-up {:?}: {:?}", start.elapsed(), report.networks);
    serve(&web.netns, "0.0.0.0:80");
    echo(&web.netns, "0.0.0.0:81");
    let port = |protocol| report.ports.iter().find(|port| port.protocol == protocol).unwrap().host_port;
    let address = format!("127.0.0.1:{}", port(Protocol::Tcp));
    let status = &report.networks["net"].interfaces["eth0"].subnets[0];
    // Which subnet is free depends on the machine.
    let own = status.ipnet.split('/').next().unwrap().to_owned();
    assert_eq!(ask(&address).as_deref(), Some(own.as_str()), "the source is not 127.0.0.1");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    for text in ["one", "two"] {
        socket.send_to(text.as_bytes(), ("127.0.0.1", port(Protocol::Udp))).unwrap();
        let mut answer = [0; 16];
        let count = socket.recv(&mut answer).unwrap();
        assert_eq!(&answer[..count], text.as_bytes());
    }
    tell(&web.netns, "0.0.0.0:82");
    shows_senders(published(&report.ports, 82));
    let db = options("db");
    let start = std::time::Instant::now();
    networks.setup(&db).unwrap();
    println!("second set-up {:?}", start.elapsed());
    let server = report.networks["net"].dns_server_ips[0].clone();
    assert!(inside(&db.netns, || ask(&format!("{own}:80"))).is_some());
    let lookup = format!("busybox nslookup -type=a web.dns.podman {server}");
    assert!(eventually(|| inside(&db.netns, || works(&lookup))));
    // Out of the network that the forwarder leads into: it is led to the other one.
    let more = SetupOptions {
        networks: BTreeMap::from([("podman".into(), PerNetworkOptions::default())]),
        ..options("web")
    };
    networks.connect(&more).unwrap();
    networks.disconnect("web", "net").unwrap();
    assert_eq!(ask(&address).as_deref(), Some("10.88.0.2"));
    networks.teardown("web").unwrap();
    networks.remove_netns("web").unwrap();
    assert!(eventually(|| ask(&address).is_none()), "the forwarder ends with its container");
    let shared = folder.join("run/networks/cove/rootless-netns");
    assert!(Networks::netns_exists(&shared));
    networks.teardown("db").unwrap();
    networks.remove_netns("db").unwrap();
    assert!(!shared.exists(), "the shared namespace ends with its last container");
    networks.remove("net").unwrap();
}

fn works(command: &str) -> bool {
    Command::new("sh").arg("-c").arg(command).output().is_ok_and(|output| output.status.success())
}

fn eventually(check: impl Fn() -> bool) -> bool {
    (0..40).any(|_| {
        let done = check();
        if !done {
            std::thread::sleep(Duration::from_millis(50));
        }
        done
    })
}

fn inside<T: Send>(path: &Path, work: impl FnOnce() -> T + Send) -> T {
    let file = std::fs::OpenOptions::new().read(true).open(path).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let kind = Some(rustix::thread::LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// Answers each connection with the peer's address.
fn serve(path: &Path, address: &str) {
    let listener = inside(path, || TcpListener::bind(address).unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let peer = stream.peer_addr().unwrap();
            let _ = stream.write_all(peer.ip().to_string().as_bytes());
        }
    });
}

fn echo(path: &Path, address: &str) {
    let socket = inside(path, || UdpSocket::bind(address).unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..count], peer);
        }
    });
}

/// Answers each datagram with its sender's address.
fn tell(path: &Path, address: &str) {
    let socket = inside(path, || UdpSocket::bind(address).unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(peer.to_string().as_bytes(), peer);
        }
    });
}

/// An address of this host by which others reach it.
fn outer_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Two clients of a published UDP port get answers, and the service sees their addresses and ports. Not to be tried from
/// this host with pasta: the container has the host's own address there.
fn shows_senders(port: u16) {
    let Some(host) = outer_address() else { return };
    let clients = [(); 2].map(|()| UdpSocket::bind((host, 0)).unwrap());
    for client in clients.iter().chain(&clients) {
        client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let told = eventually(|| {
            let mut answer = [0; 64];
            client.send_to(b"?", (host, port)).is_ok()
                && client.recv(&mut answer).is_ok_and(|count| {
                    String::from_utf8_lossy(&answer[..count]) == client.local_addr().unwrap().to_string()
                })
        });
        assert!(told, "{client:?}");
    }
}

fn ask(address: &str) -> Option<String> {
    let address: SocketAddr = address.parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(700)).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}
