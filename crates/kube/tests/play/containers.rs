//! Fields of containers, and annotations that set them.

use serde_json::json;

use crate::{check, one, options, pod};

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
