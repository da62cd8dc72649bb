//! Pods.

use std::net::TcpStream;

use cove_test_support::{Bed, IMAGE, Outcome, Service, everyone, free_port, wait_for};

use crate::mounts::folder;

/// A pod of that name with one container that sleeps.
fn running_pod(bed: &Bed, options: &[&str]) {
    let mut create = vec!["pod", "create", "--name", "p"];
    create.extend(options);
    bed.cove(&create).ok();
    bed.cove(&["run", "-d", "--pod", "p", "--name", "one", IMAGE, "sleep", "1000"]).ok();
}

fn state(bed: &Bed) -> String {
    bed.cove(&["pod", "inspect", "--format", "{{.State}}", "p"]).ok().to_owned()
}

/// Nothing of pods and containers is left.
fn nothing_left(bed: &Bed) {
    assert_eq!(bed.cove(&["pod", "ps", "-q"]).ok(), "");
    assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
    let mounts = cove_sys::fs::read_to_string("/proc/self/mounts").unwrap();
    let root = bed.path("root").display().to_string();
    // The store's own directory may be a mount.
    let left: Vec<&str> = mounts.lines().filter(|line| line.contains(&format!("{root}/overlay/"))).collect();
    assert!(left.iter().all(|line| !line.contains("/merged")), "{left:?}");
}

#[test]
fn containers_share_network_names_and_memory() {
    everyone(|bed| {
        let port = free_port();
        let publish = format!("127.0.0.1:{port}:80");
        let id = bed
            .cove(&["pod", "create", "--name", "p", "-p", &publish, "--add-host", "db:10.1.2.3"])
            .ok()
            .to_owned();
        assert_eq!(state(bed), "Created");
        let server = "mkdir /www; echo hello >/www/i; touch /dev/shm/shared; exec httpd -f -p 80 -h /www";
        bed.cove(&["run", "-d", "--pod", "p", "--name", "web", IMAGE, "sh", "-c", server]).ok();
        wait_for("the published port", 15, || TcpStream::connect(("127.0.0.1", port)).ok());
        let look = "cat /etc/hosts; hostname; cat /etc/hostname; wget -qO- http://127.0.0.1/i; ls /dev/shm";
        let seen = bed
            .cove(&["run", "--rm", "--pod", "p", "--name", "two", IMAGE, "sh", "-c", look])
            .ok()
            .to_owned();
        for expect in ["10.1.2.3\tdb", "127.0.0.1\tweb", "127.0.0.1\ttwo", "\np\np\nhello\nshared"] {
            assert!(seen.contains(expect), "{expect:?} in {seen}");
        }
        // A name goes with its container.
        let hosts = bed.cove(&["exec", "web", "cat", "/etc/hosts"]).ok().to_owned();
        assert!(hosts.contains("\tweb") && !hosts.contains("two"), "{hosts}");
        assert!(bed.cove(&["ps", "--filter", "name=web"]).ok().contains(&format!(":{port}->80/tcp")));
        let listed = bed
            .cove(&["ps", "--format", "{{.Pod}} {{.PodName}} {{.IsInfra}}", "--filter", "pod=p"])
            .ok()
            .to_owned();
        let short = &id[..12];
        assert_eq!(listed, format!("{short} p true\n{short} p false"));
        assert_eq!(state(bed), "Running");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        nothing_left(bed);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    });
}

#[test]
fn a_pod_goes_through_its_life() {
    everyone(|bed| {
        running_pod(bed, &[]);
        bed.cove(&["create", "--pod", "p", "--name", "two", IMAGE, "sleep", "1000"]).ok();
        assert_eq!(state(bed), "Degraded");
        assert_eq!(bed.cove(&["pod", "start", "p"]).ok(), "p");
        assert_eq!(state(bed), "Running");
        assert_eq!(bed.cove(&["pod", "top", "p", "args"]).ok().matches("sleep 1000").count(), 2);
        let id = bed.cove(&["pod", "inspect", "--format", "{{.ID}}", "p"]).ok().to_owned();
        assert_eq!(bed.cove(&["pod", "restart", "p"]).ok(), id);
        assert_eq!(state(bed), "Running");
        assert_eq!(bed.cove(&["pod", "stop", "-t", "0", "p"]).ok(), "p");
        assert_eq!(state(bed), "Exited");
        bed.cove(&["start", "two"]).ok();
        // One that shares namespaces has them started.
        assert_eq!(state(bed), "Degraded");
        bed.cove(&["pod", "start", "p"]).ok();
        assert_eq!(bed.cove(&["pod", "kill", "p"]).ok(), id);
        wait_for("the end of all", 10, || (state(bed) == "Exited").then_some(()));
        assert_eq!(bed.cove(&["pod", "prune", "-f"]).ok(), id);
        nothing_left(bed);
        let events = bed
            .cove(&["events", "--stream=false", "--filter", "type=pod", "--format", "{{.Status}}"])
            .ok()
            .to_owned();
        for action in ["create", "start", "restart", "stop", "kill", "remove"] {
            assert!(events.lines().any(|line| line == action), "{action} in {events}");
        }
    });
}

#[test]
fn removal_keeps_what_runs_unless_forced() {
    everyone(|bed| {
        running_pod(bed, &[]);
        let id = bed.cove(&["pod", "inspect", "--format", "{{.ID}}", "p"]).ok().to_owned();
        let refused = bed.cove(&["pod", "rm", "p"]);
        refused.fails(
            125,
            &format!("not all containers could be removed from pod {id}: removing pod containers"),
        );
        refused.fails(125, "as it is running - running or paused containers cannot be removed without force");
        let infra = bed.cove(&["pod", "inspect", "--format", "{{.InfraContainerID}}", "p"]).ok().to_owned();
        for options in [&["rm"][..], &["rm", "-f"]] {
            bed.cove(&[options, &[infra.as_str()]].concat())
                .fails(125, "and cannot be removed without removing the pod");
        }
        let removed = bed.cove(&["rm", "-f", "-t", "0", "--depend", &infra]).ok().to_owned();
        assert!(removed.contains(&infra) && removed.lines().count() == 2, "{removed}");
        nothing_left(bed);
        bed.cove(&["pod", "rm", "p"]).fails(1, "no such pod");
        bed.cove(&["pod", "rm", "-f", "p"]).ok();
        bed.cove(&["pod", "exists", "p"]).fails(1, "");
    });
}

#[test]
fn a_new_pod_comes_with_a_container_and_goes_with_its_failure() {
    everyone(|bed| {
        let run = ["run", "--rm", "--pod", "new:fresh", "--hostname", "foobar", IMAGE, "hostname"];
        assert_eq!(bed.cove(&run).ok(), "foobar");
        bed.cove(&["pod", "rm", "fresh"]).ok();
        bed.cove(&["create", "--name", "taken", IMAGE, "true"]).ok();
        bed.cove(&["create", "--name", "taken", "--pod", "new:fresh", IMAGE, "true"]).fails(125, "in use");
        bed.cove(&["pod", "exists", "fresh"]).fails(1, "");
        // Names are those of containers and pods together.
        bed.cove(&["pod", "create", "taken"]).fails(125, "pod already exists");
        bed.cove(&["create", "--pod", "nonesuch", IMAGE, "true"]).fails(125, "no such pod");
    });
}

#[test]
fn what_is_the_pods_cannot_be_a_containers() {
    everyone(|bed| {
        bed.cove(&["pod", "create", "p"]).ok();
        for (options, named) in [
            (&["--hostname", "h"][..], "cannot set hostname when joining the pod UTS namespace"),
            (&["-p", "80"], "published or exposed ports must be defined when the pod is created"),
            (&["--add-host", "a:1.2.3.4"], "extra host entries must be specified on the pod"),
            (
                &["--userns", "keep-id"],
                "cannot set user namespace mode when joining pod with infra container",
            ),
            (
                &["--uidmap", "0:1:100"],
                "cannot set user namespace mode when joining pod with infra container",
            ),
        ] {
            bed.cove(&[&["create", "--pod", "p"], options, &[IMAGE, "true"]].concat()).fails(125, named);
        }
        bed.cove(&["pod", "create", "--share", "bogus"])
            .fails(125, "Options are: cgroup, ipc, net, pid, uts or none");
        bed.cove(&["pod", "create", "--exit-policy", "invalid"])
            .fails(125, "invalid pod exit policy: \"invalid\"");
        bed.cove(&["pod", "create", "--infra=false", "--userns", "auto"]).fails(125, "infra container");
        bed.cove(&["create", "--init-ctr", "once", IMAGE, "true"]).fails(125, "must specify pod value");
        bed.cove(&["create", "--pod", "p", "--init-ctr", "x", IMAGE, "true"])
            .fails(125, "'always' or 'once'");
        bed.cove(&["pod", "create", "--infra=false", "-p", "80"]).fails(125, "infra container");
        bed.cove(&["pod", "create", "--infra-command", "[\"\"]"]).fails(125, "the program, is empty");
        bed.cove(&["pod", "create", "--network", "nonesuch", "q"]).fails(125, "network not found");
        bed.cove(&["pod", "exists", "q"]).fails(1, "");
    });
}

#[test]
fn namespaces_are_shared_as_asked() {
    everyone(|bed| {
        let shared = |options: &[&str]| {
            bed.cove(&[&["pod", "create", "--replace", "--name", "p"], options].concat()).ok();
            bed.cove(&["pod", "inspect", "--format", "{{.SharedNamespaces}}", "p"]).ok().to_owned()
        };
        assert_eq!(shared(&["--share", "ipc"]), "[ipc]");
        assert_eq!(
            bed.cove(&["run", "--rm", "--pod", "p", "--hostname", "own", IMAGE, "hostname"]).ok(),
            "own"
        );
        assert_eq!(shared(&["--share", "+pid"]), "[ipc net pid uts]");
        // The first process is the one that holds the namespace.
        let args = bed.cove(&["run", "--rm", "--pod", "p", IMAGE, "cat", "/proc/1/comm"]).ok().to_owned();
        assert_eq!(args, "pause");
        shared(&["--infra=false"]);
        bed.cove(&["run", "--rm", "--pod", "p", "--network", "none", IMAGE, "true"]).ok();
        assert_eq!(bed.cove(&["pod", "inspect", "--format", "{{.NumContainers}}", "p"]).ok(), "0");
        bed.cove(&["pod", "rm", "p"]).ok();
        nothing_left(bed);
    });
}

#[test]
fn a_user_namespace_is_everybodys_in_the_pod() {
    everyone(|bed| {
        let maps = "cut -c1-40 /proc/self/uid_map; id -u; touch /new; stat -c %u /new";
        let in_pod = |arguments: &[&str]| {
            let run = [&["run", "--rm", "--pod", "p"], arguments, &[IMAGE, "sh", "-c", maps]].concat();
            let seen = bed.cove(&run).ok().to_owned();
            seen.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let own = uid(bed);
        let is_user = own != "0";
        let mapping = if is_user { "0:1:500" } else { "0:200000:500" };
        let host = mapping.split(':').nth(1).unwrap();
        let port = free_port();
        let publish = format!("127.0.0.1:{port}:80");
        bed.cove(&["pod", "create", "--name", "p", "--uidmap", mapping, "-p", &publish]).ok();
        assert_eq!(in_pod(&[]), ["0", host, "500", "0", "0"]);
        // The one that holds the namespaces is in it, too, and its network belongs to it.
        let server = "mkdir /www; echo hello >/www/i; exec httpd -f -p 80 -h /www";
        bed.cove(&["run", "-d", "--pod", "p", "--name", "web", IMAGE, "sh", "-c", server]).ok();
        wait_for("the published port", 15, || TcpStream::connect(("127.0.0.1", port)).ok());
        let get = ["run", "--rm", "--pod", "p", IMAGE, "wget", "-qO-", "http://127.0.0.1/i"];
        assert_eq!(bed.cove(&get).ok(), "hello");
        let inspect = ["pod", "inspect", "--format", "{{.SharedNamespaces}}", "p"];
        assert_eq!(bed.cove(&inspect).ok(), "[ipc net user uts]");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        if is_user {
            bed.cove(&["pod", "create", "--name", "p", "--userns", "keep-id"]).ok();
            let run = ["run", "--rm", "--pod", "p", IMAGE, "id", "-u"];
            assert_eq!(bed.cove(&run).ok(), own);
            let run = ["run", "--rm", "--pod", "p", "--user", "0", IMAGE, "id", "-u"];
            assert_eq!(bed.cove(&run).ok(), "0");
            bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        }
        nothing_left(bed);
    });
}

/// The number of who runs the commands.
fn uid(bed: &Bed) -> String {
    let mut id = bed.program(std::path::Path::new("id"));
    id.arg("-u");
    Outcome::of(id, b"").ok().to_owned()
}

#[test]
fn some_run_to_their_end_before_the_others_start() {
    everyone(|bed| {
        bed.cove(&["pod", "create", "--name", "p"]).ok();
        let first = |name: &str, kind: &str, command: &str| {
            bed.cove(&[
                "create",
                "--pod",
                "p",
                "--init-ctr",
                kind,
                "--name",
                name,
                "-v",
                "shared:/s",
                IMAGE,
                "sh",
                "-c",
                command,
            ])
            .ok();
        };
        first("once", "once", "echo once >>/s/told");
        first("always", "always", "echo always >>/s/told");
        bed.cove(&[
            "create",
            "--pod",
            "p",
            "--name",
            "one",
            "-v",
            "shared:/s",
            IMAGE,
            "sh",
            "-c",
            "echo one >>/s/told; exec sleep 1000",
        ])
        .ok();
        bed.cove(&["pod", "start", "p"]).ok();
        bed.cove(&["container", "exists", "once"]).fails(1, "");
        assert_eq!(state(bed), "Running");
        let told = || bed.cove(&["exec", "one", "cat", "/s/told"]).ok().to_owned();
        wait_for("the container to write", 10, || told().ends_with("one").then_some(()));
        assert_eq!(told(), "once\nalways\none");
        bed.cove(&["create", "--pod", "p", "--init-ctr", "once", IMAGE, "true"])
            .fails(125, "cannot add init-ctr to a running pod");
        // Those that prepare a pod do so at its start only.
        bed.cove(&["pod", "restart", "p"]).ok();
        wait_for("the container to write", 10, || (told().matches("one").count() == 2).then_some(()));
        assert_eq!(told().matches("always").count(), 1);
        bed.cove(&["pod", "stop", "-t", "0", "p"]).ok();
        first("fails", "always", "exit 3");
        bed.cove(&["pod", "start", "p"]).fails(125, "exited with code 3");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.Running}}", "one"]).ok(), "false");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        bed.cove(&["volume", "rm", "shared"]).ok();
        nothing_left(bed);
    });
}

#[test]
fn policies_are_the_pods() {
    everyone(|bed| {
        bed.cove(&["pod", "create", "--exit-policy", "stop", "--restart", "on-failure:2", "p"]).ok();
        bed.cove(&["run", "--pod", "p", "--name", "one", IMAGE, "true"]).ok();
        wait_for("the pod to end", 10, || (state(bed) == "Exited").then_some(()));
        let policy = ["inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}"];
        assert_eq!(bed.cove(&[&policy[..], &["one"]].concat()).ok(), "on-failure");
        bed.cove(&["create", "--pod", "p", "--restart", "always", "--name", "two", IMAGE, "true"]).ok();
        assert_eq!(bed.cove(&[&policy[..], &["two"]].concat()).ok(), "always");
        // Nothing that is in a pod is pruned without it.
        bed.cove(&["container", "prune", "-f"]).ok();
        bed.cove(&["container", "exists", "one"]).ok();
    });
}

#[test]
fn files_with_ids_name_pods() {
    everyone(|bed| {
        let file = bed.path("home/id").display().to_string();
        let id = bed.cove(&["pod", "create", "--pod-id-file", &file, "-l", "a=b", "p"]).ok().to_owned();
        assert_eq!(cove_sys::fs::read_to_string(&file).unwrap(), id);
        let in_it =
            bed.cove(&["create", "--pod-id-file", &file, "--name", "one", IMAGE, "true"]).ok().to_owned();
        let row = "{{.Name}} {{.Status}} {{.Labels}} {{.NumberOfContainers}}";
        for filter in
            ["label=a=b", "name=^p$", "status=created", "ctr-names=one", &format!("ctr-ids={in_it}")]
        {
            assert_eq!(bed.cove(&["pod", "ps", "--filter", filter, "--format", row]).ok(), "p Created a=b 2");
        }
        assert_eq!(bed.cove(&["pod", "ps", "-q", "--filter", "ctr-number=1"]).ok(), "");
        bed.cove(&["pod", "ps", "--filter", "zork=1"]).fails(125, "zork is an invalid filter");
        bed.cove(&["pod", "rm", "--pod-id-file", &file]).ok();
        assert!(!std::path::Path::new(&file).exists());
        nothing_left(bed);
    });
}

#[test]
fn folders_under_a_layer_and_hosts_files_are_the_pods() {
    everyone(|bed| {
        let data = folder(bed, "data");
        let hosts = bed.path("hosts").display().to_string();
        cove_sys::fs::write(&hosts, "10.9.8.7 far\n").unwrap();
        let volume = format!("{data}:/d:O");
        bed.cove(&["pod", "create", "--hosts-file", &hosts, "-v", &volume, "p"]).ok();
        bed.cove(&["pod", "clone", "-v", &format!("{data}:/e:O"), "p"]).ok();
        let look = "cat /d/file /etc/hosts && echo >/d/new";
        for pod in ["p", "p-clone"] {
            let seen = bed.cove(&["run", "--rm", "--pod", pod, IMAGE, "sh", "-c", look]).ok().to_owned();
            assert!(seen.contains("below") && seen.contains("10.9.8.7"), "{seen}");
        }
        assert!(!std::path::Path::new(&data).join("new").exists());
        assert_eq!(bed.cove(&["pod", "inspect", "--format", "{{.InfraConfig.HostsFile}}", "p"]).ok(), hosts);
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p", "p-clone"]).ok();
        nothing_left(bed);
    });
}

#[test]
fn a_service_has_pods() {
    everyone(|bed| {
        let service = Service::start(bed);
        let uri = service.uri();
        let cove = |arguments: &[&str]| bed.cove(&[&["--url", uri.as_str()], arguments].concat());
        let id = cove(&["pod", "create", "--name", "p"]).ok().to_owned();
        cove(&["run", "-d", "--pod", "p", "--name", "one", IMAGE, "sleep", "1000"]).ok();
        assert_eq!(
            cove(&["pod", "inspect", "--format", "{{.State}} {{.NumContainers}}", "p"]).ok(),
            "Running 2"
        );
        assert!(cove(&["pod", "top", "p"]).ok().contains("sleep 1000"));
        cove(&["pod", "rm", "p"]).fails(125, "cannot be removed without force");
        assert_eq!(cove(&["pod", "stop", "-t", "0", "p"]).ok(), "p");
        assert_eq!(cove(&["pod", "rm", "p"]).ok(), id);
        cove(&["pod", "inspect", "p"]).fails(125, "no such pod");
    });
}

#[test]
fn a_user_namespace_of_containers_conf_is_not_a_pods() {
    everyone(|bed| {
        let conf = bed.path("run").join("containers.conf");
        cove_sys::fs::write(&conf, "[containers]\nuserns = \"auto\"\n").unwrap();
        let cove = |arguments: &[&str]| {
            let mut command = bed.command(arguments);
            command.env("CONTAINERS_CONF_OVERRIDE", &conf);
            Outcome::of(command, b"")
        };
        cove(&["pod", "create", "--name", "p"]).ok();
        assert_eq!(cove(&["run", "--rm", "--pod", "p", IMAGE, "echo", "runs"]).ok(), "runs");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
    });
}

#[test]
fn a_user_namespace_of_the_environment_is_one_of_pods_and_of_nobody_in_them() {
    everyone(|bed| {
        let cove = |arguments: &[&str]| {
            let mut command = bed.command(arguments);
            command.env("PODMAN_USERNS", "keep-id");
            Outcome::of(command, b"")
        };
        cove(&["pod", "create", "--infra=false", "none"]).ok();
        cove(&["pod", "create", "--name", "p"]).ok();
        assert_eq!(cove(&["run", "--rm", "--pod", "p", IMAGE, "echo", "runs"]).ok(), "runs");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p", "none"]).ok();
    });
}

#[test]
fn a_broken_hosts_of_a_pod_keeps_nobody_from_running() {
    everyone(|bed| {
        running_pod(bed, &[]);
        for write in ["printf '\\377\\n' >>/etc/hosts", "head -c 2000000 /dev/zero >>/etc/hosts"] {
            bed.cove(&["exec", "one", "sh", "-c", write]).ok();
            assert_eq!(bed.cove(&["run", "--rm", "--pod", "p", IMAGE, "echo", "runs"]).ok(), "runs");
        }
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        nothing_left(bed);
    });
}

#[test]
fn nothing_is_left_of_a_pod_whose_monitors_were_killed() {
    everyone(|bed| {
        running_pod(bed, &[]);
        let listed = bed.cove(&["ps", "-a", "--format", "{{.ID}}"]).ok().to_owned();
        for pid in listed.lines() {
            let monitor = bed.cove(&["inspect", "--format", "{{.State.ConmonPid}}", pid]).ok().to_owned();
            std::process::Command::new("kill").args(["-9", monitor.as_str()]).status().unwrap();
        }
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        nothing_left(bed);
    });
}

#[test]
fn a_copy_of_a_pod_has_copies_of_its_containers() {
    everyone(|bed| {
        running_pod(bed, &["--label", "a=1"]);
        bed.cove(&["pod", "clone", "--start", "--label", "b=2", "p"]).ok();
        let shown = "{{.State}} {{.Labels}} {{.NumContainers}}";
        assert_eq!(
            bed.cove(&["pod", "inspect", "--format", shown, "p-clone"]).ok(),
            "Running map[a:1 b:2] 2"
        );
        assert_eq!(bed.cove(&["exec", "one-clone", "hostname"]).ok(), "p-clone");
        bed.cove(&["pod", "clone", "--destroy", "-n", "other", "p"]).ok();
        bed.cove(&["pod", "exists", "p"]).fails(1, "");
        assert_eq!(bed.cove(&["pod", "inspect", "--format", "{{.State}}", "other"]).ok(), "Created");
    });
}

#[test]
fn logs_and_use_of_a_pod_are_those_of_its_containers() {
    everyone(|bed| {
        bed.cove(&["pod", "create", "p"]).ok();
        for name in ["one", "two"] {
            bed.cove(&["run", "--pod", "p", "--name", name, IMAGE, "echo", name]).ok();
        }
        let logs = bed.cove(&["pod", "logs", "--names", "p"]).ok().to_owned();
        assert_eq!(logs, "one one\ntwo two");
        assert_eq!(bed.cove(&["pod", "logs", "-c", "two", "p"]).ok(), "two");
        bed.cove(&["pod", "logs", "-c", "three", "p"]).fails(125, "three is not in pod p");
        let row = "{{.Name}} {{.PIDS}}";
        let stats = bed.cove(&["pod", "stats", "--no-stream", "--format", row, "p"]).ok().to_owned();
        assert!(stats.ends_with("-infra 1"), "{stats}");
        assert!(bed.cove(&["pod", "stats", "--no-stream"]).ok().starts_with("POD"));
        bed.cove(&["pod", "stats", "-a", "p"]).fails(125, "cannot be used together");
    });
}
