//! A process that runs from a plan alone: no row, no database. Needs root, an OCI runtime, busybox, `cove-monitor`.

use std::path::{Path, PathBuf};

use cove_config::{ContainersConf, Directories, Environment, StorageConf, StorageFlags, StoreOptions, User};
use cove_runtime::LogConfig;
use cove_runtime::oci::Namespaces;
use cove_sys::fs;
use cove_test_support::{Need, built, met};

use super::{Plan, Remains, Shm, prepare, release};
use crate::options::EngineOptions;
use crate::parts::Parts;
use crate::state::{ContainerConfig, Files, NetworkMode};

fn parts(folder: &Path) -> Option<Parts> {
    if !met(&[Need::Root, Need::Monitor, Need::Crun, Need::Busybox]) {
        return None;
    }
    let monitor = built("cove-monitor");
    let environment = Environment::new([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]);
    let user = User { uid: 0, rootless: false, home: Some("/root".into()) };
    let directories = Directories::new(&environment, user, |_| None).unwrap();
    let flags = StorageFlags {
        graph_root: Some(folder.join("root")),
        run_root: Some(folder.join("run")),
        ..StorageFlags::default()
    };
    let storage = StoreOptions::resolve(&StorageConf::default(), &flags, &environment, &directories).unwrap();
    let conf = ContainersConf::built_in();
    Some(Parts::new(EngineOptions::new(directories, environment, conf, storage, monitor)))
}

fn tree(folder: &Path) -> PathBuf {
    let root = folder.join("tree");
    for name in ["bin", "etc", "proc", "sys", "dev", "run"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    std::os::unix::fs::symlink("busybox", root.join("bin/sh")).unwrap();
    root
}

#[test]
fn a_plan_runs_without_a_row() {
    let folder = std::env::temp_dir().join(format!("cove-sandbox-{}", std::process::id()));
    let Some(parts) = parts(&folder) else { return };
    let id = "ab".repeat(32);
    let log = folder.join("log");
    let config = ContainerConfig {
        rootfs: Some(tree(&folder)),
        arguments: ["/bin/sh", "-c", "busybox cat /etc/hostname; exit 5"].map(ToOwned::to_owned).into(),
        env: vec!["PATH=/bin".into()],
        work_dir: "/".into(),
        hostname: "step".into(),
        files: Files { hostname: true, ..Files::default() },
        network: NetworkMode::Private,
        ..ContainerConfig::default()
    };
    let plan = Plan {
        id: &id,
        name: "step",
        config: &config,
        layer: None,
        folder: folder.join("bundle"),
        scratch: folder.join("scratch"),
        namespaces: Namespaces::default(),
        shm: Shm::Shareable,
        shared_files: None,
        volumes: Vec::new(),
        oci_runtime: parts.oci_runtime("").unwrap(),
        restore: None,
        cgroup: None,
        mtab: true,
        log: LogConfig::K8sFile { path: log.clone(), max_size: None, files: 1 },
        descriptors: Vec::new(),
        exit_command: Vec::new(),
        health: None,
        notify: None,
        secrets: Vec::new(),
        secret_env: Vec::new(),
    };
    let (bundle, scratch) = (plan.folder.clone(), plan.scratch.clone());
    let name = plan.oci_runtime.name.clone();
    let prepared = prepare(&parts, plan).unwrap();
    let netns = prepared.network.netns.clone().unwrap();
    assert!(netns.exists() && bundle.join("shm").exists());
    let started = prepared.launch.start().unwrap();
    assert_eq!(started.supervision.wait_exit().unwrap().exit_code, 5);
    started.supervision.wait_cleaned().unwrap();
    started.supervision.acknowledge().unwrap();
    assert!(fs::read_to_string(&log).unwrap().contains("step"));
    let remains = || Remains {
        id: &id,
        folder: bundle.clone(),
        scratch: scratch.clone(),
        runtime: &name,
        network: true,
        layer: false,
    };
    for _ in 0..2 {
        assert!(release(&parts, &remains()).is_empty());
    }
    assert!(!netns.exists() && !bundle.exists());
    assert!(!parts.options.state_dir().join("state.db").exists(), "the database was opened");
    fs::remove_dir_all(&folder).unwrap();
}
