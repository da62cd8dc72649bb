//! Containers with id mappings.

use std::io::Read;
use std::os::unix::fs::MetadataExt;

use cove_storage::{ContainerMountOptions, ContainerOptions, IdMap, OverlayOptions, Store};
use cove_sys::fs;
use cove_test_support::{Member, Need, met, tar};

use crate::fixture::{Scratch, add_image};

/// `base` is the id outside of the container's root user.
pub(crate) fn check(store: &Store, base: u32, layers_per_container: usize) {
    let image = add_image(
        store,
        "localhost/mapped:1",
        &[
            tar(&[Member::directory("etc/"), Member { mode: 0o4755, ..Member::file("etc/tool", b"tool") }]),
            tar(&[Member::file("etc/more", b"more")]),
        ],
    );
    let map = vec![IdMap { container_id: 0, host_id: base, size: 1000 }];
    let options = ContainerOptions {
        image: Some(image.id.clone()),
        uid_map: map.clone(),
        gid_map: map,
        ..ContainerOptions::default()
    };
    let container = store.create_container(options.clone()).unwrap();
    let path = store.mount_container(&container.id, &ContainerMountOptions::default()).unwrap();
    for name in ["", "etc", "etc/tool", "etc/more"] {
        let data = fs::metadata(path.join(name)).unwrap();
        assert_eq!((data.uid(), data.gid()), (base, base), "{name}");
    }
    assert_eq!(fs::metadata(path.join("etc/tool")).unwrap().mode() & 0o7777, 0o4755);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o111, 0o111);
    fs::write(path.join("new"), "x").unwrap();
    std::os::unix::fs::chown(path.join("new"), Some(base + 7), Some(base + 8)).unwrap();
    let mut archive = Vec::new();
    store.container_diff_tar(&container.id).unwrap().read_to_end(&mut archive).unwrap();
    let archive = String::from_utf8_lossy(&archive).into_owned();
    assert!(archive.contains("0000007\u{0}0000010\u{0}"), "{archive}");
    assert!(!store.unmount_container(&container.id, false).unwrap());
    // The next container with this mapping shares what was made for the first.
    let second = store.create_container(options).unwrap();
    assert_eq!(store.layers().unwrap().len(), 2 + 2 * layers_per_container - (layers_per_container - 1));
    store.delete_container(&second.id).unwrap();
    store.delete_container(&container.id).unwrap();
    store.delete_image(&image.id).unwrap();
    assert!(store.layers().unwrap().is_empty());
}

#[test]
fn owners_are_mapped_by_the_kernel() {
    if met(&[Need::Root]) {
        check(&Scratch::new("idmap").store(), 100_000, 1);
    }
}

#[test]
fn owners_are_mapped_by_a_copy() {
    if !met(&[Need::Root, Need::Fuse]) {
        return;
    }
    let scratch = Scratch::new("shifted");
    let mut options = scratch.options();
    options.overlay =
        OverlayOptions { mount_program: Some("/usr/bin/fuse-overlayfs".into()), ..OverlayOptions::default() };
    check(&Store::open(&options).unwrap(), 100_000, 2);
}
