//! `container checkpoint` and `container restore`, over an OCI runtime that plays CRIU's part: CRIU does not run on every
//! kernel. What belongs to a container besides its processes is real.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Outcome, Who, everyone, met, wait_for};

/// An OCI runtime: crun, but that a checkpoint ends the process and leaves files as CRIU does, and that a restore starts
/// it anew.
const RUNTIME: &str = r#"#!/bin/sh
before= verb=
while [ $# -gt 0 ]; do
    case $1 in
        --root | --log) before="$before $1 $2"; shift 2 ;;
        -*) before="$before $1"; shift ;;
        *) verb=$1; shift; break ;;
    esac
done
echo "$verb $*" >> "$LOG"
case $verb in
    checkpoint)
        [ "$1" = --help ] && exit 0
        ends=yes
        for word; do
            case $last in --image-path) images=$word ;; --work-path) work=$word ;; esac
            case $word in --leave-running | --pre-dump) ends= ;; esac
            last=$word
        done
        [ -e "$FOLDER/refuse" ] && { echo "criu failed" >&2; exit 1; }
        echo image > "$images/pages-1.img"
        echo image > "$images/inventory.img"
        echo log > "$work/dump.log"
        printf '\100\131\020\125\006\063\011\127\006\000\000\000\012\004\010\007\070\005' > "$work/stats-dump"
        [ -e "$FOLDER/die" ] && kill -9 $PPID
        [ -n "$ends" ] && crun $before kill "$last" KILL
        exit 0 ;;
    restore)
        kept=
        while [ $# -gt 0 ]; do
            case $1 in
                --image-path) [ -e "$2/inventory.img" ] || exit 1; shift 2 ;;
                --work-path) cp "$FOLDER/stats-restore" "$2/stats-restore"; shift 2 ;;
                --tcp-established | --tcp-close | --file-locks) shift ;;
                *) kept="$kept $1"; shift ;;
            esac
        done
        exec crun $before run $kept ;;
    *) exec crun $before $verb "$@" ;;
esac
"#;

/// A bed with such a runtime, and a CRIU that says that it is there.
struct Place {
    bed: Bed,
}

impl Place {
    fn new() -> Option<Self> {
        if !met(&[Need::Crun]) {
            return None;
        }
        let bed = Bed::new(Who::Root)?;
        let place = Self { bed };
        let log = place.bed.path("runtime.log").display().to_string();
        let folder = place.bed.path("").display().to_string();
        let runtime = RUNTIME.replace("$LOG", &log).replace("$FOLDER", folder.trim_end_matches('/'));
        place.script("crun-fake", &runtime);
        fs::create_dir(place.bed.path("bin")).unwrap();
        place.script("bin/criu", "#!/bin/sh\necho 'Version: 3.17.1'\n");
        let restored = b"\x40\x59\x10\x55\x06\x33\x09\x57\x04\0\0\0\x12\x02\x28\x09";
        fs::write(place.bed.path("stats-restore"), restored).unwrap();
        Some(place)
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.bed.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bed.command(arguments);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        command.env("PATH", format!("{}:{path}", self.bed.path("bin").display()));
        command
    }

    fn cove(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments), b"")
    }

    /// Starts a container that has changed its files and its volume; answers its id.
    fn run(&self, name: &str, options: &[&str]) -> String {
        // Here a process that goes on begins anew: what it finds then is not of its own making.
        let script = "if [ ! -e /new ]; then mkdir -p /d/e; ln -s new /link; rm -r /tmp/gone; echo data > /vol/f; \
                      echo mem > /dev/shm/m; echo changed > /new; fi; echo ready; exec sleep 1000";
        let runtime = self.bed.path("crun-fake").display().to_string();
        let head = ["run", "-d", "--runtime", &runtime, "--name", name, "--network", "none"];
        let image = self.image();
        let tail = ["-v", "kept:/vol", &image, "sh", "-c", script];
        let id = self.cove(&[&head, options, &tail[..]].concat()).ok().to_owned();
        wait_for("the container's files", 20, || {
            self.cove(&["logs", name]).stdout.contains("ready").then_some(())
        });
        id
    }

    /// An image in which there is something to delete.
    fn image(&self) -> String {
        if self.cove(&["image", "exists", "base"]).code != 0 {
            self.cove(&["run", "--name", "made", "--network", "none", IMAGE, "mkdir", "-p", "/tmp/gone/x"])
                .ok();
            self.cove(&["commit", "-q", "made", "base"]).ok();
            self.cove(&["rm", "made"]).ok();
        }
        "base".to_owned()
    }

    fn state(&self, name: &str) -> String {
        let format = "{{.State.Status}}:{{.State.Running}}:{{.State.Checkpointed}}:{{.State.Restored}}";
        self.cove(&["container", "inspect", "--format", format, name]).ok().to_owned()
    }

    /// What the runtime was asked.
    fn asked(&self) -> String {
        fs::read_to_string(self.bed.path("runtime.log")).unwrap_or_default()
    }
}

#[test]
fn a_container_goes_on() {
    let Some(place) = Place::new() else { return };
    let id = place.run("c", &["--restart", "always"]);
    assert_eq!(place.cove(&["container", "checkpoint", "c"]).ok(), "c");
    assert_eq!(place.state("c"), "exited:false:true:false");
    // Neither the restart policy nor the monitor's clean-up makes anything of it.
    place.cove(&["container", "cleanup", "c"]).ok();
    assert_eq!(place.state("c"), "exited:false:true:false");
    assert_eq!(place.cove(&["container", "restore", "c"]).ok(), "c");
    assert_eq!(place.state("c"), "running:true:false:true");
    place.cove(&["container", "restore", "c"]).fails(125, "is running or paused, cannot restore");
    // Consumed.
    place.cove(&["stop", "-t", "0", "c"]).ok();
    place
        .cove(&["container", "restore", "c"])
        .fails(125, "a complete checkpoint for this container cannot be found");
    place.cove(&["start", "c"]).ok();
    assert_eq!(place.state("c"), "running:true:false:false");
    assert_eq!(place.cove(&["container", "checkpoint", "-a", "--keep"]).ok(), id);
    let log = place.cove(&["container", "inspect", "--format", "{{.State.CheckpointLog}}", "c"]);
    assert!(fs::read_to_string(log.ok()).unwrap().contains("log"));
    assert_eq!(place.cove(&["container", "restore", "-a", "--keep", "--tcp-close"]).ok(), id);
    assert!(place.asked().contains("--tcp-close"));
    place.cove(&["stop", "-t", "0", "c"]).ok();
    // Kept, and with what was measured.
    let restored = place.cove(&["container", "restore", "--print-stats", "--file-locks", "-l"]);
    let restored: serde_json::Value = serde_json::from_str(restored.ok()).unwrap();
    assert_eq!(restored["container_statistics"][0]["Id"], id);
    assert_eq!(restored["container_statistics"][0]["criu_statistics"]["pages_restored"], 9);
    // One that runs on.
    let stats = ["container", "checkpoint", "--leave-running", "--tcp-established", "--print-stats", "c"];
    let stats: serde_json::Value = serde_json::from_str(place.cove(&stats).ok()).unwrap();
    let criu = &stats["container_statistics"][0]["criu_statistics"];
    assert_eq!((&criu["freezing_time"], &criu["pages_written"]), (&7.into(), &5.into()));
    assert!(stats["podman_checkpoint_duration"].as_u64() > Some(0));
    assert_eq!(place.state("c"), "running:true:false:true");
    assert!(place.asked().contains("--leave-running --tcp-established"));
    place.cove(&["container", "checkpoint", "-P", "c"]).ok();
    place.cove(&["container", "checkpoint", "--with-previous", "c"]).ok();
    assert!(
        place.asked().contains("--pre-dump") && place.asked().contains("--parent-path ../pre-checkpoint")
    );
    place.cove(&["rm", "c"]).ok();
}

#[test]
fn a_container_goes_elsewhere() {
    let Some(place) = Place::new() else { return };
    for (name, algorithm, start) in
        [("a.zst", None, [0x28, 0xb5]), ("a.gz", Some("gzip"), [0x1f, 0x8b]), ("a.tar", Some("none"), *b"co")]
    {
        let archive = place.bed.path(name).display().to_string();
        let id = place.run("c", &["--label", "a=b"]);
        let mut words = vec!["container", "checkpoint", "-e", &archive];
        words.extend(algorithm.into_iter().flat_map(|algorithm| ["-c", algorithm]));
        words.push("c");
        assert_eq!(place.cove(&words).ok(), "c");
        assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&archive).unwrap()[..2], start);
        place
            .cove(&["container", "restore", "-i", &archive])
            .fails(125, "volume with name kept already exists");
        place.cove(&["rm", "c"]).ok();
        place.cove(&["volume", "rm", "kept"]).ok();
        assert_eq!(place.cove(&["container", "restore", "--import", &archive]).ok(), id);
        assert_eq!(place.state("c"), "running:true:false:true");
        let look = "cat /vol/f /new; readlink /link; cat /dev/shm/m; ls -d /d/e /tmp/gone";
        let seen = place.cove(&["exec", "c", "sh", "-c", look]);
        assert!(seen.stdout.contains("data\nchanged\nnew\nmem\n/d/e"), "{}", seen.stdout);
        assert!(!seen.stdout.contains("/tmp/gone"), "{}", seen.stdout);
        let label = place.cove(&["inspect", "--format", "{{index .Config.Labels \"a\"}}", "c"]);
        assert_eq!(label.ok(), "b");
        assert!(place.cove(&["logs", "c"]).ok().starts_with("ready"));
        // A second one, under another name.
        let second =
            ["container", "restore", "-i", &archive, "--name", "d", "--ignore-volumes", "--ignore-rootfs"];
        assert_ne!(place.cove(&second).ok(), id);
        assert_eq!(place.state("d"), "running:true:false:true");
        place.cove(&["container", "restore", "-i", &archive, "--ignore-volumes"]).fails(125, "--name");
        place.cove(&["rm", "-f", "-t", "0", "c", "d"]).ok();
        place.cove(&["volume", "rm", "kept"]).ok();
    }
}

#[test]
fn a_checkpoint_becomes_an_image() {
    let Some(place) = Place::new() else { return };
    place.run("c", &[]);
    place.cove(&["container", "checkpoint", "--create-image", "point", "c"]).ok();
    let annotations = place.cove(&["image", "inspect", "--format", "{{json .Annotations}}", "point"]);
    let annotations: serde_json::Value = serde_json::from_str(annotations.ok()).unwrap();
    let of = |name: &str| annotations[format!("io.podman.annotations.checkpoint.{name}")].clone();
    assert_eq!(
        (of("name"), of("criu.version"), of("runtime.name")),
        ("c".into(), "31701".into(), "crun-fake".into())
    );
    place.cove(&["rm", "c"]).ok();
    place.cove(&["volume", "rm", "kept"]).ok();
    for name in ["one", "two"] {
        assert_eq!(
            place.cove(&["container", "restore", "--name", name, "--ignore-volumes", "point"]).ok(),
            "point"
        );
        assert_eq!(place.cove(&["exec", name, "cat", "/new"]).ok(), "changed");
    }
    place
        .cove(&["container", "restore", "--name", "x", "base"])
        .fails(125, "unable to import checkpoint from image");
    place.cove(&["container", "restore", "nothing"]).fails(125, "no such container or image: nothing");
    place.cove(&["rm", "-f", "-t", "0", "one", "two"]).ok();
}

#[test]
fn a_kill_in_the_middle_loses_no_state() {
    let Some(place) = Place::new() else { return };
    place.run("c", &["--restart", "always"]);
    fs::write(place.bed.path("die"), "").unwrap();
    assert_eq!(place.cove(&["container", "checkpoint", "c"]).code, 128 + 9);
    wait_for("the monitor's clean-up", 20, || (place.state("c") == "exited:false:true:false").then_some(()));
    fs::remove_file(place.bed.path("die")).unwrap();
    place.cove(&["container", "restore", "c"]).ok();
    // What fails leaves a container that runs, and that its policy starts again.
    fs::write(place.bed.path("refuse"), "").unwrap();
    place.cove(&["container", "checkpoint", "c"]).fails(125, "criu failed");
    assert_eq!(place.state("c"), "running:true:false:true");
    fs::remove_file(place.bed.path("refuse")).unwrap();
    let user = place.cove(&["inspect", "--format", "{{.State.StoppedByUser}}", "c"]);
    assert_eq!(user.ok(), "false");
    place.cove(&["rm", "-f", "-t", "0", "c"]).ok();
    // With --rm it is there until its archive is.
    let archive = place.bed.path("rm.tar").display().to_string();
    place.run("r", &["--rm"]);
    place.cove(&["container", "checkpoint", "r"]).fails(125, "unless '--export' is used");
    place.cove(&["container", "checkpoint", "-e", &archive, "r"]).ok();
    assert_eq!(place.cove(&["container", "exists", "r"]).code, 1);
    place.cove(&["container", "restore", "-i", &archive, "--ignore-volumes"]).ok();
    place.cove(&["rm", "-f", "-t", "0", "r"]).ok();
}

/// A service with the place's programs; it ends with this value.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_does_it_as_well() {
    let Some(place) = Place::new() else { return };
    let id = place.run("c", &[]);
    let socket = place.bed.path("api.sock");
    let url = format!("unix://{}", socket.display());
    let mut command = place.command(&["system", "service", "--time", "0", &url]);
    let _service = Serving(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
    wait_for("the API socket", 20, || UnixStream::connect(&socket).ok());
    let cove = |arguments: &[&str]| place.cove(&[&["--url", &url], arguments].concat());
    assert_eq!(cove(&["container", "checkpoint", "c"]).ok(), "c");
    assert_eq!(cove(&["container", "restore", "c"]).ok(), "c");
    let archive = place.bed.path("remote.tar.zst").display().to_string();
    let stats = cove(&["container", "checkpoint", "--print-stats", "-e", &archive, "c"]);
    let stats: serde_json::Value = serde_json::from_str(stats.ok()).unwrap();
    assert_eq!(stats["container_statistics"][0]["criu_statistics"]["freezing_time"], 7);
    cove(&["rm", "c"]).ok();
    cove(&["volume", "rm", "kept"]).ok();
    assert_eq!(cove(&["container", "restore", "-i", &archive]).ok(), id);
    assert_eq!(cove(&["exec", "c", "cat", "/new", "/vol/f"]).ok(), "changed\ndata");
    cove(&["container", "restore", "-i", &archive, "--import-previous", &archive])
        .fails(125, "not supported on the remote client");
    cove(&["rm", "-f", "-t", "0", "c"]).ok();
}

#[test]
fn archives_of_others_are_refused() {
    let Some(place) = Place::new() else { return };
    let path = place.bed.path("bad.tar");
    let archive = path.display().to_string();
    let spec = serde_json::json!({"name": "x", "image": IMAGE, "command": ["true"]});
    let known = |id: &str, version: u32| {
        serde_json::json!({"id": id, "name": "x", "runtime": "crun",
            "cove": {"version": version, "request": spec, "volumes": []}})
        .to_string()
    };
    let id = "a".repeat(64);
    for (config, text) in [
        (None, "it has no config.dump"),
        (Some("{".to_owned()), "config.dump"),
        (Some("{\"name\": \"x\"}".to_owned()), "made by another engine"),
        (Some(known(&id, 99)), "has version 99"),
    ] {
        let config = config.as_deref().unwrap_or_default().as_bytes();
        let mut members = vec![cove_test_support::Member::file("other", b"x")];
        if !config.is_empty() {
            members.push(cove_test_support::Member::file("config.dump", config));
        }
        fs::write(&path, cove_test_support::tar(&members)).unwrap();
        place.cove(&["container", "restore", "-i", &archive]).fails(125, text);
    }
    // Nothing is left of a container whose checkpoint is none, or leads elsewhere.
    let runtime = place.bed.path("crun-fake").display().to_string();
    let runtime = ["--runtime", runtime.as_str()];
    for member in [
        cove_test_support::Member::file("checkpoint/other", b"x"),
        cove_test_support::Member::link("checkpoint/pages-1.img", b'2', "/etc/passwd"),
        cove_test_support::Member::link("checkpoint", b'2', "/etc"),
    ] {
        let config = known(&id, 1).replace("\"crun\"", &format!("{:?}", runtime[1]));
        let members = [cove_test_support::Member::file("config.dump", config.as_bytes()), member];
        fs::write(&path, cove_test_support::tar(&members)).unwrap();
        let outcome = place.cove(&["container", "restore", "-i", &archive]);
        assert_eq!(outcome.code, 125, "{}", outcome.stderr);
        assert_eq!(place.cove(&["ps", "-a", "-q"]).ok(), "");
    }
    let config = known("../../etc", 1);
    fs::write(
        &path,
        cove_test_support::tar(&[cove_test_support::Member::file("config.dump", config.as_bytes())]),
    )
    .unwrap();
    place.cove(&["container", "restore", "-i", &archive]).fails(125, "");
}

#[test]
fn what_cannot_be_done_is_told_first() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "c", "--network", "none", IMAGE, "true"]).ok();
        let checkpoint = |options: &[&str]| bed.cove(&[&["container", "checkpoint"], options].concat());
        checkpoint(&["--ignore-rootfs", "c"]).fails(125, "--ignore-rootfs can only be used with --export");
        checkpoint(&["--ignore-volumes", "c"]).fails(125, "--ignore-volumes can only be used with --export");
        checkpoint(&["-P", "--with-previous", "c"]).fails(125, "can not be used with --pre-checkpoint");
        checkpoint(&["-c", "gzip", "c"]).fails(125, "--compress can only be used with --export");
        checkpoint(&["-e", "/x", "-c", "lzma", "c"]).fails(125, "gzip, none, zstd");
        checkpoint(&[]).fails(125, "you must provide at least one name or id");
        let restore = |options: &[&str]| bed.cove(&[&["container", "restore"], options].concat());
        for option in
            [&["--ignore-rootfs"][..], &["--ignore-volumes"], &["-n", "x"], &["--pod", "x"], &["-p", "80"]]
        {
            restore(&[option, &["c"]].concat()).fails(125, "can only be used with image or --import");
        }
        restore(&["-i", "/x", "-a"]).fails(125, "cannot use --import with --all or --latest");
        restore(&["-i", "/x", "c"]).fails(125, "cannot use --import with positional arguments");
        restore(&["-i", "/no/such", "-n", "x", "--tcp-established"]).fails(125, "cannot be used with --name");
        restore(&["--tcp-close", "--tcp-established", "c"]).fails(125, "cannot be used with --tcp-close");
        if bed.cove(&["info", "--format", "{{.Host.Security.Rootless}}"]).ok() == "true" {
            checkpoint(&["c"]).fails(125, "checkpointing a container requires root");
            restore(&["c"]).fails(125, "restoring a container requires root");
        } else {
            checkpoint(&["c"]).fails(125, "is not running, cannot checkpoint");
        }
    });
}
