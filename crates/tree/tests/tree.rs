//! Trees to tar and back, and what hostile archives and swapped links cannot do.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cove_sys::fs;
use cove_test_support::{Member, tar};
use cove_tree::{Packing, Root, Unpacking, is_archive, pack, unpack};
use rustix::fs::OFlags;

fn own() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

fn packing(name: &[u8]) -> Packing<'_> {
    Packing {
        name,
        with_root: true,
        skip: &[],
        owners: &|uid, gid| (uid, gid),
        unreadable: false,
        follow: true,
    }
}

fn packed(root: &Path, path: &str, name: &str) -> cove_tree::Result<Vec<u8>> {
    let mut out = Vec::new();
    pack(&Root::open(root).unwrap(), path.as_bytes(), &packing(name.as_bytes()), &mut out)?;
    Ok(out)
}

fn unpacked(root: &Path, directory: &str, overwrite: bool, archive: &[u8]) -> cove_tree::Result<()> {
    renamed(root, directory, overwrite, &[], archive)
}

fn renamed(
    root: &Path,
    directory: &str,
    overwrite: bool,
    rename: &[(Vec<u8>, Vec<u8>)],
    archive: &[u8],
) -> cove_tree::Result<()> {
    let unpacking = Unpacking {
        directory: directory.as_bytes(),
        keep_directory: false,
        rename,
        owner: Some(own()),
        owners: &|uid, gid| (uid, gid),
        overwrite,
        privileged: false,
    };
    unpack(&Root::open(root).unwrap(), &unpacking, archive)
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_tree_comes_back_as_it_was() {
    let (from, to) = (scratch(), scratch());
    let dir = from.path().join("dir");
    fs::create_dir_all(dir.join("sub/empty")).unwrap();
    fs::write(dir.join("file"), "contents").unwrap();
    fs::set_permissions(dir.join("file"), PermissionsExt::from_mode(0o640)).unwrap();
    fs::write(dir.join("big"), vec![7; 700_000]).unwrap();
    std::fs::hard_link(dir.join("file"), dir.join("sub/link")).unwrap();
    symlink("../file", dir.join("sub/symbolic")).unwrap();
    fs::set_permissions(dir.join("sub"), PermissionsExt::from_mode(0o555)).unwrap();
    let archive = packed(from.path(), "dir", "other").unwrap();
    fs::set_permissions(dir.join("sub"), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(is_archive(&archive) && !is_archive(b"text") && !is_archive(b""));
    unpacked(to.path(), "", false, &archive).unwrap();
    let made = to.path().join("other");
    assert_eq!(fs::read_to_string(made.join("file")).unwrap(), "contents");
    assert_eq!(fs::metadata(made.join("file")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::read(made.join("big")).unwrap().len(), 700_000);
    assert_eq!(fs::read_link(made.join("sub/symbolic")).unwrap(), Path::new("../file"));
    let inode = |path: &str| fs::metadata(made.join(path)).unwrap().ino();
    assert_eq!(inode("file"), inode("sub/link"));
    assert_eq!(fs::metadata(made.join("sub")).unwrap().mode() & 0o7777, 0o555);
    let time = |path: &Path| fs::metadata(path).unwrap().mtime();
    assert_eq!(time(&made.join("sub")), time(&dir.join("sub")));
    fs::set_permissions(made.join("sub"), PermissionsExt::from_mode(0o755)).unwrap();
    // The contents alone, over what is there.
    unpacked(to.path(), "/other/", false, &packed(from.path(), "dir", "").unwrap()).unwrap();
    assert!(!made.join("dir").exists());
    let rename = [(b"dir".to_vec(), b"new".to_vec())];
    renamed(to.path(), "", false, &rename, &packed(from.path(), "dir", "dir").unwrap()).unwrap();
    assert!(to.path().join("new/sub/link").exists() && !to.path().join("dir").exists());
}

#[test]
fn directories_and_files_replace_each_other_only_if_wanted() {
    let to = scratch();
    let file = tar(&[Member::file("x", b"file")]);
    let directory = tar(&[Member::directory("x"), Member::file("x/y", b"inside")]);
    unpacked(to.path(), "", false, &file).unwrap();
    let error = unpacked(to.path(), "", false, &directory).unwrap_err().to_string();
    assert_eq!(error, "error creating \"/x\": mkdir /x: file exists");
    unpacked(to.path(), "", true, &directory).unwrap();
    let error = unpacked(to.path(), "", false, &file).unwrap_err().to_string();
    assert_eq!(error, "error creating \"/x\": open /x: file exists");
    unpacked(to.path(), "", true, &file).unwrap();
    // A file is replaced, not written through: other names keep what they have.
    std::fs::hard_link(to.path().join("x"), to.path().join("kept")).unwrap();
    unpacked(to.path(), "", false, &tar(&[Member::file("x", b"new")])).unwrap();
    assert_eq!(fs::read_to_string(to.path().join("kept")).unwrap(), "file");
}

#[test]
fn half_a_file_is_none() {
    let to = scratch();
    let archive = tar(&[Member::file("whole", b"first"), Member::file("x", &[7; 5000])]);
    // The first with its header, the second's header, and the first of its data.
    unpacked(to.path(), "", false, &archive[..3 * 512 + 1000]).unwrap_err();
    assert_eq!(fs::read_to_string(to.path().join("whole")).unwrap(), "first");
    assert!(!to.path().join("x").exists());
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
}

#[test]
fn links_lead_nowhere_but_into_the_tree() {
    let outside = scratch();
    fs::write(outside.path().join("secret"), "canary").unwrap();
    let tree = scratch();
    let out = outside.path().to_str().unwrap();
    symlink(out, tree.path().join("link")).unwrap();
    // As in a chroot, the path counts from the tree's root, where it is made.
    unpacked(tree.path(), "/", false, &tar(&[Member::file("link/secret", b"x")])).unwrap_err();
    fs::create_dir_all(tree.path().join(&out[1..])).unwrap();
    unpacked(tree.path(), "/", false, &tar(&[Member::file("link/secret", b"x")])).unwrap();
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "canary");
    assert_eq!(fs::read_to_string(tree.path().join(&out[1..]).join("secret")).unwrap(), "x");
    let through = packed(tree.path(), "link/secret", "s").unwrap();
    assert!(!String::from_utf8_lossy(&through).contains("canary"));
    for hostile in [
        vec![Member::file("../x", b"x")],
        vec![Member::file("a/../../x", b"x")],
        vec![Member::link("x", b'1', "../secret")],
        vec![Member::link("x", b'1', "etc/passwd")],
        vec![Member::file("..", b"x")],
    ] {
        unpacked(tree.path(), "/", true, &tar(&hostile)).unwrap_err();
    }
    // A link of the archive itself, and then something behind it.
    let behind = tar(&[Member::link("l", b'2', out), Member::file("l/made", b"x")]);
    unpacked(tree.path(), "/", true, &behind).unwrap();
    assert!(!outside.path().join("made").exists());
}

#[test]
fn what_is_made_on_the_host_has_no_rights_of_its_own() {
    let to = scratch();
    let mut member = Member::file("x", b"#!");
    member.mode = 0o6755;
    let device = Member::link("null", b'3', "");
    unpacked(to.path(), "", false, &tar(&[member, device])).unwrap();
    assert_eq!(fs::metadata(to.path().join("x")).unwrap().mode() & 0o7777, 0o755);
    assert!(!to.path().join("null").exists());
}

#[test]
fn a_link_that_is_swapped_during_the_work_leads_nowhere() {
    let outside = scratch();
    fs::write(outside.path().join("file"), "canary").unwrap();
    let tree = scratch();
    let (place, aside, link) =
        (tree.path().join("place"), tree.path().join("aside"), tree.path().join("link"));
    fs::create_dir(&place).unwrap();
    fs::write(place.join("file"), "inside").unwrap();
    symlink(outside.path(), &link).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(&place, &aside);
                let _ = fs::rename(&link, &place);
                let _ = fs::rename(&place, &link);
                let _ = fs::rename(&aside, &place);
            }
        });
        let archive = tar(&[Member::file("file", b"inside")]);
        for _ in 0..2000 {
            // Whether it works depends on the moment.
            let _ = unpacked(tree.path(), "/place", false, &archive);
            if let Ok(packed) = packed(tree.path(), "/place", "p") {
                assert!(!String::from_utf8_lossy(&packed).contains("canary"));
            }
            let root = Root::open(tree.path()).unwrap();
            if let Ok(file) = root.find(b"/place/file", OFlags::RDONLY) {
                let text = std::io::read_to_string(std::fs::File::from(file)).unwrap();
                assert_ne!(text, "canary");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "canary");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn paths_are_looked_at_with_their_links() {
    let tree = scratch();
    fs::create_dir_all(tree.path().join("a/b")).unwrap();
    symlink("/a", tree.path().join("abs")).unwrap();
    symlink("../..", tree.path().join("a/b/up")).unwrap();
    symlink("/a/none", tree.path().join("dangling")).unwrap();
    symlink("loop", tree.path().join("loop")).unwrap();
    let root = Root::open(tree.path()).unwrap();
    for (path, expected, there, link) in [
        ("/", "/", true, false),
        ("/abs/b", "/a/b", true, false),
        ("/abs", "/a", true, true),
        ("a/b/up", "/", true, true),
        ("/a/b/up/../../a", "/a", true, false),
        ("/dangling", "/a/none", false, true),
        ("/a/none", "/a/none", false, false),
        ("/no/where", "/no/where", false, false),
    ] {
        let look = root.look(path.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&look.path), expected, "{path}");
        assert_eq!((look.stat.is_some(), look.link.is_some()), (there, link), "{path}");
    }
    assert!(root.look(b"/loop").is_err());
}

#[test]
fn the_mode_of_a_pipe_stays_with_the_pipe() {
    let outside = scratch();
    let canary = outside.path().join("canary");
    fs::write(&canary, "canary").unwrap();
    fs::set_permissions(&canary, std::fs::Permissions::from_mode(0o600)).unwrap();
    let tree = scratch();
    let (pipe, link) = (tree.path().join("pipe"), tree.path().join("link"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = symlink(&canary, &link);
                let _ = fs::rename(&link, &pipe);
            }
        });
        let archive = tar(&[Member { mode: 0o666, ..Member::link("pipe", b'6', "") }]);
        for _ in 0..5000 {
            let _ = unpacked(tree.path(), "/", true, &archive);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::metadata(&canary).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn the_directory_itself_is_left_alone_where_that_is_wanted() {
    let archive = tar(&[Member { mode: 0o700, ..Member::link("./", b'5', "") }, Member::file("./f", b"x")]);
    for (keep_directory, mode) in [(true, 0o755), (false, 0o700)] {
        let to = scratch();
        fs::set_permissions(to.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let unpacking = Unpacking {
            directory: b"/",
            keep_directory,
            rename: &[],
            owner: Some(own()),
            owners: &|uid, gid| (uid, gid),
            overwrite: true,
            privileged: false,
        };
        unpack(&Root::open(to.path()).unwrap(), &unpacking, &archive[..]).unwrap();
        assert_eq!(fs::metadata(to.path()).unwrap().mode() & 0o7777, mode);
        assert!(to.path().join("f").exists());
    }
}
