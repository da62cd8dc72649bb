//! Networks and published ports.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Who, everyone, free_port, skip, wait_for};

/// A web server that says hello.
pub(crate) const SERVER: &str = "mkdir /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www";

/// What the server on a port of this machine answers, once it says hello.
pub(crate) fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.contains("hello").then_some(text)
}

#[test]
fn a_published_port_answers_and_is_given_back() {
    everyone(|bed| {
        let port = free_port();
        let publish = format!("127.0.0.1:{port}:80");
        bed.cove(&["run", "-d", "--name", "web", "-p", &publish, IMAGE, "sh", "-c", SERVER]).ok();
        wait_for("the published port", 15, || get(port));
        assert_eq!(bed.cove(&["port", "web"]).ok(), format!("80/tcp -> 127.0.0.1:{port}"));
        assert!(bed.cove(&["ps"]).ok().contains(&format!("127.0.0.1:{port}->80/tcp")));
        bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
        wait_for("the port to be free", 10, || {
            TcpStream::connect(("127.0.0.1", port)).is_err().then_some(())
        });
        bed.cove(&["run", "--rm", "-p", &publish, IMAGE, "true"]).ok();
    });
}

#[test]
fn a_port_in_use_is_named() {
    everyone(|bed| {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let publish = format!("127.0.0.1:{port}:80");
        let outcome = bed.cove(&["run", "-d", "--name", "web", "-p", &publish, IMAGE, "sleep", "100"]);
        assert!([125, 126].contains(&outcome.code), "{outcome:?}");
        assert!(outcome.stderr.contains(&port.to_string()), "{outcome:?}");
        bed.cove(&["rm", "-f", "web"]);
    });
}

#[test]
fn containers_on_a_network_know_each_other_by_name() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let name = format!("cv{}", free_port());
    bed.cove(&["network", "create", &name]).ok();
    bed.cove(&["run", "-d", "--name", "web", "--network", &name, IMAGE, "sh", "-c", SERVER]).ok();
    // A static busybox cannot resolve names by the C library, so nslookup does it for nc.
    let fetch = "ip=$(nslookup web | sed -n 's/^Address: //p') && printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 $ip 80 | tail -n 1";
    let fetched = wait_for("the other container", 15, || {
        let outcome = bed.cove(&["run", "--rm", "--network", &name, IMAGE, "sh", "-c", fetch]);
        outcome.stdout.contains("hello").then_some(outcome.stdout)
    });
    assert_eq!(fetched.trim(), "hello");
    bed.cove(&["network", "rm", &name]).fails(2, &name);
    bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
    bed.cove(&["network", "rm", &name]).ok();
    bed.cove(&["network", "inspect", &name]).fails(125, &name);
}

#[test]
fn none_and_host() {
    everyone(|bed| {
        let names = "ls /sys/class/net | tr '\\n' ' '";
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", IMAGE, "sh", "-c", names]).ok(), "lo");
        let host = bed.cove(&["run", "--rm", "--network", "host", IMAGE, "readlink", "/proc/self/ns/net"]);
        let here = cove_sys::fs::read_link("/proc/self/ns/net").expect("/proc/self/ns/net");
        assert_eq!(host.ok(), here.display().to_string());
    });
}

#[test]
fn a_port_of_a_users_own_network_answers() {
    let Some(bed) = Bed::new(Who::User) else { return };
    bed.cove(&["network", "create", "own"]).ok();
    let port = free_port();
    let publish = format!("127.0.0.1:{port}:80");
    bed.cove(&["run", "-d", "--name", "web", "--network", "own", "-p", &publish, IMAGE, "sh", "-c", SERVER])
        .ok();
    wait_for("the published port", 15, || get(port));
    bed.cove(&["restart", "-t", "0", "web"]).ok();
    wait_for("the published port after a restart", 15, || get(port));
    bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
    wait_for("the port to be free", 10, || std::net::TcpListener::bind(("127.0.0.1", port)).ok());
    bed.cove(&["network", "rm", "own"]).ok();
}

/// A container's inspect by a template.
fn shown(bed: &Bed, container: &str, template: &str) -> String {
    bed.cove(&["inspect", "--format", template, container]).ok().to_owned()
}

#[test]
fn a_running_container_joins_and_leaves_networks() {
    everyone(|bed| {
        let (first, second) = (format!("ca{}", free_port()), format!("cb{}", free_port()));
        bed.cove(&["network", "create", &first]).ok();
        bed.cove(&["network", "create", "--ipv6", &second]).ok();
        let port = free_port();
        let publish = format!("127.0.0.1:{port}:80");
        let run = ["run", "-d", "--name", "web", "--network", &first, "-p", &publish];
        bed.cove(&[&run[..], &[IMAGE, "sh", "-c", SERVER]].concat()).ok();
        wait_for("the published port", 15, || get(port));
        let of = |network: &str, field: &str| {
            shown(bed, "web", &format!("{{{{(index .NetworkSettings.Networks \"{network}\").{field}}}}}"))
        };
        let hosts = || bed.cove(&["exec", "web", "cat", "/etc/hosts"]).ok().to_owned();
        let address = of(&first, "IPAddress");
        assert!(hosts().contains(&address));
        // Gone from the first one: no address, no name, no port.
        bed.cove(&["network", "disconnect", &first, "web"]).ok();
        assert!(!hosts().contains(&address), "{}", hosts());
        assert_eq!(shown(bed, "web", "{{len .NetworkSettings.Networks}}"), "0");
        let devices = || bed.cove(&["exec", "web", "ls", "/sys/class/net"]).ok().to_owned();
        assert_eq!(devices(), "lo");
        wait_for("the port to be silent", 10, || get(port).is_none().then_some(()));
        bed.cove(&["network", "disconnect", &first, "web"]).fails(125, "is not connected to network");
        // And back, with another address.
        bed.cove(&["network", "connect", &first, "web"]).ok();
        assert_ne!(of(&first, "IPAddress"), address);
        assert!(hosts().contains(&of(&first, "IPAddress")));
        wait_for("the published port after joining again", 15, || get(port));
        bed.cove(&["network", "connect", &first, "web"]).fails(125, "network is already connected");
        // A wish that cannot be had changes nothing.
        bed.cove(&["network", "connect", "--ip", "1.2.3.4", &second, "web"]).fails(125, "1.2.3.4");
        assert_eq!(shown(bed, "web", "{{len .NetworkSettings.Networks}}"), "1");
        let how = ["--alias", "shop", "--mac-address", "02:00:00:00:00:07"];
        bed.cove(&[&["network", "connect"], &how[..], &[&second, "web"]].concat()).ok();
        assert_eq!(of(&second, "MacAddress"), "02:00:00:00:00:07");
        assert!(of(&second, "GlobalIPv6Address").starts_with("fd"));
        assert!(of(&second, "Aliases").starts_with("[shop "));
        assert_eq!(devices(), "eth0\neth1\nlo");
        let found = bed.cove(&["run", "--rm", "--network", &second, IMAGE, "nslookup", "shop"]);
        assert!(found.ok().contains(&of(&second, "IPAddress")));
        bed.cove(&["network", "disconnect", &first, "web"]).ok();
        wait_for("the published port by the other network", 15, || get(port));
        // It lasts.
        bed.cove(&["restart", "-t", "0", "web"]).ok();
        assert_eq!(devices(), "eth0\nlo");
        assert_eq!(of(&second, "MacAddress"), "02:00:00:00:00:07");
        bed.cove(&["network", "rm", &second]).fails(2, &second);
        bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
        bed.cove(&["network", "rm", &first, &second]).ok();
    });
}

#[test]
fn a_stopped_container_joins_and_leaves_networks() {
    everyone(|bed| {
        let name = format!("cc{}", free_port());
        bed.cove(&["network", "create", &name]).ok();
        bed.cove(&["create", "--name", "c", "--network", "bridge", IMAGE, "sleep", "100"]).ok();
        bed.cove(&["network", "connect", &name, "c"]).ok();
        bed.cove(&["network", "connect", &name, "c"]).ok();
        bed.cove(&["network", "disconnect", "podman", "c"]).ok();
        bed.cove(&["start", "c"]).ok();
        let networks = "{{range $name, $network := .NetworkSettings.Networks}}{{$name}} {{end}}";
        assert_eq!(shown(bed, "c", networks).trim(), name);
        bed.cove(&["create", "--name", "none", "--network", "none", IMAGE, "true"]).ok();
        bed.cove(&["network", "connect", &name, "none"]).fails(125, "invalid network mode");
        bed.cove(&["network", "connect", &name, "nobody"]).fails(125, "nobody");
        bed.cove(&["network", "connect", "nowhere", "c"]).fails(125, "nowhere");
        bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
        bed.cove(&["network", "rm", &name]).ok();
    });
}

#[test]
fn rules_that_others_cleared_come_back() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let port = free_port();
    let publish = format!("{port}:80");
    bed.cove(&["run", "-d", "--name", "web", "-p", &publish, IMAGE, "sh", "-c", SERVER]).ok();
    wait_for("the published port", 15, || get(port));
    bed.cove(&["run", "-d", "--name", "host", "--network", "host", IMAGE, "sleep", "100"]).ok();
    let flush = std::process::Command::new("nft").args(["delete", "table", "inet", "cove"]).status();
    assert!(flush.expect("nft").success());
    assert!(get(port).is_none());
    let id = shown(&bed, "web", "{{.Id}}");
    assert_eq!(bed.cove(&["network", "reload", "--all"]).ok(), id);
    wait_for("the published port after a reload", 5, || get(port));
    assert_eq!(bed.cove(&["network", "reload", "web"]).ok(), "web");
    bed.cove(&["network", "reload", "host"]).fails(125, "invalid network mode");
    bed.cove(&["stop", "-t", "0", "web"]).ok();
    bed.cove(&["network", "reload", "web"]).fails(125, "container state improper");
    bed.cove(&["rm", "-f", "-t", "0", "web", "host"]).ok();
}

#[test]
fn name_servers_of_a_network_change() {
    everyone(|bed| {
        let name = format!("cd{}", free_port());
        bed.cove(&["network", "create", "--dns", "9.9.9.9", &name]).ok();
        let servers =
            || bed.cove(&["network", "inspect", "--format", "{{.NetworkDNSServers}}", &name]).ok().to_owned();
        assert_eq!(servers(), "[9.9.9.9]");
        let change = ["network", "update", "--dns-drop", "9.9.9.9", "--dns-add", "1.1.1.1,fd00::53", &name];
        assert_eq!(bed.cove(&change).ok(), name);
        assert_eq!(servers(), "[1.1.1.1 fd00::53]");
        bed.cove(&["network", "update", "--dns-add", "x", &name]).fails(125, "unable to parse ip x");
        bed.cove(&["network", "rm", &name]).ok();
    });
}

/// An address of this host by which others reach it.
fn outer_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[test]
fn services_are_told_their_clients_addresses() {
    let Some(address) = outer_address() else { return };
    everyone(|bed| {
        let name = format!("ce{}", free_port());
        bed.cove(&["network", "create", &name]).ok();
        let port = free_port();
        let server = "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho; echo \"from $REMOTE_ADDR\"\\n' >/www/cgi-bin/who; \
                      chmod 755 /www/cgi-bin/who; exec httpd -f -p 80 -h /www";
        let publish = format!("{port}:80");
        let run =
            ["run", "-d", "--name", "web", "--network", &name, "-p", &publish, IMAGE, "sh", "-c", server];
        bed.cove(&run).ok();
        let who = |host: std::net::IpAddr| -> Option<String> {
            let mut stream = TcpStream::connect((host, port)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
            stream.write_all(b"GET /cgi-bin/who HTTP/1.0\r\n\r\n").ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            Some(text.split("from ").nth(1)?.trim().to_owned())
        };
        let seen = wait_for("the published port", 15, || who(address));
        assert_eq!(seen.trim_matches(['[', ']']).trim_start_matches("::ffff:"), address.to_string());
        // The host's own loopback is not the container's.
        let local = who([127, 0, 0, 1].into()).expect("an answer on loopback");
        assert!(!local.contains("127.0.0.1"), "{local}");
        bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
        bed.cove(&["network", "rm", &name]).ok();
    });
}

#[test]
fn an_interface_has_further_addresses_of_its_link() {
    everyone(|bed| {
        let name = format!("ch{}", free_port());
        bed.cove(&["network", "create", "--ipv6", &name]).ok();
        let run = ["run", "--rm", "--network", &name, "--link-local-ip", "169.254.7.7"];
        let more = ["--link-local-ip", "fe80::7:7", IMAGE, "ip", "addr", "show", "eth0"];
        let shown = bed.cove(&[&run[..], &more].concat());
        assert!(shown.ok().contains("inet 169.254.7.7/16"), "{shown:?}");
        assert!(shown.ok().contains("inet6 fe80::7:7/64"), "{shown:?}");
        bed.cove(&["network", "rm", &name]).ok();
    });
}

#[test]
fn a_port_of_root_is_explained() {
    let first =
        cove_sys::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    let Some(bed) = Bed::new(Who::User).filter(|_| first.trim() == "1024") else { return };
    let step = "net.ipv4.ip_unprivileged_port_start=77";
    for network in ["pasta", "bridge"] {
        bed.cove(&["run", "--rm", "--network", network, "-p", "77:80", IMAGE, "true"]).fails(126, step);
    }
}

#[test]
fn ports_and_subnets_follow_containers_conf() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let conf = bed.path("containers.conf");
    let text = "[network]\ndefault_host_ips = [\"127.0.0.1\", \"::1\"]\n\
                default_subnet_pools = [{base = \"10.213.0.0/16\", size = 29}]\n";
    cove_sys::fs::write(&conf, text).unwrap();
    let conf = conf.display().to_string();
    let cove = |words: &[&str]| {
        let mut command = bed.command(words);
        command.env("CONTAINERS_CONF_OVERRIDE", &conf);
        Outcome::of(command, b"")
    };
    let name = format!("cf{}", free_port());
    cove(&["network", "create", &name]).ok();
    let shown = bed.cove(&["network", "inspect", "--format", "{{(index .Subnets 0).Subnet}}", &name]);
    assert!(shown.ok().starts_with("10.213.") && shown.ok().ends_with("/29"), "{shown:?}");
    let port = free_port();
    let publish = format!("{port}:80");
    cove(&["create", "--name", "c", "-p", &publish, IMAGE, "true"]).ok();
    let bindings = bed.cove(&["port", "c"]);
    assert_eq!(bindings.ok(), format!("80/tcp -> 127.0.0.1:{port}\n80/tcp -> [::1]:{port}"));
    bed.cove(&["network", "rm", &name]).ok();
}

#[test]
fn containers_join_a_bridge_of_somebody_elses() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let name = format!("ce{}", free_port());
    let ip = |words: &[&str]| {
        let output = std::process::Command::new("ip").args(words).output().expect("ip");
        assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    ip(&["link", "add", &name, "type", "bridge"]);
    let create = ["network", "create", "-o", "mode=unmanaged", "--interface-name", &name];
    bed.cove(&[&create[..], &["--subnet", "10.214.0.0/24", &name]].concat()).ok();
    let host = format!("hv{}", &name[2..]);
    let network = format!("{name}:host_interface_name={host}");
    bed.cove(&["run", "-d", "--name", "c", "--network", &network, IMAGE, "sleep", "100"]).ok();
    assert!(ip(&["link", "show", &host]).contains(&format!("master {name}")));
    assert!(!ip(&["addr", "show", &name]).contains("10.214."), "the bridge got an address");
    bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
    bed.cove(&["network", "rm", &name]).ok();
    ip(&["link", "delete", &name]);
    bed.cove(&["network", "create", "-o", "mode=unmanaged", "x"]).fails(125, "interface name");
    bed.cove(&["network", "create", "-o", "vlan=9999", "x"]).fails(125, "vlan ID 9999");
}

#[test]
fn a_virtual_lan_reaches_its_own_gateway() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let name = format!("cg{}", free_port());
    let ip =
        |words: &[&str]| std::process::Command::new("ip").args(words).output().expect("ip").status.success();
    if !ip(&["link", "add", &name, "type", "bridge", "vlan_filtering", "1"]) {
        return skip(Need::Kernel, "no virtual LANs on bridges");
    }
    ip(&["link", "delete", &name]);
    bed.cove(&["network", "create", "-o", "vlan=7", "-o", "metric=77", &name]).ok();
    let script = "ip route | grep default; ping -c 1 -W 5 $(ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p') >/dev/null && echo reached";
    let seen = bed.cove(&["run", "--rm", "--network", &name, IMAGE, "sh", "-c", script]);
    assert!(seen.ok().contains("metric 77") && seen.ok().ends_with("reached"), "{seen:?}");
    bed.cove(&["network", "rm", &name]).ok();
}

#[test]
fn a_port_of_all_addresses_is_that_of_ipv6_too() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let port = free_port();
    bed.cove(&["run", "-d", "--name", "c", "-p", &format!("{port}:80"), IMAGE, "sleep", "100"]).ok();
    for address in ["0.0.0.0", "[::]"] {
        let publish = format!("{address}:{port}:80");
        bed.cove(&["run", "--rm", "-p", &publish, IMAGE, "true"]).fails(126, "address already in use");
    }
    // Nobody is kept waiting where nothing answers.
    assert!(TcpStream::connect(("::1", port)).is_err());
    bed.cove(&["run", "--rm", "-p", "", IMAGE, "true"]).ok();
}
