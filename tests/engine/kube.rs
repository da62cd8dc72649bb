//! `cove kube`: what files describe runs, goes, and is written again.

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, everyone, met, wait_for};

/// A file in the bed's home.
pub(super) fn file(bed: &Bed, name: &str, text: &str) -> String {
    let path = bed.path("home").join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A pod `p` that never starts again, with one container `c` that runs a line of the shell.
pub(super) fn pod(line: &str, container: &str, spec: &str) -> String {
    let indented =
        |text: &str, by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {{app: web}}\nspec:\n  restartPolicy: Never\n{}  \
         containers:\n  - name: c\n    image: {IMAGE}\n    command: [sh, -c]\n    args:\n    - {line:?}\n{}",
        indented(spec, "  "),
        indented(container, "    ")
    )
}

/// Nothing of pods, containers, volumes and secrets is left.
pub(super) fn nothing_left(bed: &Bed) {
    for command in
        [&["pod", "ps", "-q"][..], &["ps", "-aq"], &["volume", "ls", "-q"], &["secret", "ls", "-q"]]
    {
        assert_eq!(bed.cove(command).ok(), "", "{command:?}");
    }
}

/// What a container of `p` has written once it has ended.
pub(super) fn output(bed: &Bed, container: &str) -> String {
    bed.cove(&["wait", container]).ok();
    bed.cove(&["logs", container]).ok().to_owned()
}

#[test]
fn a_file_becomes_pods_volumes_and_secrets() {
    everyone(|bed| {
        let line = "echo $A $B $C $(MY_POD) $0; cat /maps/d/one /secret/key /shared/first; stat -c %a /maps/d/one; \
                    touch /shared/second /data/x; id -u; hostname";
        let container = "env:\n- {name: MY_POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n\
            - {name: C, valueFrom: {secretKeyRef: {name: sec, key: key}}}\n\
            envFrom: [{configMapRef: {name: map}}]\nsecurityContext: {runAsUser: 0}\nvolumeMounts:\n\
            - {name: maps, mountPath: /maps}\n- {name: sec, mountPath: /secret}\n- {name: shared, mountPath: /shared}\n\
            - {name: data, mountPath: /data}";
        let spec = format!(
            "hostname: special\ninitContainers:\n- {{name: i, image: {IMAGE}, command: [sh, -c, 'echo first >/shared/first'], \
             volumeMounts: [{{name: shared, mountPath: /shared}}]}}\nvolumes:\n\
             - {{name: maps, configMap: {{name: map, defaultMode: 0440, items: [{{key: A, path: d/one}}]}}}}\n\
             - {{name: sec, secret: {{secretName: sec}}}}\n- {{name: shared, emptyDir: {{}}}}\n\
             - {{name: data, persistentVolumeClaim: {{claimName: data}}}}"
        );
        let text = "kind: ConfigMap\nmetadata: {name: map}\ndata: {A: one, B: two}\n---\nkind: Secret\n\
            metadata: {name: sec}\ndata: {key: dGlnZXI=}\n---\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n---\n"
            .to_owned()
            + &pod(line, container, &spec);
        let path = file(bed, "all.yaml", &text);
        let played = bed.cove(&["kube", "play", &path]).ok().to_owned();
        let lines: Vec<&str> = played.lines().collect();
        assert_eq!((lines[0], lines[1], lines[2]), ("Volumes:", "data", "Secrets:"), "{played}");
        assert_eq!((lines[4], lines[6]), ("Pod:", "Container:"), "{played}");
        assert_eq!(bed.cove(&["pod", "inspect", "--format", "{{.ID}}", "p"]).ok(), lines[5]);
        assert_eq!(bed.cove(&["inspect", "--format", "{{.Id}}", "p-c"]).ok(), lines[7]);
        assert_eq!(output(bed, "p-c"), "one two tiger p sh\nonetigerfirst\n440\n0\nspecial");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.Config.Labels.app}}", "p-c"]).ok(), "web");
        bed.cove(&["kube", "play", &path]).fails(125, "is in use: pod already exists");

        let down = bed.cove(&["kube", "down", "--force", &path]).ok().to_owned();
        for title in
            ["Pods stopped:", "Pods removed:", "Secrets removed:\nsec", "Volumes removed:\ndata\nmap\nsec"]
        {
            assert!(down.contains(title), "{title}: {down}");
        }
        nothing_left(bed);
        // What is not there is no error.
        bed.cove(&["kube", "down", &path]).ok();
    });
}

#[test]
fn deployments_networks_ports_and_names() {
    everyone(|bed| {
        let deployment = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec:\n  replicas: 2\n  template:\n    \
             metadata: {{labels: {{app: x}}}}\n    spec:\n      containers:\n      - name: web\n        image: {IMAGE}\n        \
             command: [sleep, '1000']\n        ports: [{{containerPort: 80}}]\n        resources: {{}}\n"
        );
        let played = bed.cove_with(&["kube", "play", "--start=false", "-"], deployment.as_bytes());
        played.ok();
        assert!(played.stderr.contains("Limiting replica count to 1"), "{}", played.stderr);
        let look = |format: &str| bed.cove(&["inspect", "--format", format, "d-pod-web"]).ok().to_owned();
        assert_eq!(look("{{.State.Status}}"), "created");
        assert_eq!(look("{{.HostConfig.RestartPolicy.Name}}"), "always");
        let networks = bed.cove(&["network", "ls", "--format", "{{.Name}}"]).ok().to_owned();
        assert!(networks.contains("podman-default-kube-network"), "{networks}");
        let replaced =
            ["play", "kube", "--replace", "--start=false", "--network", "none", "--no-pod-prefix", "-"];
        bed.cove_with(&replaced, deployment.as_bytes()).ok();
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.Status}}", "web"]).ok(), "created");
        bed.cove_with(&["play", "kube", "--down", "-"], deployment.as_bytes()).ok();
        bed.cove(&["network", "rm", "podman-default-kube-network"]).ok();
        nothing_left(bed);
    });
}

/// A stateful set's pod has its number, its own volume, which stays, and a name beneath its service's.
/// Whatever is wrong is told with its place, and nothing is made.
#[test]
fn wrong_files_make_nothing() {
    everyone(|bed| {
        let good = pod("true", "", "");
        let bomb = (1..9).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            let before = vec![format!("*a{}", level - 1); 20].join(", ");
            text + &format!("a{level}: &a{level} [{before}]\n")
        });
        for (name, text, expected) in [
            (
                "twice.yaml",
                good.replace("kind: Pod", "kind: Pod\nkind: Pod"),
                "twice.yaml: line 3: the key \"kind\" is there twice",
            ),
            (
                "type.yaml",
                good.replace("containers:", "hostNetwork: 5\n  containers:"),
                "type.yaml: line 8: spec.hostNetwork",
            ),
            ("tag.yaml", good.replace("Never", "!x Never"), "line 7: the tag !x is not supported"),
            ("bomb.yaml", format!("{good}---\n{bomb}"), "more than 200000 values"),
            ("deep.yaml", format!("{good}---\n{}", "- ".repeat(100)), "deep.yaml: line "),
            ("empty.yaml", String::new(), "does not contain any supported kube kind"),
            (
                "map.yaml",
                good.clone() + "    envFrom: [{configMapRef: {name: no}}]\n",
                "configmap no not found",
            ),
            (
                "out.yaml",
                good.clone()
                    + "    volumeMounts: [{name: v, mountPath: /m, subPath: ../x}]\n  volumes: [{name: v, emptyDir: {}}]\n",
                "is no path in a volume",
            ),
            (
                "host.yaml",
                good.clone()
                    + "    volumeMounts: [{name: v, mountPath: /m}]\n  volumes: [{name: v, hostPath: {path: /nowhere/x}}]\n",
                "/nowhere/x",
            ),
            (
                "kind.yaml",
                good.clone()
                    + "    volumeMounts: [{name: v, mountPath: /m}]\n  volumes: [{name: v, hostPath: {path: /etc, type: Socket}}]\n",
                "is not a socket",
            ),
            (
                "image.yaml",
                good.replace(IMAGE, "localhost/no/such:1") + "    imagePullPolicy: Never\n",
                "localhost/no/such:1",
            ),
        ] {
            // Whatever stands beside it.
            let text = format!(
                "kind: Secret\nmetadata: {{name: s}}\n---\nkind: PersistentVolumeClaim\nmetadata: {{name: v}}\n---\n{text}"
            );
            let text = if name.starts_with("empty") { String::new() } else { text };
            let text = match expected.contains("line") {
                true => text.split_once("name: v}\n---\n").map(|(_, pod)| pod.to_owned()).unwrap_or(text),
                false => text,
            };
            let path = file(bed, name, &text);
            bed.cove(&["kube", "play", &path]).fails(125, expected);
            nothing_left(bed);
        }
        let odd = file(bed, "odd.yaml", &format!("{good}    readinessGate: x\n"));
        bed.cove(&["kube", "play", "--strict", &odd])
            .fails(125, "odd.yaml: line 14: spec.containers[0].readinessGate");
        let map = "kind: ConfigMap\nmetadata: {name: c}\nodd: 1\n";
        let (map, plain) = (file(bed, "map.yaml", map), file(bed, "plain.yaml", &good));
        bed.cove(&["kube", "play", "--strict", "--configmap", &map, &plain])
            .fails(125, "map.yaml: line 3: odd");
        bed.cove(&["kube", "play", "--annotation", "val", &odd])
            .fails(125, "annotation \"val\" must include an '=' sign");
        bed.cove(&["kube", "play", "--force", &odd]).fails(125, "--force may be specified only with --down");
        bed.cove(&["kube", "play", "--configmap", &odd, &odd])
            .fails(125, "[ConfigMap] is the only supported");
        nothing_left(bed);
    });
}

/// A link in a path of the host leads no container out of it.
#[test]
fn parts_of_host_paths() {
    everyone(|bed| {
        let folder = bed.path("home").join("data");
        fs::create_dir_all(folder.join("in")).unwrap();
        fs::write(folder.join("in/file"), "inside\n").unwrap();
        std::os::unix::fs::symlink("/etc", folder.join("out")).unwrap();
        let spec = |sub: &str| {
            let volume =
                format!("volumes: [{{name: v, hostPath: {{path: {}, type: Directory}}}}]", folder.display());
            let mount = format!("volumeMounts: [{{name: v, mountPath: /m, subPath: {sub}, readOnly: true}}]");
            pod("cat /m/file; touch /m/x || echo fixed", &mount, &volume)
        };
        let inside = file(bed, "in.yaml", &spec("in"));
        bed.cove(&["kube", "play", "--network", "none", &inside]).ok();
        assert_eq!(output(bed, "p-c"), "inside\nfixed");
        bed.cove(&["kube", "down", &inside]).ok();
        let outside = file(bed, "out.yaml", &spec("out"));
        bed.cove(&["kube", "play", "--network", "none", &outside]).fails(125, "failed to start 1 containers");
        bed.cove(&["kube", "down", &outside]).ok();
        nothing_left(bed);
    });
}

/// The start of an id, or of another name, is no name.
#[test]
fn what_a_file_does_not_name_stays() {
    everyone(|bed| {
        let pod_id = bed.cove(&["pod", "create", "--name", "kept", "--network", "none"]).ok().to_owned();
        let secret_id = bed.cove_with(&["secret", "create", "kept", "-"], b"tiger").ok().to_owned();
        bed.cove(&["volume", "create", "data"]).ok();
        let text = format!(
            "kind: Secret\nmetadata: {{name: \"{}\"}}\n---\nkind: PersistentVolumeClaim\nmetadata: {{name: dat}}\n---\n{}",
            &secret_id[..12],
            pod("true", "", "").replace("  name: p\n", &format!("  name: \"{}\"\n", &pod_id[..12]))
        );
        let path = file(bed, "starts.yaml", &text);
        bed.cove(&["kube", "down", "--force", &path]).ok();
        assert_eq!(bed.cove(&["pod", "ps", "--format", "{{.Name}}"]).ok(), "kept");
        assert_eq!(bed.cove(&["secret", "ls", "--format", "{{.Name}}"]).ok(), "kept");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "data");
    });
}

/// What would be refused is refused before what runs is taken away.
#[test]
fn a_faulty_file_replaces_nothing() {
    everyone(|bed| {
        let good = pod("sleep 1000", "", "");
        let path = file(bed, "good.yaml", &good);
        bed.cove(&["kube", "play", "--network", "none", &path]).ok();
        let look = || bed.cove(&["inspect", "--format", "{{.Id}} {{.State.Status}}", "p-c"]).ok().to_owned();
        let before = look();
        assert!(before.ends_with(" running"), "{before}");
        let text = good.replace(IMAGE, "localhost/no/such:1") + "    imagePullPolicy: Never\n";
        let faulty = file(bed, "faulty.yaml", &text);
        bed.cove(&["kube", "play", "--replace", "--network", "none", &faulty])
            .fails(125, "localhost/no/such:1");
        assert_eq!(look(), before);
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        nothing_left(bed);
    });
}

#[test]
fn waiting_takes_everything_down() {
    everyone(|bed| {
        let text =
            "kind: PersistentVolumeClaim\nmetadata: {name: v}\n---\n".to_owned() + &pod("echo hello", "", "");
        let path = file(bed, "wait.yaml", &text);
        let waited = bed.cove(&["kube", "play", "--wait", "--network", "none", &path]).ok().to_owned();
        assert!(waited.contains("Cleaning up containers, pods, and volumes..."), "{waited}");
        assert!(waited.contains("Volumes removed:\nv"), "{waited}");
        nothing_left(bed);
        // One that makes nothing takes nothing away that was there before.
        let text =
            "kind: PersistentVolumeClaim\nmetadata: {name: v}\n---\n".to_owned() + &pod("sleep 1000", "", "");
        let path = file(bed, "stays.yaml", &text);
        bed.cove(&["kube", "play", "--network", "none", &path]).ok();
        bed.cove(&["kube", "play", "--wait", "--network", "none", &path]).fails(125, "pod already exists");
        bed.cove(&["volume", "exists", "v"]).ok();
        bed.cove(&["kube", "down", "--force", &path]).ok();
        nothing_left(bed);
    });
}

/// What is generated plays, and then gives the same again.
#[test]
fn generated_files_play() {
    everyone(|bed| {
        bed.cove(&["pod", "create", "--name", "g", "--add-host", "db:10.1.2.3", "--network", "none"]).ok();
        let home = bed.path("home").display().to_string();
        bed.cove(&[
            "create",
            "--pod",
            "g",
            "--name",
            "one_1",
            "--restart",
            "no",
            "-v",
            &format!("{home}:/host:ro"),
            "-v",
            "vol:/vol",
            "-e",
            "A=b",
            "--cap-drop",
            "fowner",
            "--cap-add",
            "net_admin",
            "--read-only",
            "--user",
            "5:6",
            "-w",
            "/vol",
            "--annotation",
            "note=x",
            "--stop-timeout",
            "3",
            IMAGE,
            "sh",
            "-c",
            "echo $A; id -u; pwd; grep 10.1.2.3 /etc/hosts",
        ])
        .ok();
        let path = bed.path("home").join("g.yaml").display().to_string();
        bed.cove(&["kube", "generate", "g", "-f", &path]).ok();
        bed.cove(&["kube", "generate", "g", "-f", &path]).fails(125, "cannot write to");
        let text = fs::read_to_string(&path).unwrap();
        for expected in [
            "kind: Pod\n",
            "  name: g\n",
            "    app: g\n",
            "    note/one1: x\n",
            "    ip: 10.1.2.3\n",
            "    name: one1\n",
            "      value: b\n",
            "        add:\n        - CAP_NET_ADMIN\n",
            "        drop:\n        - CAP_FOWNER\n",
            "      readOnlyRootFilesystem: true\n",
            "      runAsGroup: 6\n      runAsUser: 5\n",
            "    workingDir: /vol\n",
            "      claimName: vol\n",
            "      type: Directory\n",
            "  terminationGracePeriodSeconds: 3\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        bed.cove(&["kube", "play", "--replace", "--network", "none", &path]).ok();
        assert_eq!(output(bed, "g-one1"), "b\n5\n/vol\n10.1.2.3\tdb");
        let again = bed.cove(&["generate", "kube", "g"]).ok().to_owned();
        for expected in
            ["    note/one1: x\n", "        - CAP_FOWNER\n", "      value: b\n", "      claimName: vol"]
        {
            assert!(again.contains(expected), "{expected} in\n{again}");
        }
        bed.cove(&["kube", "generate", "--type", "deployment", "g"])
            .fails(125, "restartPolicy set to Always");
        assert!(bed.cove(&["kube", "generate", "--type", "job", "g"]).ok().contains("kind: Job\n"));
        let claim = bed.cove(&["kube", "generate", "vol"]).ok().to_owned();
        assert!(claim.contains("kind: PersistentVolumeClaim\n") && claim.contains("storage: 1Gi"), "{claim}");
        bed.cove(&["kube", "generate", "none"]).fails(125, "name or ID \"none\" not found");
        bed.cove(&["kube", "generate", "--replicas", "2", "g"])
            .fails(125, "--replicas can only be set when --type is set to deployment or statefulset");
        bed.cove(&["kube", "generate", "--type", "cronjob", "g"]).fails(125, "a CronJob needs a schedule");
        bed.cove(&["kube", "down", "--force", &path]).ok();
        nothing_left(bed);
    });
}

#[test]
fn containers_become_a_pod_with_a_service() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "a", "-p", "18081:80", "--tty", IMAGE, "top"]).ok();
        bed.cove(&["create", "--name", "b", IMAGE, "true"]).ok();
        let text = bed.cove(&["kube", "generate", "--service", "a", "b"]).ok().to_owned();
        for expected in [
            "kind: Service\n",
            "  - name: \"80\"\n",
            "    targetPort: 80\n",
            "  type: NodePort\n",
            "  name: a-pod\n",
            "    name: a\n",
            "    name: b",
            "    tty: true\n",
            "    - containerPort: 80\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        let deployment =
            bed.cove(&["kube", "generate", "--type", "deployment", "--replicas", "3", "a"]).ok().to_owned();
        assert!(
            deployment.contains("  replicas: 3\n") && deployment.contains("  name: a-pod-deployment\n"),
            "{deployment}"
        );
        assert!(deployment.contains("hostPort: 18081"), "{deployment}");
        bed.cove(&["rm", "a", "b"]).ok();
    });
}

#[test]
fn over_a_service() {
    everyone(|bed| {
        let service = Service::start(bed);
        let uri = service.uri();
        let remote = |words: &[&str]| -> Outcome { bed.cove(&[&["--url", &uri], words].concat()) };
        let text = pod("echo $V", "env: [{name: V, valueFrom: {configMapKeyRef: {name: m, key: k}}}]", "");
        let path = file(bed, "p.yaml", &text);
        let maps = file(bed, "m,1.yaml", "kind: ConfigMap\nmetadata: {name: m}\ndata: {k: value}\n");
        let words =
            ["kube", "play", "--network", "none", "--annotation", "x=y,z", "--configmap", &maps, &path];
        remote(&words).ok();
        assert_eq!(output(bed, "p-c"), "value");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.Config.Annotations.x}}", "p-c"]).ok(), "y,z");
        assert!(remote(&["kube", "generate", "p"]).ok().contains("kind: Pod\n"));
        remote(&["kube", "play", "--seccomp-profile-root", "/x", &path]).fails(125, "not over a service");
        remote(&["kube", "down", &path]).ok();
        nothing_left(bed);

        // Debian's client, whose older names these are.
        if !met(&[Need::Podman]) {
            return;
        }
        let whole = file(bed, "whole.yaml", &pod("echo hi", "", ""));
        let podman = |words: &[&str]| {
            let mut command = bed.program(std::path::Path::new("podman"));
            command.args(["--remote", "--url", &uri]).args(words);
            Outcome::of(command, b"")
        };
        let played = podman(&["play", "kube", "--network", "none", &whole]).ok().to_owned();
        assert!(played.starts_with("Pod:\n"), "{played}");
        assert_eq!(output(bed, "p-c"), "hi");
        assert!(podman(&["generate", "kube", "p"]).ok().contains("kind: Pod"));
        podman(&["play", "kube", "--down", &whole]).ok();
        wait_for("the end of the pod", 10, || (bed.cove(&["pod", "ps", "-q"]).ok() == "").then_some(()));
        nothing_left(bed);
    });
}
