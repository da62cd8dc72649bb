//! The store inside a user namespace.

use std::path::Path;
use std::process::Command;

use cove_storage::{
    ContainerMountOptions, ContainerOptions, DriverKind, OverlayOptions, Store, StoreOptions,
};
use cove_sys::fs;
use cove_test_support::{Member, Need, met, tar};

use crate::fixture::{Scratch, add_image};

const ROOT: &str = "COVE_STORAGE_TEST_ROOTLESS";

/// No test of its own, and nothing without the variable: the part that runs inside the namespace.
#[test]
fn inside() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let root = Path::new(&root);
    let program = std::env::var_os("MOUNT_PROGRAM").map(Into::into);
    let fuse = program.is_some();
    let options = StoreOptions {
        graph_root: root.join("graph"),
        run_root: root.join("run"),
        driver: Some(DriverKind::Overlay),
        overlay: OverlayOptions { mount_program: program, ..OverlayOptions::default() },
        rootless: true,
    };
    let store = Store::open(&options).unwrap();
    let base = tar(&[
        Member::directory("etc/"),
        Member::file("etc/gone", b""),
        Member::directory("opt/"),
        Member::file("opt/old", b""),
        Member { kind: b'3', ..Member::file("dev", b"") },
    ]);
    let upper = tar(&[Member::file("etc/.wh.gone", b""), Member::file("opt/.wh..wh..opq", b"")]);
    let image = add_image(&store, "localhost/x:1", &[base, upper]);
    let options = ContainerOptions { image: Some(image.id.clone()), ..ContainerOptions::default() };
    let container = store.create_container(options).unwrap();
    let path = store.mount_container(&container.id, &ContainerMountOptions::default()).unwrap();
    assert_eq!(fs::read_dir(path.join("etc")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(path.join("opt")).unwrap().count(), 0);
    fs::write(path.join("etc/new"), "new").unwrap();
    fs::remove_dir(path.join("opt")).unwrap();
    store.unmount_container(&container.id, false).unwrap();
    let changes = store.container_changes(&container.id).unwrap();
    let kinds: Vec<String> =
        changes.iter().map(|change| format!("{:?} {}", change.kind, change.path.display())).collect();
    assert_eq!(kinds, ["Modified /etc", "Added /etc/new", "Deleted /opt"], "fuse: {fuse}");
    // The changes make a new layer, which looks the same.
    let mut archive = Vec::new();
    std::io::Read::read_to_end(&mut store.container_diff_tar(&container.id).unwrap(), &mut archive).unwrap();
    let layer = crate::fixture::add_layer(&store, image.top_layer(), &archive);
    let changes = store.layer_changes(&layer.id).unwrap();
    assert_eq!(changes.len(), 3, "{changes:?}");
    store.delete_layer(&layer.id).unwrap();
    store.delete_container(&container.id).unwrap();
    store.delete_image(&image.id).unwrap();
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    if map.lines().count() > 1 {
        crate::mapped::check(&store, 1, 2);
    }
}

fn run_inside(name: &str, program: Option<&str>) {
    let scratch = Scratch::new(name);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "rootless::inside"]).env(ROOT, scratch.path());
    if let Some(program) = program {
        command.env("MOUNT_PROGRAM", program);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn overlay_by_the_kernel() {
    if met(&[Need::Root]) {
        run_inside("userns", None);
    }
}

#[test]
fn overlay_by_fuse() {
    if !met(&[Need::Root, Need::Fuse]) {
        return;
    }
    run_inside("fuse", Some("/usr/bin/fuse-overlayfs"));
}
