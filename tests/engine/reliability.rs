//! What dies, stops, is missing or too small: it is told, and the next command works.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Outcome, Who, everyone, wait_for};

fn kill(pid: &str) {
    let status = Command::new("kill").args(["-9", pid]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {pid}");
}

#[test]
fn a_killed_pause_process_is_made_anew() {
    let Some(bed) = Bed::new(Who::User) else { return };
    let file = bed.path("run/containers/cove/pause.json");
    let text = fs::read_to_string(&file).expect("the pause process");
    let pause: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let pid = pause.pointer("/process/pid").or_else(|| pause.get("pid")).and_then(serde_json::Value::as_i64);
    kill(&pid.expect("its pid").to_string());
    let outcome = bed.cove(&["run", "--rm", "--network", "none", IMAGE, "echo", "again"]);
    assert_eq!((outcome.ok(), outcome.stderr.as_str()), ("again", ""));
}

#[test]
fn an_emptied_run_directory_forgets_nobody() {
    everyone(|bed| {
        let script = "trap 'exit 7' TERM; while :; do sleep 0.1; done";
        bed.cove(&["run", "-d", "--name", "c", "--network", "none", IMAGE, "sh", "-c", script]).ok();
        let pid = bed.cove(&["inspect", "--format", "{{.State.Pid}}", "c"]).ok().to_owned();
        // As a cleaner of temporary files does; what is mounted stays.
        let _ = Command::new("sh").arg("-c").arg("rm -rf \"$0\"/*").arg(bed.path("rr")).output();
        assert_eq!(bed.cove(&["ps", "--format", "{{.Names}} {{.State}}"]).ok(), "c running");
        bed.cove(&["exec", "c", "true"]).fails(125, "restart the container");
        bed.cove(&["stop", "c"]).ok();
        assert!(fs::metadata(format!("/proc/{pid}")).is_err(), "process {pid} goes on");
        let state = bed.cove(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "c"]);
        assert_eq!(state.ok(), "exited 7");
        bed.cove(&["start", "c"]).ok();
        bed.cove(&["exec", "c", "true"]).ok();
        bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
        bed.cove(&["run", "--rm", "--network", "none", IMAGE, "true"]).ok();
    });
}

#[test]
fn a_lock_of_a_killed_command_is_free() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "c", "--network", "none", IMAGE, "sleep", "1000"]).ok();
        // Waits for the process, which does not obey; its lock was given back, and no kill keeps anything.
        let mut stop = bed.command(&["stop", "-t", "100", "c"]).stdout(Stdio::null()).spawn().expect("cove");
        wait_for("the stop to begin", 20, || {
            let state = bed.cove(&["inspect", "--format", "{{.State.Status}}", "c"]);
            (state.stdout.trim() == "stopping").then_some(())
        });
        let _ = stop.kill();
        let _ = stop.wait();
        bed.cove(&["stop", "-t", "0", "c"]).ok();
        bed.cove(&["rm", "c"]).ok();
    });
}

#[test]
fn an_image_and_a_volume_are_removed_while_they_are_used() {
    everyone(|bed| {
        for _ in 0..3 {
            bed.cove(&["tag", IMAGE, "other"]).ok();
            let start = |arguments: &[&str]| {
                let mut command = bed.command(arguments);
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("cove")
            };
            let mut all = vec![
                start(&["run", "--rm", "--network", "none", "-v", "v:/d", "other", "true"]),
                start(&["rmi", "other"]),
                start(&["volume", "rm", "-f", "v"]),
                start(&["run", "--rm", "--network", "none", "-v", "v:/d", IMAGE, "true"]),
            ];
            // One wins, whoever; none waits for ever.
            let begin = Instant::now();
            for command in &mut all {
                command.wait().expect("an end");
            }
            assert!(begin.elapsed() < Duration::from_secs(300), "{:?}", begin.elapsed());
            bed.cove(&["run", "--rm", "--network", "none", "-v", "v:/d", IMAGE, "true"]).ok();
            bed.cove(&["volume", "rm", "v"]).ok();
        }
        assert_eq!(bed.cove(&["ps", "-a", "-q"]).ok(), "");
    });
}

#[test]
fn who_looks_at_a_container_that_goes_comes_to_an_end() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "c", "--network", "none", IMAGE, "sleep", "1000"]).ok();
        let start = |arguments: &[&str]| {
            let mut command = bed.command(arguments);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cove")
        };
        let mut all = vec![
            start(&["logs", "-f", "c"]),
            start(&["exec", "c", "sleep", "1000"]),
            start(&["cp", "c:/bin", "-"]),
            start(&["wait", "c"]),
            start(&["attach", "--no-stdin", "c"]),
            start(&["top", "c"]),
        ];
        bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
        for command in &mut all {
            wait_for("an end after the container's", 20, || command.try_wait().expect("a status"));
        }
    });
}

#[test]
fn who_attaches_to_one_that_has_just_ended_does_not_wait_for_its_next_start() {
    everyone(|bed| {
        for round in 0..6 {
            let name = format!("c{round}");
            bed.cove(&["run", "-d", "--name", &name, "--network", "none", IMAGE, "sleep", "1000"]).ok();
            let mut command = bed.command(&["attach", "--no-stdin", &name]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut attach = command.spawn().expect("cove");
            bed.cove(&["kill", &name]).ok();
            wait_for("an end after the container's", 20, || attach.try_wait().expect("a status"));
        }
    });
}

#[test]
fn few_descriptors_and_little_memory_are_told() {
    everyone(|bed| {
        let limited = |limit: &str, arguments: &[&str]| {
            let mut command = bed.program("sh".as_ref());
            command.args(["-c", &format!("ulimit {limit} && exec \"$@\""), "sh"]);
            command.arg(cove_test_support::binary("cove")).args(bed.store_options()).args(arguments);
            Outcome::of(command, b"")
        };
        for limit in ["-n 20", "-n 12", "-v 200000"] {
            let outcome = limited(limit, &["run", "--rm", "--network", "none", IMAGE, "echo", "done"]);
            // Enough, or a message; neither a panic nor an abort.
            assert!(
                outcome.code == 0 || (outcome.code >= 125 && outcome.code <= 127),
                "{limit}: {outcome:?}"
            );
            assert!(outcome.code == 0 || outcome.stderr.contains("Error: "), "{limit}: {outcome:?}");
            assert!(!outcome.stderr.contains("panicked"), "{limit}: {}", outcome.stderr);
        }
        bed.cove(&["rm", "-f", "-a"]).ok();
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", IMAGE, "echo", "done"]).ok(), "done");
    });
}

#[test]
fn a_missing_runtime_is_named() {
    everyone(|bed| {
        let conf = bed.path("run").join("containers.conf");
        fs::write(&conf, "[engine.runtimes]\ncrun = [\"/no/such/crun\"]\n").expect("a file");
        let mut command = bed.command(&["run", "--rm", "--runtime", "crun", IMAGE, "true"]);
        command.env("CONTAINERS_CONF_OVERRIDE", &conf);
        let outcome = Outcome::of(command, b"");
        assert!(outcome.code >= 125, "{outcome:?}");
        assert!(outcome.stderr.contains("crun"), "{}", outcome.stderr);
    });
}

#[test]
fn a_strange_home_is_told_or_worked_round() {
    everyone(|bed| {
        for (name, value) in
            [("HOME", None), ("HOME", Some("relative")), ("XDG_RUNTIME_DIR", Some("relative"))]
        {
            let mut command = bed.command(&["images", "-q"]);
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
            let outcome = Outcome::of(command, b"");
            let told = outcome.code == 125 && outcome.stderr.contains(name);
            assert!(outcome.code == 0 || told, "{name}={value:?}: {outcome:?}");
        }
    });
}

#[test]
fn the_end_of_a_large_log_is_found_at_once() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let script = "yes 0123456789012345678901234567890123456789 | head -c 60000000; echo; echo last";
    bed.cove(&["run", "--name", "c", "--network", "none", "-d", IMAGE, "sh", "-c", script]).ok();
    bed.cove(&["wait", "c"]).ok();
    let mut command = bed.program("sh".as_ref());
    command.args(["-c", "ulimit -v 400000; exec \"$@\"", "sh"]);
    command
        .arg(cove_test_support::binary("cove"))
        .args(bed.store_options())
        .args(["logs", "--tail", "2", "c"]);
    let begin = Instant::now();
    let outcome = Outcome::of(command, b"");
    assert!(outcome.ok().ends_with("last"), "{outcome:?}");
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    bed.cove(&["rm", "c"]).ok();
}

#[test]
fn the_caller_s_umask_changes_no_modes() {
    everyone(|bed| {
        let with = |mask: &str, arguments: &[&str]| {
            let mut command = bed.program("sh".as_ref());
            command.args(["-c", &format!("umask {mask}; exec \"$@\""), "sh"]);
            command.arg(cove_test_support::binary("cove")).args(bed.store_options()).args(arguments);
            Outcome::of(command, b"").ok().to_owned()
        };
        let script = "umask; stat -c %a / /etc /etc/hosts /etc/resolv.conf /run/.containerenv /bin/busybox /v; \
                      touch /x; stat -c %a /x";
        let run = ["run", "--rm", "-v", "/v", IMAGE, "sh", "-c", script];
        assert_eq!(with("077", &run), with("000", &run));
        let archive = bed.path("rootfs.tar").display().to_string();
        let tree = ["run", "--rm", "--network", "none", "masked", "sh", "-c", "ls -lR /bin /etc | head -40"];
        let mut seen = Vec::new();
        for mask in ["077", "000"] {
            with(mask, &["import", "-q", &archive, "masked"]);
            seen.push(with(mask, &tree));
            with(mask, &["rmi", "masked"]);
        }
        assert_eq!(seen[0], seen[1]);
    });
}

/// Where the kernel gives nobody a way to watch files, logs are followed all the same, and events say which limit it is.
#[test]
fn without_inotify_logs_are_followed_and_events_name_the_limit() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    // A limit of a user namespace of its own touches no other test.
    let limited = |words: &[&str]| {
        let cove = bed.command(words);
        let mut command = bed.program("unshare".as_ref());
        let script = "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$@\"";
        command.args(["-Ur", "sh", "-c", script, "sh"]).arg(cove.get_program()).args(cove.get_args());
        Outcome::of(command, b"")
    };
    let allowed = Command::new("unshare").args(["-Ur", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        cove_test_support::skip(
            cove_test_support::Need::User,
            "this system lets nobody make user namespaces",
        );
        return;
    }
    let script = "echo one; sleep 0.5; echo two";
    bed.cove(&["run", "-d", "--name", "c", "--network", "none", IMAGE, "sh", "-c", script]).ok();
    assert_eq!(limited(&["logs", "-f", "c"]).ok(), "one\ntwo");
    limited(&["events", "--since", "1h"]).fails(125, "fs.inotify.max_user_instances");
    limited(&["events", "--since", "1h", "--stream=false"]).ok();
}

/// Without `nft` a published port is refused with the name of the package; with it the same container starts.
#[test]
fn a_missing_firewall_program_is_named() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let Some(nft) = ["/usr/sbin/nft", "/usr/bin/nft"].into_iter().find(|path| fs::metadata(path).is_ok())
    else {
        cove_test_support::skip(cove_test_support::Need::Root, "nft is in none of the usual folders");
        return;
    };
    let port = format!("{}:80", cove_test_support::free_port());
    let run = bed.command(&["run", "-d", "--name", "c", "-p", &port, IMAGE, "sleep", "1000"]);
    let mut command = bed.program("unshare".as_ref());
    // Hidden in a mount namespace of its own, where no other test looks.
    let script = format!("mount --bind /dev/null {nft} && exec \"$@\"");
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(run.get_program()).args(run.get_args());
    Outcome::of(command, b"").fails(126, "nft was not found: install the package nftables");
    // With it the same container runs.
    bed.cove(&["start", "c"]).ok();
    assert_eq!(bed.cove(&["inspect", "--format", "{{.State.Status}}", "c"]).ok(), "running");
    bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
}
