//! Devices of containers that lie on a device of the host.

use cove_api::{Network, NetworkCreateOptions, Subnet};
use cove_network::Error;
use cove_test_support::{Need, skip};

use super::{end, inside, on_a_host, options, shell};

#[test]
fn macvlan_and_ipvlan_devices_lie_on_a_parent() {
    on_a_host(|networks, _| {
        shell(
            "ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set up1 up && ip addr add 172.31.9.1/24 dev up0",
        );
        shell("ip link set up0 mtu 1400 && ip route add default via 172.31.9.254 dev up0");
        for (name, last) in [("macvlan", "77"), ("ipvlan", "78")] {
            let wanted = Network {
                name: name.into(),
                driver: name.into(),
                network_interface: "up0".into(),
                subnets: vec![Subnet { subnet: "172.31.9.0/24".into(), ..Subnet::default() }],
                ..Network::default()
            };
            networks.create(wanted, NetworkCreateOptions::default()).unwrap();
            let mut one = options(networks, name, name);
            one.networks.get_mut(name).unwrap().static_ips = vec![format!("172.31.9.{last}")];
            match networks.setup(&one) {
                Err(Error::Unsupported(reason)) => {
                    skip(Need::Kernel, &reason);
                    networks.remove_netns(name).unwrap();
                    continue;
                }
                other => drop(other.unwrap()),
            }
            let seen = inside(&one.netns, || shell("ip -d addr show eth0; ip route"));
            assert!(
                seen.contains(name) && seen.contains(last) && seen.contains("default via 172.31.9.1"),
                "{seen}"
            );
            end(networks, name);
            networks.remove(name).unwrap();
        }
        let wanted = Network { name: "no-parent".into(), driver: "macvlan".into(), ..Network::default() };
        assert!(matches!(
            networks.create(wanted, NetworkCreateOptions::default()),
            Err(Error::Unsupported(_))
        ));
        // Bridges take the MTU of the way out.
        let one = options(networks, "c1", "podman");
        networks.setup(&one).unwrap();
        assert!(inside(&one.netns, || shell("ip link show eth0")).contains("mtu 1400"));
        end(networks, "c1");
    });
}
