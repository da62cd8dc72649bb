//! What Docker's clients send, and what is refused of it.

use super::*;
use serde_json::{Value, json};

fn spec(body: Value) -> Result<ContainerSpec> {
    let body = cove_api::wire::json::decode(body.to_string().as_bytes()).map_err(Error::from)?;
    container_spec(body)
}

#[test]
fn what_dockers_command_line_sends() {
    let spec = spec(json!({
        "Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": true,
        "Tty": true, "OpenStdin": true, "StdinOnce": true, "Env": ["A=b", "GONE"], "Cmd": ["sh"], "Image": "img",
        "Volumes": {"/anon": {}}, "WorkingDir": "/w", "Entrypoint": null, "OnBuild": null, "Labels": {"l": "1"},
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {
            "Binds": ["/host:/ctr:ro"], "NetworkMode": "bridge",
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "81/tcp": null},
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "AutoRemove": true,
            "ConsoleSize": [24, 80], "MemorySwappiness": -1, "BlkioWeight": 0, "BlkioWeightDevice": [],
            "NanoCpus": 1_500_000_000, "Memory": 1048576, "PidsLimit": 0, "MaskedPaths": null, "Init": true,
            "Isolation": "default", "ContainerIDFile": "/tmp/x"
        },
        "NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}
    }))
    .unwrap();
    assert_eq!(spec.command, ["sh"]);
    assert_eq!(spec.entrypoint, None);
    assert_eq!((spec.env["A"].as_str(), spec.unsetenv.as_slice()), ("b", &["GONE".to_owned()][..]));
    assert_eq!(spec.portmappings[0].host_port, 8080);
    assert_eq!((spec.mounts[0].source.as_str(), spec.volumes[0].dest.as_str()), ("/host", "/anon"));
    assert_eq!((spec.restart_policy.as_str(), spec.restart_tries), ("on-failure", Some(3)));
    let resources = spec.resource_limits.unwrap();
    assert_eq!(resources.cpu.unwrap().quota, Some(150_000));
    assert_eq!((resources.memory.unwrap().limit, resources.pids), (Some(1_048_576), None));
    assert!(spec.networks.is_empty());
}

#[test]
fn commands_are_lists_or_words() {
    let of = |body| spec(body).unwrap();
    assert_eq!(of(json!({"Image": "i", "Cmd": "sh"})).command, ["sh"]);
    assert_eq!(of(json!({"image": "i", "cmd": ["a", null], "Entrypoint": "x"})).command, ["a", ""]);
    assert_eq!(of(json!({"Image": "i", "Entrypoint": [""]})).entrypoint, Some(vec![]));
    assert_eq!(of(json!({"Image": "i", "Entrypoint": null})).entrypoint, None);
}

#[test]
fn mounts_keep_their_options() {
    let spec = spec(json!({"Image": "i", "HostConfig": {"Mounts": [
        {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true,
         "BindOptions": {"Propagation": "rslave", "NonRecursive": true}},
        {"Type": "volume", "Source": "v", "Target": "/c", "VolumeOptions": {"NoCopy": true, "Subpath": "s"}},
        {"Type": "tmpfs", "Target": "/d", "TmpfsOptions": {"SizeBytes": 4096, "Mode": 448}},
    ]}}))
    .unwrap();
    assert_eq!(spec.mounts[0].options, ["ro", "bind", "rslave"]);
    assert_eq!(spec.mounts[1].options, ["size=4096", "mode=700"]);
    assert_eq!(
        (spec.volumes[0].options.as_slice(), spec.volumes[0].sub_path.as_str()),
        (&["nocopy".to_owned()][..], "s")
    );
}

#[test]
fn requests_for_devices() {
    let of = |requests: serde_json::Value| {
        let spec = spec(json!({"Image": "i", "HostConfig": {"DeviceRequests": requests}})).unwrap();
        (spec.gpus, spec.devices.into_iter().map(|device| device.path).collect::<Vec<_>>())
    };
    let gpus = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all =
        json!([{"Driver": "", "Count": -1, "DeviceIDs": null, "Capabilities": [["gpu"]], "Options": {}}]);
    assert_eq!(of(all), (gpus(&["all"]), vec![]));
    assert_eq!(of(json!([{"Count": 2, "Capabilities": [["gpu"]]}])), (gpus(&["0", "1"]), vec![]));
    assert_eq!(of(json!([{"DeviceIDs": ["3"], "Capabilities": [["gpu"]]}])), (gpus(&["3"]), vec![]));
    let described = json!([{"Driver": "cdi", "DeviceIDs": ["vendor.com/net=a"]}]);
    assert_eq!(of(described), (vec![], gpus(&["vendor.com/net=a"])));
}

#[test]
fn what_is_not_done_or_unknown_is_refused_by_name() {
    for (body, name) in [
        (json!({"Image": "i", "HostConfig": {"CpuCount": 10}}), "HostConfig.CpuCount"),
        (json!({"Image": "i", "HostConfig": {"DeviceCgroupRules": ["x"]}}), "device cgroup rule"),
        (
            json!({"Image": "i", "HostConfig": {"DeviceRequests": [{"Count": -1, "Driver": "other"}]}}),
            "HostConfig.DeviceRequests",
        ),
        (json!({"Image": "i", "HostConfig": {"Mounts": [{"Type": "npipe", "Target": "/x"}]}}), "npipe"),
        (json!({"Image": "i", "HostConfig": {"Links": ["a:b"]}}), "HostConfig.Links"),
        (
            json!({"Image": "i", "HostConfig": {"Mounts": [{"BindOptions": {"ReadOnlyNonRecursive": true}}]}}),
            "HostConfig.Mounts[0].BindOptions.ReadOnlyNonRecursive",
        ),
        (
            json!({"Image": "i", "NetworkingConfig": {"EndpointsConfig": {"n": {"DriverOpts": {"a": "b"}}}}}),
            "NetworkingConfig.EndpointsConfig.n.DriverOpts",
        ),
        (json!({"Image": "i", "Zork": 1}), "Zork"),
        (json!({"Image": "i", "HostConfig": {"Zork": 1}}), "HostConfig.Zork"),
        (
            json!({"Image": "i", "HostConfig": {"RestartPolicy": {"Zork": 1}}}),
            "HostConfig.RestartPolicy.Zork",
        ),
        (json!({"Image": "i", "HostConfig": {"Mounts": [{"Zork": 1}]}}), "HostConfig.Mounts[0].Zork"),
        (
            json!({"Image": "i", "NetworkingConfig": {"EndpointsConfig": {"n": {"IPAMConfig": {"Zork": 1}}}}}),
            "NetworkingConfig.EndpointsConfig.n.IPAMConfig.Zork",
        ),
        (json!({"Image": "i", "HostConfig": {"NanoCpus": -1}}), "NanoCpus"),
        (json!({"Image": "i", "HostConfig": {"CpuShares": -1}}), "CpuShares"),
        (json!({"Image": "i", "HostConfig": {"MemorySwappiness": -2}}), "MemorySwappiness"),
        (
            json!({"Image": "i", "HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": -5, "Hard": 1}]}}),
            "nofile",
        ),
    ] {
        let error = spec(body).unwrap_err();
        assert!(error.message.contains(name), "{name}: {}", error.message);
    }
}

#[test]
fn what_clients_send_back_from_inspect_asks_for_nothing() {
    spec(json!({"Image": "i", "NetworkingConfig": {"EndpointsConfig": {"n": {
        "NetworkID": "x", "EndpointID": "y", "Gateway": "10.0.0.1", "IPAddress": "10.0.0.2", "IPPrefixLen": 16,
        "DNSNames": ["a"], "Links": null, "DriverOpts": null,
    }}}}))
    .unwrap();
}

#[test]
fn options_of_the_log_are_podmans() {
    let log = json!({"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3", "tag": "a"}});
    let spec = spec(json!({"Image": "i", "HostConfig": {"LogConfig": log}})).unwrap();
    let log = spec.log_configuration.unwrap();
    assert_eq!((log.driver.as_str(), log.size), ("json-file", 10_000_000));
    assert_eq!(log.options.into_values().collect::<Vec<_>>(), ["3", "a"]);
}

#[test]
fn missing_folders_are_made_for_binds() {
    let bind = |source: &str, made: bool| json!({"Type": "bind", "Source": source, "Target": source, "BindOptions": {"CreateMountpoint": made}});
    let host = json!({"Binds": ["/short:/short", "volume:/v"], "Mounts": [bind("/made", true), bind("/kept", false)]});
    let spec = spec(json!({"Image": "i", "HostConfig": host})).unwrap();
    assert_eq!(spec.create_bind_sources, ["/short", "/made"]);
}

#[test]
fn ranges_of_ports_are_exposed() {
    let exposed =
        |port: &str| Ok::<_, Error>(spec(json!({"Image": "i", "ExposedPorts": {port: {}}}))?.expose);
    let ports: Vec<u16> = exposed("7001-7003/udp").unwrap().into_keys().collect();
    assert_eq!(ports, [7001, 7002, 7003]);
    for wrong in ["0-2", "3-2", "1-65536", "a-b", "1-2-3"] {
        assert!(exposed(wrong).is_err(), "{wrong}");
    }
}
