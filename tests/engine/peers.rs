//! The same store under Podman: what one writes, the other reads.

use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Who, met};

fn bed_with_podman() -> Option<Bed> {
    if met(&[Need::Podman]) { Bed::new(Who::Root) } else { None }
}

fn podman(bed: &Bed, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("podman");
    command.args(bed.store_options()).args(arguments);
    Outcome::of(command, b"")
}

#[test]
fn podman_lists_saves_and_removes_our_image() {
    let Some(bed) = bed_with_podman() else { return };
    let ours = bed.cove(&["images", "-q", "--no-trunc"]).ok().to_owned();
    assert_eq!(podman(&bed, &["images", "-q", "--no-trunc"]).ok(), ours);
    let archive = bed.path("by-podman.tar").display().to_string();
    podman(&bed, &["save", "-q", "-o", &archive, IMAGE]).ok();
    let folder = podman(&bed, &["image", "mount", IMAGE]).ok().to_owned();
    assert!(std::path::Path::new(&folder).join("bin/busybox").exists());
    podman(&bed, &["image", "unmount", IMAGE]).ok();
    podman(&bed, &["rmi", IMAGE]).ok();
    assert_eq!(bed.cove(&["images", "-q"]).ok(), "");
    bed.cove(&["load", "-q", "-i", &archive]).ok();
    assert_eq!(bed.cove(&["images", "-q", "--no-trunc"]).ok(), ours);
}

#[test]
fn we_run_and_remove_podmans_image() {
    let Some(bed) = bed_with_podman() else { return };
    let rootfs = bed.path("rootfs.tar").display().to_string();
    podman(&bed, &["import", "-q", &rootfs, "localhost/podmans:1"]).ok();
    assert_eq!(
        bed.cove(&["run", "--rm", "--network", "none", "localhost/podmans:1", "echo", "ran"]).ok(),
        "ran"
    );
    bed.cove(&["rmi", "localhost/podmans:1"]).ok();
    assert_eq!(podman(&bed, &["image", "exists", "localhost/podmans:1"]).code, 1);
}

#[test]
fn both_at_work_at_once_lose_nothing() {
    let Some(bed) = bed_with_podman() else { return };
    let rootfs = bed.path("rootfs.tar").display().to_string();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (bed, rootfs) = (&bed, &rootfs);
            scope.spawn(move || {
                bed.cove(&[
                    "import",
                    "-q",
                    "-m",
                    &number.to_string(),
                    rootfs,
                    &format!("localhost/ours:{number}"),
                ])
                .ok();
            });
            scope.spawn(move || {
                podman(
                    bed,
                    &[
                        "import",
                        "-q",
                        "-m",
                        &number.to_string(),
                        rootfs,
                        &format!("localhost/theirs:{number}"),
                    ],
                )
                .ok();
            });
        }
    });
    let names = |outcome: Outcome| {
        let mut names: Vec<String> = outcome.ok().lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    let format = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
    let ours = names(bed.cove(&format));
    assert_eq!(ours, names(podman(&bed, &format)));
    assert_eq!(ours.len(), 9, "{ours:?}");
}
