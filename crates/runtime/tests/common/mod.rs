//! What the tests share: a file system with busybox, a runtime, collecting output.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cove_runtime::cgroup::{CgroupMode, CgroupPreference, CgroupProbe, detect};
use cove_runtime::{
    Attachment, ExecOptions, Frame, Launch, LaunchOptions, LogConfig, OciRuntime, Runtime, RuntimeOptions,
    StreamOptions,
};
use cove_sys::fs;
use cove_test_support::{Need, built, busybox_tree, met};
use serde_json::json;

pub struct Fixture {
    pub dir: PathBuf,
    pub runtime: Runtime,
    pub crun: OciRuntime,
    pub cgroup: CgroupMode,
}

impl Fixture {
    pub fn new(name: &str) -> Option<Self> {
        if !met(&[Need::Root, Need::Crun, Need::Busybox, Need::Monitor]) {
            return None;
        }
        let monitor = built("cove-monitor");
        let crun = PathBuf::from("/usr/bin/crun");
        // The run root is on a tmpfs where it can be.
        let base = [Path::new("/dev/shm"), Path::new("/tmp")].into_iter().find(|p| p.is_dir()).unwrap();
        let dir = base.join(format!("cove-rt-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("rootfs")).unwrap();
        fs::create_dir_all(dir.join("run")).unwrap();
        busybox_tree(&dir.join("rootfs"));
        let cgroup = detect(&CgroupProbe::new(false, None), CgroupPreference::Cgroupfs);
        let runtime =
            Runtime::new(RuntimeOptions { run_dir: dir.join("run"), monitor, cgroup: cgroup.clone() })
                .unwrap();
        let crun = OciRuntime { name: "crun".to_owned(), path: crun, flags: Vec::new() };
        Some(Self { dir, runtime, crun, cgroup })
    }

    pub fn launch(
        &self,
        id: &str,
        args: &[&str],
        terminal: bool,
        stdin: bool,
        exit_command: Vec<String>,
    ) -> Launch {
        self.try_launch(id, args, terminal, stdin, exit_command).unwrap()
    }

    pub fn try_launch(
        &self,
        id: &str,
        args: &[&str],
        terminal: bool,
        stdin: bool,
        exit_command: Vec<String>,
    ) -> cove_runtime::Result<Launch> {
        let mut options = self.options(id, args, terminal, stdin);
        options.exit_command = exit_command;
        self.runtime.launch(options)
    }

    pub fn options(&self, id: &str, args: &[&str], terminal: bool, stdin: bool) -> LaunchOptions {
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
        self.bundle_options(id, bundle, terminal, stdin)
    }

    pub fn launch_bundle(
        &self,
        id: &str,
        bundle: PathBuf,
        terminal: bool,
        stdin: bool,
        exit_command: Vec<String>,
    ) -> cove_runtime::Result<Launch> {
        let mut options = self.bundle_options(id, bundle, terminal, stdin);
        options.exit_command = exit_command;
        self.runtime.launch(options)
    }

    pub fn bundle_options(&self, id: &str, bundle: PathBuf, terminal: bool, stdin: bool) -> LaunchOptions {
        LaunchOptions {
            id: id.to_owned(),
            restore: None,
            cgroup: None,
            oci_runtime: self.crun.clone(),
            bundle,
            streams: StreamOptions {
                terminal,
                stdin,
                size: Some((100, 40)),
                log: LogConfig::K8sFile { path: self.log(id), max_size: None, files: 1 },
                ..StreamOptions::default()
            },
            exit_command: Vec::new(),
            health: None,
            notify: None,
            timeout: None,
            no_pivot: false,
            monitor_cgroup: None,
            container_cgroup: None,
        }
    }

    pub fn log(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.log"))
    }

    pub fn exec(&self, id: &str, session: &str, args: &[&str], terminal: bool) -> Launch {
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
        // Monitors still clean up after the last assertion.
        let start = Instant::now();
        let monitors = fs::read_dir(self.dir.join("run/c")).unwrap().flatten();
        let alive = |path: PathBuf| {
            let text = fs::read(path.join("monitor.json")).unwrap_or_default();
            serde_json::from_slice::<cove_runtime::ProcessRef>(&text).is_ok_and(|monitor| monitor.is_alive())
        };
        for monitor in monitors {
            while alive(monitor.path()) && start.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub async fn collect(attachment: Attachment) -> (String, String, Option<Frame>) {
    let (mut reader, _writer) = attachment.split();
    collect_reader(&mut reader).await
}

pub async fn collect_reader(reader: &mut cove_runtime::AttachReader) -> (String, String, Option<Frame>) {
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

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(240), "timed out: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
