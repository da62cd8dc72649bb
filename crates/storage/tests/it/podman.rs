//! What we write podman reads, and the other way round.

use std::io::Read;

use cove_storage::{ContainerMountOptions, ContainerOptions, StorageError, container_metadata};
use cove_sys::fs;
use cove_test_support::{Member, Need, met, tar};

use crate::fixture::{Scratch, add_image, output, run};

fn podman(scratch: &Scratch, arguments: &[&str]) -> String {
    let (root, run_root) = (scratch.path().join("graph"), scratch.path().join("run"));
    let mut all = vec!["--root", root.to_str().unwrap(), "--runroot", run_root.to_str().unwrap()];
    all.extend(["--storage-driver", "overlay"]);
    all.extend(arguments);
    run("podman", &all)
}

#[test]
fn podman_uses_what_we_write() {
    if !met(&[Need::Root, Need::Podman]) {
        return;
    }
    let scratch = Scratch::new("ours");
    let store = scratch.store();
    let base = tar(&[
        Member { mode: 0o755, ..Member::directory("./") },
        Member::directory("etc/"),
        Member::file("etc/hello", b"one\n"),
        Member::file("etc/gone", b"gone\n"),
        Member::directory("opt/"),
        Member::file("opt/old", b"old\n"),
        Member { mode: 0o4755, ..Member::file("bin/tool", b"#!/bin/sh\n") },
        Member::link("bin/link", b'2', "tool"),
        Member::link("bin/hard", b'1', "bin/tool"),
    ]);
    let upper = tar(&[
        Member::file("etc/.wh.gone", b""),
        Member::file("opt/.wh..wh..opq", b""),
        Member::file("opt/new", b"new\n"),
    ]);
    let image = add_image(&store, "localhost/ours:1", &[base.clone(), upper.clone()]);

    let listed = podman(&scratch, &["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]);
    assert_eq!(listed.trim(), format!("localhost/ours:1 sha256:{}", image.id));

    let mounted = podman(&scratch, &["image", "mount", "localhost/ours:1"]);
    let mounted = std::path::Path::new(mounted.trim());
    assert_eq!(fs::read_to_string(mounted.join("etc/hello")).unwrap(), "one\n");
    assert!(!mounted.join("etc/gone").exists());
    assert!(!mounted.join("opt/old").exists());
    assert_eq!(fs::read_to_string(mounted.join("opt/new")).unwrap(), "new\n");
    podman(&scratch, &["image", "umount", "localhost/ours:1"]);

    // podman puts the layers together again from our tar-split.
    let archive = scratch.path().join("saved.tar");
    podman(
        &scratch,
        &["save", "--format", "docker-archive", "-o", archive.to_str().unwrap(), "localhost/ours:1"],
    );
    let folder = scratch.path().join("saved");
    fs::create_dir(&folder).unwrap();
    run("tar", &["-C", folder.to_str().unwrap(), "-xf", archive.to_str().unwrap()]);
    for layer in store.image_layers(&image.id).unwrap() {
        let name = format!("{}.tar", layer.diff_digest.strip_prefix("sha256:").unwrap());
        let expected = if layer.parent.is_empty() { &base } else { &upper };
        assert!(fs::read(folder.join(name)).unwrap() == *expected);
    }

    // A container of ours shows up, and holds the image.
    let container = store
        .create_container(ContainerOptions {
            names: vec!["box".into()],
            image: Some(image.id.clone()),
            metadata: container_metadata("box", "localhost/ours:1", &image.id, 1_700_000_000),
            ..ContainerOptions::default()
        })
        .unwrap();
    let listed = podman(&scratch, &["ps", "-a", "--external", "--format", "{{.Names}} {{.Image}}"]);
    assert_eq!(listed.trim(), "box localhost/ours:1");
    let path = store.mount_container(&container.id, &ContainerMountOptions::default()).unwrap();
    fs::write(path.join("etc/mine"), "mine").unwrap();
    fs::remove_file(path.join("etc/hello")).unwrap();
    assert!(matches!(store.delete_image(&image.id), Err(StorageError::ImageInUse { .. })));
    // podman runs while it is mounted, and leaves it so.
    podman(&scratch, &["images"]);
    assert!(store.container_mount("box").unwrap().is_some());
    let changes: Vec<String> = store
        .container_changes(&container.id)
        .unwrap()
        .iter()
        .map(|change| format!("{:?} {}", change.kind, change.path.display()))
        .collect();
    assert_eq!(changes, ["Modified /etc", "Deleted /etc/hello", "Added /etc/mine"]);
    assert_eq!(store.container_size("box").unwrap(), 4);
    let mut diff = Vec::new();
    store.container_diff_tar("box").unwrap().read_to_end(&mut diff).unwrap();
    let diff_path = scratch.path().join("diff.tar");
    fs::write(&diff_path, &diff).unwrap();
    assert_eq!(run("tar", &["-tf", diff_path.to_str().unwrap()]), "etc/\netc/.wh.hello\netc/mine\n");
    assert!(!store.unmount_container("box", false).unwrap());
    store.delete_container("box").unwrap();

    podman(&scratch, &["rmi", "localhost/ours:1"]);
    assert!(store.layers().unwrap().is_empty());
    assert!(store.images().unwrap().is_empty());
}

#[test]
fn we_use_what_podman_writes() {
    if !met(&[Need::Root, Need::Podman]) {
        return;
    }
    let scratch = Scratch::new("theirs");
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::write(tree.join("etc/hello"), "hello\n".repeat(10_000)).unwrap();
    run("tar", &["-C", tree.to_str().unwrap(), "-cf", scratch.path().join("t.tar").to_str().unwrap(), "."]);
    podman(&scratch, &["import", scratch.path().join("t.tar").to_str().unwrap(), "localhost/theirs:1"]);

    let store = scratch.store();
    let image = store.image("localhost/theirs:1").unwrap();
    let id = podman(&scratch, &["images", "-q", "--no-trunc", "localhost/theirs:1"]);
    assert_eq!(id.trim(), format!("sha256:{}", image.id));
    let layer = store.image_layers(&image.id).unwrap().remove(0);
    let mut archive = Vec::new();
    store.diff_tar(&layer.id).unwrap().read_to_end(&mut archive).unwrap();
    assert_eq!(cove_storage::Digest::sha256(&archive).as_str(), layer.diff_digest);
    let config = store.image_data(&image.id, &format!("sha256:{}", image.id)).unwrap();
    assert!(String::from_utf8(config).unwrap().contains(&layer.diff_digest));
    let sizes = podman(&scratch, &["images", "--format", "{{.Size}}"]);
    assert!(store.image_size(&image.id).unwrap() > 60_000, "{sizes}");

    let path = store.mount_image(&image.id).unwrap();
    assert!(path.join("etc/hello").exists());
    assert!(fs::write(path.join("x"), "").is_err());
    assert!(!store.unmount_image(&image.id, false).unwrap());

    let container = podman(&scratch, &["create", "--network", "none", "localhost/theirs:1", "/bin/true"]);
    assert_eq!(store.containers().unwrap()[0].id, container.trim());
    let refused = store.delete_image(&image.id).unwrap_err();
    assert!(refused.to_string().contains(container.trim()), "{refused}");
    podman(&scratch, &["rm", container.trim()]);
    let deletion = store.delete_image(&image.id).unwrap();
    assert_eq!(deletion.layers, [layer.id]);
    assert_eq!(podman(&scratch, &["images", "-q"]), "");
    let listed = output("ls", &[scratch.path().join("graph/overlay/l").to_str().unwrap()]);
    assert!(listed.stdout.is_empty());
}
