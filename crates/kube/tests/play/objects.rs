//! Objects besides pods: config maps, claims, images.

use cove_api::{KubePlayOptions, PullPolicy};
use cove_kube::{Application, ImageFacts, image_folder, image_policy};

use crate::{options, planned, pod};

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

#[test]
fn folders_of_images() {
    for (image, folder) in [
        ("foobar", Some("foobar")),
        ("localhost:5000/a/foobar:1", Some("foobar")),
        ("quay.io/x/y@sha256:00", Some("y")),
        ("a/..", None),
        ("a/", None),
        (":1", None),
    ] {
        assert_eq!(image_folder(image), folder, "{image}");
    }
}
