//! From `create` to `rm`: states, signals, logs, exec, restart policies, and what a kill leaves.

use std::time::{Duration, Instant};

use cove_test_support::{Bed, IMAGE, Need, Who, everyone, skip, wait_for};

fn status(bed: &Bed, name: &str) -> String {
    bed.cove(&["inspect", "--format", "{{.State.Status}}", name]).ok().to_owned()
}

#[test]
fn create_start_stop_remove() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"]).ok();
        assert_eq!(status(bed, "ctr"), "created");
        assert_eq!(bed.cove(&["start", "ctr"]).ok(), "ctr");
        assert_eq!(status(bed, "ctr"), "running");
        bed.cove(&["rm", "ctr"]).fails(2, "running");
        assert_eq!(bed.cove(&["stop", "-t", "0", "ctr"]).ok(), "ctr");
        assert_eq!(status(bed, "ctr"), "exited");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.ExitCode}}", "ctr"]).ok(), "137");
        bed.cove(&["restart", "ctr"]).ok();
        assert_eq!(status(bed, "ctr"), "running");
        bed.cove(&["kill", "ctr"]).ok();
        assert_eq!(bed.cove(&["wait", "ctr"]).ok(), "137");
        bed.cove(&["kill", "ctr"]).fails(125, "can only kill running containers");
        assert_eq!(bed.cove(&["rm", "ctr"]).ok(), "ctr");
        bed.cove(&["rm", "ctr"]).fails(1, "ctr");
        bed.cove(&["inspect", "ctr"]).fails(125, "ctr");
    });
}

#[test]
fn a_paused_container_does_nothing_until_it_is_unpaused() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let clock = "while :; do echo tick; sleep 0.02; done";
    bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sh", "-c", clock]).ok();
    let ticks = || bed.cove(&["logs", "ctr"]).ok().lines().count();
    wait_for("the first ticks", 10, || (ticks() > 2).then_some(()));
    let pause = bed.cove(&["pause", "ctr"]);
    if pause.code != 0 {
        // Without a usable freezer the engine must say so, and the container must run on.
        pause.fails(125, "cgroup");
        assert_eq!(status(&bed, "ctr"), "running");
        let before = ticks();
        wait_for("more ticks", 10, || (ticks() > before).then_some(()));
        return skip(Need::Freezer, pause.stderr.trim());
    }
    assert_eq!(status(&bed, "ctr"), "paused");
    // What was on its way into the log may still come.
    std::thread::sleep(Duration::from_millis(300));
    let before = ticks();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(ticks(), before, "it went on while it was paused");
    bed.cove(&["stop", "-t", "0", "ctr"]).fails(125, "is in state paused");
    assert_eq!(status(&bed, "ctr"), "paused");
    bed.cove(&["unpause", "ctr"]).ok();
    assert_eq!(status(&bed, "ctr"), "running");
    wait_for("more ticks", 10, || (ticks() > before).then_some(()));
}

#[test]
fn logs_keep_streams_and_order() {
    everyone(|bed| {
        let script = "for i in 1 2 3; do echo out$i; echo err$i >&2; done; sleep 0.3; printf partial";
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sh", "-c", script]).ok();
        bed.cove(&["wait", "ctr"]).ok();
        let logs = bed.cove(&["logs", "ctr"]);
        assert_eq!(logs.stdout, "out1\nout2\nout3\npartial");
        assert_eq!(logs.stderr, "err1\nerr2\nerr3\n");
        assert_eq!(bed.cove(&["logs", "--tail", "1", "ctr"]).stdout, "partial");
        assert!(bed.cove(&["logs", "-t", "ctr"]).stdout.starts_with("20"));
        bed.cove(&["logs", "nobody"]).fails(125, "nobody");
    });
}

#[test]
fn logs_follow_to_the_end() {
    everyone(|bed| {
        let script = "for i in 1 2 3 4; do echo $i; sleep 0.2; done";
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sh", "-c", script]).ok();
        assert_eq!(bed.cove(&["logs", "-f", "ctr"]).ok(), "1\n2\n3\n4");
    });
}

#[test]
fn exec_in_a_running_container() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", "-e", "A=1", IMAGE, "sleep", "100"])
            .ok();
        assert_eq!(
            bed.cove(&["exec", "-e", "B=2", "-w", "/tmp", "ctr", "sh", "-c", "echo $A$B; pwd"]).ok(),
            "12\n/tmp"
        );
        assert_eq!(bed.cove(&["exec", "-u", "guest", "ctr", "id", "-u"]).ok(), "1000");
        assert_eq!(bed.cove_with(&["exec", "-i", "ctr", "cat"], b"in\n").ok(), "in");
        assert_eq!(bed.cove(&["exec", "ctr", "sh", "-c", "exit 5"]).code, 5);
        bed.cove(&["exec", "ctr", "no-such-program"]).fails(127, "no-such-program");
        bed.cove(&["exec", "-d", "ctr", "touch", "/made"]).ok();
        wait_for("the detached exec", 10, || {
            (bed.cove(&["exec", "ctr", "test", "-e", "/made"]).code == 0).then_some(())
        });
        bed.cove(&["stop", "-t", "0", "ctr"]).ok();
        bed.cove(&["exec", "ctr", "true"]).fails(255, "running containers");
    });
}

#[test]
fn restart_policy_on_failure() {
    everyone(|bed| {
        let script = "echo x >>/tmp/count; exit 3";
        bed.cove(&[
            "run",
            "-d",
            "--name",
            "ctr",
            "--network",
            "none",
            "--restart",
            "on-failure:2",
            IMAGE,
            "sh",
            "-c",
            script,
        ])
        .ok();
        wait_for("the last restart", 30, || {
            let state = "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}";
            (bed.cove(&["inspect", "--format", state, "ctr"]).ok() == "2 exited 3").then_some(())
        });
    });
}

#[test]
fn stop_sends_the_stop_signal() {
    everyone(|bed| {
        let script = "trap 'echo got; exit 4' USR1; while :; do sleep 0.05; done";
        let run = ["run", "-d", "--name", "ctr", "--network", "none", "--stop-signal", "USR1"];
        bed.cove(&[&run[..], &[IMAGE, "sh", "-c", script]].concat()).ok();
        std::thread::sleep(Duration::from_millis(200));
        let start = Instant::now();
        bed.cove(&["stop", "-t", "120", "ctr"]).ok();
        assert!(start.elapsed() < Duration::from_secs(90), "the signal did not end it");
        assert_eq!(bed.cove(&["wait", "ctr"]).ok(), "4");
        assert_eq!(bed.cove(&["logs", "ctr"]).ok(), "got");
    });
}

#[test]
fn a_killed_monitor_costs_the_exit_code_and_that_is_said() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sleep", "1000"]).ok();
        let pids = bed.cove(&["inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", "ctr"]);
        let (monitor, process) = pids.ok().split_once(' ').expect("two pids");
        let kill = |pid: &str| {
            let status = std::process::Command::new("kill").args(["-9", pid]).status();
            assert!(status.is_ok_and(|status| status.success()), "kill {pid}");
        };
        kill(monitor);
        assert_eq!(status(bed, "ctr"), "running", "what runs does not need its monitor");
        kill(process);
        wait_for("the end to be seen", 10, || (status(bed, "ctr") == "exited").then_some(()));
        let state = bed.cove(&["inspect", "--format", "{{.State.ExitCode}} {{.State.Error}}", "ctr"]);
        assert!(state.ok().starts_with("-1 ") && state.ok().contains("monitor was killed"), "{state:?}");
        assert_eq!(bed.cove(&["wait", "ctr"]).ok(), "-1");
        // Nothing of that end stands in the way of another start.
        bed.cove(&["start", "ctr"]).ok();
        assert_eq!(status(bed, "ctr"), "running");
        bed.cove(&["rm", "-f", "-t", "0", "ctr"]).ok();
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
    });
}

#[test]
fn events_tell_the_life_of_a_container() {
    everyone(|bed| {
        bed.cove(&["run", "--rm", "--name", "ctr", "--network", "none", IMAGE, "true"]).ok();
        let events =
            bed.cove(&["events", "--stream=false", "--filter", "container=ctr", "--format", "{{.Status}}"]);
        let words: Vec<&str> = events.ok().lines().collect();
        for word in ["create", "start", "died", "remove"] {
            assert!(words.contains(&word), "{word} is not in {words:?}");
        }
    });
}

#[test]
fn top_lists_the_processes() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"]).ok();
        let top = bed.cove(&["top", "ctr"]);
        assert!(top.ok().starts_with("USER"), "{top:?}");
        assert!(top.stdout.contains("sleep 100"), "{top:?}");
        assert_eq!(
            bed.cove(&["top", "ctr", "pid", "comm"]).ok().lines().nth(1).unwrap_or_default().trim(),
            "1           sleep"
        );
    });
}

#[test]
fn what_a_killed_run_leaves_is_removed() {
    everyone(|bed| {
        // Around the moment of the start, wherever that is on this machine.
        let began = Instant::now();
        bed.cove(&["run", "--rm", "--network", "none", IMAGE, "true"]).ok();
        let whole = began.elapsed();
        for twelfth in 2..12 {
            let name = format!("ctr{twelfth}");
            let mut command =
                bed.command(&["run", "--rm", "--name", &name, "--network", "none", IMAGE, "sleep", "0.3"]);
            let mut child = command.stdout(std::process::Stdio::null()).spawn().expect("cove");
            std::thread::sleep(whole * twelfth / 12);
            child.kill().expect("a kill");
            child.wait().expect("its end");
        }
        // What was killed before anything was prepared may stay, as with podman: it can be started still.
        wait_for("their end", 20, || {
            let rows = bed.cove(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
            rows.ok().lines().all(|row| row.ends_with(" created")).then_some(())
        });
        std::thread::sleep(Duration::from_millis(500));
        let exited = bed.cove(&["ps", "-a", "--filter", "status=exited", "--format", "{{.Names}}"]);
        assert_eq!(exited.ok(), "");
        let mounts = cove_sys::fs::read_to_string("/proc/self/mounts").expect("the mounts");
        let root = bed.path("root").join("overlay").display().to_string();
        let merged: Vec<&str> =
            mounts.lines().filter(|line| line.contains(&root) && line.contains("/merged")).collect();
        assert!(merged.is_empty(), "{merged:?}");
        bed.cove(&["rm", "-f", "-a", "-t", "0"]).ok();
    });
}

#[test]
fn restart_policies_after_a_reboot() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let run = ["run", "-d", "--network", "none"];
    for (name, policy) in
        [("always", "always"), ("unless", "unless-stopped"), ("stopped", "unless-stopped"), ("no", "no")]
    {
        bed.cove(&[&run[..], &["--restart", policy, "--name", name, IMAGE, "sleep", "1000"]].concat()).ok();
    }
    bed.cove(&["stop", "-t", "0", "stopped"]).ok();
    for name in ["always", "unless", "no"] {
        let pids = bed.cove(&["inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", name]);
        let mut pids = pids.ok().split(' ');
        for pid in [pids.next().expect("the monitor"), pids.next().expect("the process")] {
            let status = std::process::Command::new("kill").args(["-9", pid]).status();
            assert!(status.is_ok_and(|status| status.success()), "kill {pid}");
        }
    }
    // The next boot: another id of it. All in one mount namespace, which keeps that from others.
    let boot_id = bed.path("boot_id");
    cove_sys::fs::write(&boot_id, "00000000-0000-4000-8000-000000000001\n").expect("a file");
    let script = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id || exit 1; shift
        names() { \"$@\" | sort | tr '\\n' ' '; echo; }
        for filter in status=exited should-start-on-boot=true should-start-on-boot=false; do
            names \"$@\" ps -a --filter $filter --format '{{.Names}}'
        done
        \"$@\" start --all --filter should-start-on-boot=true >/dev/null || exit 1
        names \"$@\" ps --format '{{.Names}}'
        \"$@\" rm -f -a -t 0 >/dev/null";
    let mut command = bed.program("unshare".as_ref());
    command.args(["-m", "sh", "-c", script, "sh"]).arg(&boot_id);
    command.arg(cove_test_support::binary("cove")).args(bed.store_options());
    let outcome = cove_test_support::Outcome::of(command, b"");
    assert_eq!(outcome.ok(), "always no stopped unless \nalways unless \nno stopped \nalways unless");
}

#[test]
fn a_time_limit_ends_it() {
    everyone(|bed| {
        let run = ["run", "--name", "ctr", "--network", "none", "--timeout", "1"];
        let start = Instant::now();
        assert_eq!(bed.cove(&[&run[..], &[IMAGE, "sleep", "600"]].concat()).code, 255);
        assert!(start.elapsed() < Duration::from_secs(180), "it ran on");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.ExitCode}}", "ctr"]).ok(), "-1");
        let within = ["run", "--rm", "--network", "none", "--timeout", "60", IMAGE, "sh", "-c", "exit 3"];
        assert_eq!(bed.cove(&within).code, 3);
    });
}

#[test]
fn starting_a_missing_command_and_removing_everything() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "bad", "--network", "none", IMAGE, "no-such-program"]).ok();
        bed.cove(&["start", "bad"]).fails(125, "no-such-program");
        bed.cove(&["start", "-a", "bad"]).fails(125, "no-such-program");
        bed.cove(&["run", "-d", "--name", "one", "--network", "none", IMAGE, "sleep", "100"]).ok();
        bed.cove(&["run", "-d", "--name", "two", "--network", "container:one", IMAGE, "sleep", "100"]).ok();
        bed.cove(&["rm", "-f", "-t", "0", "one"]).fails(125, "dependent");
        bed.cove(&["rm", "-f", "-a", "-t", "0"]).ok();
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
    });
}

#[test]
fn log_lines_by_variable() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let with = |filter: &str, options: &[&str]| {
        let mut command = bed.program(&cove_test_support::binary("cove"));
        command.args(bed.store_options()).args(options).args(["ps", "-q"]).env("COVE_LOG", filter);
        cove_test_support::Outcome::of(command, b"")
    };
    assert!(with("debug", &[]).stderr.contains("level=debug"));
    assert!(!with("debug", &["--log-level", "error"]).stderr.contains("level=debug"));
    assert!(!with("warn,cove_storage=debug", &[]).stderr.contains("Called ps"));
    with("=x=,[", &[]).fails(1, "COVE_LOG");
}

#[test]
fn a_restart_outlives_a_kill_during_its_pause() {
    everyone(|bed| {
        let run = ["run", "-d", "--name", "ctr", "--network", "none", "--restart", "always", "-v", "v:/data"];
        bed.cove(&[&run[..], &[IMAGE, "sh", "-c", "exit 3"]].concat()).ok();
        let id = bed.cove(&["inspect", "--format", "{{.Id}}", "ctr"]).ok().to_owned();
        let restarts = || -> u32 {
            bed.cove(&["inspect", "--format", "{{.RestartCount}}", "ctr"]).ok().parse().expect("a number")
        };
        // By now the pause is seconds long, and the clean-up command waits for its end.
        wait_for("the fifth restart", 60, || (restarts() >= 5).then_some(()));
        wait_for("the pause", 30, || (status(bed, "ctr") == "exited").then_some(()));
        let waiting = wait_for("the clean-up command", 30, || cleanup_of(&id));
        let killed = std::process::Command::new("kill").args(["-9", &waiting.to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill {waiting}");
        let before = restarts();
        // The next commands go on: the clean-up command by hand, or a look at all containers once it is overdue.
        wait_for("the restart", 60, || {
            bed.cove(&["ps", "-a"]).ok();
            (restarts() > before).then_some(())
        });
        bed.cove(&["rm", "-f", "-t", "0", "ctr"]).ok();
    });
}

/// The process that cleans up after a container.
fn cleanup_of(id: &str) -> Option<i32> {
    let processes = cove_sys::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = cove_sys::fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        (words.contains(&id.as_bytes()) && words.contains(&b"cleanup".as_slice())).then_some(pid)
    })
}

/// A reboot, as far as the engine can see one: another boot id, and nothing runs any more.
#[test]
fn what_a_reboot_ended_runs_again() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let names = ["always", "unless-stopped", "no", "stopped"];
    for name in names {
        let policy = if name == "stopped" { "unless-stopped" } else { name };
        let run = ["run", "-d", "--name", name, "--restart", policy, "--network", "none"];
        let run: Vec<&str> = run.into_iter().chain(["--stop-timeout", "0", IMAGE, "sleep", "1000"]).collect();
        bed.cove(&run).ok();
    }
    bed.cove(&["stop", "stopped"]).ok();
    for name in ["always", "unless-stopped", "no"] {
        let pids = ["inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", name];
        for pid in bed.cove(&pids).ok().split(' ') {
            assert!(std::process::Command::new("kill").args(["-9", pid]).status().unwrap().success());
        }
    }
    let boot = bed.path("boot-id");
    cove_sys::fs::write(&boot, "another\n").unwrap();
    // In a mount namespace of its own the service sees another boot.
    let socket = bed.path("boot.sock");
    let cove = bed.command(&["system", "service", "--time", "0", &format!("unix://{}", socket.display())]);
    let script = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(&boot).arg(cove.get_program()).args(cove.get_args());
    for (name, value) in cove.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let mut service = command.spawn().unwrap();
    let states = || {
        let url = format!("unix://{}", socket.display());
        let listed =
            bed.cove(&["--url", &url, "ps", "-a", "--format", "{{.Names}} {{.State}}", "--sort", "names"]);
        listed.stdout.trim().to_owned()
    };
    let wanted = "always running\nno exited\nstopped exited\nunless-stopped running";
    wait_for(wanted, 30, || (states() == wanted).then_some(()));
    let url = format!("unix://{}", socket.display());
    bed.cove(&["--url", &url, "rm", "-f", "always", "no", "stopped", "unless-stopped"]).ok();
    service.kill().unwrap();
    service.wait().unwrap();
}
