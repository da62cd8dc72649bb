//! Changing containers, making others like them, and what else is done to those that are there.

use cove_test_support::{Bed, IMAGE, Need, Service, Who, everyone, skip};

fn inspect(bed: &Bed, name: &str, format: &str) -> String {
    bed.cove(&["inspect", "--format", format, name]).ok().to_owned()
}

#[test]
fn a_running_container_gets_other_limits_at_once() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let id =
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"]).ok().to_owned();
    let update = bed.cove(&["update", "--memory", "64m", "--pids-limit", "50", "ctr"]);
    if update.code != 0 {
        // Without cgroups the engine must say so, and keep nothing of it.
        update.fails(125, "cgroup");
        assert_eq!(inspect(&bed, "ctr", "{{.HostConfig.Memory}}"), "0");
        return skip(Need::Freezer, update.stderr.trim());
    }
    assert_eq!(update.ok(), id);
    let limit =
        "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes";
    let memory = || bed.cove(&["exec", "ctr", "sh", "-c", limit]).ok().to_owned();
    assert_eq!(memory(), "67108864");
    bed.cove(&["update", "--cpu-shares", "512", "ctr"]).ok();
    let all = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}";
    assert_eq!(inspect(&bed, "ctr", all), "67108864 50 512");
    bed.cove(&["restart", "-t", "0", "ctr"]).ok();
    assert_eq!(memory(), "67108864");
}

#[test]
fn environment_processes_limits_and_policy_change() {
    everyone(|bed| {
        let show = "echo $A-$B-$C; ulimit -n; sleep 100";
        let run = [
            "run",
            "-d",
            "--name",
            "ctr",
            "--network",
            "none",
            "-e",
            "A=1",
            "-e",
            "B=2",
            IMAGE,
            "sh",
            "-c",
            show,
        ];
        let id = bed.cove(&run).ok().to_owned();
        let update =
            ["update", "--env", "A=x", "--env", "C=3", "--unsetenv", "B", "--ulimit", "nofile=77:88", "ctr"];
        assert_eq!(bed.cove(&update).ok(), id);
        // Further processes have the environment at once, the first one from its next start on.
        assert_eq!(bed.cove(&["exec", "ctr", "sh", "-c", "echo $A-$B-$C"]).ok(), "x--3");
        bed.cove(&["update", "--restart", "on-failure:3", "ctr"]).ok();
        let policy = "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}";
        assert_eq!(inspect(bed, "ctr", policy), "on-failure 3");
        bed.cove(&["restart", "-t", "0", "ctr"]).ok();
        let log = || bed.cove(&["logs", "ctr"]).ok().to_owned();
        cove_test_support::wait_for("the second start", 10, || log().contains("x--3\n77").then_some(()));
        let service = Service::start(bed);
        let remote = ["--url", &service.uri(), "update", "--restart", "always", "-e", "D=4", "ctr"];
        assert_eq!(bed.cove(&remote).ok(), id);
        assert_eq!(inspect(bed, "ctr", policy), "always 0");
        assert_eq!(bed.cove(&["exec", "ctr", "sh", "-c", "echo $D"]).ok(), "4");
        let text =
            bed.cove(&["events", "--stream=false", "--filter", "event=update", "--format", "{{.Name}}"]);
        assert_eq!(text.ok(), "ctr\nctr\nctr");

        bed.cove(&["update", "--restart", "sometimes", "ctr"]).fails(125, "sometimes");
        bed.cove(&["update", "--ulimit", "nofile:1", "ctr"]).fails(125, "invalid ulimit argument");
        bed.cove(&["update", "--cpus", "1", "--cpu-quota", "5000", "ctr"])
            .fails(125, "cannot be set together");
        bed.cove(&["update", "nobody"]).fails(125, "nobody");
        bed.cove(&["update"]).fails(125, "--latest");
    });
}

#[test]
fn a_clone_is_like_the_other() {
    everyone(|bed| {
        let create = [
            "create",
            "--name",
            "one",
            "--network",
            "none",
            "-e",
            "A=1",
            "-v",
            "/data",
            "--label",
            "x=y",
            IMAGE,
            "sh",
            "-c",
            "echo $A; ls /data",
        ];
        bed.cove(&create).ok();
        let clone = bed.cove(&["container", "clone", "one"]).ok().to_owned();
        assert_eq!(inspect(bed, &clone, "{{.Name}} {{.Config.Labels.x}}"), "one-clone y");
        bed.cove(&["container", "clone", "one"]).ok();
        bed.cove(&["container", "clone", "one-clone", "other"]).ok();
        assert_eq!(bed.cove(&["start", "-a", "other"]).ok(), "1");
        assert_eq!(
            bed.cove(&["ps", "-a", "--format", "{{.Names}}"]).ok(),
            "one\none-clone\none-clone1\nother"
        );
        // What nobody named is shared: it is the same data.
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok().lines().count(), 1);
        bed.cove(&["tag", IMAGE, "localhost/second:1"]).ok();
        bed.cove(&["container", "clone", "--destroy", "--run", "one", "last", "localhost/second:1"]).ok();
        assert_eq!(inspect(bed, "last", "{{.ImageName}}"), "localhost/second:1");
        bed.cove(&["container", "exists", "one"]).fails(1, "");
        bed.cove(&["wait", "last"]).ok();

        bed.cove(&["run", "-d", "--name", "busy", "--network", "none", IMAGE, "sleep", "100"]).ok();
        bed.cove(&["container", "clone", "--force", "busy"])
            .fails(125, "cannot set --force without --destroy");
        bed.cove(&["container", "clone", "busy", "other"]).fails(125, "already in use");
        bed.cove(&["container", "clone", "--destroy", "busy", "half"]).fails(125, "without force");
        bed.cove(&["container", "exists", "half"]).fails(1, "");
        bed.cove(&["container", "clone", "--destroy", "--force", "busy"]).ok();
        assert_eq!(inspect(bed, "busy-clone", "{{.State.Status}}"), "created");
        bed.cove(&["container", "exists", "busy"]).fails(1, "");
    });
}

#[test]
fn wait_ends_with_the_first_of_them() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "long", "--network", "none", IMAGE, "sleep", "100"]).ok();
        bed.cove(&["run", "-d", "--name", "short", "--network", "none", IMAGE, "sh", "-c", "exit 7"]).ok();
        assert_eq!(
            bed.cove(&["wait", "--exit-first-match", "--interval", "10ms", "long", "short"]).ok(),
            "7"
        );
        bed.cove(&["wait", "--interval", "soon", "short"]).fails(125, "soon");
    });
}

#[test]
fn cleanup_can_remove_container_and_image() {
    everyone(|bed| {
        bed.cove(&["tag", IMAGE, "localhost/second:1"]).ok();
        bed.cove(&["run", "--name", "ctr", "--network", "none", IMAGE, "true"]).ok();
        assert_eq!(bed.cove(&["container", "cleanup", "ctr"]).ok(), "ctr");
        bed.cove(&["container", "cleanup", "--exec", "x", "--rmi", "ctr"]).fails(125, "--exec and --rmi");
        bed.cove(&["container", "cleanup", "--all", "--latest"]).fails(125, "cannot be used together");
        bed.cove(&["container", "cleanup", "--latest", "--rm"]).ok();
        bed.cove(&["container", "exists", "ctr"]).fails(1, "");
    });
}

#[test]
fn a_label_is_run_on_the_host() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let archive = bed.path("rootfs.tar").display().to_string();
    let label = "LABEL run=\"podman run --rm --network none --name ${NAME} -e WHO=$OPT1 IMAGE echo\"";
    bed.cove(&["import", "-q", "--change", label, &archive, "localhost/labelled"]).ok();
    let display = bed.cove(&["container", "runlabel", "--display", "--opt1", "me", "RUN", "labelled", "a b"]);
    let text = display.ok();
    assert!(text.starts_with("command: /"), "{text}");
    assert!(
        text.ends_with(
            "run --rm --network none --name labelled -e WHO=me localhost/labelled:latest echo a b"
        ),
        "{text}"
    );
    bed.cove(&["container", "runlabel", "install", "labelled"])
        .fails(125, "cannot find the value of label: install in image: labelled");
}
