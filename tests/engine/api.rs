//! The service: Docker's client and `cove --url` against it.

use std::process::{Command, Stdio};

use cove_test_support::{
    Bed, Certificates, IMAGE, Need, Outcome, Service, Who, everyone, free_port, met, wait_for,
};

fn docker(bed: &Bed, service: &Service, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut command = Command::new("docker");
    command
        .arg("-H")
        .arg(service.uri())
        .args(arguments)
        .env("HOME", bed.path("home"))
        .env_remove("DOCKER_HOST");
    Outcome::of(command, input)
}

fn with_docker(test: impl Fn(&Bed, &Service)) {
    if met(&[Need::Docker]) {
        everyone(|bed| test(bed, &Service::start(bed)));
    }
}

#[test]
fn docker_runs_lists_logs_execs_stops_and_removes() {
    with_docker(|bed, service| {
        let docker = |arguments: &[&str]| docker(bed, service, arguments, b"");
        assert!(docker(&["version", "--format", "{{.Server.Version}}"]).ok().starts_with(char::is_numeric));
        docker(&["info"]).ok();
        assert!(docker(&["images"]).ok().contains("cove-test"));
        assert_eq!(
            docker(&["run", "--rm", "--network", "none", IMAGE, "echo", "by docker"]).ok(),
            "by docker"
        );
        assert_eq!(docker(&["run", "--rm", "--network", "none", IMAGE, "sh", "-c", "exit 6"]).code, 6);
        let id = docker(&[
            "run",
            "-d",
            "--name",
            "ctr",
            "--network",
            "none",
            IMAGE,
            "sh",
            "-c",
            "echo one; sleep 100",
        ]);
        assert_eq!(id.ok().len(), 64);
        assert!(docker(&["ps"]).ok().contains("Up"));
        wait_for("the log line", 10, || (docker(&["logs", "ctr"]).stdout == "one\n").then_some(()));
        assert_eq!(docker(&["exec", "ctr", "echo", "inside"]).ok(), "inside");
        assert_eq!(docker(&["exec", "ctr", "sh", "-c", "exit 4"]).code, 4);
        docker(&["stop", "-t", "0", "ctr"]).ok();
        docker(&["rm", "ctr"]).ok();
        assert_eq!(docker(&["ps", "-aq"]).ok(), "");
        assert_ne!(docker(&["inspect", "ctr"]).code, 0);
    });
}

#[test]
fn docker_feeds_input_and_sees_both_outputs() {
    with_docker(|bed, service| {
        let outcome =
            docker(bed, service, &["run", "--rm", "-i", "--network", "none", IMAGE, "cat"], b"fed\n");
        assert_eq!(outcome.ok(), "fed");
        let outcome = docker(
            bed,
            service,
            &["run", "--rm", "--network", "none", IMAGE, "sh", "-c", "echo o; echo e >&2"],
            b"",
        );
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("o\n", "e\n"));
    });
}

#[test]
fn docker_passes_exit_codes_on() {
    with_docker(|bed, service| {
        let docker = |arguments: &[&str]| docker(bed, service, arguments, b"");
        let run = |command: &str| docker(&["run", "--rm", "--network", "none", IMAGE, command]).code;
        assert_eq!((run("no-such-command"), run("/etc"), run("false")), (127, 126, 1));
        let refused = docker(&["run", "--rm", "--gpus", "all", IMAGE, "true"]);
        assert_eq!(refused.code, 125);
        assert!(refused.stderr.contains("no known GPU vendor"), "{refused:?}");
        // What could not be started is gone.
        assert_eq!(docker(&["ps", "-aq"]).ok(), "");
        docker(&["run", "-d", "--name", "c", "--network", "none", IMAGE, "sleep", "100"]).ok();
        assert_eq!(docker(&["exec", "c", "no-such-command"]).code, 127);
        docker(&["rm", "-f", "c"]).ok();
    });
}

#[test]
fn docker_with_a_terminal() {
    if !met(&[Need::Script]) {
        return;
    }
    with_docker(|bed, service| {
        let line = format!(
            "docker -H {} run --rm -it --network none {IMAGE} sh -c 'tty; echo out; exit 9'",
            service.uri()
        );
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env("HOME", bed.path("home")).env_remove("DOCKER_HOST");
        let outcome = Outcome::of(command, b"");
        assert_eq!(outcome.code, 9, "{outcome:?}");
        assert!(outcome.stdout.contains("/dev/pts/0\r\nout\r\n"), "{outcome:?}");
    });
}

#[test]
fn clients_that_die_leave_nothing_in_the_service() {
    with_docker(|bed, service| {
        let name = ["run", "-d", "--name", "c", "--network", "none", IMAGE, "sleep", "100"];
        docker(bed, service, &name, b"").ok();
        let before = service.descriptors();
        let clients: Vec<_> = [
            &["attach", "--no-stdin", "c"][..],
            &["exec", "c", "sleep", "100"],
            &["logs", "-f", "c"],
            &["events"],
            &["wait", "c"],
        ]
        .into_iter()
        .map(|arguments| {
            let mut command = Command::new("docker");
            command.arg("-H").arg(service.uri()).args(arguments).env("HOME", bed.path("home"));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("docker")
        })
        .collect();
        wait_for("five connections", 20, || (service.descriptors() >= before + 5).then_some(()));
        for mut client in clients {
            client.kill().expect("kill");
            let _ = client.wait();
        }
        // The session itself goes on, and its supervision needs one.
        wait_for("the end of the connections", 5, || (service.descriptors() <= before + 2).then_some(()));
        docker(bed, service, &["rm", "-f", "c"], b"").ok();
    });
}

#[test]
fn docker_tags_saves_loads_and_removes_images() {
    with_docker(|bed, service| {
        let docker = |arguments: &[&str]| docker(bed, service, arguments, b"");
        docker(&["tag", IMAGE, "localhost/again:2"]).ok();
        let archive = bed.path("d.tar").display().to_string();
        docker(&["save", "-o", &archive, "localhost/again:2"]).ok();
        docker(&["rmi", "localhost/again:2"]).ok();
        docker(&["load", "-i", &archive]).ok();
        assert!(docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).ok().contains("again:2"));
    });
}

#[test]
fn the_remote_command_line_prints_the_same() {
    for who in [Who::Root, Who::User] {
        let Some(bed) = Bed::new(who) else { continue };
        let service = Service::start(&bed);
        let uri = service.uri();
        let remote = |arguments: &[&str]| {
            let mut command = bed.program(&cove_test_support::binary("cove"));
            command.args(["--url", &uri]).args(arguments);
            Outcome::of(command, b"")
        };
        let outcome =
            remote(&["run", "--network", "none", "--name", "ctr", IMAGE, "sh", "-c", "echo out; exit 3"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (3, "out\n"), "{outcome:?}");
        for arguments in [
            &["ps", "-a", "--format", "{{.Names}} {{.Image}} {{.Command}} {{.State}}"][..],
            &["ps", "-a"],
            &["images"],
            &["images", "--format", "json"],
            &["inspect", "ctr"],
            &["image", "inspect", IMAGE],
            &["logs", "ctr"],
            &["volume", "ls"],
            &["network", "ls"],
            &["inspect", "nobody"],
            &["start", "nobody"],
            &["rmi", "nobody"],
            &["stop", "ctr"],
        ] {
            // Ages are told in seconds: one may go by between the two, but not always.
            let mut outcomes = (0..10).map(|_| (bed.cove(arguments), remote(arguments)));
            let same = |(here, there): &(Outcome, Outcome)| {
                (here.code, &here.stdout, &here.stderr) == (there.code, &there.stdout, &there.stderr)
            };
            assert!(
                outcomes.any(|pair| same(&pair)),
                "{arguments:?}: {:?}",
                (bed.cove(arguments), remote(arguments))
            );
        }
        remote(&["rm", "ctr"]).ok();
    }
}

#[test]
fn a_killed_service_leaves_the_containers_alone() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let mut service = Service::start(&bed);
    let mut command = bed.program(&cove_test_support::binary("cove"));
    command.args(["--url", &service.uri(), "run", "-d", "--name", "ctr", "--network", "none", IMAGE]);
    command.args(["sh", "-c", "sleep 0.5; echo after; exit 2"]);
    Outcome::of(command, b"").ok();
    service.kill();
    assert_eq!(bed.cove(&["wait", "ctr"]).ok(), "2");
    assert_eq!(bed.cove(&["logs", "ctr"]).ok(), "after");
}

#[test]
fn the_socket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(bed) = Bed::new(Who::Root) else { return };
    let _service = Service::start(&bed);
    let mode = cove_sys::fs::metadata(bed.path("api.sock")).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn docker_connects_networks_and_mounts_volumes() {
    with_docker(|bed, service| {
        let docker = |arguments: &[&str]| docker(bed, service, arguments, b"");
        let name = format!("cx{}", free_port());
        let first = format!("{name}a");
        docker(&["network", "create", &first]).ok();
        docker(&["network", "create", &name]).ok();
        docker(&["run", "-d", "--name", "c", "--network", &first, IMAGE, "sleep", "100"]).ok();
        docker(&["network", "connect", "--alias", "shop", &name, "c"]).ok();
        let count =
            || docker(&["inspect", "--format", "{{len .NetworkSettings.Networks}}", "c"]).ok().to_owned();
        assert_eq!(count(), "2");
        assert_eq!(docker(&["exec", "c", "ls", "/sys/class/net"]).ok(), "eth0\neth1\nlo");
        let found = docker(&["run", "--rm", "--network", &name, IMAGE, "nslookup", "shop"]);
        assert!(found.ok().contains("Address"), "{found:?}");
        let listed = docker(&["network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"]);
        assert!(listed.ok().contains(&name) && !listed.ok().contains("bridge"), "{listed:?}");
        docker(&["network", "disconnect", &name, "c"]).ok();
        assert_eq!(count(), "1");
        docker(&["network", "rm", &name]).ok();
        docker(&["rm", "-f", "c"]).ok();
        docker(&["network", "rm", &first]).ok();
        let memory = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2m"];
        docker(&[&["volume", "create"], &memory[..], &["mem"]].concat()).ok();
        let mounts =
            ["run", "--rm", "--network", "none", "-v", "mem:/d", IMAGE, "grep", " /d ", "/proc/mounts"];
        assert!(docker(&mounts).ok().contains("size=2048k"));
        docker(&["volume", "rm", "mem"]).ok();
    });
}

#[test]
fn networks_and_volumes_over_a_service() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let service = Service::start(&bed);
    let uri = service.uri();
    let remote = |arguments: &[&str]| {
        let mut command = bed.program(&cove_test_support::binary("cove"));
        command.args(["--url", &uri]).args(arguments);
        Outcome::of(command, b"")
    };
    let name = format!("cy{}", free_port());
    remote(&["network", "create", &name]).ok();
    remote(&["run", "-d", "--name", "c", "-v", "one:/d", IMAGE, "sh", "-c", "echo hi >/d/f; sleep 100"]).ok();
    remote(&["network", "connect", "--ip6", "fd00::9", &name, "c"]).fails(125, "fd00::9");
    remote(&["network", "connect", "--mac-address", "02:00:00:00:00:09", &name, "c"]).ok();
    let macs = "{{range .NetworkSettings.Networks}}{{.MacAddress}} {{end}}";
    assert!(remote(&["inspect", "--format", macs, "c"]).ok().contains("02:00:00:00:00:09"));
    assert_eq!(remote(&["network", "reload", "c"]).ok(), "c");
    assert_eq!(remote(&["network", "update", "--dns-add", "9.9.9.9", &name]).ok(), name);
    remote(&["network", "disconnect", &name, "c"]).ok();
    let tar = bed.path("one.tar").display().to_string();
    remote(&["volume", "export", "one", "-o", &tar]).ok();
    remote(&["volume", "create", "--uid", "7", "two"]).ok();
    remote(&["volume", "import", "two", &tar]).ok();
    let path = remote(&["volume", "mount", "two"]).ok().to_owned();
    assert_eq!(cove_sys::fs::read_to_string(format!("{path}/f")).unwrap(), "hi\n");
    assert_eq!(remote(&["volume", "unmount", "two"]).ok(), "two");
    assert!(remote(&["volume", "prune", "--all", "--dry-run"]).ok().ends_with("two"));
    remote(&["rm", "-f", "-t", "0", "c"]).ok();
    remote(&["network", "rm", &name]).ok();
}

/// Does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

#[test]
fn a_service_with_tls_and_its_clients() {
    let (Some(bed), Some(made)) = (Bed::new(Who::Root), Certificates::make()) else { return };
    let port = free_port();
    let uri = format!("tcp://127.0.0.1:{port}");
    let (certificate, key) = (made.text("service.pem"), made.text("service.key"));
    let authority = made.text("ca.pem");
    let mut options = vec!["system", "service", "--time", "0", "--tls-cert", &certificate, "--tls-key", &key];
    options.extend(["--tls-client-ca", &authority, &uri]);
    let _service = Killed(bed.command(&options).stdin(Stdio::null()).spawn().unwrap());
    wait_for("the service", 20, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let (shown, own) = (made.text("client.pem"), made.text("client.key"));
    let trusting = ["--url", &uri, "--tls-ca", &authority];
    let known = [&trusting[..], &["--tls-cert", &shown, "--tls-key", &own]].concat();
    let run = ["run", "--rm", "-i", "--network", "none", IMAGE, "cat"];
    assert_eq!(bed.cove_with(&[&known[..], &run].concat(), b"over TLS").ok(), "over TLS");
    bed.cove(&[&trusting[..], &["ps"]].concat()).fails(125, "CertificateRequired");
    bed.cove(&["--url", &uri, "ps"]).fails(125, &uri);
    let named = ["system", "connection", "add", "far", "--tls-ca", &authority];
    bed.cove(&[&named[..], &["--tls-cert", &shown, "--tls-key", &own, &uri]].concat()).ok();
    assert_eq!(bed.cove(&["-c", "far", "ps", "-q"]).ok(), "");
    if met(&[Need::Docker]) {
        let mut docker = Command::new("docker");
        docker.args(["-H", &uri, "--tlsverify", "--tlscacert", &authority, "--tlscert", &shown]);
        docker.args(["--tlskey", &own, "ps", "-q"]).env("HOME", bed.path("home")).env_remove("DOCKER_HOST");
        assert_eq!(Outcome::of(docker, b"").ok(), "");
    }
}
