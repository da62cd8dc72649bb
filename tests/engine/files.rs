//! Copying, comparing, exporting and committing.

use std::os::unix::fs::MetadataExt as _;

use cove_test_support::{Bed, IMAGE, Member, Outcome, Service, binary, everyone, tar};

/// A container that runs until it is removed.
fn started(bed: &Bed, name: &str, more: &[&str]) {
    let mut arguments = vec!["run", "-d", "--name", name, "--network", "none"];
    arguments.extend_from_slice(more);
    arguments.extend_from_slice(&[IMAGE, "sleep", "1000"]);
    bed.cove(&arguments).ok();
}

fn made(bed: &Bed, name: &str, more: &[&str]) {
    let mut arguments = vec!["create", "--name", name, "--network", "none"];
    arguments.extend_from_slice(more);
    arguments.extend_from_slice(&[IMAGE, "sleep", "1000"]);
    bed.cove(&arguments).ok();
}

/// A folder of the bed's user.
fn folder(bed: &Bed, path: &str) {
    let mut command = bed.program(std::path::Path::new("mkdir"));
    command.args(["-p", path]);
    Outcome::of(command, b"").ok();
}

fn write(bed: &Bed, path: &str, text: &str) {
    let path = bed.path(path);
    cove_sys::fs::create_dir_all(path.parent().unwrap()).unwrap();
    cove_sys::fs::write(path, text).unwrap();
}

fn read(bed: &Bed, path: &str) -> String {
    cove_sys::fs::read_to_string(bed.path(path)).unwrap()
}

/// What is at a path in a container, from its archive.
fn inside(bed: &Bed, container: &str, path: &str) -> String {
    let copy = bed.path("home/inside");
    let _ = cove_sys::fs::remove_file(&copy);
    bed.cove(&["cp", &format!("{container}:{path}"), "home/inside"]).ok();
    read(bed, "home/inside")
}

#[test]
fn cp_into_containers_that_run_and_that_do_not() {
    everyone(|bed| {
        write(bed, "src/file", "0");
        write(bed, "src/dir/sub/file", "1");
        started(bed, "runs", &["--workdir", "/tmp"]);
        made(bed, "made", &["--workdir", "/tmp"]);
        for container in ["runs", "made"] {
            for (source, destination, path) in [
                ("src/file", "/", "/file"),
                ("src/file", "/other", "/other"),
                ("src/file", "/var/", "/var/file"),
                ("src/file", "/home/.", "/home/file"),
                ("src/file", ".", "/tmp/file"),
                ("src/file", "new", "/tmp/new"),
                ("src/dir", "/", "/dir/sub/file"),
                ("src/dir/", "/var", "/var/dir/sub/file"),
                ("src/dir/.", "/var", "/var/sub/file"),
                ("src/dir", "/new1", "/new1/sub/file"),
                ("src/dir/.", "/new2", "/new2/sub/file"),
                ("src/dir/sub/.", "new3", "/tmp/new3/file"),
            ] {
                bed.cove(&["cp", source, &format!("{container}:{destination}")]).ok();
                let expected = if source.contains("dir") { "1" } else { "0" };
                assert_eq!(inside(bed, container, path), expected, "{source} to {container}:{destination}");
            }
        }
        bed.cove(&["cp", "src/none", "runs:/"]).fails(125, "\"src/none\" could not be found on the host");
        bed.cove(&["cp", "src/file", "runs:/none/"])
            .fails(125, "\"/none/\" could not be found on container runs: no such file or directory");
        bed.cove(&["cp", "src/dir", "runs:/file"])
            .fails(125, "destination must be a directory when copying a directory");
        bed.cove(&["cp", "src/file", "nobody:/"]).fails(125, "container \"nobody\" does not exist");
        bed.cove(&["cp", "src/file", "/tmp"]).fails(125, "exactly 1 container expected but 0 specified");
        bed.cove(&["start", "made"]).ok();
        assert_eq!(bed.cove(&["exec", "made", "cat", "/tmp/new3/file"]).ok(), "1");
    });
}

#[test]
fn cp_out_of_containers_and_between_them() {
    everyone(|bed| {
        started(bed, "one", &[]);
        made(bed, "two", &[]);
        let script = "mkdir -p /var/dir/sub; echo 0 > /var/dir/file; echo 1 > /var/dir/sub/file; \
                      ln -s .. /var/dir/sub/up; ln -s /var/dir/file /link; ln -s /nowhere /bad";
        bed.cove(&["exec", "one", "sh", "-c", script]).ok();
        folder(bed, "home/out");
        for (source, destination, path) in [
            ("/var/dir", "home/out", "home/out/dir/sub/file"),
            ("/var/dir/.", "home/out", "home/out/sub/file"),
            ("/var/dir", "home/new1", "home/new1/sub/file"),
            ("/var/dir/.", "home/new2", "home/new2/sub/file"),
            ("/var/dir/sub/file", "home/f", "home/f"),
            ("/var/dir/sub/up", "home/up", "home/up/sub/file"),
        ] {
            bed.cove(&["cp", &format!("one:{source}"), destination]).ok();
            assert_eq!(read(bed, path).trim(), "1", "{source} to {destination}");
        }
        bed.cove(&["cp", "one:/link", "home/link"]).ok();
        assert_eq!(read(bed, "home/link").trim(), "0");
        bed.cove(&["cp", "one:/bad", "home/"]).fails(125, "\"/bad\" could not be found on container one");
        bed.cove(&["cp", "one:/etc", "home/f"])
            .fails(125, "destination must be a directory when copying a directory");
        bed.cove(&["cp", "one:/var/dir", "two:/"]).ok();
        bed.cove(&["cp", "one:/var/dir/.", "two:/home/new"]).ok();
        bed.cove(&["cp", "two:/dir/file", "one:/var/renamed"]).ok();
        assert_eq!(inside(bed, "two", "/dir/sub/file").trim(), "1");
        assert_eq!(inside(bed, "two", "/home/new/sub/file").trim(), "1");
        assert_eq!(inside(bed, "one", "/var/renamed").trim(), "0");
        // Through a link that leads to nothing, that is made.
        write(bed, "src", "made");
        bed.cove(&["cp", "src", "one:/bad"]).ok();
        assert_eq!(inside(bed, "one", "/nowhere"), "made");
    });
}

#[test]
fn cp_streams_tars() {
    everyone(|bed| {
        started(bed, "one", &[]);
        let tar = tar(&[Member::directory("d"), Member::file("d/f", b"text")]);
        let put = |to: &str, input: &[u8]| bed.cove_with(&["cp", "-", to], input);
        put("one:/home", &tar).ok();
        assert_eq!(bed.cove(&["exec", "one", "cat", "/home/d/f"]).ok(), "text");
        put("one:/home", b"no archive").fails(125, "source must be a (compressed) tar archive");
        put("one:/home/d/f", &tar).fails(125, "destination must be a directory when copying from stdin");
        put("one:/none", &tar).fails(125, "destination must be a directory when copying from stdin");
        let out = bed.cove(&["cp", "one:/home/d", "-"]).ok().to_owned();
        assert!(out.contains("d/f") && out.contains("text"));
        assert_eq!(bed.cove(&["exec", "one", "stat", "-c", "%a", "/home/d/f"]).ok(), "644");
    });
}

#[test]
fn cp_gives_files_to_the_containers_user() {
    everyone(|bed| {
        let mut command = bed.program(std::path::Path::new("touch"));
        command.arg("home/src");
        Outcome::of(command, b"").ok();
        started(bed, "one", &["--user", "guest"]);
        let owner = |path: &str| bed.cove(&["exec", "one", "stat", "-c", "%u:%g", path]).ok().to_owned();
        bed.cove(&["cp", "home/src", "one:/tmp/a"]).ok();
        assert_eq!(owner("/tmp/a"), "1000:1000");
        bed.cove(&["cp", "-a=false", "home/src", "one:/tmp/b"]).ok();
        assert_eq!(owner("/tmp/b"), "0:0");
        bed.cove(&["cp", "one:/tmp/a", "home/a"]).ok();
        let (copied, home) = (bed.path("home/a"), bed.path("home"));
        let uid = |path: &std::path::Path| cove_sys::fs::metadata(path).unwrap().uid();
        assert_eq!(uid(&copied), uid(&home));
    });
}

#[test]
fn cp_sees_volumes_and_leaves_nothing_mounted() {
    everyone(|bed| {
        write(bed, "src", "x");
        let volumes = ["outer:/data", "inner:/data/sub", "outer:/ro:ro", "outer:/over:O"];
        made(bed, "one", &volumes.map(|volume| ["-v", volume]).concat());
        bed.cove(&["cp", "src", "one:/data/sub"]).ok();
        let point = |name: &str| {
            let point = bed.cove(&["volume", "inspect", "--format", "{{.Mountpoint}}", name]).ok().to_owned();
            std::path::PathBuf::from(point)
        };
        assert_eq!(cove_sys::fs::read_to_string(point("inner").join("src")).unwrap(), "x");
        assert!(!point("outer").join("src").exists());
        bed.cove(&["cp", "src", "one:/ro/x"]).fails(125, "ead-only file system");
        // What is written over a volume is thrown away; what cannot be must not come to be in it.
        bed.cove(&["cp", "src", "one:/over/x"]).fails(125, "ead-only file system");
        assert!(!point("outer").join("x").exists());
        assert_eq!(inside(bed, "one", "/data/sub/src"), "x");
        let mounts = bed.cove(&["unshare", "cat", "/proc/self/mounts"]);
        let mounts = if mounts.code == 0 {
            mounts.stdout
        } else {
            cove_sys::fs::read_to_string("/proc/self/mounts").unwrap()
        };
        let root = bed.path("root").display().to_string();
        assert!(!mounts.lines().any(|line| line.contains(&root) && line.contains("/merged")), "{mounts}");
    });
}

#[test]
fn cp_overwrites_other_kinds_only_if_told() {
    everyone(|bed| {
        started(bed, "one", &[]);
        write(bed, "src/foo", "file");
        bed.cove(&["exec", "one", "mkdir", "-p", "/tmp/foo/x"]).ok();
        bed.cove(&["cp", "src/foo", "one:/tmp"])
            .fails(125, "error creating \"/tmp/foo\": open /tmp/foo: file exists");
        bed.cove(&["cp", "--overwrite", "src/foo", "one:/tmp"]).ok();
        assert_eq!(bed.cove(&["exec", "one", "cat", "/tmp/foo"]).ok(), "file");
        folder(bed, "home/foo");
        bed.cove(&["cp", "one:/tmp/foo", "home"])
            .fails(125, "error creating \"/foo\": open /foo: file exists");
        bed.cove(&["cp", "--overwrite", "one:/tmp/foo", "home"]).ok();
        assert_eq!(read(bed, "home/foo"), "file");
    });
}

#[test]
fn a_link_of_the_container_leads_to_nothing_of_the_host() {
    everyone(|bed| {
        write(bed, "secret", "canary");
        write(bed, "src", "x");
        let secret = bed.path("secret").display().to_string();
        started(bed, "one", &[]);
        bed.cove(&["exec", "one", "ln", "-s", &secret, "/l"]).ok();
        bed.cove(&["cp", "one:/l", "home/got"]).fails(125, "\"/l\" could not be found on container one");
        bed.cove(&["cp", "src", "one:/l"]).fails(125, "could not be found on container one");
        assert_eq!(read(bed, "secret"), "canary");
        bed.cove(&["stop", "-t", "0", "one"]).ok();
        bed.cove(&["cp", "one:/l", "home/got"]).fails(125, "\"/l\" could not be found on container one");
        assert!(!bed.path("home/got").exists());
    });
}

#[test]
fn diff_export_and_commit() {
    everyone(|bed| {
        let script = "echo new > /tmp/new; rm /etc/group; mkdir /var/d";
        bed.cove(&["run", "--name", "one", "--network", "none", "-e", "A=1", IMAGE, "sh", "-c", script]).ok();
        let changes = bed.cove(&["diff", "one"]).ok().to_owned();
        for line in ["C /etc", "D /etc/group", "A /tmp/new", "A /var/d"] {
            assert!(changes.lines().any(|other| other == line), "{line} in {changes}");
        }
        let json: serde_json::Value =
            serde_json::from_str(bed.cove(&["container", "diff", "--format", "json", "-l"]).ok()).unwrap();
        assert_eq!(json["deleted"], serde_json::json!(["/etc/group"]));
        bed.cove(&["diff", "--format", "x", "one"])
            .fails(125, "only supported value for '--format' is 'json'");
        bed.cove(&["export", "-o", "home/e.tar", "one"]).ok();
        bed.cove(&["import", "-q", "home/e.tar", "localhost/again"]).ok();
        assert_eq!(
            bed.cove(&["run", "--rm", "--network", "none", "localhost/again", "cat", "/tmp/new"]).ok(),
            "new"
        );

        let id = bed.cove(&[
            "commit",
            "-q",
            "-a",
            "me",
            "-c",
            "CMD [\"cat\", \"/tmp/new\"]",
            "-c",
            "LABEL a=b",
            "--iidfile",
            "home/id",
            "one",
            "committed",
        ]);
        assert_eq!(id.ok(), read(bed, "home/id"));
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", "committed"]).ok(), "new");
        let inspect = |image: &str, format: &str| {
            bed.cove(&["image", "inspect", "--format", format, image]).ok().to_owned()
        };
        assert_eq!(inspect("committed", "{{.Author}} {{.Labels.a}} {{len .RootFS.Layers}}"), "me b 2");
        assert!(inspect("committed", "{{.Config.Env}}").contains("A=1"));
        assert!(bed.cove(&["image", "diff", "committed", IMAGE]).ok().contains("D /etc/group"));
        bed.cove(&["commit", "-q", "--squash", "-f", "docker", "-m", "hello", "one", "flat:1"]).ok();
        assert_eq!(inspect("flat:1", "{{len .RootFS.Layers}} {{.Comment}}"), "1 hello");
        assert!(inspect("flat:1", "{{.ManifestType}}").contains("docker"));
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", "flat:1", "ls", "/tmp"]).ok(), "new");
        bed.cove(&["commit", "-m", "x", "one"])
            .fails(125, "messages are only compatible with the docker image format");
        bed.cove(&["commit", "-c", "BAD x", "one"]).fails(125, "unknown instruction");
        bed.cove(&["commit", "-f", "x", "one"]).fails(125, "unrecognized image format");
        assert_eq!(
            bed.cove(&["events", "--stream=false", "--filter", "event=commit", "--format", "{{.Status}}"])
                .ok()
                .lines()
                .count(),
            2
        );
    });
}

#[test]
fn everything_works_through_a_service() {
    everyone(|bed| {
        let service = Service::start(bed);
        let remote = |arguments: &[&str]| {
            let uri = service.uri();
            let mut command = bed.program(&binary("cove"));
            command.args(["--url", &uri]).args(arguments);
            Outcome::of(command, b"")
        };
        write(bed, "src/dir/file", "x");
        started(bed, "one", &[]);
        remote(&["cp", "src/dir", "one:/new"]).ok();
        remote(&["cp", "one:/new", "home/back"]).ok();
        assert_eq!(read(bed, "home/back/file"), "x");
        remote(&["cp", "src/none", "one:/"]).fails(125, "could not be found on the host");
        remote(&["cp", "src/dir", "one:/none/"])
            .fails(125, "could not be found on container one: no such file");
        remote(&["cp", "one:/none", "home/x"]).fails(125, "\"/none\" could not be found on container one");
        bed.cove(&["exec", "one", "ln", "-s", "/made", "/dangling"]).ok();
        remote(&["cp", "src/dir/file", "one:/dangling"]).ok();
        assert_eq!(bed.cove(&["exec", "one", "cat", "/made"]).ok(), "x");
        assert!(remote(&["diff", "one"]).ok().contains("A /new/file"));
        remote(&["export", "-o", "home/e.tar", "one"]).ok();
        assert!(remote(&["commit", "-q", "one", "by-service"]).ok().len() == 64);
        bed.cove(&["image", "exists", "by-service"]).ok();
    });
}

#[test]
fn mounts_are_counted_and_shown() {
    everyone(|bed| {
        made(bed, "one", &[]);
        let root = bed.path("root").display().to_string();
        // As an ordinary user the mount is there for commands in the same namespace alone.
        let path = bed.cove(&["mount", "one"]).ok().to_owned();
        assert!(path.starts_with(&root), "{path}");
        let shown = bed.cove(&["mount", "--no-trunc"]).ok().to_owned();
        assert!(shown.contains(&path), "{shown}");
        assert_eq!(bed.cove(&["unmount", "one"]).ok(), "one");
        assert_eq!(bed.cove(&["mount"]).ok(), "");
        let image = bed.cove(&["image", "mount", IMAGE]).ok().to_owned();
        assert!(bed.cove(&["image", "mount"]).ok().contains(&image));
        assert_eq!(bed.cove(&["image", "umount", IMAGE]).ok().len(), 64);
        assert_eq!(bed.cove(&["image", "umount", IMAGE]).ok(), "");
        bed.cove(&["image", "umount", "no-such-image"]).fails(125, "no-such-image: image not known");
        assert!(bed.cove(&["image", "tree", IMAGE]).ok().contains("Image Layers"));
        bed.cove(&["start", "one"]).ok();
        bed.cove(&["unmount", "one"]).fails(125, "is running or paused");
    });
}

#[test]
fn stats_and_init() {
    everyone(|bed| {
        made(bed, "one", &[]);
        assert_eq!(bed.cove(&["init", "one"]).ok(), "one");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.Status}}", "one"]).ok(), "initialized");
        bed.cove(&["init", "one"]).fails(125, "has already been created in runtime");
        bed.cove(&["start", "one"]).ok();
        let text = bed.cove(&["stats", "--no-stream", "--format", "json", "one"]);
        let json: serde_json::Value = serde_json::from_str(text.ok()).unwrap();
        assert_eq!(json[0]["name"], "one");
        assert!(json[0]["pids"].as_str().is_some_and(|pids| pids != "0"), "{json}");
        assert!(bed.cove(&["stats", "--no-stream"]).ok().contains("MEM USAGE / LIMIT"));
        bed.cove(&["stats", "-a", "one"])
            .fails(125, "--all, --latest and containers cannot be used together");
        bed.cove(&["stats", "--no-stream", "-i", "0", "one"]).fails(125, "invalid interval");
    });
}

#[test]
fn a_copy_into_a_volume_within_a_volume_makes_nothing_in_the_outer_one() {
    everyone(|bed| {
        write(bed, "file", "inner\n");
        let file = bed.path("file").display().to_string();
        made(bed, "c", &["-v", "outer:/v", "-v", "inner:/v/in"]);
        bed.cove(&["cp", &file, "c:/v/in"]).ok();
        bed.cove(&["cp", &file, "c:/v/in/other"]).ok();
        let look = |volume: &str| {
            let mount = format!("{volume}:/d");
            let list = ["run", "--rm", "--network", "none", "-v", &mount, IMAGE, "ls", "/d"];
            bed.cove(&list).ok().to_owned()
        };
        assert_eq!((look("outer").as_str(), look("inner").as_str()), ("", "file\nother"));
        assert_eq!(inside(bed, "c", "/v/in/file"), "inner\n");
        bed.cove(&["rm", "c"]).ok();
    });
}
