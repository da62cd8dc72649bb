//! Transfers, good and hostile.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cove_sys::fs;

use super::*;

struct Bed {
    _folder: tempfile::TempDir,
    tree: PathBuf,
    parts: PathBuf,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tree, parts) = (folder.path().join("tree"), folder.path().join("parts"));
        fs::create_dir(&tree).unwrap();
        fs::create_dir(&parts).unwrap();
        Self { _folder: folder, tree, parts }
    }

    fn apply(&self) -> Apply {
        Apply::new(Root::open(&self.tree).unwrap(), Root::open(&self.parts).unwrap())
    }

    /// Sends all that is named, with the contents that are asked for.
    fn send(&self, all: &[(Stat, &str)]) -> Result<Received> {
        let mut apply = self.apply();
        let mut wanted = Vec::new();
        for (stat, text) in all {
            let packet = Packet { stat: Some(stat.clone()), ..Packet::default() };
            wanted.extend(apply.packet(packet)?.map(|id| (id, *text)));
        }
        apply.packet(Packet::default())?;
        for (id, text) in wanted {
            let kind = PacketKind::Data.into();
            if !text.is_empty() {
                apply.packet(Packet { kind, id, data: text.to_owned().into(), ..Packet::default() })?;
            }
            apply.packet(Packet { kind, id, ..Packet::default() })?;
        }
        assert!(apply.is_complete());
        apply.finish()
    }
}

fn stat(path: &str, mode: u32) -> Stat {
    Stat { path: path.into(), mode, modified: 1_600_000_000_123_456_789, ..Stat::default() }
}

fn file(path: &str, text: &'static str) -> (Stat, &'static str) {
    (Stat { size: text.len() as i64, ..stat(path, 0o644) }, text)
}

fn folder(path: &str) -> (Stat, &'static str) {
    (stat(path, go::DIRECTORY | 0o755), "")
}

fn link(path: &str, to: &str) -> (Stat, &'static str) {
    (Stat { link: to.into(), ..stat(path, go::SYMLINK | 0o777) }, "")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_tree_is_made_and_only_what_changes_is_sent() {
    let bed = Bed::new();
    let mut all = vec![
        file("a", "one"),
        folder("d"),
        file("d/empty", ""),
        (Stat { mode: 0o600 | go::SET_USER, ..file("d/set", "x").0 }, "x"),
        link("d/up", "../a"),
        (stat("fifo", go::PIPE | 0o600), ""),
        (Stat { link: "a".into(), ..file("same", "").0 }, ""),
    ];
    let received = bed.send(&all).unwrap();
    assert_eq!(received, Received { entries: 7, files: 3, bytes: 4 });
    assert_eq!(fs::read(bed.tree.join("a")).unwrap(), b"one");
    assert_eq!(fs::read_link(bed.tree.join("d/up")).unwrap(), Path::new("../a"));
    let set = fs::metadata(bed.tree.join("d/set")).unwrap();
    assert_eq!(set.permissions().mode() & 0o7777, 0o4600);
    assert_eq!((set.mtime(), set.mtime_nsec()), (1_600_000_000, 123_456_789));
    assert_eq!(fs::metadata(bed.tree.join("d")).unwrap().mtime(), 1_600_000_000);
    let same = fs::metadata(bed.tree.join("same")).unwrap();
    assert_eq!(same.ino(), fs::metadata(bed.tree.join("a")).unwrap().ino());
    assert_eq!(bed.send(&all).unwrap().files, 0, "nothing has changed");
    // One has changed, one is a folder now, one has gone.
    all[0] = (Stat { modified: 5, ..file("a", "two").0 }, "two");
    all[3] = folder("d/set");
    all.remove(4);
    let received = bed.send(&all).unwrap();
    assert_eq!((received.files, received.bytes), (1, 3));
    assert_eq!(fs::read(bed.tree.join("a")).unwrap(), b"two");
    assert_eq!(names(&bed.tree.join("d")), ["empty", "set"]);
    assert!(bed.tree.join("d/set").is_dir());
    // All but one have gone, and what was a folder is a file.
    bed.send(&[file("d", "flat")]).unwrap();
    assert_eq!(names(&bed.tree), ["d"]);
    assert_eq!(names(&bed.parts), [""; 0]);
}

#[test]
fn hostile_names_are_refused() {
    let long = "n".repeat(256);
    let deep = vec!["d"; MAX_DEPTH + 1].join("/");
    for all in [
        vec![file("../out", "x")],
        vec![file("/out", "x")],
        vec![file("", "x")],
        vec![file(".", "x")],
        vec![folder(".."), file("../out", "x")],
        vec![file("d/without", "x")],
        vec![file("a\0b", "x")],
        vec![(stat(&long, 0o644), "")],
        vec![(stat(&deep, 0o644), "")],
        vec![file("b", "x"), file("a", "x")],
        vec![file("a", "x"), file("a", "y")],
        // What a link leads to is no folder of the tree.
        vec![link("l", "/tmp"), file("l/x", "x")],
        vec![link("l", ".."), folder("l/x")],
        vec![folder("d"), file("e", ""), file("d/late", "x")],
        vec![(stat("device", 1 << 26 | 0o600), "")],
        vec![(Stat { link: "gone".into(), ..stat("hard", 0o644) }, "")],
        vec![(Stat { link: "../../x".into(), ..stat("hard", 0o644) }, "")],
        vec![folder("d"), (Stat { link: "d".into(), ..stat("hard", 0o644) }, "")],
        vec![(Stat { size: -1, ..stat("a", 0o644) }, "")],
        // Less than was said.
        vec![(Stat { size: 5, ..stat("a", 0o644) }, "x")],
    ] {
        let bed = Bed::new();
        let outcome = bed.send(&all);
        assert!(outcome.is_err(), "{:?}", all.last().map(|(stat, _)| &stat.path));
        let above = names(bed.tree.parent().unwrap());
        assert_eq!(above, ["parts", "tree"]);
    }
}

#[test]
fn hostile_packets_are_refused() {
    let bed = Bed::new();
    let data = Packet { kind: PacketKind::Data.into(), id: 7, data: "x".into(), ..Packet::default() };
    assert!(bed.apply().packet(data).is_err());
    let mut apply = bed.apply();
    apply.packet(Packet::default()).unwrap();
    assert!(apply.packet(Packet { stat: Some(stat("a", 0o644)), ..Packet::default() }).is_err());
    for kind in [PacketKind::Request.into(), PacketKind::Error.into(), 99] {
        assert!(bed.apply().packet(Packet { kind, ..Packet::default() }).is_err());
    }
    // A file that is not whole has no name, and what was there stays until it is.
    bed.send(&[file("a", "old")]).unwrap();
    let mut apply = bed.apply();
    let id = apply.packet(Packet { stat: Some(file("a", "new!").0), ..Packet::default() }).unwrap().unwrap();
    let kind = PacketKind::Data.into();
    apply.packet(Packet { kind, id, data: "ne".into(), ..Packet::default() }).unwrap();
    drop(apply);
    assert_eq!(fs::read(bed.tree.join("a")).unwrap(), b"old");
}
