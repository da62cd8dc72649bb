//! Containers under real monitors and a real OCI runtime.
//!
//! Needs root, crun, busybox and a built `cove-monitor`; is skipped otherwise.

mod common;

use std::time::{Duration, Instant};

use common::{Fixture, collect, collect_reader, wait_until};
use cove_runtime::{AttachStreams, Attachment, Error, Frame, ProcessState};
use cove_sys::fs;
use cove_test_support::{Need, met};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn output_exit_code_and_log() {
    let Some(f) = Fixture::new("output") else { return };
    let launch = f.launch("one", &["sh", "-c", "echo out; echo err >&2; exit 7"], false, false, Vec::new());
    let first = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let second = Attachment::connect(launch.run_dir(), AttachStreams { stdout: true, ..AttachStreams::NONE });
    let second = second.await.unwrap();
    let started = launch.start().unwrap();
    assert!(started.process.pid > 0);
    assert_eq!(collect(first).await, ("out\n".to_owned(), "err\n".to_owned(), Some(Frame::Exit(7))));
    assert_eq!(collect(second).await, ("out\n".to_owned(), String::new(), Some(Frame::Exit(7))));
    let record = started.supervision.wait_exit().unwrap();
    assert_eq!((record.exit_code, record.oom_killed), (7, false));
    assert_eq!(started.supervision.wait_cleaned().unwrap(), None);
    assert_eq!(f.runtime.state("one").unwrap(), ProcessState::Exited(record.clone()));
    started.supervision.acknowledge().unwrap();
    assert_eq!(f.runtime.wait("one", None).unwrap(), record);
    let log = fs::read_to_string(f.log("one")).unwrap();
    assert!(log.contains(" stdout F out\n") && log.contains(" stderr F err\n"), "{log}");
    assert!(!started.process.is_alive());
    wait_until("monitor ends", || !started.monitor.is_alive());
    f.runtime.forget("one").unwrap();
    assert_eq!(f.runtime.state("one").unwrap(), ProcessState::Absent);
}

#[tokio::test]
async fn input_and_its_end() {
    let Some(f) = Fixture::new("input") else { return };
    let launch = f.launch("cat", &["cat"], false, true, Vec::new());
    let (mut reader, mut writer) =
        Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap().split();
    let _started = launch.start().unwrap();
    let text = "0123456789abcdef\n".repeat(50_000);
    let sent = text.clone();
    let feeding = tokio::spawn(async move {
        writer.write_all(sent.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
        writer
    });
    let (out, _, last) = collect_reader(&mut reader).await;
    let _ = feeding.await.unwrap();
    assert_eq!(out.len(), text.len());
    assert!(out == text);
    assert_eq!(last, Some(Frame::Exit(0)));
}

#[tokio::test]
async fn detaching_leaves_input_open() {
    let Some(f) = Fixture::new("detach") else { return };
    let launch = f.launch("cat", &["cat"], false, true, Vec::new());
    let started = launch.start().unwrap();
    let dir = f.runtime.container_dir("cat");
    drop(Attachment::connect(&dir, AttachStreams::ALL).await.unwrap());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (mut reader, mut writer) = Attachment::connect(&dir, AttachStreams::ALL).await.unwrap().split();
    writer.write_all(b"again\n").await.unwrap();
    writer.shutdown().await.unwrap();
    let (out, _, last) = collect_reader(&mut reader).await;
    assert_eq!((out.as_str(), last), ("again\n", Some(Frame::Exit(0))));
    drop(started);
}

#[tokio::test]
async fn terminal_and_its_size() {
    let Some(f) = Fixture::new("tty") else { return };
    let script = "stty size; read x; stty size; echo got $x";
    let launch = f.launch("tty", &["sh", "-c", script], true, true, Vec::new());
    let (mut reader, mut writer) =
        Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap().split();
    let _started = launch.start().unwrap();
    let dir = f.runtime.container_dir("tty");
    cove_runtime::resize(&dir, 90, 30).await.unwrap();
    writer.write_all(b"hello\n").await.unwrap();
    let (out, _, last) = collect_reader(&mut reader).await;
    assert!(out.contains("30 90\r\n") && out.contains("got hello\r\n"), "{out:?}");
    assert_eq!(last, Some(Frame::Exit(0)));
}

#[tokio::test]
async fn commands_that_cannot_start() {
    let Some(f) = Fixture::new("missing") else { return };
    let launch = f.launch("none", &["/no/such"], false, false, Vec::new());
    let attachment = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let error = launch.start().unwrap_err();
    assert!(matches!(error, Error::CommandNotFound { .. }), "{error}");
    assert!(matches!(collect(attachment).await.2, Some(Frame::Failed(_))));
    let error = f.launch("dir", &["/bin"], false, false, Vec::new()).start().unwrap_err();
    assert!(matches!(error, Error::CommandNotExecutable { .. }), "{error}");
    let error = f.launch("path", &["foo"], true, false, Vec::new()).start().unwrap_err();
    assert!(matches!(error, Error::CommandNotFound { .. }), "{error}");
    println!("{error}");
}

#[tokio::test]
async fn exec_sessions() {
    let Some(f) = Fixture::new("exec") else { return };
    let started = f.launch("c", &["sleep", "100"], false, false, Vec::new()).start().unwrap();
    let launch = f.exec("c", "s1", &["sh", "-c", "cat; echo err >&2; exit 3"], false);
    let (mut reader, mut writer) =
        Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap().split();
    let exec = launch.start().unwrap();
    writer.write_all(b"in").await.unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!(
        collect_reader(&mut reader).await,
        ("in".to_owned(), "err\n".to_owned(), Some(Frame::Exit(3)))
    );
    assert_eq!(exec.supervision.wait_exit().unwrap().exit_code, 3);
    let launch = f.exec("c", "s2", &["sh", "-c", "stty size; echo tty"], true);
    let attachment = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let _exec = launch.start().unwrap();
    assert!(collect(attachment).await.0.contains("tty\r\n"));
    let error = f.exec("c", "s3", &["nope"], false).start().unwrap_err();
    assert!(matches!(error, Error::CommandNotFound { .. }), "{error}");
    assert!(f.runtime.signal("c", 9).unwrap());
    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 137);
    assert!(!f.runtime.signal("c", 9).unwrap());
}

#[test]
fn exit_command_when_nobody_supervises() {
    let Some(f) = Fixture::new("exitcmd") else { return };
    let mark = f.dir.join("mark");
    let command = vec!["/bin/busybox".to_owned(), "touch".to_owned(), mark.to_string_lossy().into_owned()];
    let started = f.launch("d", &["sh", "-c", "exit 5"], false, false, command.clone()).start().unwrap();
    drop(started);
    assert_eq!(f.runtime.wait("d", Some(Duration::from_secs(10))).unwrap().exit_code, 5);
    wait_until("exit command", || mark.exists());
    fs::remove_file(&mark).unwrap();
    let started = f.launch("e", &["true"], false, false, command).start().unwrap();
    started.supervision.wait_exit().unwrap();
    started.supervision.acknowledge().unwrap();
    wait_until("monitor ends", || !started.monitor.is_alive());
    assert!(!mark.exists());
}

#[test]
fn processes_of_a_container() {
    let Some(f) = Fixture::new("top") else { return };
    let started =
        f.launch("p", &["sh", "-c", "/bin/sleep 100 & wait"], false, false, Vec::new()).start().unwrap();
    wait_until("two processes", || f.runtime.pids("p").unwrap().len() == 2);
    wait_until("sleep", || f.runtime.top("p", &[]).unwrap().processes[1][7] == "/bin/sleep 100");
    let table =
        f.runtime.top("p", &["pid,ppid,hpid".to_owned(), "comm".to_owned(), "capeff".to_owned()]).unwrap();
    assert_eq!(table.titles, ["PID", "PPID", "HPID", "COMMAND", "EFFECTIVE CAPS"]);
    assert_eq!(table.processes.len(), 2);
    assert_eq!(table.processes[0][..2], ["1", "0"]);
    assert_eq!(table.processes[0][2], started.process.pid.to_string());
    assert_eq!(table.processes[1][1], "1");
    f.runtime.signal("p", 9).unwrap();
    started.supervision.wait_exit().unwrap();
    assert!(matches!(f.runtime.top("p", &[]), Err(Error::NotRunning { .. })));
}

#[tokio::test]
async fn health_checks() {
    let Some(f) = Fixture::new("health") else { return };
    let found = f.dir.join("found");
    let mut options = f.options("h", &["sleep", "100"], false, false);
    let text = fs::read(options.bundle.join("config.json")).unwrap();
    let spec: oci_spec::runtime::Spec = serde_json::from_slice(&text).unwrap();
    let mut check = spec.process().clone().unwrap();
    check.set_args(Some(["sh", "-c", "echo well; test ! -e /tmp/bad"].map(str::to_owned).to_vec()));
    options.health = Some(cove_runtime::HealthOptions {
        plan: cove_runtime::HealthPlan {
            check: cove_runtime::Check { process: "".into(), interval_ms: 20, timeout_ms: 10_000 },
            startup: None,
            retries: 1,
            start_period_ms: 0,
            max_log_count: 3,
            max_log_size: 10,
            state_file: found.clone(),
            log_file: None,
            failure_command: Vec::new(),
            restart_command: Vec::new(),
            events: None,
        },
        check,
        startup: None,
    });
    let launch = f.runtime.launch(options).unwrap();
    let run_dir = launch.run_dir().to_owned();
    let started = launch.start().unwrap();
    wait_until("three checks", || {
        fs::read_to_string(&found).is_ok_and(|text| text.matches("well").count() >= 3)
    });
    let report = cove_runtime::check_health(&run_dir).await.unwrap();
    assert_eq!((report.result.as_str(), report.unhealthy), ("healthy", false));
    let stats = f.runtime.stats("h").unwrap();
    assert!(stats.memory_limit_bytes > 0, "{stats:?}");
    f.runtime.signal("h", 9).unwrap();
    started.supervision.wait_exit().unwrap();
}

/// A client that does not read holds back the container, and nothing is lost.
#[tokio::test]
async fn a_client_that_does_not_read() {
    let Some(f) = Fixture::new("slow") else { return };
    let script =
        "i=0; while [ $i -lt 40000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done";
    let launch = f.launch("s", &["sh", "-c", script], false, false, Vec::new());
    let slow = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let started = launch.start().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(started.process.is_alive());
    let resident = fs::read_to_string(format!("/proc/{}/statm", started.monitor.pid)).unwrap();
    let pages: u64 = resident.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(pages < 4096, "{pages} pages");
    let (out, _, last) = collect(slow).await;
    assert_eq!((out.len(), last), (40_000 * 41, Some(Frame::Exit(0))));
}

#[tokio::test]
async fn a_long_run_directory() {
    let long = format!("long-{}", "x".repeat(120));
    let Some(f) = Fixture::new(&long) else { return };
    let launch = f.launch("tty", &["sh", "-c", "echo hi; exit 2"], true, false, Vec::new());
    let attachment = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let started = launch.start().unwrap();
    let (out, _, last) = collect(attachment).await;
    assert_eq!((out.as_str(), last), ("hi\r\n", Some(Frame::Exit(2))));
    assert_eq!(f.runtime.wait("tty", None).unwrap().exit_code, 2);
    drop(started);
}

/// The next monitor of a container must not suffer from what the last one still does.
#[tokio::test]
async fn restarts_at_once() {
    let Some(f) = Fixture::new("restart") else { return };
    for round in 0..30 {
        let launch =
            f.launch("again", &["sh", "-c", &format!("exit {round}")], round % 2 == 0, false, Vec::new());
        let attachment = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
        let started = launch.start().unwrap();
        assert_eq!(collect(attachment).await.2, Some(Frame::Exit(round)));
        started.supervision.wait_cleaned().unwrap();
        started.supervision.acknowledge().unwrap();
    }
    let started = f.launch("again", &["sleep", "100"], false, false, Vec::new()).start().unwrap();
    assert!(f.try_launch("again", &["true"], false, false, Vec::new()).is_err());
    f.runtime.signal("again", 9).unwrap();
    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 137);
}

#[tokio::test]
async fn input_ends_with_the_one_who_feeds_it() {
    let Some(f) = Fixture::new("once") else { return };
    let mut options = f.options("once", &["cat"], false, true);
    options.streams.stdin_once = true;
    let started = f.runtime.launch(options).unwrap().start().unwrap();
    let dir = f.runtime.container_dir("once");
    drop(Attachment::connect(&dir, AttachStreams::ALL).await.unwrap());
    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 0);
}

#[tokio::test]
async fn with_runc() {
    let Some(mut f) = Fixture::new("runc") else { return };
    if !met(&[Need::Runc]) {
        return;
    }
    let path =
        ["/usr/bin/runc", "/usr/sbin/runc"].map(std::path::PathBuf::from).into_iter().find(|p| p.exists());
    let path = path.expect("runc where Debian has it");
    f.crun = cove_runtime::OciRuntime { name: "runc".to_owned(), path, flags: Vec::new() };
    let launch = f.launch("r", &["sh", "-c", "echo out; read x; exit 6"], true, true, Vec::new());
    let (mut reader, mut writer) =
        Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap().split();
    let started = launch.start().unwrap();
    let exec = f.exec("r", "s", &["sh", "-c", "exit 3"], false).start().unwrap();
    assert_eq!(exec.supervision.wait_exit().unwrap().exit_code, 3);
    let error = f.exec("r", "t", &["nope"], false).start().unwrap_err();
    assert!(matches!(error, Error::CommandNotFound { .. }), "{error}");
    writer.write_all(b"x\n").await.unwrap();
    let (out, _, last) = collect_reader(&mut reader).await;
    assert!(out.contains("out\r\n"), "{out}");
    assert_eq!(last, Some(Frame::Exit(6)));
    assert_eq!(started.supervision.wait_cleaned().unwrap(), None);
    let error = f.launch("q", &["/no/such"], false, false, Vec::new()).start().unwrap_err();
    assert!(matches!(error, Error::CommandNotFound { .. }), "{error}");
    let error = f.launch("w", &["/bin"], false, false, Vec::new()).start().unwrap_err();
    assert!(matches!(error, Error::CommandNotExecutable { .. }), "{error}");
}

#[test]
fn passed_descriptors() {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    let Some(f) = Fixture::new("pass") else { return };
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let ((in_read, in_write), (out_read, out_write), (more_read, more_write)) = (pipe(), pipe(), pipe());
    let script = "read x; echo got $x; read y <&3; echo and $y; ls /proc/self/fd >&2";
    let options = |descriptors: Vec<OwnedFd>, log| {
        let mut options = f.options("pass", &["sh", "-c", script], false, false);
        options.streams.log = log;
        options.streams.descriptors = descriptors;
        options
    };
    let err = out_write.try_clone().unwrap();
    let launch = f
        .runtime
        .launch(options(vec![in_read, out_write, err, more_read], cove_runtime::LogConfig::Passthrough));
    let started = launch.unwrap().start().unwrap();
    let write = |fd: OwnedFd, text: &str| std::fs::File::from(fd).write_all(text.as_bytes()).unwrap();
    write(in_write, "one\n");
    write(more_write, "two\n");
    let mut text = String::new();
    std::fs::File::from(out_read).read_to_string(&mut text).unwrap();
    assert_eq!(text, "got one\nand two\n0\n1\n2\n3\n4\n");
    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 0);
}

#[test]
fn a_killed_monitor() {
    let Some(f) = Fixture::new("killed") else { return };
    let started = f.launch("k", &["sleep", "100"], false, false, Vec::new()).start().unwrap();
    assert!(started.monitor.signal(9).unwrap());
    assert!(matches!(started.supervision.wait_exit(), Err(Error::Monitor { .. })));
    wait_until("monitor ends", || !started.monitor.is_alive());
    assert_eq!(f.runtime.state("k").unwrap(), ProcessState::Orphaned { process: started.process });
    assert!(matches!(f.runtime.wait("k", Some(Duration::from_millis(50))), Err(Error::Timeout { .. })));
    f.runtime.force_delete(&f.crun, "k").unwrap();
    assert_eq!(f.runtime.state("k").unwrap(), ProcessState::Lost);
    assert!(matches!(f.runtime.wait("k", None), Err(Error::ExitUnknown { .. })));
    assert!(!f.dir.join("run/oci/crun/k").exists());
    f.runtime.forget("k").unwrap();
}

#[test]
fn a_monitor_that_is_asked_to_end_keeps_the_exit_code() {
    let Some(f) = Fixture::new("term") else { return };
    let script = "trap 'exit 9' TERM; while :; do sleep 0.05; done";
    let started = f.launch("t", &["sh", "-c", script], false, false, Vec::new()).start().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(started.monitor.signal(15).unwrap());
    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 9);
}

#[test]
fn dropped_before_the_start() {
    let Some(f) = Fixture::new("dropped") else { return };
    let launch = f.launch("x", &["true"], false, false, Vec::new());
    let monitor = launch.monitor();
    drop(launch);
    wait_until("monitor ends", || !monitor.is_alive());
}

#[test]
fn a_hundred_at_once() {
    let Some(f) = Fixture::new("hundred") else { return };
    let start = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..20 {
            let f = &f;
            scope.spawn(move || {
                for n in 0..5 {
                    let id = format!("p{worker}-{n}");
                    let started = f
                        .launch(&id, &["sh", "-c", "exit 4"], n % 2 == 0, false, Vec::new())
                        .start()
                        .unwrap();
                    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 4);
                    assert_eq!(started.supervision.wait_cleaned().unwrap(), None);
                    started.supervision.acknowledge().unwrap();
                    f.runtime.forget(&id).unwrap();
                }
            });
        }
    });
    println!("100 containers in {:?}", start.elapsed());
    assert_eq!(fs::read_dir(f.dir.join("run/oci/crun")).unwrap().count(), 0);
}
