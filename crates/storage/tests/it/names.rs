//! Long names: what an entry is must not depend on where a header's name field ends.

use std::collections::BTreeMap;
use std::path::Path;

use cove_sys::fs;
use cove_test_support::{Need, met};

use crate::fixture::{Scratch, add_layer, run};

/// Around the ends of the name field (100), of the prefix (155) and of both (256).
const LENGTHS: &[usize] = &[90, 100, 101, 156, 257, 300];

/// Every name of that length with one slash, each once with contents and once without, and deeper ones.
fn names(length: usize) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for slash in 1..length - 1 {
        let rest = length - slash - 1;
        if slash > 255 || rest > 255 {
            continue;
        }
        let folder = "a".repeat(slash);
        names.push((format!("{folder}/{}", "b".repeat(rest)), "contents"));
        names.push((format!("{folder}/{}", "c".repeat(rest)), ""));
    }
    let deep = "d/".repeat(length / 2);
    names.push((format!("{deep}leaf"), "contents"));
    names.push((format!("{deep}empty"), ""));
    names
}

/// Path to contents of everything that is a file; directories with a slash and no contents.
fn listing(root: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            found.insert(format!("{path}/"), String::new());
            listing(root, &path, found);
        } else {
            found.insert(path.clone(), fs::read_to_string(root.join(&path)).unwrap());
        }
    }
}

/// What podman makes of the archive.
fn podman_has(scratch: &Scratch, archive: &Path) -> BTreeMap<String, String> {
    let (root, run_root) = (scratch.path().join("podman"), scratch.path().join("podman-run"));
    let podman = |arguments: &[&str]| {
        let places = ["--root", root.to_str().unwrap(), "--runroot", run_root.to_str().unwrap()];
        run("podman", &[&places[..], arguments].concat()).trim().to_owned()
    };
    let image = podman(&["import", "-q", archive.to_str().unwrap()]);
    let mounted = podman(&["image", "mount", &image]);
    let mut found = BTreeMap::new();
    listing(Path::new(&mounted), "", &mut found);
    podman(&["image", "unmount", &image]);
    podman(&["rmi", &image]);
    found
}

#[test]
fn long_names_keep_their_kind() {
    if !met(&[Need::Root]) {
        return;
    }
    let scratch = Scratch::new("names");
    let store = scratch.store();
    for (format, longest) in [("v7", 99), ("ustar", 256), ("gnu", 300), ("posix", 300)] {
        let tree = scratch.path().join(format);
        for &length in LENGTHS.iter().filter(|length| **length <= longest) {
            for (name, contents) in names(length) {
                // ustar can only divide a name at a slash.
                if format == "ustar" && !divides(&name) || name.len() > longest {
                    continue;
                }
                let path = tree.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, contents).unwrap();
            }
        }
        let archive = scratch.path().join("layer.tar");
        run(
            "tar",
            &[
                "-C",
                tree.to_str().unwrap(),
                &format!("--format={format}"),
                "-cf",
                archive.to_str().unwrap(),
                ".",
                "--transform=s,^\\./,,",
            ],
        );
        let layer = add_layer(&store, None, &fs::read(&archive).unwrap());
        let (mut wanted, mut found) = (BTreeMap::new(), BTreeMap::new());
        listing(&tree, "", &mut wanted);
        listing(&scratch.path().join("graph/overlay").join(&layer.id).join("diff"), "", &mut found);
        assert!(wanted.len() > 30, "{format}: {}", wanted.len());
        let different: Vec<_> = wanted.iter().filter(|(name, data)| found.get(*name) != Some(data)).collect();
        assert!(different.is_empty(), "{format}: {different:?}");
        assert_eq!(wanted.len(), found.len(), "{format}");
        if met(&[Need::Podman]) {
            assert!(podman_has(&scratch, &archive) == found, "{format}: podman has something else");
        }
        store.delete_layer(&layer.id).unwrap();
        fs::remove_dir_all(tree).unwrap();
    }
}

/// Whether prefix and name of ustar can hold it, and its folders with their slash.
fn divides(name: &str) -> bool {
    let fits = |name: &str| {
        name.len() <= 100
            || name
                .match_indices('/')
                .any(|(at, _)| at > 0 && at <= 155 && (1..=100).contains(&(name.len() - at - 1)))
    };
    fits(name) && name.match_indices('/').all(|(at, _)| fits(&name[..=at]))
}
