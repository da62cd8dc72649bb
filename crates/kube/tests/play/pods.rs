//! Fields of pods, their ports, networks and names.

use cove_api::KubePlayOptions;
use serde_json::{Value, json};

use crate::{check, one, options, pod};

#[test]
fn fields_of_pods() {
    for (spec, path, expected) in [
        ("", "/name", json!("p")),
        ("", "/labels", json!({"app": "web"})),
        ("", "/exit_policy", json!("stop")),
        ("", "/hostname", json!("p")),
        ("", "/restart_policy", json!("always")),
        ("", "/shared_namespaces", json!(["ipc", "net", "uts"])),
        ("", "/userns/nsmode", json!("host")),
        ("", "/Networks/podman-default-kube-network/aliases", json!(["c"])),
        ("hostname: h", "/hostname", json!("h")),
        ("restartPolicy: Never", "/restart_policy", json!("no")),
        ("restartPolicy: OnFailure", "/restart_policy", json!("on-failure")),
        ("shareProcessNamespace: true", "/shared_namespaces/3", json!("pid")),
        ("hostPID: true", "/pidns/nsmode", json!("host")),
        ("hostIPC: true", "/ipcns/nsmode", json!("host")),
        ("hostNetwork: true", "/netns/nsmode", json!("host")),
        ("hostNetwork: true", "/utsns/nsmode", json!("host")),
        ("hostUsers: false", "/userns/nsmode", json!("auto")),
        ("hostAliases: [{ip: 10.0.0.1, hostnames: [a, b]}]", "/hostadd", json!(["a:10.0.0.1", "b:10.0.0.1"])),
        ("dnsConfig: {nameservers: [9.9.9.9]}", "/dns_server", json!(["9.9.9.9"])),
        ("dnsConfig: {searches: [a.example]}", "/dns_search", json!(["a.example"])),
        (
            "dnsConfig: {options: [{name: ndots, value: 2}, {name: edns0}]}",
            "/dns_option",
            json!(["ndots:2", "edns0"]),
        ),
        (
            "securityContext: {sysctls: [{name: net.core.somaxconn, value: 9}]}",
            "/sysctl",
            json!({"net.core.somaxconn": "9"}),
        ),
    ] {
        let text = pod(spec, "");
        let (found, _) = one(&text, &options()).unwrap_or_else(|error| panic!("{spec}: {error}"));
        check(&found, path, expected, &text);
    }
}

#[test]
fn ports_networks_and_names() {
    let ports = "ports: [{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}, {containerPort: 53, hostPort: 53, protocol: UDP}, {containerPort: 9}, {hostPort: 7}]";
    let text = pod("", ports);
    let published = |options: &KubePlayOptions| {
        let (found, _) = one(&text, options).unwrap();
        let list = found["portmappings"].as_array().cloned().unwrap_or_default();
        let shown = |port: &Value| {
            format!(
                "{}:{}:{}/{}",
                port["host_ip"].as_str().unwrap_or_default(),
                port["host_port"],
                port["container_port"],
                port["protocol"].as_str().unwrap_or_default()
            )
        };
        list.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(published(&options()), ["127.0.0.1:8080:80/tcp", ":53:53/udp", ":7:7/tcp"]);
    let all = KubePlayOptions { publish_all_ports: true, ..options() };
    assert_eq!(published(&all)[2], ":9:9/tcp");
    let given = KubePlayOptions { publish_ports: vec!["1234:80".into()], ..options() };
    assert_eq!(published(&given).len(), 3);
    assert!(published(&given)[0].starts_with(":1234:80"));
    let host = KubePlayOptions { network: vec!["host".into()], ..options() };
    assert!(published(&host).is_empty());
    let two = KubePlayOptions { network: vec!["a:ip=10.0.0.5".into(), "b".into()], ..options() };
    let (found, _) = one(&text, &two).unwrap();
    check(&found, "/Networks/a/static_ips", json!(["10.0.0.5"]), "");
    check(&found, "/Networks/b/aliases", json!(["c"]), "");
    let ip = KubePlayOptions {
        static_ips: vec!["10.0.0.5".into()],
        static_macs: vec!["92:d0:c6:0a:29:33".into()],
        ..options()
    };
    let (found, _) = one(&text, &ip).unwrap();
    check(&found, "/Networks/podman-default-kube-network/static_ips", json!(["10.0.0.5"]), "");
    check(&found, "/Networks/podman-default-kube-network/static_mac", json!("92:d0:c6:0a:29:33"), "");
    let wrong = KubePlayOptions { network: vec!["none".into()], ..ip };
    assert!(one(&text, &wrong).unwrap_err().contains("can only be set when the network mode is bridge"));
    let bare = KubePlayOptions { no_pod_prefix: true, ..options() };
    check(&one(&text, &bare).unwrap().1, "/name", json!("c"), "");
}
