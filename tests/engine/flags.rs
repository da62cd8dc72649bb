//! The flags of `run` and `create`: what each does to the container.

use cove_test_support::{Bed, IMAGE, Service, Who, everyone};

fn run(bed: &Bed, flags: &[&str], script: &str) -> String {
    let args = [&["run", "--rm", "--network", "none"], flags, &[IMAGE, "sh", "-c", script]].concat();
    bed.cove(&args).ok().to_owned()
}

#[test]
fn variables_and_accounts() {
    everyone(|bed| {
        assert_eq!(
            run(
                bed,
                &["--env-merge", "PATH=${PATH}:/more", "--env-merge", "A=${B}-x"],
                "echo $A; echo $PATH | grep -c ':/more$'"
            ),
            "-x\n1"
        );
        let entry = "--passwd-entry=me:x:$UID:$GID::$HOME:/bin/sh";
        assert_eq!(
            run(bed, &["-u", "4321:77", entry], "id -un; grep ^me: /etc/passwd"),
            "me\nme:x:4321:77::/:/bin/sh"
        );
        let entry = "--group-entry=ours:x:$GID:$USERLIST";
        assert_eq!(run(bed, &["-u", "4321:77", entry], "id -gn"), "ours");
        assert_eq!(run(bed, &["--hostuser", "nobody", "-u", "4321"], "grep -c ^nobody: /etc/passwd"), "1");
        bed.cove(&["run", "--rm", "--hostuser", "no-such-user", IMAGE, "true"]).fails(126, "no-such-user");
        bed.cove(&["run", "--rm", "--env-merge", "A", IMAGE, "true"]).fails(125, "missing `=`");
    });
}

#[test]
fn files_of_the_engine() {
    everyone(|bed| {
        let hosts = bed.path("hosts");
        cove_sys::fs::write(&hosts, "1.2.3.4 elsewhere\n").unwrap();
        let hosts = hosts.display().to_string();
        assert_eq!(run(bed, &["--hosts-file", &hosts], "grep -c elsewhere /etc/hosts"), "1");
        assert_eq!(run(bed, &["--hosts-file", "none"], "grep -c elsewhere /etc/hosts; true"), "0");
        let chroot = "--chrootdirs=/srv/jail";
        assert_eq!(run(bed, &[chroot, "--hostname", "box"], "cat /srv/jail/etc/hostname"), "box");
        let (process, monitor) = (bed.path("pid"), bed.path("monitor"));
        let flag = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
        let flags = [flag("pidfile", &process), flag("conmon-pidfile", &monitor)];
        bed.cove(&[
            "run",
            "-d",
            "--name",
            "c",
            "--network",
            "none",
            &flags[0],
            &flags[1],
            IMAGE,
            "sleep",
            "1000",
        ])
        .ok();
        let text = |path: &std::path::Path| cove_sys::fs::read_to_string(path).unwrap();
        let form = "{{.State.Pid}} {{.State.ConmonPid}} {{.PidFile}}";
        let expected = format!("{} {} {}", text(&process), text(&monitor), process.display());
        assert_eq!(bed.cove(&["inspect", "--format", form, "c"]).ok(), expected);
        bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
        bed.cove(&["create", "--pidfile", "/no/such/folder/pid", IMAGE, "true"])
            .fails(125, "is not a directory");
    });
}

#[test]
fn domains_filters_and_requirements() {
    everyone(|bed| {
        assert_eq!(run(bed, &["--personality", "LINUX32"], "uname -m"), "i686");
        bed.cove(&["create", "--personality", "BSD", IMAGE, "true"]).fails(125, "personality");
        bed.cove(&["create", "--seccomp-policy", "mine", IMAGE, "true"]).fails(125, "seccomp policy");
        assert_eq!(run(bed, &["--seccomp-policy", "image"], "echo ran"), "ran");
        bed.cove(&["create", "--name", "first", "--network", "none", IMAGE, "sleep", "1000"]).ok();
        let second = ["run", "--rm", "--network", "none", "--requires", "first", IMAGE, "echo", "second"];
        assert_eq!(bed.cove(&second).ok(), "second");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.Status}}", "first"]).ok(), "running");
        bed.cove(&["create", "--requires", "nobody", IMAGE, "true"]).fails(125, "nobody");
        bed.cove(&["rm", "-f", "-t", "0", "first"]).ok();
    });
}

/// Options of `create` that are refused, and a word of why.
const REFUSED: &[(&[&str], &str)] = &[
    (&["--cpu-rt-runtime", "950"], "real-time"),
    (&["--rdt-class", "gold"], "resctrl"),
    (&["--blkio-weight", "7"], "10 to 1000"),
    (&["--device-read-bps", "/dev/null:1m"], "not a block device"),
    (&["--cgroup-conf", "cgroup.procs=0"], "cgroup.procs"),
    (&["--link-local-ip", "10.0.0.5"], "link-local address"),
    (&["--decryption-key", "k"], "--decryption-key"),
    (&["--gpus", "a/b"], "GPU"),
    (&["--sdnotify", "shout"], "sdnotify"),
    (&["--systemd", "perhaps"], "systemd"),
    (&["--cgroups", "split", "--cgroup-parent", "x"], "exclude each other"),
    (&["--personality", "BSD"], "personality"),
    (&["--seccomp-policy", "mine"], "seccomp policy"),
    (&["--log-driver", "splunk"], "log driver"),
    (&["--runtime", "nonesuch"], "nonesuch"),
    (&["--network", "nonesuch"], "nonesuch"),
    (&["--network", "container:nobody"], "nobody"),
    (&["--requires", "nobody"], "nobody"),
    (&["--volumes-from", "nobody"], "nobody"),
    (&["--pod", "nonesuch"], "nonesuch"),
    (&["--secret", "nonesuch"], "nonesuch"),
    (&["--uidmap", "0:4000000000:1,0:5:1"], "twice"),
];

#[test]
fn limits_are_kept_or_refused() {
    everyone(|bed| {
        // Whether there is a health check says the image alone.
        for (flags, why) in REFUSED.iter().chain(&[(&["--sdnotify", "healthy"][..], "sdnotify")]) {
            bed.cove(&[&["create"], *flags, &[IMAGE, "true"]].concat()).fails(125, why);
        }
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
    });
}

#[test]
fn what_is_refused_is_refused_before_anything_is_done() {
    everyone(|bed| {
        let file = bed.path("image.tar").display().to_string();
        bed.cove(&["save", "-q", "-o", &file, IMAGE]).ok();
        bed.cove(&["rmi", IMAGE]).ok();
        let image = format!("docker-archive:{file}");
        for (flags, why) in REFUSED.iter().chain(&[(&["--preserve-fd", "900"][..], "900")]) {
            bed.cove(&[&["run", "--rm"], *flags, &[image.as_str(), "true"]].concat()).fails(125, why);
            assert_eq!(bed.cove(&["images", "-q"]).ok(), "", "{flags:?}");
        }
        bed.cove(&["container", "clone", "nobody", "copy", &image]).fails(125, "nobody");
        assert_eq!(bed.cove(&["images", "-q"]).ok(), "");
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", &image, "echo", "ran"]).ok(), "ran");
        let old = bed.cove(&["create", "--name", "old", IMAGE, "true"]).ok().to_owned();
        for (flags, why) in REFUSED {
            let replace = ["create", "--replace", "--name", "old"];
            bed.cove(&[&replace, *flags, &[IMAGE, "true"]].concat()).fails(125, why);
        }
        assert_eq!(bed.cove(&["inspect", "--format", "{{.Id}}", "old"]).ok(), old);
        let pod = bed.cove(&["pod", "create", "p"]).ok().to_owned();
        for (flags, why) in [
            (["--exit-policy", "perhaps"], "perhaps"),
            (["--network", "nonesuch"], "nonesuch"),
            (["--userns", "nonesuch"], "nonesuch"),
        ] {
            bed.cove(&["pod", "create", "--replace", flags[0], flags[1], "p"]).fails(125, why);
        }
        assert_eq!(bed.cove(&["pod", "inspect", "--format", "{{.Id}}", "p"]).ok(), pod);
    });
}

#[test]
fn rules_about_devices() {
    let rule = ["run", "--rm", "--network", "none", "--device-cgroup-rule", "c 7:* rmw", IMAGE, "true"];
    if let Some(bed) = Bed::new(Who::Root) {
        bed.cove(&rule).ok();
        bed.cove(&["create", "--device-cgroup-rule", "c 7:*", IMAGE, "true"]).fails(125, "requires type");
    }
    if let Some(bed) = Bed::new(Who::User) {
        bed.cove(&rule).fails(125, "device cgroup rules are not supported in rootless mode");
    }
}

#[test]
fn systemd_is_told() {
    use std::os::unix::net::UnixDatagram;
    let Some(bed) = Bed::new(Who::Root) else { return };
    let path = bed.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    let run = |mode: &str| {
        let args = [
            "run",
            "-d",
            "--rm",
            "--network",
            "none",
            "--sdnotify",
            mode,
            "--name",
            "n",
            IMAGE,
            "sleep",
            "1000",
        ];
        let output = bed.command(&args).env("NOTIFY_SOCKET", &path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let monitor = bed.cove(&["inspect", "--format", "{{.State.ConmonPid}}", "n"]).ok().to_owned();
        bed.cove(&["rm", "-f", "-t", "0", "n"]).ok();
        monitor
    };
    let mut buffer = [0; 200];
    let monitor = run("conmon");
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer[..length]), format!("MAINPID={monitor}\nREADY=1"));
    run("ignore");
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut buffer).is_err());
}

#[test]
fn a_container_tells_systemd_itself() {
    use std::os::unix::net::UnixDatagram;
    everyone(|bed| {
        let path = bed.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        cove_sys::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
        let received = || {
            let mut buffer = [0; 200];
            let length = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let start = |options: &[&str]| {
            let args =
                [&["run", "-d", "--name", "n", "--network", "none"], options, &[IMAGE, "sleep", "1000"]];
            let output = bed.command(&args.concat()).env("NOTIFY_SOCKET", &path).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let shown = ["inspect", "--format", "{{.State.ConmonPid}} {{.Config.SdNotifySocket}}", "n"];
            let shown = bed.cove(&shown).ok().to_owned();
            let (monitor, socket) = shown.split_once(' ').unwrap();
            assert_eq!(socket, path.display().to_string());
            assert_eq!(received(), format!("MAINPID={monitor}"));
        };
        start(&[]);
        let seen = ["exec", "n", "sh", "-c", "test -S $NOTIFY_SOCKET && echo $NOTIFY_SOCKET"];
        assert_eq!(bed.cove(&seen).ok(), "/run/notify/notify.sock");
        let id = bed.cove(&["inspect", "--format", "{{.Id}}", "n"]).ok().to_owned();
        // By a descriptor, as the name is too long for a socket's address.
        let inside = bed.path("rr").join("cove/containers").join(id).join("notify");
        let inside = cove_sys::fs::File::open(inside).unwrap();
        let inside = format!("/proc/self/fd/{}/notify.sock", std::os::fd::AsRawFd::as_raw_fd(&inside));
        let container = UnixDatagram::unbound().unwrap();
        container.send_to(b"MAINPID=1\nREADY=1", inside).unwrap();
        assert_eq!(received(), "READY=1");
        bed.cove(&["rm", "-f", "-t", "0", "n"]).ok();
        bed.cove(&["create", "--sdnotify", "healthy", IMAGE, "true"])
            .fails(125, "sdnotify policy \"healthy\" requires a healthcheck to be set");
        start(&["--sdnotify", "healthy", "--health-cmd", "true", "--health-interval", "disable"]);
        bed.cove(&["healthcheck", "run", "n"]).ok();
        assert_eq!(received(), "READY=1");
        assert_eq!(bed.cove(&["exec", "n", "sh", "-c", "echo $NOTIFY_SOCKET"]).ok(), "");
        bed.cove(&["rm", "-f", "-t", "0", "n"]).ok();
    });
}

#[test]
fn over_the_service() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let service = Service::start(&bed);
    let url = service.uri();
    let args = [
        "--url",
        &url,
        "run",
        "--rm",
        "--network",
        "none",
        "--env-merge",
        "A=x${A}",
        "--personality",
        "LINUX32",
        IMAGE,
        "sh",
        "-c",
        "echo $A; uname -m",
    ];
    assert_eq!(bed.cove(&args).ok(), "x\ni686");
}
