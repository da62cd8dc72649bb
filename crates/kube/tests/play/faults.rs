//! What is refused: wrong fields, root where it must not be, references without end.

use cove_api::KubePlayOptions;
use cove_kube::ImageFacts;

use crate::{one, options, planned, pod};

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

/// Each reference is a copy, so a small file could stand for any number of bytes.
#[test]
fn what_references_copy_is_bounded() {
    let map = format!("kind: ConfigMap\nmetadata: {{name: m}}\ndata: {{A: {}}}\n---\n", "x".repeat(1 << 20));
    let text = |count: usize| {
        let references = vec!["{configMapRef: {name: m}}"; count].join(", ");
        map.clone() + &pod("", &format!("envFrom: [{references}]"))
    };
    planned(&text(2), &options()).unwrap();
    let error = planned(&text(100), &options()).unwrap_err();
    assert!(error.contains("copy more than"), "{error}");
}
