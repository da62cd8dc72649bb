//! Names of containers, as aardvark-dns answers them.

use std::net::UdpSocket;
use std::time::Duration;

use cove_api::{Network, NetworkCreateOptions};
use cove_sys::fs;
use cove_test_support::{Need, met};

use super::{end, inside, on_a_host, options, shell, works};

/// Asks the name server at `server` for the IPv4 address of `name`: the response code and the address.
fn lookup(server: &str, name: &str) -> Option<(u8, Option<std::net::Ipv4Addr>)> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send_to(&question, (server, 53)).unwrap();
    let mut answer = [0; 512];
    let count = socket.recv(&mut answer).ok()?;
    let address = (answer[7] > 0)
        .then(|| std::net::Ipv4Addr::from(<[u8; 4]>::try_from(&answer[count - 4..count]).unwrap()));
    Some((answer[3] & 15, address))
}

#[test]
fn containers_find_each_other_by_name() {
    if !met(&[Need::Dns]) {
        return;
    }
    on_a_host(|networks, folder| {
        let wanted = Network { name: "names".into(), dns_enabled: true, ..Network::default() };
        networks.create(wanted, NetworkCreateOptions::default()).unwrap();
        let mut first = options(networks, "0123456789abcdef", "names");
        first.networks.get_mut("names").unwrap().aliases = vec!["web".into()];
        let second = options(networks, "c2", "names");
        let report = networks.setup(&first).unwrap();
        networks.setup(&second).unwrap();
        let server = report.networks["names"].dns_server_ips[0].clone();
        let settle = || std::thread::sleep(Duration::from_millis(150));
        settle();
        let ask = |name: &str| inside(&second.netns, || lookup(&server, name));
        let address = Some("10.89.0.2".parse().unwrap());
        let expected = Some((0, address));
        for name in ["web", "name-0123456789abcdef", "0123456789ab"] {
            assert_eq!(ask(name), expected, "{name}");
        }
        // Killed, it is started again by the next operation.
        let pid = fs::read_to_string(folder.join("dns/aardvark.pid")).unwrap();
        shell(&format!("kill -9 {pid}"));
        settle();
        assert_eq!(ask("web"), None);
        networks.reload("c2").unwrap();
        settle();
        assert_eq!(ask("web"), expected);
        networks.teardown("0123456789abcdef").unwrap();
        settle();
        assert_ne!(ask("web").and_then(|(_, found)| found), address);
        end(networks, "c2");
        settle();
        let pid = fs::read_to_string(folder.join("dns/aardvark.pid")).unwrap_or_default();
        assert!(pid.is_empty() || !works(&format!("kill -0 {pid}")), "the server ends with the last name");
        networks.remove_netns("0123456789abcdef").unwrap();
    });
}
