//! Units that refer to each other.

use cove_quadlet::Remark;

use super::{convert, has};

/// The texts of a unit and of those that it refers to, and what the first one's service has.
fn check(texts: &[(&str, &str)], service: &str, expected: &[&str]) {
    let (services, remarks) = convert(texts, false);
    assert!(remarks.iter().all(|remark| !matches!(remark, Remark::Fault(_))), "{remarks:?}");
    let (_, text) = services.iter().find(|(name, _)| name == service).unwrap();
    for expected in expected {
        assert!(has(text, expected), "wants {expected}\n{text}");
    }
}

#[test]
fn what_is_made_by_others_is_made_first() {
    check(
        &[
            (
                "web.container",
                "[Container]\nImage=app.build\nNetwork=net.network:ip=10.0.0.5\nVolume=data.volume:/d\nMount=type=image,source=tools.image,dst=/t\nMount=type=artifact,src=model.artifact,dst=/m\n",
            ),
            ("app.build", "[Build]\nImageTag=localhost/app\nSetWorkingDirectory=unit\n"),
            ("net.network", "[Network]\nNetworkName=lan\n"),
            ("data.volume", "[Volume]\nServiceName=disk\n"),
            ("tools.image", "[Image]\nImage=quay.io/tools\nImageTag=localhost/tools\n"),
            ("model.artifact", "[Artifact]\nArtifact=quay.io/model\n"),
        ],
        "web.service",
        &[
            "--network lan:ip=10.0.0.5",
            "-v systemd-data:/d",
            "--mount type=image,source=localhost/tools,dst=/t",
            "--mount type=artifact,source=quay.io/model,dst=/m",
            "localhost/app",
            "Requires=app-build.service",
            "After=app-build.service",
            "Requires=net-network.service",
            "Requires=disk.service",
            "After=disk.service",
            "Requires=tools-image.service",
            "Requires=model-artifact.service",
        ],
    );
}

#[test]
fn volumes_of_images_and_builds_with_volumes() {
    let texts = [
        ("v.volume", "[Volume]\nDriver=image\nImage=b.build\n"),
        (
            "b.build",
            "[Build]\nImageTag=localhost/b\nSetWorkingDirectory=unit\nVolume=c.volume:/c\nNetwork=n.network\n",
        ),
        ("c.volume", "[Volume]\n"),
        ("n.network", "[Network]\n"),
    ];
    check(&texts, "v-volume.service", &["--opt image=localhost/b", "Requires=b-build.service"]);
    check(&texts, "b-build.service", &["-v systemd-c:/c", "--network systemd-n", "After=c-volume.service"]);
}

#[test]
fn a_pod_starts_its_containers() {
    let texts = [
        ("p.pod", "[Pod]\nPodName=group\n"),
        ("a.container", "[Container]\nImage=localhost/i\nPod=p.pod\n"),
        ("b.container", "[Container]\nImage=localhost/i\nPod=p.pod\nStartWithPod=no\n"),
        ("c@.container", "[Container]\nImage=localhost/i\nPod=p.pod\n"),
        ("c@one.container", "[Container]\nImage=localhost/i\nPod=p.pod\n"),
    ];
    check(&texts, "p-pod.service", &["Wants=a.service", "Before=a.service", "Wants=c@one.service"]);
    let (services, _) = convert(&texts, false);
    let pod = &services.iter().find(|(name, _)| name == "p-pod.service").unwrap().1;
    assert!(!pod.contains("b.service") && !pod.contains("c@.service"), "{pod}");
    check(&texts, "b.service", &["--pod group", "BindsTo=p-pod.service", "After=p-pod.service"]);
}

#[test]
fn networks_of_other_containers() {
    let texts = [
        ("a.container", "[Container]\nImage=localhost/i\nNetwork=b.container\n"),
        ("b.container", "[Container]\nImage=localhost/i\nServiceName=other\n"),
    ];
    check(&texts, "a.service", &["--network container:systemd-other", "Requires=other.service"]);
}

#[test]
fn templates_use_templates() {
    let texts = [
        ("a@.container", "[Container]\nImage=localhost/i\nVolume=d@.volume:/d\n"),
        ("d@.volume", "[Volume]\n"),
    ];
    check(&texts, "a@.service", &["-v systemd-d-%i:/d", "Requires=d-volume@.service"]);
}

#[test]
fn dependencies_name_services() {
    let keys =
        ["After", "Before", "BindsTo", "Conflicts", "OnFailure", "PartOf", "Requires", "Upholds", "Wants"];
    for key in keys {
        let text =
            format!("[Unit]\n{key}=b.container x.target\n{key}=c.kube\n[Container]\nImage=localhost/i\n");
        check(
            &[
                ("a.container", &text),
                ("b.container", "[Container]\nImage=localhost/i\n"),
                ("c.kube", "[Kube]\nYaml=y.yml\nServiceName=k8s\n"),
            ],
            "a.service",
            &[&format!("{key}=b.service x.target k8s.service")],
        );
    }
}
