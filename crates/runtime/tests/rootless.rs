//! Entering a user's namespace and running a container in it, as an ordinary user.
//!
//! Needs root (to become that user), a user (`COVE_TEST_USER`, by default `cove-test`) with subordinate ids, crun, busybox and a built `cove-monitor`;
//! is skipped otherwise. Without a test harness, because the namespace is entered before there are threads.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use cove_runtime::cgroup::{CgroupMode, CgroupPreference, CgroupProbe, detect};
use cove_runtime::oci::{
    HostFacts, IdMapping, NamespaceTarget, Namespaces, Security, Settings, ShmSource, SpecInput, build,
    write_bundle,
};
use cove_runtime::rootless::{EnterOptions, enter, leave};
use cove_runtime::user::resolve_user;
use cove_runtime::view::View;
use cove_runtime::{LaunchOptions, LogConfig, OciRuntime, Runtime, RuntimeOptions, StreamOptions};
use cove_sys::fs;
use cove_test_support::{Need, built, busybox_tree, met};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("inside") => inside(Path::new(&std::env::args().nth(2).unwrap())),
        _ => outside(),
    }
}

/// `id` of the user by the system's files.
fn find_user(name: &str) -> Option<(u32, u32)> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let line = text.lines().find(|l| l.split(':').next() == Some(name))?;
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
}

fn outside() {
    if !met(&[Need::Root, Need::User, Need::Crun, Need::Busybox, Need::Monitor]) {
        return;
    }
    let user = std::env::var("COVE_TEST_USER").unwrap_or_else(|_| "cove-test".to_owned());
    let (uid, gid) = find_user(&user).expect("the user in /etc/passwd");
    let exe = std::env::current_exe().unwrap();
    let monitor = built("cove-monitor");
    let dir = std::env::temp_dir().join(format!("cove-rootless-{}", std::process::id()));
    fs::create_dir_all(dir.join("rootfs")).unwrap();
    busybox_tree(&dir.join("rootfs"));
    fs::copy(&exe, dir.join("test")).unwrap();
    fs::copy(&monitor, dir.join("cove-monitor")).unwrap();
    assert!(Command::new("chown").args(["-R", &user]).arg(&dir).status().unwrap().success());
    for round in 0..2 {
        let start = Instant::now();
        let mut command = Command::new(dir.join("test"));
        command.arg("inside").arg(&dir).uid(uid).gid(gid).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin");
        let status = command.current_dir("/tmp").status().unwrap();
        assert!(status.success(), "round {round}: {status}");
        println!("round {round}: {:?}", start.elapsed());
    }
    assert!(leave(&dir.join("run")).unwrap());
    fs::remove_dir_all(&dir).unwrap();
}

fn inside(dir: &Path) {
    let start = Instant::now();
    let outer = rustix::process::geteuid().as_raw();
    let identity = enter(&EnterOptions {
        run_dir: dir.join("run"),
        monitor: dir.join("cove-monitor"),
        subuid: "/etc/subuid".into(),
        subgid: "/etc/subgid".into(),
    })
    .unwrap();
    println!("entered in {:?}: {identity:?}", start.elapsed());
    assert!(identity.rootless && identity.uid == outer);
    assert!(rustix::process::geteuid().is_root());
    assert_eq!(std::env::current_dir().unwrap(), Path::new("/tmp"));
    let cgroup = detect(&CgroupProbe::new(true, None), CgroupPreference::Automatic);
    let runtime = Runtime::new(RuntimeOptions {
        run_dir: dir.join("run"),
        monitor: dir.join("cove-monitor"),
        cgroup: cgroup.clone(),
    })
    .unwrap();
    let private = NamespaceTarget::Private;
    let host = NamespaceTarget::Host;
    let maps = |start: u32| vec![IdMapping { container_id: 0, host_id: start, size: 1000 }];
    let default = Namespaces::default();
    let variants = [
        ("default", default.clone(), false, None),
        ("network", Namespaces { network: host.clone(), ..default.clone() }, false, None),
        ("pid", Namespaces { pid: host.clone(), ..default.clone() }, false, None),
        ("ipc", Namespaces { ipc: host.clone(), uts: host.clone(), ..default.clone() }, false, None),
        ("privileged", default.clone(), true, None),
        ("privileged-host", Namespaces { network: host.clone(), pid: host, ..default.clone() }, true, None),
        ("user", Namespaces { user: private.clone(), ..default }, false, Some((maps(1), maps(1)))),
    ];
    for (name, namespaces, privileged, id_mappings) in variants {
        let text = run(dir, &runtime, &cgroup, name, namespaces, privileged, id_mappings);
        println!("{name}: ok");
        assert!(text.contains("uid=0"), "{name}: {text}");
        if name == "default" {
            assert!(text.contains("CapEff:\t00000000800405fb") && text.contains("0\t0"), "{text}");
        }
    }
}

fn run(
    dir: &Path,
    runtime: &Runtime,
    cgroup: &CgroupMode,
    id: &str,
    namespaces: Namespaces,
    privileged: bool,
    id_mappings: Option<(Vec<IdMapping>, Vec<IdMapping>)>,
) -> String {
    let rootfs = dir.join("rootfs");
    let settings =
        Settings { security: Security { privileged, ..Security::default() }, ..Settings::default() };
    let script = "cat /proc/self/uid_map /proc/self/mounts; ulimit -n; grep Cap /proc/self/status; \
                  cat /proc/sys/net/ipv4/ping_group_range; id";
    let shm = if namespaces.ipc.is_host() { ShmSource::Host } else { ShmSource::Private };
    let oci = build(&SpecInput {
        id,
        settings: &settings,
        rootfs: &rootfs,
        args: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        cwd: "/".to_owned(),
        env: vec!["PATH=/bin".to_owned()],
        hostname: "r".to_owned(),
        owns_network: false,
        user: resolve_user(&View::new(&rootfs, &[]).unwrap(), "", &[]).unwrap(),
        namespaces,
        id_mappings,
        shm,
        mounts: Vec::new(),
        init_path: None,
        cgroup,
        host: &HostFacts::read(true),
    })
    .unwrap();
    let bundle = dir.join("bundle");
    write_bundle(&bundle, &oci).unwrap();
    let log = dir.join(format!("log-{id}"));
    let launch = runtime.launch(LaunchOptions {
        id: id.to_owned(),
        restore: None,
        cgroup: None,
        oci_runtime: OciRuntime {
            name: "crun".to_owned(),
            path: PathBuf::from("/usr/bin/crun"),
            flags: Vec::new(),
        },
        bundle,
        streams: StreamOptions {
            log: LogConfig::K8sFile { path: log.clone(), max_size: None, files: 1 },
            ..StreamOptions::default()
        },
        exit_command: Vec::new(),
        health: None,
        notify: None,
        timeout: None,
        no_pivot: false,
        monitor_cgroup: None,
        container_cgroup: None,
    });
    let started = launch.unwrap().start().unwrap_or_else(|e| panic!("{id}: {e}"));
    let record = started.supervision.wait_exit().unwrap();
    started.supervision.wait_cleaned().unwrap();
    started.supervision.acknowledge().unwrap();
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    assert_eq!(record.exit_code, 0, "{text}");
    text
}
