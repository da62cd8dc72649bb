//! The engine about itself: disk use, and removing what nothing uses.

use cove_test_support::{Bed, IMAGE, Service, Who, everyone};
use serde_json::Value;

/// The rows of `system df --format json`.
fn usage(bed: &Bed) -> Value {
    serde_json::from_str(bed.cove(&["system", "df", "--format", "json"]).ok()).expect("JSON")
}

#[test]
fn the_disk_use_is_what_is_there() {
    everyone(|bed| {
        let image: u64 =
            bed.cove(&["image", "inspect", "--format", "{{.Size}}", IMAGE]).ok().parse().unwrap();
        let rows = usage(bed);
        assert_eq!(
            (&rows[0]["RawSize"], &rows[0]["Total"], &rows[0]["Active"]),
            (&image.into(), &1.into(), &0.into())
        );
        assert_eq!((&rows[1]["Size"], &rows[2]["Size"]), (&"0B".into(), &"0B".into()));

        // What two images share counts once.
        bed.cove(&["tag", IMAGE, "localhost/second:1"]).ok();
        let write =
            "head -c 100000 /dev/zero >/d/f; ln /d/f /d/g; ln -s /d/f /d/h; head -c 5000 /dev/zero >/own";
        bed.cove(&["run", "--network", "none", "--name", "one", "-v", "data:/d", IMAGE, "sh", "-c", write])
            .ok();
        let rows = usage(bed);
        assert_eq!((&rows[0]["RawSize"], &rows[0]["Total"]), (&image.into(), &2.into()));
        assert_eq!((&rows[1]["Total"], &rows[1]["Active"]), (&1.into(), &0.into()));
        let own = rows[1]["RawSize"].as_u64().unwrap();
        assert!((5000..6000).contains(&own), "{own}");
        assert_eq!(rows[1]["RawReclaimable"], rows[1]["RawSize"]);
        // One file with two names, and the text of the link.
        assert_eq!((&rows[2]["RawSize"], &rows[2]["Active"]), (&100_004.into(), &1.into()));
        let text = bed.cove(&["system", "df", "-v"]).ok().to_owned();
        assert!(text.contains("localhost/second") && text.contains("data"), "{text}");

        let service = Service::start(bed);
        assert_eq!(bed.cove(&["--url", &service.uri(), "system", "df", "-v"]).ok(), text);
    });
}

#[test]
fn everything_unused_goes_and_the_rest_stays() {
    everyone(|bed| {
        // Root's networks are everybody's: these are the test's own.
        let networks = bed.path("networks").display().to_string();
        let cove = |words: &[&str]| bed.cove(&[&["--network-config-dir", &networks], words].concat());
        bed.cove(&["tag", IMAGE, "localhost/unused:1"]).ok();
        bed.cove(&["run", "--network", "none", "--name", "old", IMAGE, "sh", "-c", "echo x >/f"]).ok();
        bed.cove(&[
            "run",
            "-d",
            "--network",
            "none",
            "--name",
            "new",
            "-v",
            "kept:/d",
            IMAGE,
            "sleep",
            "100",
        ])
        .ok();
        cove(&["network", "create", "lonely"]).ok();
        bed.cove(&["volume", "create", "spare"]).ok();

        // Who does not say yes keeps everything.
        let asked = bed
            .cove_with(&["--network-config-dir", &networks, "system", "prune", "--volumes"], b"n\n")
            .ok()
            .to_owned();
        assert!(
            asked.contains("- all stopped containers") && asked.contains("This frees at most"),
            "{asked}"
        );
        assert_eq!(bed.cove(&["ps", "-aq"]).ok().lines().count(), 2);

        cove(&["system", "prune", "-f", "--filter", "label=none"]).ok();
        assert_eq!(bed.cove(&["ps", "-aq"]).ok().lines().count(), 2);
        cove(&["system", "prune", "-f", "--filter", "name=old"]).fails(125, "name");

        let text = cove(&["system", "prune", "-f"]).ok().to_owned();
        assert!(text.contains("Deleted Containers") && text.contains("Deleted Networks\nlonely"), "{text}");
        assert!(text.ends_with("Total reclaimed space: 2B"), "{text}");
        assert_eq!(bed.cove(&["ps", "-a", "--format", "{{.Names}}"]).ok(), "new");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "kept\nspare");

        let service = Service::start(bed);
        let text = bed.cove(&["--url", &service.uri(), "system", "prune", "-f", "--volumes"]).ok().to_owned();
        assert!(text.contains("Deleted Volumes\nspare"), "{text}");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "kept");
        drop(service);

        bed.cove(&["rm", "-f", "-t", "0", "new"]).ok();
        let text = cove(&["system", "prune", "-af", "--volumes"]).ok().to_owned();
        assert!(text.contains("Deleted Images"), "{text}");
        assert_eq!(bed.cove(&["images", "-q"]).ok(), "");
        assert_eq!(usage(bed)[0]["RawSize"], 0);
    });
}

#[test]
fn what_interrupted_commands_left_in_the_store_goes() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let driver = if bed.path("root/vfs").exists() { "root/vfs/dir" } else { "root/overlay" };
    let stray = bed.path(driver).join("a".repeat(64));
    cove_sys::fs::create_dir(&stray).expect("a folder");
    bed.cove(&["system", "prune", "--external", "--all"]).fails(125, "cannot be combined");
    bed.cove(&["system", "prune", "--external"]).ok();
    assert!(!stray.exists());
    assert_eq!(bed.cove(&["run", "--rm", "--network", "none", IMAGE, "echo", "well"]).ok(), "well");
}
