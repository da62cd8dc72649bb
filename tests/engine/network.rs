//! Networks and published ports.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cove_test_support::{Bed, IMAGE, Who, everyone, free_port, wait_for};

/// A web server that says hello.
const SERVER: &str = "mkdir /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www";

fn get(port: u16) -> Option<String> {
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
