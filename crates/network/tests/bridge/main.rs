//! Bridge networks on the real kernel, in a network namespace of each test's own. Needs root and `nft`.

mod dns;
mod parent;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cove_api::{Network, NetworkCreateOptions, PerNetworkOptions, Protocol, PublishedPort, Subnet};
use cove_network::{Error, Networks, NetworksOptions, SetupOptions};
use cove_sys::fs;
use cove_test_support::{Need, met, skip};

/// Runs `test` in a fresh network namespace that plays the host.
fn on_a_host(test: impl FnOnce(&Networks, &Path) + Send) {
    if !met(&[Need::Root]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: only this thread's network namespace changes, and the thread is the test's own.
            let moved = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) };
            if let Err(error) = moved {
                return skip(Need::Kernel, &format!("no network namespace: {error}"));
            }
            shell("ip link set lo up");
            test(&networks(folder.path(), "one"), folder.path());
        });
        if let Err(panic) = thread.join() {
            let _ = networks(folder.path(), "one").gc(&BTreeSet::new());
            std::panic::resume_unwind(panic);
        }
    });
}

fn networks(folder: &Path, owner: &str) -> Networks {
    let mut options = NetworksOptions::new(&folder.join("graph"), None).unwrap();
    options.config_dir = folder.join("config");
    options.run_dir = folder.join("run");
    options.dns_dir = folder.join("dns");
    options.owner = owner.into();
    Networks::new(options).unwrap()
}

fn shell(command: &str) -> String {
    let output = Command::new("sh").arg("-c").arg(command).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn works(command: &str) -> bool {
    Command::new("sh").arg("-c").arg(command).output().unwrap().status.success()
}

/// Runs `work` inside the namespace at `path`.
fn inside<T: Send>(path: &Path, work: impl FnOnce() -> T + Send) -> T {
    let file = std::fs::OpenOptions::new().read(true).open(path).unwrap();
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                rustix::thread::move_into_link_name_space(
                    std::os::fd::AsFd::as_fd(&file),
                    Some(rustix::thread::LinkNameSpaceType::Network),
                )
                .unwrap();
                work()
            })
            .join()
            .unwrap()
    })
}

/// Answers each connection with the peer's address, until the test ends.
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

fn ask(address: &str) -> Option<String> {
    let address: SocketAddr = address.parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}

fn options(networks: &Networks, id: &str, network: &str) -> SetupOptions {
    SetupOptions {
        container_id: id.into(),
        container_name: format!("name-{id}"),
        netns: networks.create_netns(id).unwrap(),
        networks: BTreeMap::from([(network.into(), PerNetworkOptions::default())]),
        ..SetupOptions::default()
    }
}

fn port(ip: &str, host: u16, container: u16) -> PublishedPort {
    PublishedPort {
        host_ip: ip.parse().ok(),
        host_port: host,
        container_port: container,
        protocol: Protocol::Tcp,
    }
}

fn end(networks: &Networks, id: &str) {
    networks.teardown(id).unwrap();
    networks.remove_netns(id).unwrap();
}

#[test]
fn containers_of_the_default_network_reach_each_other() {
    on_a_host(|networks, folder| {
        let first = options(networks, "c1", "podman");
        let second = options(networks, "c2", "podman");
        let one = networks.setup(&first).unwrap();
        networks.setup(&second).unwrap();
        let interface = &one.networks["podman"].interfaces["eth0"];
        assert_eq!(interface.subnets[0].ipnet, "10.88.0.2/16");
        assert_eq!(interface.subnets[0].gateway, "10.88.0.1");
        let seen = inside(&first.netns, || shell("ip -4 addr show eth0; ip link show eth0; ip route"));
        assert!(seen.contains("10.88.0.2/16") && seen.contains(&interface.mac_address), "{seen}");
        assert!(seen.contains("default via 10.88.0.1"), "{seen}");
        assert!(inside(&second.netns, || works(
            "busybox ping -c1 -W2 10.88.0.2 && busybox ping -c1 -W2 10.88.0.1"
        )));
        assert!(works("busybox ping -c1 -W2 10.88.0.3"));
        // Setting up again replaces what was there.
        let again = networks.setup(&first).unwrap();
        assert_eq!(again.networks.len(), 1);
        assert!(works("nft list table inet cove | grep -q 'masquerade'"));
        end(networks, "c1");
        end(networks, "c2");
        networks.teardown("c2").unwrap();
        networks.remove_netns("c2").unwrap();
        for name in ["records", "leases/podman"] {
            let left: Vec<_> = fs::read_dir(folder.join("run").join(name))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .filter(|name| !name.as_encoded_bytes().starts_with(b"."))
                .collect();
            assert!(left.is_empty(), "{name}: {left:?}");
        }
        std::thread::sleep(Duration::from_millis(300));
        assert!(!shell("ip link").contains("veth"));
    });
}

#[test]
fn published_ports_are_reachable_from_where_they_should_be() {
    on_a_host(|networks, _| {
        // A neighbour of the host: a third namespace that also routes everything through the host.
        let neighbour = networks.create_netns("lan").unwrap();
        shell(
            "ip link add lan0 type veth peer name lan1 && ip addr add 192.168.77.1/24 dev lan0 && ip link set lan0 up",
        );
        shell(&format!("ip link set lan1 netns {}", neighbour.display()));
        inside(&neighbour, || {
            shell(
                "ip addr add 192.168.77.2/24 dev lan1 && ip link set lan1 up && ip route add default via 192.168.77.1",
            );
            shell(
                "sysctl -qw net.ipv4.conf.all.route_localnet=1; ip route add 127.0.0.0/8 via 192.168.77.1 dev lan1 table 99; ip rule add iif lo to 127.0.0.9 lookup 99 pref 1",
            );
        });
        let mut public = options(networks, "pub", "podman");
        public.ports = vec![port("", 8080, 80)];
        let mut local = options(networks, "loc", "podman");
        local.ports = vec![port("127.0.0.1", 8081, 80), port("127.0.0.9", 8082, 80)];
        let one = networks.setup(&public).unwrap();
        let two = networks.setup(&local).unwrap();
        // A port of all addresses is IPv6's too, where there is IPv6.
        assert!((1..=2).contains(&one.sockets.len()), "{:?}", one.sockets);
        serve(&public.netns, "0.0.0.0:80");
        serve(&local.netns, "0.0.0.0:80");
        let local_ip =
            two.networks["podman"].interfaces["eth0"].subnets[0].ipnet.split('/').next().unwrap().to_owned();

        // From the host; the source is not loopback.
        assert_eq!(ask("127.0.0.1:8080").as_deref(), Some("10.88.0.1"));
        assert_eq!(ask("127.0.0.1:8081").as_deref(), Some("10.88.0.1"));
        assert!(ask("192.168.77.1:8080").is_some());
        assert!(ask("192.168.77.1:8081").is_none());
        // From outside.
        let outside = |address: &str| inside(&neighbour, || ask(address));
        assert_eq!(outside("192.168.77.1:8080").as_deref(), Some("192.168.77.2"));
        assert!(outside("192.168.77.1:8081").is_none());
        assert!(outside("127.0.0.9:8082").is_none());
        assert!(outside(&format!("{local_ip}:80")).is_none(), "by a route through the host");
        // From a container: another one, and itself.
        assert!(inside(&local.netns, || ask("10.88.0.1:8080")).is_some());
        assert!(inside(&public.netns, || ask("10.88.0.1:8080")).is_some());
        assert!(inside(&public.netns, || ask("192.168.77.1:8080")).is_some());
        // Out of the container into the world.
        assert!(inside(&public.netns, || works("busybox ping -c1 -W2 192.168.77.2")));

        // A taken port is named, and nothing is left of the attempt.
        let mut third = options(networks, "third", "podman");
        third.ports = vec![port("", 8080, 80)];
        let error = networks.setup(&third).unwrap_err();
        assert!(
            matches!(error, Error::PortInUse { .. }) && error.to_string().contains("0.0.0.0:8080"),
            "{error}"
        );
        drop(one.sockets);
        drop(two.sockets);
        assert!(matches!(networks.setup(&third), Err(Error::PortInUse { .. })));
        assert!(inside(&third.netns, || !works("ip link show eth0")));

        // Flushed and reloaded.
        shell("nft flush ruleset");
        assert!(ask("127.0.0.1:8080").is_none());
        networks.reload("pub").unwrap();
        assert!(ask("127.0.0.1:8080").is_some() && ask("127.0.0.1:8081").is_some());
        assert!(outside("192.168.77.1:8080").is_some());
        assert!(outside("192.168.77.1:8081").is_none() && outside("127.0.0.9:8082").is_none());

        // A container that died without cleanup does not keep its port.
        assert_eq!(networks.gc(&BTreeSet::from(["loc".to_owned(), "lan".to_owned()])).unwrap(), 1);
        networks.create_netns("third").unwrap();
        let held = networks.setup(&third).unwrap();
        serve(&third.netns, "0.0.0.0:80");
        assert!(ask("127.0.0.1:8080").is_some());
        drop(held);
        for id in ["third", "loc", "pub", "lan"] {
            end(networks, id);
        }
        assert!(!shell("nft list table inet cove").contains("8080"));
    });
}

#[test]
fn networks_are_made_used_and_removed() {
    on_a_host(|networks, _| {
        let wanted = Network {
            name: "six".into(),
            ipv6_enabled: true,
            subnets: vec![Subnet { subnet: "10.77.0.0/30".into(), ..Subnet::default() }],
            ..Network::default()
        };
        let network = networks.create(wanted.clone(), NetworkCreateOptions::default()).unwrap();
        assert!(matches!(
            networks.create(wanted, NetworkCreateOptions::default()),
            Err(Error::NetworkExists(_))
        ));
        let first = options(networks, "c1", "six");
        let report = networks.setup(&first).unwrap();
        let subnets = &report.networks["six"].interfaces["eth0"].subnets;
        assert_eq!(subnets.len(), 2);
        let gateway: IpAddr = subnets[1].gateway.parse().unwrap();
        assert!(inside(&first.netns, || works(&format!("busybox ping -6 -c1 -W2 {gateway}"))), "{gateway}");
        let second = options(networks, "c2", "six");
        assert!(matches!(networks.setup(&second), Err(Error::Exhausted { .. })));
        networks.teardown("c1").unwrap();
        networks.remove_netns("c1").unwrap();
        networks.setup(&second).unwrap();

        // A second network for a running container, and out of it again.
        let mut more = SetupOptions { networks: BTreeMap::new(), ..second.clone() };
        more.networks.insert(
            "podman".into(),
            PerNetworkOptions { static_ips: vec!["10.88.0.99".into()], ..Default::default() },
        );
        let added = networks.connect(&more).unwrap();
        assert!(added["podman"].interfaces.contains_key("eth1"));
        assert!(works("busybox ping -c1 -W2 10.88.0.99"));
        assert!(networks.connect(&more).is_err());
        networks.disconnect("c2", "podman").unwrap();
        assert!(inside(&second.netns, || !works("ip link show eth1")));
        end(networks, "c2");
        networks.remove("six").unwrap();
        assert!(!works(&format!("ip link show {}", network.network_interface)));
        assert!(!shell("nft list table inet cove").contains("10.77.0.0"));
    });
}

#[test]
fn a_client_that_keeps_sending_reaches_the_new_container() {
    on_a_host(|networks, folder| {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let answers = |expected: bool| {
            let _ = client.send_to(b"x", "127.0.0.1:5353");
            let mut buffer = [0; 8];
            assert_eq!(client.recv(&mut buffer).is_ok(), expected);
        };
        for id in ["first", "second"] {
            let mut options = options(networks, id, "podman");
            options.ports = vec![PublishedPort { protocol: Protocol::Udp, ..port("127.0.0.1", 5353, 53) }];
            networks.setup(&options).unwrap();
            let socket = inside(&options.netns, || UdpSocket::bind("0.0.0.0:53").unwrap());
            let thread = std::thread::spawn(move || {
                let mut buffer = [0; 8];
                let (count, peer) = socket.recv_from(&mut buffer).unwrap();
                socket.send_to(&buffer[..count], peer).unwrap();
            });
            answers(true);
            thread.join().unwrap();
            end(networks, id);
            answers(false);
        }
        // A record that a crash or a fault made unreadable does not keep anything.
        let mut third = options(networks, "third", "podman");
        third.ports = vec![port("", 5354, 53)];
        networks.setup(&third).unwrap();
        let records = folder.join("run/records");
        let record = fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
        fs::write(record, "{").unwrap();
        networks.setup(&third).unwrap();
        end(networks, "third");
        assert!(!shell("nft list table inet cove").contains("5354"));
        assert_eq!(fs::read_dir(folder.join("run/ports")).unwrap().count(), 0);
    });
}

#[test]
fn internal_and_isolated_networks_are_kept_apart() {
    on_a_host(|networks, _| {
        let isolated = |name: &str, internal: bool| Network {
            name: name.into(),
            internal,
            options: BTreeMap::from([("isolate".into(), "true".into())]),
            ..Network::default()
        };
        for (name, internal) in [("a", false), ("b", false), ("inner", true)] {
            networks.create(isolated(name, internal), NetworkCreateOptions::default()).unwrap();
        }
        let ends: Vec<SetupOptions> = ["a", "b", "inner", "podman"]
            .iter()
            .map(|name| options(networks, &format!("c-{name}"), name))
            .collect();
        let ips: Vec<String> = ends
            .iter()
            .map(|end| {
                let report = networks.setup(end).unwrap();
                let status = report.networks.values().next().unwrap();
                status.interfaces["eth0"].subnets[0].ipnet.split('/').next().unwrap().to_owned()
            })
            .collect();
        let ping = |from: usize, to: usize| {
            inside(&ends[from].netns, || works(&format!("busybox ping -c1 -W1 {}", ips[to])))
        };
        assert!(!ping(0, 1), "isolated from each other");
        assert!(ping(3, 0), "an ordinary network reaches an isolated one");
        assert!(!ping(3, 2), "nobody reaches an internal one");
        assert!(inside(&ends[2].netns, || !shell("ip route").contains("default")));
        for name in ["a", "b", "inner", "podman"] {
            end(networks, &format!("c-{name}"));
        }
    });
}

#[test]
fn a_drop_policy_of_others_does_not_cut_containers_off() {
    on_a_host(|networks, _| {
        shell(
            "nft add table ip filter; nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'",
        );
        let first = options(networks, "c1", "podman");
        networks.setup(&first).unwrap();
        let listing = shell("nft list chain ip filter FORWARD");
        assert!(listing.contains("cove:podman0"), "{listing}");
        end(networks, "c1");
    });
}

#[test]
fn set_up_is_quick() {
    on_a_host(|networks, _| {
        networks.setup(&options(networks, "warm", "podman")).unwrap();
        let (mut up, mut first, mut down) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..20 {
            let id = format!("c{number}");
            let start = Instant::now();
            let options = options(networks, &id, "podman");
            let report = networks.setup(&options).unwrap();
            up.push(start.elapsed());
            serve(&options.netns, "0.0.0.0:80");
            let start = Instant::now();
            let address = &report.networks["podman"].interfaces["eth0"].subnets[0].ipnet;
            assert!(ask(&address.replace("/16", ":80")).is_some());
            first.push(start.elapsed());
            let start = Instant::now();
            end(networks, &id);
            down.push(start.elapsed());
        }
        for times in [&mut up, &mut first, &mut down] {
            times.sort();
        }
        println!(
            "set-up median {:?}, first answer {:?} (slowest {:?}), teardown {:?}",
            up[10], first[10], first[19], down[10]
        );
        end(networks, "warm");
    });
}
