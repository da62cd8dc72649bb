//! What files come to, field by field: a table of YAML and the part of the request that it makes.

use std::collections::BTreeMap;

use cove_api::{KubePlayOptions, PullPolicy};
use cove_kube::{Application, HostFacts, ImageFacts, Known, PodPlan, SecretData, image_policy};
use serde_json::{Value, json};

fn options() -> KubePlayOptions {
    KubePlayOptions { folder: Some("/cwd".into()), ..KubePlayOptions::default() }
}

fn planned(text: &str, options: &KubePlayOptions) -> Result<Vec<PodPlan>, String> {
    let application = Application::parse(text).map_err(|error| error.to_string())?;
    let secrets: BTreeMap<String, SecretData> =
        [("s".to_owned(), [("k".to_owned(), b"tiger".to_vec())].into())].into();
    let host = HostFacts { memory: 8 << 30, processors: 4 };
    let known =
        |place| Known { options, config_maps: &application.config_maps, secrets: &secrets, host, place };
    let plan = |(place, workload): (usize, &cove_kube::Workload)| workload.plan(&known(place));
    application
        .workloads
        .iter()
        .enumerate()
        .map(plan)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// A pod with these lines in its specification and in its container's.
fn pod(spec: &str, container: &str) -> String {
    let indented =
        |text: &str, by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {{app: web}}\n  annotations: {{note: n}}\nspec:\n{}  \
         containers:\n  - name: c\n    image: busybox\n{}",
        indented(spec, "  "),
        indented(container, "    ")
    )
}

fn one(text: &str, options: &KubePlayOptions) -> Result<(Value, Value), String> {
    let plan = planned(text, options)?.remove(0);
    let image = ImageFacts { env: vec!["IMG=i".into()], user: "1000".into() };
    let spec = plan.containers.last().unwrap().spec("PODID", &image).map_err(|error| error.to_string())?;
    Ok((serde_json::to_value(&plan.spec).unwrap(), serde_json::to_value(spec).unwrap()))
}

#[track_caller]
fn check(found: &Value, path: &str, expected: Value, text: &str) {
    assert_eq!(found.pointer(path).cloned().unwrap_or(Value::Null), expected, "{path} of\n{text}\n{found:#}");
}

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
fn fields_of_containers() {
    for (spec, container, path, expected) in [
        ("", "", "/name", json!("p-c")),
        ("", "", "/pod", json!("PODID")),
        ("", "", "/annotations/note", json!("n")),
        ("", "", "/annotations/io.podman.annotations.kube.health.check", json!("true")),
        ("", "", "/labels/app", json!("web")),
        ("", "", "/restart_policy", json!("always")),
        ("", "command: [a, $(IMG)]", "/entrypoint", json!(["a", "i"])),
        ("", "args: [$(IMG), $(NO), '$$(IMG)']", "/command", json!(["i", "$(NO)", "$(IMG)"])),
        ("", "workingDir: /w", "/work_dir", json!("/w")),
        ("", "tty: true", "/terminal", json!(true)),
        ("", "stdin: true", "/stdin", json!(true)),
        ("", "env: [{name: A, value: 5}, {name: B, value: 'x$(A)'}]", "/env", json!({"A": "5", "B": "x5"})),
        ("", "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]", "/env/A", json!("tiger")),
        (
            "",
            "env: [{name: A, valueFrom: {secretKeyRef: {name: no, key: k, optional: true}}}]",
            "/env/A",
            json!(null),
        ),
        (
            "",
            "env: [{name: A, valueFrom: {configMapKeyRef: {name: no, key: k, optional: true}}}]",
            "/env/A",
            json!(null),
        ),
        ("", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", "/env/A", json!("p")),
        ("", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}]", "/env/A", json!("PODID")),
        (
            "",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}]",
            "/env/A",
            json!("web"),
        ),
        (
            "",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['note']\"}}}]",
            "/env/A",
            json!("n"),
        ),
        ("", "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]", "/env/A", json!("4")),
        (
            "",
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}]\nresources: {limits: {memory: 1500Ki}}",
            "/env/A",
            json!("2"),
        ),
        ("", "envFrom: [{secretRef: {name: s}, prefix: X_}]", "/env", json!({"X_k": "tiger"})),
        ("", "envFrom: [{configMapRef: {name: no, optional: true}}]", "/env", json!(null)),
        (
            "",
            "resources: {limits: {cpu: 500m}}",
            "/resource_limits/cpu",
            json!({"quota": 50000, "period": 100_000}),
        ),
        (
            "",
            "resources: {limits: {memory: 64Mi}, requests: {memory: 32Mi}}",
            "/resource_limits/memory",
            json!({"limit": 67_108_864, "reservation": 33_554_432}),
        ),
        (
            "",
            "resources: {limits: {'podman.io/device=/dev/fuse': 1, 'vendor.com/gpu=all': 1}}",
            "/devices/0/path",
            json!("/dev/fuse"),
        ),
        (
            "",
            "resources: {limits: {'podman.io/device=/dev/fuse': 1, 'vendor.com/gpu=all': 1}}",
            "/devices/1/path",
            json!("vendor.com/gpu=all"),
        ),
        (
            "",
            "livenessProbe: {exec: {command: [true]}, periodSeconds: 3, failureThreshold: 2, initialDelaySeconds: 7, timeoutSeconds: 4}",
            "/healthconfig",
            json!({"Test": ["CMD", "true"], "Interval": 3_000_000_000_i64, "Timeout": 4_000_000_000_i64, "StartPeriod": 7_000_000_000_i64, "Retries": 2}),
        ),
        (
            "",
            "livenessProbe: {httpGet: {port: web, path: /x}}\nports: [{name: web, containerPort: 8080}]",
            "/healthconfig/Test/1",
            json!("curl -f http://localhost:8080/x || exit 1"),
        ),
        (
            "",
            "livenessProbe: {tcpSocket: {port: 80, host: h}}",
            "/healthconfig/Test/1",
            json!("nc -z -v h 80 || exit 1"),
        ),
        ("", "livenessProbe: {exec: {command: [true]}}", "/health_check_on_failure_action", json!(3)),
        (
            "restartPolicy: Never",
            "livenessProbe: {exec: {command: [true]}}",
            "/health_check_on_failure_action",
            json!(null),
        ),
        (
            "",
            "startupProbe: {exec: {command: [true]}, successThreshold: 2}",
            "/startupHealthConfig/Successes",
            json!(2),
        ),
        ("", "startupProbe: {exec: {command: [true]}}", "/healthconfig/Test/1", json!("exit 0")),
        ("", "lifecycle: {stopSignal: SIGUSR1}", "/stop_signal", json!(10)),
        ("terminationGracePeriodSeconds: 5", "", "/stop_timeout", json!(5)),
        ("hostPID: true", "", "/pidns/nsmode", json!("host")),
        ("", "securityContext: {runAsUser: 1000}", "/user", json!("1000")),
        ("", "securityContext: {runAsGroup: 3000}", "/user", json!("0:3000")),
        (
            "securityContext: {runAsUser: 5, runAsGroup: 6, supplementalGroups: [7]}",
            "securityContext: {runAsUser: 8}",
            "/user",
            json!("8:6"),
        ),
        ("securityContext: {supplementalGroups: [7, 8]}", "", "/groups", json!(["7", "8"])),
        ("", "securityContext: {readOnlyRootFilesystem: true}", "/read_only_filesystem", json!(true)),
        ("", "securityContext: {privileged: true}", "/privileged", json!(true)),
        ("", "securityContext: {allowPrivilegeEscalation: false}", "/no_new_privileges", json!(true)),
        ("", "securityContext: {procMount: Unmasked}", "/unmask", json!(["ALL"])),
        (
            "",
            "securityContext: {capabilities: {add: [net_admin], drop: [ALL]}}",
            "/cap_add",
            json!(["CAP_NET_ADMIN"]),
        ),
        ("", "securityContext: {capabilities: {add: [net_admin], drop: [ALL]}}", "/cap_drop", json!(["ALL"])),
        (
            "",
            "securityContext: {seLinuxOptions: {type: t, level: 's0:c1'}}",
            "/selinux_opts",
            json!(["type:t", "level:s0:c1"]),
        ),
        (
            "securityContext: {seLinuxOptions: {user: u, role: r, filetype: f}}",
            "",
            "/selinux_opts",
            json!(["user:u", "role:r", "filetype:f"]),
        ),
        (
            "",
            "securityContext: {seccompProfile: {type: Unconfined}}",
            "/seccomp_profile_path",
            json!("unconfined"),
        ),
        (
            "securityContext: {seccompProfile: {type: Localhost, localhostProfile: a/b.json}}",
            "",
            "/seccomp_profile_path",
            json!("/var/lib/kubelet/seccomp/a/b.json"),
        ),
        (
            "volumes: [{name: v, hostPath: {path: /data}}]",
            "volumeMounts: [{name: v, mountPath: /m, readOnly: true, subPath: a/b, mountPropagation: HostToContainer}]",
            "/mounts/0",
            json!({"destination": "/m", "type": "bind", "source": "/data", "options": ["ro", "rslave", "subpath=a/b"]}),
        ),
        (
            "volumes: [{name: v, hostPath: {path: ./data}}]",
            "volumeMounts: [{name: v, mountPath: '/m:z'}]",
            "/mounts/0",
            json!({"destination": "/m", "type": "bind", "source": "/cwd/./data", "options": ["z"]}),
        ),
        (
            "volumes: [{name: v, hostPath: {path: named}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/volumes/0/Name",
            json!("named"),
        ),
        (
            "volumes: [{name: v, hostPath: {path: /dev/null, type: CharDevice}}]",
            "volumeMounts: [{name: v, mountPath: /dev/x}]",
            "/devices/0/path",
            json!("/dev/null:/dev/x"),
        ),
        (
            "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]",
            "volumeMounts: [{name: v, mountPath: /m, subPath: s}]",
            "/volumes/0",
            json!({"Name": "data", "Dest": "/m", "Options": [], "IsAnonymous": false, "SubPath": "s"}),
        ),
        (
            "volumes: [{name: v, persistentVolumeClaim: {claimName: data, readOnly: true}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/volumes/0/Options",
            json!(["ro"]),
        ),
        (
            "volumes: [{name: v, emptyDir: {}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/volumes/0",
            json!({"Name": "p-v", "Dest": "/m", "Options": [], "IsAnonymous": true, "SubPath": ""}),
        ),
        (
            "volumes: [{name: v, emptyDir: {medium: Memory}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/mounts/0/type",
            json!("tmpfs"),
        ),
        (
            "volumes: [{name: v, secret: {secretName: s}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/volumes/0/Name",
            json!("s"),
        ),
        (
            "volumes: [{name: v, configMap: {name: no, optional: true}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/volumes",
            json!(null),
        ),
        (
            "volumes: [{name: v, image: {reference: i}}]",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "/image_volumes/0/Source",
            json!("i"),
        ),
    ] {
        let text = pod(spec, container);
        let (_, found) = one(&text, &options()).unwrap_or_else(|error| panic!("{spec} {container}: {error}"));
        check(&found, path, expected, &text);
    }
}

#[test]
fn annotations() {
    for (key, value, path, expected) in [
        ("io.podman.annotations.pids-limit/c", "9", "/resource_limits/pids/limit", json!(9)),
        ("io.podman.annotations.cpuset/c", "0-1", "/resource_limits/cpu/cpus", json!("0-1")),
        ("io.podman.annotations.memory-nodes/c", "0", "/resource_limits/cpu/mems", json!("0")),
        ("io.podman.annotations.ulimit", "nofile=5:6", "/r_limits/0/soft", json!(5)),
        (
            "io.podman.annotations.volumes-from/c",
            "other:ro;more",
            "/volumes_from",
            json!(["other:ro", "more"]),
        ),
        ("io.podman.annotations.init/c", "TRUE", "/init", json!(true)),
        ("io.podman.annotations.autoremove/c", "TRUE", "/remove", json!(true)),
        (
            "io.podman.annotations.label/c",
            "type:t,label=level:s0",
            "/selinux_opts",
            json!(["type:t", "level:s0"]),
        ),
        ("io.containers.autoupdate/c", "registry", "/labels/io.containers.autoupdate", json!("registry")),
        ("io.containers.autoupdate", "local", "/labels/io.containers.autoupdate", json!("local")),
        (
            "container.seccomp.security.alpha.kubernetes.io/c",
            "localhost/x.json",
            "/seccomp_profile_path",
            json!("/root/x.json"),
        ),
        (
            "seccomp.security.alpha.kubernetes.io/pod",
            "unconfined",
            "/seccomp_profile_path",
            json!("unconfined"),
        ),
    ] {
        let mut options = options();
        options.annotations.insert(key.into(), value.into());
        options.seccomp_profile_root = Some("/root/".into());
        let text = pod("", "");
        let (_, found) = one(&text, &options).unwrap_or_else(|error| panic!("{key}: {error}"));
        check(&found, path, expected, key);
    }
    let mut options = options();
    options.annotations.insert("io.podman.annotations.userns".into(), "keep-id".into());
    options.annotations.insert("io.podman.annotations.infra.name".into(), "i".into());
    let (found, _) = one(&pod("", ""), &options).unwrap();
    check(&found, "/userns/nsmode", json!("keep-id"), "");
    check(&found, "/infra_name", json!("i"), "");
}

#[test]
fn wrong_fields() {
    for (spec, container, expected) in [
        ("restartPolicy: Sometimes", "", "unknown restartPolicy"),
        ("hostAliases: [{ip: x, hostnames: [a]}]", "", "invalid IP address"),
        ("volumes: [{name: v}]", "", "currently the only supported VolumeSource"),
        ("volumes: [{name: v, hostPath: {path: /a, type: Odd}}]", "", "invalid HostPath type"),
        (
            "volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]",
            "",
            "the volume \"v\" is there twice",
        ),
        ("volumes: [{name: v, configMap: {name: no}}]", "", "no such ConfigMap \"no\""),
        ("volumes: [{name: v, secret: {secretName: no}}]", "", "no such secret"),
        (
            "volumes: [{name: v, secret: {secretName: s, defaultMode: 01000}}]",
            "",
            "must be between 0000 and 0777",
        ),
        (
            "volumes: [{name: v, secret: {secretName: s, items: [{key: k, path: ../x}]}}]",
            "",
            "is no path in a volume",
        ),
        ("volumes: [{name: v, persistentVolumeClaim: {claimName: ../x}}]", "", "invalid volume name"),
        (
            "volumes: [{name: v, emptyDir: {}}]",
            "volumeMounts: [{name: v, mountPath: /m, subPath: ../x}]",
            "is no path in a volume",
        ),
        (
            "volumes: [{name: v, emptyDir: {}}]",
            "volumeMounts: [{name: v, mountPath: m}]",
            "parsing MountPath",
        ),
        (
            "volumes: [{name: v, emptyDir: {}}]",
            "volumeMounts: [{name: v, mountPath: '/m:odd'}]",
            "parsing MountOptions",
        ),
        (
            "",
            "volumeMounts: [{name: v, mountPath: /m}]",
            "volume mount v specified for container but not configured in volumes",
        ),
        (
            "securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../x}}",
            "",
            "invalid seccomp path",
        ),
        ("", "resources: {limits: {memory: lots}}", "is no amount"),
        ("", "ports: [{containerPort: 70000, hostPort: 1}]", "is no port"),
        ("", "ports: [{containerPort: 80, hostPort: 1, protocol: ICMP}]", "unknown protocol"),
        ("", "livenessProbe: {httpGet: {port: web}}", "failed to configure livenessProbe: unknown port: web"),
        ("", "livenessProbe: {tcpSocket: {port: 80, host: 'a;b'}}", "is no host"),
        (
            "",
            "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: no}}}]",
            "cannot set env A: secret s has not no key",
        ),
        ("", "env: [{name: A, valueFrom: {configMapKeyRef: {name: no, key: k}}}]", "configmap no not found"),
        (
            "",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]",
            "either not valid or not supported",
        ),
        (
            "",
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 3}}}]",
            "divisor value 3 is not valid",
        ),
        ("", "env: [{name: 'A=B', value: x}]", "is no name of a variable"),
        ("", "securityContext: {runAsUser: -1}", "runAsUser is no id"),
        ("", "securityContext: {capabilities: {add: [FLY]}}", "unknown capability"),
        ("", "imagePullPolicy: Sometimes", "unsupported pull policy"),
        (
            "initContainers: [{name: i, image: x, livenessProbe: {exec: {command: [a]}}}]",
            "",
            "cannot create an init container",
        ),
        ("initContainers: [{name: c, image: x}]", "", "duplicate container name \"c\" detected"),
        ("initContainers: [{name: i}]", "", "missing the required 'image' field"),
    ] {
        let text = pod(spec, container);
        let error = one(&text, &options()).err().unwrap_or_else(|| panic!("{spec} {container} is taken"));
        assert!(error.contains(expected), "{spec} {container}: {error}");
        assert!(error.starts_with("line 1: pod p: "), "{error}");
    }
    let mut none = options();
    none.no_hosts = true;
    assert!(
        one(&pod("hostAliases: [{ip: 1.1.1.1, hostnames: [a]}]", ""), &none)
            .unwrap_err()
            .contains("--no-hosts")
    );
    let service = KubePlayOptions::default();
    let relative = pod("volumes: [{name: v, hostPath: {path: ./a}}]", "");
    assert!(one(&relative, &service).unwrap_err().contains("no absolute path"));
    for (key, value, expected) in [
        ("io.containers.sdnotify", "container", "is not supported"),
        ("io.podman.annotations.volumes-from", "a", "reserved"),
        ("io.podman.annotations.volumes-from/c", "c", "cannot be same"),
        ("io.podman.annotations.init/c", "maybe", "neither true nor false"),
        ("a/b/c", "x", "name part"),
    ] {
        let mut options = options();
        options.annotations.insert(key.into(), value.into());
        let error = one(&pod("", ""), &options).unwrap_err();
        assert!(error.contains(expected), "{key}: {error}");
    }
}

#[test]
fn root_is_refused_where_it_must_not_be() {
    let text = pod("", "securityContext: {runAsNonRoot: true}");
    let plan = planned(&text, &options()).unwrap().remove(0);
    for (user, fine) in [("1000", true), ("web", true), ("", false), ("0:5", false), ("root", false)] {
        let image = ImageFacts { env: Vec::new(), user: user.into() };
        assert_eq!(plan.containers[0].spec("", &image).is_ok(), fine, "{user}");
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

#[test]
fn init_containers_come_first_and_config_maps_are_found() {
    let text = "kind: ConfigMap\nmetadata: {name: m}\ndata: {A: 1, B: two}\nbinaryData: {c: AAE=}\n---\n"
        .to_owned()
        + &pod(
            "initContainers: [{name: i, image: x, tty: true}]\nvolumes: [{name: v, configMap: {name: m, defaultMode: 0400, items: [{key: B, path: d/b}]}}, {name: w, configMap: {name: m}}]",
            "envFrom: [{configMapRef: {name: m}}]\nenv: [{name: C, valueFrom: {configMapKeyRef: {name: m, key: B}}}]",
        );
    let plan = planned(&text, &options()).unwrap().remove(0);
    let first = plan.containers[0].spec("id", &ImageFacts::default()).unwrap();
    assert_eq!(
        (first.name.as_str(), first.init_container_type.as_str(), first.restart_policy.as_str()),
        ("p-i", "once", "no")
    );
    let second = plan.containers[1].spec("id", &ImageFacts::default()).unwrap();
    assert_eq!(
        second.env.into_iter().collect::<Vec<_>>(),
        [("A", "1"), ("B", "two"), ("C", "two")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let cove_kube::Source::Files { name, files, mode } = &plan.volumes["v"] else {
        panic!("{:?}", plan.volumes)
    };
    assert_eq!((name.as_str(), *mode), ("m", 0o400));
    assert_eq!(files.iter().collect::<Vec<_>>(), [(&"d/b".to_owned(), &b"two".to_vec())]);
    let cove_kube::Source::Files { files, .. } = &plan.volumes["w"] else { panic!("{:?}", plan.volumes) };
    assert_eq!(files["c"], [0, 1]);
}

#[test]
fn claims() {
    let text = "kind: PersistentVolumeClaim\nmetadata:\n  name: v\n  labels: {a: b}\n  annotations: {volume.podman.io/driver: local, volume.podman.io/device: tmpfs, volume.podman.io/type: tmpfs, volume.podman.io/mount-options: size=1m, volume.podman.io/uid: 5, volume.podman.io/gid: 6, volume.podman.io/import-source: data.tar}\n";
    let claim = &Application::parse(text).unwrap().claims[0];
    let made = cove_kube::claim(claim, &options()).unwrap();
    assert_eq!(
        (made.options.uid, made.options.gid, made.import.as_deref()),
        (Some(5), Some(6), Some("/cwd/data.tar"))
    );
    let shown: Vec<_> = made.options.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(shown, ["device=tmpfs", "o=size=1m", "type=tmpfs"]);
    let error = cove_kube::claim(claim, &KubePlayOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "importing volumes is not supported for remote requests");
}

#[test]
fn when_images_are_pulled() {
    for (image, text, expected) in [
        ("busybox", "", PullPolicy::Missing),
        ("busybox:latest", "", PullPolicy::Missing),
        ("quay.io/a/b", "", PullPolicy::Newer),
        ("localhost/a:latest", "", PullPolicy::Newer),
        ("localhost:5000/a:1", "", PullPolicy::Missing),
        ("quay.io/a@sha256:00", "", PullPolicy::Missing),
        ("a", "Always", PullPolicy::Always),
        ("a", "IfNotPresent", PullPolicy::Missing),
        ("a", "Never", PullPolicy::Never),
    ] {
        assert_eq!(image_policy(image, text).unwrap(), expected, "{image} {text}");
    }
}
