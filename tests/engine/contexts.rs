//! `cove context`: the same as Docker's program makes of the same commands, read by each other, and where they lead.

use std::path::Path;
use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, binary, everyone, met};

/// `cove context …` with that folder for Docker's configuration.
fn ours(bed: &Bed, config: &str, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut command = bed.command(&[&["context"], arguments].concat());
    command.env("DOCKER_CONFIG", bed.path(config));
    Outcome::of(command, input)
}

/// The same by Docker's program.
fn docker(bed: &Bed, config: &str, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut command = bed.program(Path::new("docker"));
    command.arg("context").args(arguments).env("DOCKER_CONFIG", bed.path(config));
    Outcome::of(command, input)
}

#[test]
fn commands_do_what_dockers_do() {
    if !met(&[Need::Docker]) {
        return;
    }
    everyone(|bed| {
        let host = "host=unix:///tmp/x.sock";
        for words in [
            &["create", "one", "--description", "a b", "--docker", host][..],
            &["create", "one", "--docker", host],
            &["create", "a", "--docker", host],
            &["create", "default", "--docker", host],
            &["create", "bad/name", "--docker", host],
            &["create", "copy", "--from", "one"],
            &["create", "other", "--docker", "from=one"],
            &["create", "none", "--from", "nothing"],
            &["create", "none", "--docker", "hos=unix:///x"],
            &["create", "none", "--docker", "host=foo"],
            &["create", "far", "--docker", "host=ssh://u@h:22"],
            &["ls", "-q"],
            &["inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}", "one"],
            &["inspect", "--format", "{{.Name}}", "one", "nothing"],
            &["show"],
            &["use", "one"],
            &["show"],
            &["use", "nothing"],
            &["rm", "one"],
            &["rm", "far", "nothing", "other"],
            &["rm", "-f", "nothing"],
            &["rm", "default"],
            &["update", "one", "--description", "new"],
            &["update", "one", "--docker", "host=tcp://h:1"],
            &["update", "nothing", "--description", "x"],
            &["export", "one", "FILE"],
            &["export", "one", "FILE"],
            &["use", "default"],
            &["show"],
            &["rm", "copy"],
            &["ls", "-q"],
        ] {
            // What they write is not the same file.
            let to = |file: &'static str| -> Vec<&str> {
                words.iter().map(|word| if *word == "FILE" { file } else { word }).collect()
            };
            let (here, there) =
                (ours(bed, "a", &to("ours.tar"), b""), docker(bed, "b", &to("docker.tar"), b""));
            assert_eq!(here.stdout, there.stdout, "{words:?}: {}", here.stderr);
            assert_eq!(here.code == 0, there.code == 0, "{words:?}: {} / {}", here.stderr, there.stderr);
        }
        // What is on the disk is the same, byte by byte.
        let mut command = bed.program(Path::new("diff"));
        command.args(["-r", "a/contexts", "b/contexts"]);
        Outcome::of(command, b"").ok();
        // Both read what the other has written.
        assert!(docker(bed, "a", &["ls"], b"").ok().contains("tcp://h:1"));
        assert_eq!(docker(bed, "a", &["import", "two", "ours.tar"], b"").ok(), "two");
        assert_eq!(ours(bed, "b", &["import", "two", "docker.tar"], b"").ok(), "two");
        let of = |outcome: &Outcome| outcome.ok().to_owned();
        let inspect = ["inspect", "--format", "{{.Name}} {{json .Endpoints}}", "two"];
        assert_eq!(of(&ours(bed, "b", &inspect, b"")), of(&docker(bed, "a", &inspect, b"")));
        let all = of(&ours(bed, "a", &["ls", "--format", "json"], b""));
        let theirs = of(&docker(bed, "a", &["ls", "--format", "json"], b""));
        assert_eq!(all.lines().skip(1).collect::<Vec<_>>(), theirs.lines().skip(1).collect::<Vec<_>>());
    });
}

#[test]
fn a_context_leads_to_a_service() {
    everyone(|bed| {
        let service = Service::start(bed);
        bed.cove(&["create", "--name", "here", "--network", "none", IMAGE, "true"]).ok();
        let host = format!("host={}", service.uri());
        ours(bed, "home/.docker", &["create", "svc", "--docker", &host], b"").ok();
        // A store of its own shows which engine answers.
        let elsewhere = |program: &Path, words: &[&str], variables: &[(&str, &str)]| {
            let mut command = bed.program(program);
            command.args(["--root", "empty/root", "--runroot", "empty/rr"]).args(words);
            for (name, value) in variables {
                command.env(name, value);
            }
            Outcome::of(command, b"")
        };
        let cove = binary("cove");
        let names = ["ps", "-a", "--format", "{{.Names}}"];
        let with = |options: &[&'static str]| [options, &names[..]].concat();
        assert_eq!(elsewhere(&cove, &with(&["--context", "svc"]), &[]).ok(), "here");
        assert_eq!(elsewhere(&cove, &with(&["--context", "default"]), &[]).ok(), "");
        elsewhere(&cove, &with(&["--context", "nothing"]), &[]).fails(125, "nothing");
        elsewhere(&cove, &with(&["--context", "svc", "--url", "unix:///x"]), &[]).fails(125, "--context");
        // Nothing sends `cove` elsewhere that was not said to it.
        ours(bed, "home/.docker", &["use", "svc"], b"").ok();
        let uri = service.uri();
        for variables in [&[][..], &[("DOCKER_CONTEXT", "svc")], &[("DOCKER_HOST", uri.as_str())]] {
            assert_eq!(elsewhere(&cove, &names, variables).ok(), "", "{variables:?}");
        }
        // By the name of Docker's program it goes where that would go.
        let link = bed.path("docker");
        std::os::unix::fs::symlink(&cove, &link).unwrap();
        assert_eq!(elsewhere(&link, &names, &[]).ok(), "here");
        assert_eq!(elsewhere(&link, &with(&["-c", "svc"]), &[]).ok(), "here");
        assert_eq!(elsewhere(&link, &with(&["-c", "default"]), &[]).ok(), "");
        elsewhere(&link, &names, &[("DOCKER_CONTEXT", "nothing")]).fails(125, "context not found");
        assert_eq!(elsewhere(&link, &names, &[("DOCKER_CONTEXT", "default")]).ok(), "");
        ours(bed, "home/.docker", &["use", "default"], b"").ok();
        assert_eq!(elsewhere(&link, &names, &[]).ok(), "");
        assert_eq!(elsewhere(&link, &names, &[("DOCKER_CONTEXT", "svc")]).ok(), "here");
        assert_eq!(
            elsewhere(&link, &names, &[("DOCKER_HOST", &uri), ("DOCKER_CONTEXT", "nothing")]).ok(),
            "here"
        );
        assert_eq!(
            elsewhere(&link, &names, &[("DOCKER_HOST", "unix:///none"), ("CONTAINER_HOST", &uri)]).ok(),
            "here"
        );
    });
}

#[test]
fn keys_travel_and_nothing_else_comes_in() {
    everyone(|bed| {
        for name in ["ca", "cert", "key"] {
            cove_sys::fs::write(bed.path(&format!("{name}.pem")), format!("the {name}")).unwrap();
        }
        let secured = "host=tcp://h:1,ca=ca.pem,cert=cert.pem,key=key.pem";
        ours(bed, "c", &["create", "safe", "--docker", secured], b"").ok();
        let show = ["inspect", "--format", "{{json .TLSMaterial}}"];
        let shown = |name: &str| ours(bed, "c", &[&show[..], &[name]].concat(), b"").ok().to_owned();
        assert_eq!(shown("safe"), r#"{"docker":["ca.pem","cert.pem","key.pem"]}"#);
        ours(bed, "c", &["export", "safe", "safe.tar"], b"").ok();
        use std::os::unix::fs::PermissionsExt as _;
        let mode = cove_sys::fs::metadata(bed.path("safe.tar")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        ours(bed, "c", &["import", "again", "safe.tar"], b"").ok();
        assert_eq!(shown("again"), shown("safe"));
        if met(&[Need::Docker]) {
            docker(bed, "c", &["import", "third", "safe.tar"], b"").ok();
            assert_eq!(shown("third"), shown("safe"));
        }
        for (words, reason) in [
            (&["create", "half", "--docker", "host=tcp://h:1,cert=cert.pem"][..], "belong together"),
            (&["create", "half", "--docker", "host=unix:///x,ca=ca.pem"], "tcp://"),
            (&["create", "half", "--docker", "host=tcp://h:1,ca=nothing.pem"], "nothing.pem"),
            (&["import", "half", "ca.pem"], "no exported context"),
        ] {
            ours(bed, "c", words, b"").fails(125, reason);
        }
        ours(bed, "c", &["import", "half", "-"], b"PK\x03\x04zip").fails(125, "zip");
        assert_eq!(ours(bed, "c", &["ls", "-q"], b"").ok().lines().filter(|name| *name == "half").count(), 0);
        let any = "host=tcp://h:1,skip-tls-verify=true";
        ours(bed, "c", &["create", "any", "--docker", any], b"").ok();
        let mut command = bed.command(&["--context", "any", "ps"]);
        command.env("DOCKER_CONFIG", bed.path("c"));
        Outcome::of(command, b"").fails(125, "skip-tls-verify");
        // The archive of a stranger with more than belongs in one.
        let mut tar = Command::new("tar");
        tar.current_dir(bed.path("")).args([
            "-cf",
            "-",
            "--transform",
            "s,^ca.pem$,tls/docker/../../up,",
            "ca.pem",
        ]);
        let archive = tar.output().expect("tar").stdout;
        ours(bed, "c", &["import", "half", "-"], &archive).fails(125, "no exported context");
    });
}
