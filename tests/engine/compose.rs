//! docker-compose against the service.

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, everyone, free_port, met, wait_for};

/// A project with what most files have: health and completion conditions, a build, a volume, networks with an alias,
/// a published port, variables, a secret.
const PROJECT: &str = r#"
version: "3.8"
services:
  db:
    image: IMAGE
    command: ["sh", "-c", "echo ready > /data/ready; exec sleep 1000"]
    stop_grace_period: 0s
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "test", "-f", "/data/ready"], interval: 1s, retries: 20}
    networks: {back: {aliases: [database]}}
  init:
    image: IMAGE
    command: ["sh", "-c", "grep -c 'nameserver' /etc/resolv.conf; echo initialised"]
    depends_on: {db: {condition: service_healthy}}
    networks: [back]
  web:
    build: {context: ./web, args: {PAGE: built}}
    depends_on: {init: {condition: service_completed_successfully}}
    stop_grace_period: 0s
    environment: {GREETING: "${GREETING:-hello}"}
    ports: ["127.0.0.1:PORT:8080"]
    secrets: [token]
    networks: [front, back]
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
secrets: {token: {file: ./token.txt}}
"#;

const FILE: &str = "FROM IMAGE\nARG PAGE\nRUN mkdir /www && echo $PAGE >/www/index.html\n\
    CMD [\"sh\", \"-c\", \"echo $GREETING; exec httpd -f -p 8080 -h /www\"]\n";

fn compose(bed: &Bed, service: &Service, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("docker-compose");
    command
        .args(arguments)
        .current_dir(bed.path("project"))
        .env("DOCKER_HOST", service.uri())
        .env("HOME", bed.path("home"));
    Outcome::of(command, b"")
}

#[test]
fn a_project_lives_its_day() {
    if !met(&[Need::Compose]) {
        return;
    }
    everyone(|bed| {
        let service = Service::start(bed);
        let port = free_port().to_string();
        for (name, text) in [
            ("docker-compose.yml", PROJECT.replace("IMAGE", IMAGE).replace("PORT", &port)),
            ("web/Dockerfile", FILE.replace("IMAGE", IMAGE)),
            ("token.txt", "s3cret".to_owned()),
        ] {
            let path = bed.path("project").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        }
        let compose = |arguments: &[&str]| compose(bed, &service, arguments);
        compose(&["up", "-d"]).ok();
        wait_for("the logs", 20, || {
            let logs = compose(&["logs", "--no-color"]);
            (logs.ok().contains("initialised") && logs.ok().contains("hello")).then_some(())
        });
        let page = || {
            let mut wget = Command::new("busybox");
            wget.args(["wget", "-qO-", &format!("http://127.0.0.1:{port}/")]);
            let answer = Outcome::of(wget, b"");
            (answer.code == 0).then_some(answer.stdout)
        };
        assert_eq!(wait_for("the page", 20, page), "built\n");
        assert_eq!(compose(&["exec", "-T", "web", "cat", "/run/secrets/token"]).ok(), "s3cret");
        assert!(compose(&["port", "web", "8080"]).ok().ends_with(&port));
        // What has not changed stays as it is.
        let ids = || ["db", "web"].map(|name| compose(&["ps", "-q", name]).ok().to_owned());
        let before = ids();
        compose(&["up", "-d"]).ok();
        assert_eq!(ids(), before);
        compose(&["restart", "web"]).ok();
        assert_eq!(wait_for("the page after a restart", 20, page), "built\n");
        assert_eq!(compose(&["run", "--rm", "-T", "--no-deps", "db", "echo", "once"]).ok(), "once");
        compose(&["down", "-v"]).ok();
        for kind in [&["ps", "-aq"][..], &["volume", "ls", "-q"], &["secret", "ls", "-q"]] {
            assert_eq!(bed.cove(kind).ok(), "", "{kind:?}");
        }
        let networks = bed.cove(&["network", "ls", "-q"]);
        assert!(!networks.ok().contains("project"), "{networks:?}");
    });
}

#[test]
fn a_project_is_written_out_without_a_program() {
    everyone(|bed| {
        let folder = bed.path("project");
        fs::create_dir(&folder).expect("folder");
        let file = "services:\n  web:\n    image: app:${TAG:-1}\n    ports: [\"8080:80\"]\n    depends_on: [db]\n  db:\n    image: store\n";
        fs::write(folder.join("compose.yaml"), file).expect("file");
        fs::write(folder.join("wrong.yaml"), "services:\n  web:\n    image: a\n    portz: []\n")
            .expect("file");
        let config = |arguments: &[&str]| {
            let mut command = bed.command(&[&["compose"], arguments].concat());
            command.current_dir(&folder).env("TAG", "2");
            Outcome::of(command, b"")
        };
        let json: serde_json::Value =
            serde_json::from_str(config(&["config", "--format", "json"]).ok()).expect("JSON");
        assert_eq!(json["name"], "project");
        assert_eq!(json["services"]["web"]["image"], "app:2");
        assert_eq!(json["services"]["web"]["ports"][0]["published"], "8080");
        assert!(config(&["-p", "other", "config"]).ok().starts_with("name: other\nservices:\n  db:\n"));
        assert_eq!(config(&["config", "--services"]).ok(), "db\nweb");
        assert_eq!(config(&["config", "--images"]).ok(), "store\napp:2");
        assert_eq!(config(&["config", "--hash", "db"]).ok().len(), "db ".len() + 64);
        assert!(config(&["config", "--no-interpolate"]).ok().contains("app:${TAG:-1}"));
        assert_eq!(config(&["config", "-q"]).ok(), "");
        let out = bed.path("home/out.yaml").display().to_string();
        config(&["config", "-o", &out]).ok();
        assert!(fs::read_to_string(&out).expect("written").contains("app:2"));
        let wrong = config(&["-f", "wrong.yaml", "config"]);
        wrong.fails(1, "wrong.yaml:4: services.web");
        config(&["config", "--lock-image-digests"]).fails(1, "--lock-image-digests is not supported");
        config(&["config", "--services", "--volumes"]).fails(1, "cannot be used with");
        config(&["config", "--hash", "cache"]).fails(1, "no such service: cache");
    });
}

/// The value of a secret may be in the project's file of variables alone.
#[test]
fn a_build_gets_the_secrets_of_the_project() {
    everyone(|bed| {
        let folder = bed.path("secretive");
        fs::create_dir(&folder).expect("folder");
        let file = "services:\n  web:\n    build:\n      context: .\n      network: none\n      secrets: [token]\n      dockerfile_inline: |\n        FROM IMAGE\n        RUN --mount=type=secret,id=token tr a-z A-Z </run/secrets/token >/seen\nsecrets: {token: {environment: COVE_TEST_TOKEN}}\n";
        fs::write(folder.join("compose.yaml"), file.replace("IMAGE", IMAGE)).expect("file");
        fs::write(folder.join(".env"), "COVE_TEST_TOKEN=s3cret\n").expect("file");
        let mut command = bed.command(&["compose", "build"]);
        command.current_dir(&folder);
        Outcome::of(command, b"").ok();
        let seen = bed.cove(&["run", "--rm", "--network", "none", "secretive-web", "cat", "/seen"]);
        assert_eq!(seen.ok(), "S3CRET");
    });
}

#[test]
fn the_command_runs_a_compose_program_on_a_service_of_its_own() {
    everyone(|bed| {
        let script = "#!/bin/sh\necho \"$@\"\nhost=${DOCKER_HOST#unix://}\ntest -S $host && echo listens\n\
            test $CONTAINER_HOST = $DOCKER_HOST || exit 1\nread line; echo $line\nexit 7\n";
        let program = bed.path("provider");
        fs::write(&program, script).expect("a script");
        Command::new("chmod").arg("755").arg(&program).status().expect("chmod");
        let mut command = bed.command(&["compose", "-f", "a.yaml", "up", "--help", "--", "-x"]);
        command.env("PODMAN_COMPOSE_PROVIDER", &program);
        let outcome = Outcome::of(command, b"said\n");
        assert_eq!(outcome.stdout, "-f a.yaml up --help -- -x\nlistens\nsaid\n", "{outcome:?}");
        assert_eq!(outcome.code, 7);
        assert!(outcome.stderr.contains("Executing external compose provider"), "{}", outcome.stderr);
        let mut command = bed.command(&["compose", "up"]);
        command.env("PODMAN_COMPOSE_PROVIDER", "/no/such/program");
        Outcome::of(command, b"").fails(125, "/no/such/program");
        let mut command = bed.command(&["compose", "up"]);
        command.env("PODMAN_COMPOSE_PROVIDER", &program).env("PODMAN_COMPOSE_WARNING_LOGS", "false");
        command.env("CONTAINER_HOST", "unix:///given.sock");
        let outcome = Outcome::of(command, b"");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("up\n\n", ""), "{outcome:?}");
    });
}
