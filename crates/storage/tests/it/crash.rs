//! Killed at any point, the store works again and holds no garbage; several processes work at once.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cove_storage::{ContainerMountOptions, ContainerOptions, Store};
use cove_sys::fs;
use cove_test_support::{Member, Need, met, tar};

use crate::fixture::{Scratch, add_image};

const ROOT: &str = "COVE_STORAGE_TEST_ROOT";

fn open(root: &Path) -> Store {
    Store::open(&cove_storage::StoreOptions {
        graph_root: root.join("graph"),
        run_root: root.join("run"),
        driver: None,
        overlay: cove_storage::OverlayOptions::default(),
        rootless: false,
    })
    .unwrap()
}

/// No test of its own, and nothing without the variable: what the tests below start and kill.
#[test]
fn work_for_ever() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let store = open(Path::new(&root));
    for round in 0.. {
        let name = format!("localhost/{}:{round}", std::process::id());
        let layer = |number: u32| {
            let text = format!("{name} {number}");
            let names: Vec<String> = (0..50).map(|index| format!("file{index}")).collect();
            tar(&names.iter().map(|name| Member::file(name, text.as_bytes())).collect::<Vec<_>>())
        };
        let image = add_image(&store, &name, &[layer(1), layer(2), layer(3)]);
        let options = ContainerOptions {
            image: Some(image.id.clone()),
            volatile: round % 2 == 0,
            ..ContainerOptions::default()
        };
        let container = store.create_container(options).unwrap();
        let path = store.mount_container(&container.id, &ContainerMountOptions::default()).unwrap();
        assert_eq!(fs::read_dir(path).unwrap().count(), 50);
        store.unmount_container(&container.id, false).unwrap();
        store.delete_container(&container.id).unwrap();
        store.delete_image(&image.id).unwrap();
    }
}

fn start(root: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::work_for_ever"]).env(ROOT, root);
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().unwrap()
}

/// Every directory of a layer belongs to a layer, and the other way round.
fn assert_consistent(root: &Path, store: &Store) {
    // Any change cleans up; an unknown image is enough of one.
    let _ = store.delete_image("none");
    let known: BTreeSet<String> = store.layers().unwrap().iter().map(|layer| layer.id.clone()).collect();
    let list = |path: &str| -> BTreeSet<String> {
        // A directory that the killed process had not made yet is as good as an empty one.
        let entries = fs::read_dir(root.join(path)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let directories: BTreeSet<String> =
        list("graph/overlay").into_iter().filter(|name| name.len() == 64).collect();
    assert_eq!(directories, known);
    assert_eq!(list("graph/overlay/l").len(), known.len());
    assert!(list("graph/overlay/tempdirs").is_empty());
    assert!(list("graph/overlay-layers/tmp").is_empty());
    let splits: BTreeSet<String> = list("graph/overlay-layers")
        .into_iter()
        .filter_map(|name| name.strip_suffix(".tar-split.gz").map(str::to_owned))
        .collect();
    assert!(splits.is_subset(&known), "{splits:?}");
    for layer in store.layers().unwrap().iter() {
        assert!(store.layer_chain(&layer.id).is_ok());
    }
}

#[test]
fn a_killed_command_leaves_no_garbage() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("crash");
    for round in 0..25u64 {
        let mut child = start(scratch.path());
        std::thread::sleep(Duration::from_millis(15 + round * 7 % 60));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(scratch.path());
        assert_consistent(scratch.path(), &store);
        for container in store.containers().unwrap().iter() {
            store.delete_container(&container.id).unwrap();
        }
        for image in store.images().unwrap().iter() {
            store.delete_image(&image.id).unwrap();
        }
        assert_consistent(scratch.path(), &store);
        store.prune_orphans(Duration::ZERO).unwrap();
        assert!(store.layers().unwrap().is_empty());
    }
}

/// Half removed, as by a command that is killed between the short link and the directory.
#[test]
fn what_is_half_removed_goes_with_the_next_change() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("half");
    let store = open(scratch.path());
    let image = add_image(&store, "localhost/half:1", &[tar(&[Member::file("file", b"x")])]);
    for volatile in [false, true] {
        let options =
            ContainerOptions { image: Some(image.id.clone()), volatile, ..ContainerOptions::default() };
        let container = store.create_container(options).unwrap();
        // What is mounted cannot be moved away.
        let directory = scratch.path().join("graph/overlay").join(&container.layer);
        rustix::mount::mount_bind(&directory, &directory).unwrap();
        store.delete_container(&container.id).unwrap_err();
        rustix::mount::unmount(&directory, rustix::mount::UnmountFlags::empty()).unwrap();
        assert_consistent(scratch.path(), &store);
        store.delete_container(&container.id).unwrap();
    }
    assert_consistent(scratch.path(), &store);
}

#[test]
fn processes_work_side_by_side() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("side");
    drop(open(scratch.path()));
    let mut children = [start(scratch.path()), start(scratch.path()), start(scratch.path())];
    std::thread::sleep(Duration::from_secs(2));
    for child in &mut children {
        assert!(child.try_wait().unwrap().is_none(), "a worker failed");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_consistent(scratch.path(), &open(scratch.path()));
}
