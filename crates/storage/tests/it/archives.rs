//! Archives of every kind, good and hostile, through the public interface.

use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use cove_storage::{ContainerMountOptions, ContainerOptions, Digest, Expectations, StorageError};
use cove_sys::fs;
use cove_test_support::{Member, Need, met, tar};

use crate::fixture::{Scratch, add_image, add_layer, run};

fn reassembled(store: &cove_storage::Store, layer: &str) -> Vec<u8> {
    let mut archive = Vec::new();
    store.diff_tar(layer).unwrap().read_to_end(&mut archive).unwrap();
    archive
}

#[test]
fn gnu_tar_archives_come_back_bit_for_bit() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("gnu");
    let store = scratch.store();
    let tree = scratch.path().join("tree");
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    fs::create_dir_all(tree.join("d".repeat(120))).unwrap();
    fs::write(tree.join(&long), "long").unwrap();
    fs::write(tree.join("ümlaut"), "x".repeat(100_000)).unwrap();
    fs::write(tree.join("empty"), "").unwrap();
    fs_err::os::unix::fs::symlink("/nowhere/".to_owned() + &"y".repeat(150), tree.join("link")).unwrap();
    fs::hard_link(tree.join("ümlaut"), tree.join("hard")).unwrap();
    run("mkfifo", &[tree.join("fifo").to_str().unwrap()]);
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.set_len(5_000_000).unwrap();
    std::os::unix::fs::FileExt::write_at(sparse.file(), b"middle", 2_000_000).unwrap();
    drop(sparse);
    let folder = tree.to_str().unwrap();
    let formats = [
        &["--format=gnu"][..],
        &["--format=posix", "--xattrs"],
        &["--format=gnu", "--sparse"],
        &["--format=posix", "--sparse", "--sparse-version=0.0"],
        &["--format=posix", "--sparse", "--sparse-version=0.1"],
        &["--format=posix", "--sparse", "--sparse-version=1.0"],
        &["--format=gnu", "--numeric-owner", "--owner=4000000", "--group=7", "--blocking-factor=200"],
    ];
    for arguments in formats {
        let path = scratch.path().join("layer.tar");
        let mut all = vec!["-C", folder, "-cf", path.to_str().unwrap()];
        all.extend(arguments);
        all.push(".");
        run("tar", &all);
        let archive = fs::read(&path).unwrap();
        let layer = add_layer(&store, None, &archive);
        assert_eq!(layer.diff_digest, Digest::sha256(&archive).as_str());
        assert!(reassembled(&store, &layer.id) == archive, "{arguments:?}");
        let diff = scratch.path().join("graph/overlay").join(&layer.id).join("diff");
        let data = fs::read(diff.join("sparse")).unwrap();
        assert!(data.len() == 5_000_000 && &data[2_000_000..2_000_006] == b"middle", "{arguments:?}");
        assert_eq!(data.iter().filter(|byte| **byte != 0).count(), 6);
        assert_eq!(fs::read_to_string(diff.join(&long)).unwrap(), "long");
        assert_eq!(fs::metadata(diff.join("hard")).unwrap().nlink(), 2);
        assert!(fs::symlink_metadata(diff.join("fifo")).unwrap().file_type().is_fifo());
        store.delete_layer(&layer.id).unwrap();
    }
    assert_eq!(fs::read_dir(scratch.path().join("graph/overlay/tempdirs")).unwrap().count(), 0);
}

#[test]
fn hostile_archives_stay_inside() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("hostile");
    let store = scratch.store();
    let canary = scratch.path().join("canary");
    fs::create_dir(&canary).unwrap();
    fs::write(canary.join("file"), "untouched").unwrap();
    let outside = canary.to_str().unwrap().to_owned();
    let (file, absolute) = (format!("{outside}/file"), format!("{outside}/new"));
    let up = format!("../../../../../../../..{outside}/new");
    let through = "link/new";

    let refused: &[(&str, Vec<u8>)] = &[
        ("parent", tar(&[Member::file(&up, b"x")])),
        ("hard link up", tar(&[Member::link("hard", b'1', "../../../canary/file")])),
        ("hard link out", tar(&[Member::link("hard", b'1', &file)])),
        ("twice", tar(&[Member::file("a", b"1"), Member::file("./a", b"2")])),
        ("whiteout of ..", tar(&[Member::file(".wh...", b"")])),
        ("whiteout of nothing", tar(&[Member::file("d/.wh.", b"")])),
        ("no tar", vec![b'x'; 10_000]),
        ("cut", tar(&[Member::file("a", &[1; 5000])])[..3000].to_vec()),
        ("unknown type", tar(&[Member::link("a", b'Z', "")])),
        ("no name", tar(&[Member::file("./", b"x"), Member::file("/", b"x")])),
        ("huge pax", tar(&[Member { kind: b'x', ..Member::file("pax", &vec![b'a'; 2_000_000]) }])),
    ];
    for (what, archive) in refused {
        let error = store.stage_layer(archive.as_slice(), &Expectations::default());
        assert!(error.is_err(), "{what}");
    }

    let link_and_through = [Member::link("link", b'2', &outside), Member::file(through, b"x")];
    let contained: &[(&str, Vec<u8>)] = &[
        ("absolute", tar(&[Member::file(&absolute, b"x")])),
        ("hard link to symlink", {
            tar(&[Member::link("s", b'2', &file), Member::link("h", b'1', "s"), Member::file("s2", b"y")])
        }),
        (
            "symlink replaced",
            tar(&[
                Member::directory("a/"),
                Member::link("a/s", b'2', "../../.."),
                Member::file("a/s/x", b""),
            ]),
        ),
    ];
    for (what, archive) in contained {
        let staged = store.stage_layer(archive.as_slice(), &Expectations::default());
        assert!(staged.is_ok(), "{what}: {staged:?}");
    }
    // The link leads to a directory the layer does not have: refused or made inside, never outside.
    let _ = store.stage_layer(tar(&link_and_through).as_slice(), &Expectations::default());
    let names: Vec<_> = fs::read_dir(&canary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["file"]);
    assert_eq!(fs::read_to_string(canary.join("file")).unwrap(), "untouched");
    assert_eq!(fs::metadata(canary.join("file")).unwrap().nlink(), 1);
    assert!(store.layers().unwrap().is_empty());
    assert_eq!(fs::read_dir(scratch.path().join("graph/overlay/tempdirs")).unwrap().count(), 0);
}

#[test]
fn expectations_are_kept() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("expect");
    let store = scratch.store();
    let archive = tar(&[Member::file("a", b"1")]);
    let compressed = zstd::encode_all(archive.as_slice(), 3).unwrap();
    let good = Expectations {
        diff_id: Some(Digest::sha256(&archive)),
        compressed_digest: Some(Digest::sha256(&compressed)),
        compressed_size: Some(compressed.len() as u64),
        hash_compressed: false,
    };
    store.stage_layer(compressed.as_slice(), &good).unwrap();
    for wrong in [
        Expectations { diff_id: Some(Digest::sha256(b"x")), ..good.clone() },
        Expectations { compressed_digest: Some(Digest::sha256(b"x")), ..good.clone() },
        Expectations { compressed_size: Some(1), ..good.clone() },
    ] {
        let error = store.stage_layer(compressed.as_slice(), &wrong).unwrap_err();
        assert!(matches!(error, StorageError::Mismatch { .. }), "{error}");
    }
}

#[test]
fn names_move_and_layers_are_shared() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("names");
    let store = scratch.store();
    let base = tar(&[Member::file("base", b"1")]);
    let one = add_image(&store, "localhost/x:1", &[base.clone(), tar(&[Member::file("one", b"1")])]);
    let two = add_image(&store, "localhost/x:1", &[base.clone(), tar(&[Member::file("two", b"2")])]);
    assert!(store.image(&one.id).unwrap().names.is_empty());
    assert_eq!(store.image("localhost/x:1").unwrap().id, two.id);
    assert_eq!(store.image(&two.id[..12]).unwrap().id, two.id);
    assert_eq!(store.layers().unwrap().len(), 3);
    assert_eq!(store.delete_image(&one.id).unwrap().layers.len(), 1);
    assert_eq!(store.delete_image(&two.id).unwrap().layers.len(), 2);
    assert!(matches!(store.image("localhost/x:1"), Err(StorageError::ImageNotFound(_))));
}

#[test]
fn a_long_chain_is_mounted() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("chain");
    let store = scratch.store();
    let archives: Vec<Vec<u8>> =
        (0..60).map(|number| tar(&[Member::file(&format!("file{number}"), b"x")])).collect();
    let image = add_image(&store, "localhost/deep:1", &archives);
    let options = ContainerOptions { image: Some(image.id), volatile: true, ..ContainerOptions::default() };
    let container = store.create_container(options).unwrap();
    let mount = ContainerMountOptions::default();
    let path = store.mount_container(&container.id, &mount).unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 60);
    assert_eq!(store.mount_container(&container.id, &mount).unwrap(), path);
    assert!(store.unmount_container(&container.id, false).unwrap());
    assert!(!store.unmount_container(&container.id, false).unwrap());
    assert!(matches!(store.unmount_container(&container.id, false), Err(StorageError::NotMounted(_))));
    store.mount_container(&container.id, &mount).unwrap();
    store.delete_container(&container.id).unwrap();
    assert!(!path.exists());
    assert!(store.containers().unwrap().is_empty());
}

#[test]
fn vfs_holds_the_same() {
    if !met(&[Need::Root, Need::Podman]) {
        return;
    }
    let scratch = Scratch::new("vfs");
    let canary = scratch.path().join("canary");
    fs::create_dir(&canary).unwrap();
    fs::write(canary.join("file"), "untouched").unwrap();
    let mut options = scratch.options();
    options.driver = Some(cove_storage::DriverKind::Vfs);
    let store = cove_storage::Store::open(&options).unwrap();
    let base = tar(&[
        Member::directory("etc/"),
        Member::file("etc/one", b"one"),
        Member::file("etc/gone", b"gone"),
        Member::directory("opt/"),
        Member::file("opt/old", b"old"),
        Member::link("way", b'2', canary.to_str().unwrap()),
        Member::link("hard", b'1', "etc/one"),
    ]);
    let upper = tar(&[
        Member::file("etc/.wh.gone", b""),
        Member::file("opt/#new", b"new"),
        Member::file("opt/.wh..wh..opq", b""),
        Member::directory("way/"),
        Member::file("way/.wh.file", b""),
        Member::file("way/mine", b"mine"),
    ]);
    let image = add_image(&store, "localhost/vfs:1", &[base.clone(), upper.clone()]);
    let container = store
        .create_container(ContainerOptions { image: Some(image.id.clone()), ..ContainerOptions::default() })
        .unwrap();
    let path = store.mount_container(&container.id, &ContainerMountOptions::default()).unwrap();
    assert!(!path.join("etc/gone").exists() && !path.join("opt/old").exists());
    assert_eq!(fs::read_to_string(path.join("opt/#new")).unwrap(), "new");
    assert_eq!(fs::read_to_string(path.join("way/mine")).unwrap(), "mine");
    assert!(fs::symlink_metadata(path.join("way")).unwrap().is_dir());
    assert_eq!(fs::metadata(path.join("hard")).unwrap().nlink(), 2);
    assert_eq!(fs::read_to_string(canary.join("file")).unwrap(), "untouched");
    fs::write(path.join("etc/two"), "two").unwrap();
    fs::remove_file(path.join("etc/one")).unwrap();
    let changes = store.container_changes(&container.id).unwrap();
    let changes: Vec<_> = changes.iter().map(|change| (change.kind, change.path.to_str().unwrap())).collect();
    use cove_storage::ChangeKind::{Added, Deleted, Modified};
    assert_eq!(changes, [(Modified, "/etc"), (Deleted, "/etc/one"), (Added, "/etc/two")]);
    assert_eq!(store.container_size(&container.id).unwrap(), 3);
    let mut diff = Vec::new();
    store.container_diff_tar(&container.id).unwrap().read_to_end(&mut diff).unwrap();
    let third = add_layer(&store, image.top_layer(), &diff);
    let directory = scratch.path().join("graph/vfs/dir").join(&third.id).join("etc");
    let names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["two"]);
    store.delete_layer(&third.id).unwrap();
    let layers = store.image_layers(&image.id).unwrap();
    assert!(reassembled(&store, &layers[0].id) == base && reassembled(&store, &layers[1].id) == upper);
    let (graph, run_root) = (scratch.path().join("graph"), scratch.path().join("run"));
    let arguments = ["--root", graph.to_str().unwrap(), "--runroot", run_root.to_str().unwrap()];
    let mut arguments = arguments.to_vec();
    arguments.extend(["--storage-driver", "vfs", "images", "-q", "--no-trunc"]);
    assert_eq!(run("podman", &arguments).trim(), format!("sha256:{}", image.id));
    options.driver = Some(cove_storage::DriverKind::Overlay);
    assert!(matches!(cove_storage::Store::open(&options), Err(StorageError::OtherDriver { .. })));
    assert!(!store.unmount_container(&container.id, false).unwrap());
    store.delete_container(&container.id).unwrap();
    assert_eq!(store.delete_image(&image.id).unwrap().layers.len(), 2);
}

#[test]
fn damaged_archives_are_refused_or_kept_exactly() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("fuzz");
    let store = scratch.store();
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    fs::write(tree.join("a/b/file"), "x".repeat(700)).unwrap();
    fs::write(tree.join("a").join("n".repeat(180)), "long").unwrap();
    fs_err::os::unix::fs::symlink("b", tree.join("a/link")).unwrap();
    fs::hard_link(tree.join("a/b/file"), tree.join("hard")).unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.set_len(100_000).unwrap();
    std::os::unix::fs::FileExt::write_at(sparse.file(), b"middle", 50_000).unwrap();
    drop(sparse);
    let mut state = 88_172_645_463_325_252u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut good, mut bad) = (0, 0);
    for format in ["--format=gnu", "--format=posix"] {
        let path = scratch.path().join("layer.tar");
        let arguments =
            ["-C", tree.to_str().unwrap(), "--sparse", format, "-b1", "-cf", path.to_str().unwrap(), "."];
        run("tar", &arguments);
        let archive = fs::read(&path).unwrap();
        for _ in 0..400 {
            let mut damaged = archive.clone();
            let length = damaged.len() as u64;
            for _ in 0..=random() % 3 {
                let position = usize::try_from(random() % length).unwrap();
                damaged[position] = u8::try_from(random() % 256).unwrap();
                // Half the time the header's checksum is made right again, to get further.
                let block = position / 512 * 512;
                if random() % 2 == 0 && &damaged[block + 257..block + 262] == b"ustar" {
                    damaged[block + 148..block + 156].fill(b' ');
                    let sum: u32 = damaged[block..block + 512].iter().map(|&byte| u32::from(byte)).sum();
                    damaged[block + 148..block + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                }
            }
            if random() % 8 == 0 {
                damaged.truncate(usize::try_from(random() % length).unwrap());
            }
            match store.stage_layer(damaged.as_slice(), &Expectations::default()) {
                Err(_) => bad += 1,
                Ok(staged) => {
                    good += 1;
                    let commit = cove_storage::LayerCommit {
                        staged,
                        id: None,
                        parent: None,
                        compressed_digest: None,
                        compressed_size: None,
                    };
                    let layer = store.commit_layer(commit).unwrap();
                    assert!(reassembled(&store, &layer.id) == damaged);
                    store.delete_layer(&layer.id).unwrap();
                }
            }
        }
    }
    assert!(good > 20 && bad > 20, "{good} {bad}");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("full");
    let graph = scratch.path().join("graph");
    fs::create_dir(&graph).unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=20m", "tmpfs", graph.to_str().unwrap()]);
    let store = scratch.store();
    let archive = tar(&[Member::file("big", &vec![7; 30_000_000])]);
    let compressed = zstd::encode_all(archive.as_slice(), 1).unwrap();
    let error = store.stage_layer(compressed.as_slice(), &Expectations::default()).unwrap_err().to_string();
    assert!(error.contains("No space left") && error.contains("big"), "{error}");
    let small = tar(&[Member::file("small", b"x")]);
    add_image(&store, "localhost/small:1", &[small]);
    assert_eq!(store.images().unwrap().len(), 1);
}
