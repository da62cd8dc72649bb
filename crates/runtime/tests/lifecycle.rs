//! Containers under real monitors and a real OCI runtime.
//!
//! Needs root, crun, busybox and a built `cove-monitor`; prints `skipped: why` otherwise.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cove_runtime::cgroup::{CgroupPreference, CgroupProbe, detect};
use cove_runtime::{
    AttachStreams, Attachment, Error, ExecOptions, Frame, Launch, LaunchOptions, LogConfig, OciRuntime, ProcessState,
    Runtime, RuntimeOptions, StreamOptions,
};
use cove_sys::fs;
use serde_json::json;
use tokio::io::AsyncWriteExt;

struct Fixture {
    dir: PathBuf,
    runtime: Runtime,
    crun: OciRuntime,
}

impl Fixture {
    fn new(name: &str) -> Option<Self> {
        let skip = |why: &str| {
            println!("skipped: {why}");
            None
        };
        if !rustix::process::geteuid().is_root() {
            return skip("not root");
        }
        let crun = PathBuf::from("/usr/bin/crun");
        if !crun.exists() {
            return skip("no crun");
        }
        if !Path::new("/bin/busybox").exists() {
            return skip("no busybox");
        }
        let monitor = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("cove-monitor");
        if !monitor.exists() {
            return skip("cove-monitor is not built");
        }
        let dir = std::env::temp_dir().join(format!("cove-rt-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("rootfs/bin")).unwrap();
        fs::create_dir_all(dir.join("run")).unwrap();
        for sub in ["proc", "dev", "sys", "tmp"] {
            fs::create_dir_all(dir.join("rootfs").join(sub)).unwrap();
        }
        fs::copy("/bin/busybox", dir.join("rootfs/bin/busybox")).unwrap();
        for applet in ["sh", "cat", "echo", "sleep", "true", "stty", "ls"] {
            std::os::unix::fs::symlink("busybox", dir.join("rootfs/bin").join(applet)).unwrap();
        }
        let cgroup = detect(&CgroupProbe::new(false, None), CgroupPreference::Cgroupfs);
        let runtime = Runtime::new(RuntimeOptions { run_dir: dir.join("run"), monitor, cgroup }).unwrap();
        let crun = OciRuntime { name: "crun".to_owned(), path: crun, flags: Vec::new() };
        Some(Self { dir, runtime, crun })
    }

    fn launch(&self, id: &str, args: &[&str], terminal: bool, stdin: bool, exit_command: Vec<String>) -> Launch {
        self.try_launch(id, args, terminal, stdin, exit_command).unwrap()
    }

    fn try_launch(
        &self,
        id: &str,
        args: &[&str],
        terminal: bool,
        stdin: bool,
        exit_command: Vec<String>,
    ) -> cove_runtime::Result<Launch> {
        let bundle = self.dir.join("bundle").join(id);
        fs::create_dir_all(&bundle).unwrap();
        let spec = json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": terminal, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/",
                "env": ["PATH=/bin", "TERM=xterm"], "noNewPrivileges": true
            },
            "root": {"path": self.dir.join("rootfs")},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                 "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]}
            ],
            "linux": {"namespaces": [
                {"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}
            ]}
        });
        fs::write(bundle.join("config.json"), serde_json::to_vec(&spec).unwrap()).unwrap();
        self.runtime.launch(LaunchOptions {
            id: id.to_owned(),
            oci_runtime: self.crun.clone(),
            bundle,
            streams: StreamOptions {
                terminal,
                stdin,
                size: Some((100, 40)),
                log: LogConfig::K8sFile { path: self.log(id), max_size: None },
                ..StreamOptions::default()
            },
            exit_command,
            periodic: Vec::new(),
            no_pivot: false,
            monitor_cgroup: None,
            container_cgroup: None,
        })
    }

    fn log(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.log"))
    }

    fn exec(&self, id: &str, session: &str, args: &[&str], terminal: bool) -> Launch {
        let process = serde_json::from_value(json!({
            "terminal": terminal, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/", "env": ["PATH=/bin"]
        }))
        .unwrap();
        self.runtime
            .exec(ExecOptions {
                container: id.to_owned(),
                session: session.to_owned(),
                oci_runtime: self.crun.clone(),
                process,
                streams: StreamOptions { terminal, stdin: true, ..StreamOptions::default() },
                exit_command: Vec::new(),
            })
            .unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

async fn collect(attachment: Attachment) -> (String, String, Option<Frame>) {
    let (mut reader, _writer) = attachment.split();
    collect_reader(&mut reader).await
}

async fn collect_reader(reader: &mut cove_runtime::AttachReader) -> (String, String, Option<Frame>) {
    let (mut out, mut err) = (String::new(), String::new());
    while let Some(frame) = reader.next().await.unwrap() {
        match frame {
            Frame::Output(chunk) => {
                let text = String::from_utf8_lossy(&chunk.data);
                match chunk.stream {
                    cove_api::OutputStream::Stdout => out.push_str(&text),
                    cove_api::OutputStream::Stderr => err.push_str(&text),
                }
            }
            last => return (out, err, Some(last)),
        }
    }
    (out, err, None)
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "timed out: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

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
