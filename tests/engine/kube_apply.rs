//! `cove kube apply`, and its route, against an API server of our own.

use cove_sys::fs;
use cove_test_support::{ApiServer, Bed, Certificates, IMAGE, Outcome, Service, TOKEN, everyone};
use serde_json::json;

use crate::hostile_api::ask;

/// A server, and a kubeconfig for it in the bed's home. `None` where there are no certificates.
fn cluster(bed: &Bed) -> Option<(ApiServer, Certificates, String)> {
    let certificates = Certificates::make()?;
    let server = ApiServer::start(&certificates);
    let path = bed.path("home").join("kubeconfig");
    // The authority is in it, because a user may not read the certificates' folder.
    let text = server.kubeconfig(&certificates, &format!("token: {TOKEN}"));
    let ca = bed.path("home").join("ca.pem");
    fs::copy(certificates.path("ca.pem"), &ca).unwrap();
    let text = text.replace(&certificates.text("ca.pem"), "ca.pem");
    fs::write(&path, text).unwrap();
    for file in [&path, &ca] {
        fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    }
    Some((server, certificates, path.display().to_string()))
}

#[test]
fn what_runs_here_is_applied_to_a_cluster() {
    everyone(|bed| {
        let Some((server, _certificates, config)) = cluster(bed) else { return };
        bed.cove(&["pod", "create", "--name", "shop", "-p", "18099:80", "--network", "bridge"]).ok();
        bed.cove(&["create", "--pod", "shop", "--name", "web", IMAGE, "top"]).ok();
        bed.cove(&["volume", "create", "data"]).ok();
        let apply = |words: &[&str]| bed.cove(&[&["kube", "apply", "--kubeconfig", &config], words].concat());
        let said = apply(&["--service", "--ns", "shop", "shop", "data"]).ok().to_owned();
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            [
                "Deploying to cluster...",
                "PersistentVolumeClaim shop/data: created",
                "Service shop/shop: created",
                "Pod shop/shop: created",
                "Successfully deployed workloads to cluster!",
            ]
        );
        let kept = server.object("/api/v1/namespaces/shop/pods/shop").unwrap();
        assert_eq!(kept["spec"]["containers"][0]["command"], json!(["top"]));
        // With a service the ports of the pod are reached by that.
        assert_eq!(kept["spec"]["containers"][0]["ports"][0], json!({"containerPort": 80}));
        let again = apply(&["--ns", "shop", "shop"]);
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert!(again.stdout.contains("Pod shop/shop: updated"), "{}", again.stdout);
        let kept = server.object("/api/v1/namespaces/shop/pods/shop").unwrap();
        assert_eq!(kept["spec"]["containers"][0]["ports"][0]["hostPort"], 18099);
        // By the context, and only checked.
        let said = apply(&["--context", "two", "--dry-run", "web"]);
        said.fails(125, "is associated with pod");
        let said = apply(&["--dry-run", "data"]).ok().to_owned();
        assert!(said.contains("PersistentVolumeClaim default/data: would be created"), "{said}");
        assert!(server.object("/api/v1/namespaces/default/persistentvolumeclaims/data").is_none());
        bed.cove(&["pod", "rm", "-f", "shop"]).ok();
    });
}

#[test]
fn files_are_applied_and_waited_for() {
    everyone(|bed| {
        let Some((server, _certificates, config)) = cluster(bed) else { return };
        let path = bed.path("home").join("pod.yaml").display().to_string();
        fs::write(&path, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n").unwrap();
        let among = |words: &[&str]| -> Outcome {
            let mut command = bed.command(&[&["kube", "apply"], words].concat());
            command.env("KUBECONFIG", format!("/nowhere/config:{config}"));
            Outcome::of(command, b"")
        };
        let said = among(&["-f", &path, "--context", "two", "--wait=20s"]).ok().to_owned();
        assert!(said.contains("Pod shop/p: created"), "{said}");
        assert_eq!(server.requests().iter().filter(|line| line.starts_with("GET /api/v1/")).count(), 2);
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n";
        let words = ["kube", "apply", "-k", &config, "--wait", "--file", "-"];
        let failed = bed.cove_with(&words, job.as_bytes());
        failed.fails(125, "Job default/j has failed: it gave up");
        assert!(!failed.stdout.contains("Successfully"), "{}", failed.stdout);

        let apply = |words: &[&str]| bed.cove(&[&["kube", "apply"], words].concat());
        apply(&["-f", &path]).fails(125, "kubeconfig not given, unable to connect to cluster");
        apply(&["-k", &config]).fails(125, "or a --file, and not both");
        apply(&["-k", &config, "-f", &path, "x"]).fails(125, "or a --file, and not both");
        apply(&["-k", &config, "-f", &path, "-s"]).fails(125, "cannot set --service and --file");
        apply(&["-k", &config, "-f", &path, "--wait=soon"]).fails(125, "--wait \"soon\"");
        apply(&["-k", &config, "-f", &path, "--wait", "--dry-run"]).fails(125, "cannot be set together");
        apply(&["-k", "/nowhere/x", "-f", &path]).fails(125, "/nowhere/x: no such file");
        let odd = bed.path("home").join("odd.yaml").display().to_string();
        fs::write(&odd, "apiVersion: v1\nkind: Odd\nmetadata: {name: o}\n").unwrap();
        apply(&["-k", &config, "-f", &odd]).fails(125, "the cluster knows no Odd of v1");
    });
}

#[test]
fn the_route_of_the_service() {
    everyone(|bed| {
        let Some((server, _certificates, config)) = cluster(bed) else { return };
        let service = Service::start(bed);
        let apply = |query: &str, body: &str| {
            ask(&service, "POST", &format!("/v5.0.0/libpod/kube/apply?{query}"), body)
        };
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: r}\nspec: {containers: []}\n";
        let query = format!("kubeconfig={config}&namespace=shop");
        assert_eq!(apply(&query, pod), (200, "\"Deployed!\"".to_owned()));
        assert!(server.object("/api/v1/namespaces/shop/pods/r").is_some());
        for (query, body, code, expected) in [
            (String::new(), pod, 400, "kubeconfig not given"),
            ("kubeconfig=/nowhere/x".to_owned(), pod, 404, "/nowhere/x"),
            (query.clone(), "", 400, "nothing to apply"),
            (format!("{query}&caCertFile=/nowhere/ca"), pod, 404, "/nowhere/ca"),
            (format!("{query}&service=true"), pod, 501, "service"),
            (format!("{query}&file=/etc/x"), pod, 501, "file"),
            (format!("kubeconfig={config}&namespace=..%2Fx"), pod, 400, "no name of a namespace"),
        ] {
            let (status, answer) = apply(&query, body);
            assert!(status == code && answer.contains(expected), "{query}: {status} {answer}");
        }
        let (status, answer) = apply(&format!("{query}&caCertFile=insecure"), pod);
        assert_eq!(status, 200, "{answer}");
    });
}
