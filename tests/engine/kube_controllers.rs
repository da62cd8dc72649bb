//! Controllers of pods in files: those that number their pods, and those that run them at times.

use cove_test_support::{IMAGE, Service, everyone, wait_for};

use crate::kube::{file, nothing_left, output, pod};

#[test]
fn stateful_sets() {
    everyone(|bed| {
        let set = format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\nspec:\n  serviceName: shop\n  replicas: 2\n  \
             selector: {{matchLabels: {{app: db}}}}\n  template:\n    metadata: {{labels: {{app: db}}}}\n    spec:\n      \
             containers:\n      - name: c\n        image: {IMAGE}\n        command: [sh, -c]\n        args:\n        - \
             'hostname; cat /data/x; echo kept >/data/x; grep db-0 /etc/hosts; nslookup db-0.shop; exec sleep 1000'\n        \
             volumeMounts: [{{name: data, mountPath: /data}}]\n  volumeClaimTemplates:\n  - metadata: {{name: data}}\n    \
             spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
        );
        let path = file(bed, "set.yaml", &set);
        let network = format!("set{}", std::process::id() % 10_000);
        bed.cove(&["network", "create", &network]).ok();
        let play = ["kube", "play", "--strict", "--network", &network, &path];
        let played = bed.cove(&play);
        assert!(played.ok().starts_with("Volumes:\ndata-db-0\n"), "{}", played.stdout);
        assert!(played.stderr.contains("Limiting replica count to 1"), "{}", played.stderr);
        let logs = wait_for("its output", 20, || {
            let logs = bed.cove(&["logs", "db-0-c"]).ok().to_owned();
            (logs.matches("Address").count() > 1 || logs.contains("can't resolve")).then_some(logs)
        });
        assert!(logs.starts_with("db-0\n"), "{logs}");
        let hosts = logs.lines().find(|line| line.starts_with("10.") && line.contains("db-0"));
        let address = hosts.and_then(|line| line.split_whitespace().next()).expect("its address");
        assert!(logs.lines().any(|line| line.starts_with("Address") && line.ends_with(address)), "{logs}");
        bed.cove(&["kube", "down", &path]).ok();
        // What it wrote is there for the next one.
        bed.cove(&play).ok();
        wait_for("what was kept", 20, || bed.cove(&["logs", "db-0-c"]).ok().contains("kept").then_some(()));
        let text = bed
            .cove(&["kube", "generate", "--type", "statefulset", "--replicas", "2", "db-0"])
            .ok()
            .to_owned();
        for expected in [
            "kind: StatefulSet\n",
            "  name: db-0-statefulset\n",
            "  replicas: 2\n",
            "  serviceName: db-0\n",
            "  volumeClaimTemplates:\n  - metadata:\n",
            "      name: data-db-0-pvc\n",
            "          storage: 1Gi",
            "        - mountPath: /data\n          name: data-db-0-pvc\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        bed.cove(&["kube", "down", "--force", &path]).ok();
        // And what was written plays.
        let again = file(bed, "again.yaml", &text);
        bed.cove(&["kube", "play", "--network", &network, &again]).ok();
        bed.cove(&["volume", "exists", "data-db-0-pvc-db-0-statefulset-0"]).ok();
        bed.cove(&["kube", "down", "--force", &again]).ok();
        bed.cove(&["network", "rm", &network]).ok();
        nothing_left(bed);
    });
}

/// A schedule is kept by nobody, which is said; its job runs where it is asked for.
#[test]
fn cron_jobs() {
    everyone(|bed| {
        let job = format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: tidy}}\nspec:\n  schedule: '*/5 * * * *'\n  \
             jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers:\n          \
             - {{name: c, image: {IMAGE}, command: [echo, tidied]}}\n"
        );
        let alone = file(bed, "job.yaml", &job);
        bed.cove(&["kube", "play", "--network", "none", &alone]).fails(125, "--job tidy runs it once");
        bed.cove(&["kube", "play", "--job", "other", &alone])
            .fails(125, "no CronJob \"other\" in it, but: tidy");
        let both = file(bed, "both.yaml", &format!("{job}---\n{}", pod("true", "", "")));
        bed.cove(&["kube", "play", "--strict", "--network", "none", &both])
            .fails(125, "these have no effect: kind CronJob (tidy)");
        nothing_left(bed);
        let played = bed.cove(&["kube", "play", "--network", "none", &both]);
        played.ok();
        assert!(played.stderr.contains("Warning: CronJob tidy is not run"), "{}", played.stderr);
        assert_eq!(bed.cove(&["pod", "ps", "--format", "{{.Name}}"]).ok(), "p");
        bed.cove(&["kube", "down", &both]).ok();
        let service = Service::start(bed);
        for place in [&[][..], &["--url", &service.uri()]] {
            let play = ["kube", "play", "--network", "none", "--strict", "--job", "tidy", &both];
            bed.cove(&[place, &play].concat()).ok();
            assert_eq!(output(bed, "tidy-pod-c"), "tidied");
            let down = bed.cove(&[place, &["kube", "down", &both]].concat()).ok().to_owned();
            assert_eq!(down.lines().count(), 8, "{down}");
            nothing_left(bed);
        }
    });
}
