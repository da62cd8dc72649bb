//! The engine about itself: disk use, and removing what nothing uses.

use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, Who, everyone, skip};
use serde_json::Value;

/// The options that keep a test's networks apart from those of the host: what is removed here is everybody's.
fn own_networks(bed: &Bed) -> [String; 2] {
    ["--network-config-dir".into(), bed.path("networks").display().to_string()]
}

/// Runs `cove` with networks of its own.
#[track_caller]
fn apart(bed: &Bed, arguments: &[&str]) -> Outcome {
    apart_with(bed, arguments, b"")
}

#[track_caller]
fn apart_with(bed: &Bed, arguments: &[&str], input: &[u8]) -> Outcome {
    let [option, folder] = own_networks(bed);
    bed.cove_with(&[&[option.as_str(), &folder], arguments].concat(), input)
}

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
        let there = bed.cove(&["--url", &service.uri(), "system", "df", "-v"]).ok().to_owned();
        assert_eq!(without_ages(&there), without_ages(&text));
    });
}

/// The words of a text but for the seconds and minutes that things are old, which go on while a test runs.
fn without_ages(text: &str) -> Vec<&str> {
    let is_age = |word: &&str| {
        matches!(*word, "Less" | "than" | "second" | "seconds" | "About" | "a" | "minute" | "minutes")
            || word.parse::<u8>().is_ok()
    };
    text.split_whitespace().filter(|word| !is_age(word)).collect()
}

#[test]
fn everything_unused_goes_and_the_rest_stays() {
    everyone(|bed| {
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
        apart(bed, &["network", "create", "lonely"]).ok();
        bed.cove(&["volume", "create", "spare"]).ok();

        // Who does not say yes keeps everything.
        let asked = apart_with(bed, &["system", "prune", "--volumes"], b"n\n").ok().to_owned();
        assert!(
            asked.contains("- all stopped containers") && asked.contains("This frees at most"),
            "{asked}"
        );
        assert_eq!(bed.cove(&["ps", "-aq"]).ok().lines().count(), 2);

        apart(bed, &["system", "prune", "-f", "--filter", "label=none"]).ok();
        assert_eq!(bed.cove(&["ps", "-aq"]).ok().lines().count(), 2);
        apart(bed, &["system", "prune", "-f", "--filter", "name=old"]).fails(125, "name");

        let text = apart(bed, &["system", "prune", "-f"]).ok().to_owned();
        assert!(text.contains("Deleted Containers") && text.contains("Deleted Networks\nlonely"), "{text}");
        // What it wrote, and the link /etc/mtab.
        assert!(text.ends_with("Total reclaimed space: 14B"), "{text}");
        assert_eq!(bed.cove(&["ps", "-a", "--format", "{{.Names}}"]).ok(), "new");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "kept\nspare");

        let service = Service::start_with(bed, &own_networks(bed).each_ref().map(String::as_str));
        let text = bed.cove(&["--url", &service.uri(), "system", "prune", "-f", "--volumes"]).ok().to_owned();
        assert!(text.contains("Deleted Volumes\nspare"), "{text}");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "kept");
        drop(service);

        bed.cove(&["rm", "-f", "-t", "0", "new"]).ok();
        let text = apart(bed, &["system", "prune", "-af", "--volumes"]).ok().to_owned();
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

#[test]
fn damage_is_found_and_repaired() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    bed.cove(&["system", "check"]).ok();
    bed.cove(&["create", "--name", "ctr", IMAGE, "true"]).ok();
    let layer = bed.cove(&["image", "inspect", "--format", "{{index .RootFS.Layers 0}}", IMAGE]);
    let id = layer.ok().trim_start_matches("sha256:").to_owned();
    let file = ["overlay", "vfs/dir"]
        .iter()
        .map(|driver| bed.path("root").join(driver).join(&id))
        .find_map(|folder| {
            [folder.join("diff/bin/busybox"), folder.join("bin/busybox")]
                .into_iter()
                .find(|path| path.exists())
        })
        .expect("the program");
    cove_sys::fs::write(&file, "something else").expect("damage");
    bed.cove(&["system", "check", "--quick"]).ok();
    let check = bed.cove(&["system", "check"]);
    check.fails(125, "damage detected in local storage");
    assert!(
        check.stdout.contains("Damaged layer") && check.stdout.contains("checksum failed"),
        "{}",
        check.stdout
    );
    bed.cove(&["system", "check", "--repair"]).fails(125, "still present after repair attempt");
    bed.cove(&["container", "exists", "ctr"]).ok();
    let repaired = bed.cove(&["system", "check", "--force"]);
    let text = repaired.ok();
    assert!(text.contains("Deleted damaged container") && text.contains("Deleted damaged image"), "{text}");
    bed.cove(&["system", "check"]).ok();
    assert_eq!((bed.cove(&["ps", "-aq"]).ok(), bed.cove(&["images", "-q"]).ok()), ("", ""));

    // What another tool has left in the store.
    let stray = bed.path("root/overlay").join("b".repeat(64));
    if stray.parent().is_some_and(std::path::Path::exists) {
        cove_sys::fs::create_dir(&stray).expect("a folder");
        bed.cove(&["system", "check"]).fails(125, "damage");
        bed.cove(&["system", "check", "-r"]).ok();
        assert!(!stray.exists());
    }
}

#[test]
fn a_reset_leaves_nothing() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--network", "none", "-v", "data:/d", IMAGE, "sleep", "100"]).ok();
        apart(bed, &["network", "create", "front"]).ok();
        cove_sys::fs::write(bed.path("rr/mine"), "").expect("a file of somebody else");
        let asked = apart_with(bed, &["system", "reset"], b"n\n");
        assert!(asked.ok().contains("- all containers"), "{}", asked.stdout);
        assert_eq!(bed.cove(&["ps", "-q"]).ok().lines().count(), 1);
        apart(bed, &["system", "reset", "--force"]).ok();
        assert!(!bed.path("root").exists(), "the graph root is there");
        assert!(bed.path("rr/mine").exists() && !bed.path("rr/cove").exists());
        for list in [["ps", "-aq"], ["images", "-q"], ["volume", "ls"]] {
            assert_eq!(bed.cove(&list).ok().lines().filter(|line| !line.starts_with("DRIVER")).count(), 0);
        }
        let service = Service::start_with(bed, &own_networks(bed).each_ref().map(String::as_str));
        bed.cove(&["--url", &service.uri(), "system", "reset", "-f"]).fails(125, "remote client");
    });
}

/// What is mounted over a volume is not the volume's.
#[test]
fn a_reset_keeps_the_folder_that_a_mounted_volume_shows() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let theirs = bed.path("theirs");
    cove_sys::fs::create_dir(&theirs).expect("a folder");
    cove_sys::fs::write(theirs.join("file"), "theirs").expect("a file");
    let device = format!("device={}", theirs.display());
    bed.cove(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "bound"]).ok();
    bed.cove(&["volume", "mount", "bound"]).ok();
    apart(&bed, &["system", "reset", "--force"]).ok();
    assert_eq!(cove_sys::fs::read_to_string(theirs.join("file")).expect("the file"), "theirs");
    assert!(!bed.path("root").exists(), "the graph root is there");
}

#[test]
fn migrate_stops_everything_and_renumber_makes_locks_anew() {
    everyone(|bed| {
        let run =
            ["run", "-d", "--name", "ctr", "--network", "none", "--stop-timeout", "0", IMAGE, "sleep", "100"];
        let id = bed.cove(&run).ok().to_owned();
        bed.cove(&["system", "renumber"]).ok();
        assert_eq!(bed.cove(&["ps", "-q", "--no-trunc"]).ok(), id);
        assert_eq!(bed.cove(&["system", "migrate"]).ok(), format!("stopped {id}"));
        bed.cove(&["system", "migrate", "--new-runtime", "nonsense"]).fails(125, "nonsense");
        bed.cove(&["start", "ctr"]).ok();
        bed.cove(&["rm", "-f", "-t", "0", "ctr"]).ok();
    });
}

#[test]
fn events_go_to_the_file_of_containers_conf() {
    everyone(|bed| {
        let file = bed.path("run").join("my-events.log");
        let conf = bed.path("run").join("containers.conf");
        let lines = "{\"Name\":\"busybox\",\"Status\":\"pull\",\"Time\":\"2022-04-06T11:26:42.723667951+02:00\",\"Type\":\"image\",\"Attributes\":null}\n";
        cove_sys::fs::write(&file, lines.repeat(100)).expect("a file");
        let text = format!("[engine]\nevents_logfile_path = {file:?}\nevents_logfile_max_size = \"11500\"\n");
        cove_sys::fs::write(&conf, text).expect("a file");
        // The bed's user writes it, too.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        cove_sys::fs::set_permissions(&file, mode).expect("a mode");
        let cove = |arguments: &[&str]| {
            let mut command = bed.command(arguments);
            command.env("CONTAINERS_CONF_OVERRIDE", &conf);
            cove_test_support::Outcome::of(command, b"")
        };
        cove(&["volume", "create", "one"]).ok();
        cove(&["volume", "create", "two"]).ok();
        let events = cove(&["events", "--stream=false", "--format", "{{.Status}} {{.Name}}"]);
        let events: Vec<&str> = events.ok().lines().collect();
        let name = file.display().to_string();
        assert_eq!(events[0], format!("log-rotation {name}"));
        assert_eq!((events[1], events[events.len() - 1]), ("pull busybox", "create two"));
        assert!((50..60).contains(&events.len()), "{}", events.len());
        bed.cove(&["--events-backend", "none", "events"])
            .fails(125, "cannot read events with the \"none\" backend");
        bed.cove(&["events", "--since", "the dawn of time"]).fails(125, "failed to parse event filters");
    });
}

#[test]
fn a_program_runs_in_the_network_that_containers_share() {
    let Some(bed) = Bed::new(Who::User) else { return };
    let link = ["unshare", "readlink", "/proc/self/ns/net"];
    let own = bed.cove(&link).ok().to_owned();
    let shared = bed.cove(&["unshare", "--rootless-netns", "readlink", "/proc/self/ns/net"]);
    if shared.code != 0 && shared.stderr.contains("pasta") {
        return skip(Need::Pasta, shared.stderr.trim());
    }
    assert_ne!(shared.ok(), own);
    bed.cove(&["unshare", "--rootless-netns", "sh", "-c", "exit 7"]).fails(7, "");
    let root = bed.cove(&["unshare", "sh", "-c", "echo $CONTAINERS_GRAPHROOT"]).ok().to_owned();
    assert_eq!(root, bed.path("root").display().to_string());
    // Nothing is left of the namespace.
    assert!(!bed.path("run/containers/networks/cove/rootless-netns").exists());
}
