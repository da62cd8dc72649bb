//! Volumes and bind mounts.

use cove_test_support::{Bed, IMAGE, Who, everyone};

#[test]
fn a_volume_keeps_its_data() {
    everyone(|bed| {
        assert_eq!(bed.cove(&["volume", "create", "data"]).ok(), "data");
        bed.cove(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            "data:/d",
            IMAGE,
            "sh",
            "-c",
            "echo kept >/d/f",
        ])
        .ok();
        assert_eq!(
            bed.cove(&["run", "--rm", "--network", "none", "-v", "data:/d:ro", IMAGE, "cat", "/d/f"]).ok(),
            "kept"
        );
        let write = ["run", "--rm", "--network", "none", "-v", "data:/d:ro", IMAGE, "touch", "/d/x"];
        bed.cove(&write).fails(1, "Read-only");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "data");
        bed.cove(&["create", "--name", "ctr", "-v", "data:/d", IMAGE, "true"]).ok();
        bed.cove(&["volume", "rm", "data"]).fails(2, "data");
        bed.cove(&["rm", "ctr"]).ok();
        bed.cove(&["volume", "rm", "data"]).ok();
    });
}

#[test]
fn an_anonymous_volume_goes_with_rm() {
    everyone(|bed| {
        bed.cove(&["run", "--rm", "--network", "none", "-v", "/d", IMAGE, "touch", "/d/x"]).ok();
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "");
    });
}

#[test]
fn a_bind_mount_is_the_hosts_folder() {
    everyone(|bed| {
        let folder = bed.path("run");
        let mount = format!("{}:/host", folder.display());
        bed.cove(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            &mount,
            IMAGE,
            "sh",
            "-c",
            "echo hi >/host/file",
        ])
        .ok();
        assert_eq!(cove_sys::fs::read_to_string(folder.join("file")).expect("the file"), "hi\n");
        bed.cove(&["run", "--rm", "-v", "/no/such/folder:/x", IMAGE, "true"]).fails(125, "/no/such/folder");
    });
}

#[test]
fn users_and_groups_come_from_mounted_files() {
    everyone(|bed| {
        let folder = bed.path("accounts");
        cove_sys::fs::create_dir_all(&folder).unwrap();
        let passwd = "root:x:0:0::/:/bin/sh\nzoe:x:1234:1235::/tmp:/bin/sh\n";
        cove_sys::fs::write(folder.join("passwd"), passwd).unwrap();
        let group = "root:x:0:\nzoe:x:1235:\nplugdev:x:77:zoe\naudio:x:63:\n";
        cove_sys::fs::write(folder.join("group"), group).unwrap();
        let folder = folder.display();
        let files = [format!("{folder}/passwd:/etc/passwd:ro"), format!("{folder}/group:/etc/group:ro")];
        let show = ["sh", "-c", "id -u; id -G; echo $HOME"];
        let base = ["run", "--rm", "--network", "none", "-u", "zoe", "--group-add", "audio"];
        let run = |mounts: &[&str]| {
            let mut words = base.to_vec();
            words.extend(mounts.iter().flat_map(|mount| ["-v", mount]));
            words.push(IMAGE);
            words.extend(show);
            bed.cove(&words)
        };
        assert_eq!(run(&[&files[0], &files[1]]).ok(), "1234\n1235 63 77\n/tmp");
        run(&[]).fails(126, "unable to find user zoe");
        // A user without an entry gets one in the image's file, but not over a mounted /etc.
        let etc = format!("{folder}:/etc");
        // What the engine mounts into /etc needs its place there, which not every user may make.
        for name in ["hosts", "hostname", "resolv.conf"] {
            cove_sys::fs::write(bed.path("accounts").join(name), "").unwrap();
        }
        let show = ["-u", "4321", IMAGE, "cat", "/etc/passwd"];
        let base = ["run", "--rm", "--network", "none"];
        assert!(bed.cove(&[&base[..], &show].concat()).ok().contains("4321:*:4321:0:"));
        assert_eq!(bed.cove(&[&base[..], &["-v", &etc], &show].concat()).ok(), passwd.trim_end());
    });
}

/// A short run with one volume.
fn with_volume(bed: &Bed, volume: &str, script: &str) -> String {
    bed.cove(&["run", "--rm", "--network", "none", "-v", volume, IMAGE, "sh", "-c", script]).ok().to_owned()
}

#[test]
fn contents_go_out_and_in() {
    everyone(|bed| {
        bed.cove(&["volume", "create", "one"]).ok();
        bed.cove(&["volume", "create", "two"]).ok();
        let fill = "echo hello >/d/f; mkdir /d/sub; ln -s f /d/sub/link; chown 7:8 /d/f; chmod 640 /d/f";
        with_volume(bed, "one:/d", fill);
        let tar = bed.path("run").join("one.tar");
        let tar = tar.display().to_string();
        assert_eq!(bed.cove(&["volume", "export", "one", "-o", &tar]).ok(), "");
        with_volume(bed, "two:/d", "echo old >/d/f; echo kept >/d/kept");
        assert_eq!(bed.cove(&["volume", "import", "two", &tar]).ok(), "");
        let look = "cat /d/f /d/kept; readlink /d/sub/link; stat -c '%u:%g %a' /d/f";
        assert_eq!(with_volume(bed, "two:/d", look), "hello\nkept\nf\n7:8 640");
        bed.cove(&["volume", "import", "two", "/etc/passwd"]).fails(125, "two");
        bed.cove(&["volume", "import", "nowhere", &tar]).fails(125, "no such volume");
        bed.cove(&["volume", "export", "nowhere", "-o", &format!("{tar}.2")]).fails(125, "no such volume");
        assert!(!std::path::Path::new(&format!("{tar}.2")).exists());
    });
}

#[test]
fn a_volume_belongs_to_whom_it_is_made_for() {
    everyone(|bed| {
        bed.cove(&["volume", "create", "--uid", "1000", "--gid", "1001", "own"]).ok();
        bed.cove(&["volume", "create", "-o", "o=uid=7,gid=8", "opt"]).ok();
        assert_eq!(with_volume(bed, "own:/d", "stat -c %u:%g /d"), "1000:1001");
        assert_eq!(with_volume(bed, "opt:/d", "stat -c %u:%g /d"), "7:8");
        let shown = bed.cove(&["volume", "inspect", "--format", "{{.UID}}:{{.GID}} {{.NeedsChown}}", "own"]);
        assert_eq!(shown.ok(), "1000:1001 false");
        // A user of the container's does not take it over.
        bed.cove(&["run", "--rm", "-u", "5", "--network", "none", "-v", "own:/d", IMAGE, "true"]).ok();
        assert_eq!(with_volume(bed, "own:/d", "stat -c %u:%g /d"), "1000:1001");
    });
}

#[test]
fn file_systems_are_mounted_while_they_are_used() {
    everyone(|bed| {
        bed.cove(&["volume", "create", "-o", "type=tmpfs", "-o", "o=size=2M", "mem"]).ok();
        let line = with_volume(bed, "mem:/d", "grep ' /d ' /proc/mounts");
        assert!(line.starts_with("tmpfs /d tmpfs ") && line.contains("size=2048k"), "{line}");
        // Nothing of it stays.
        with_volume(bed, "mem:/d", "touch /d/x");
        assert_eq!(with_volume(bed, "mem:/d", "ls /d"), "");
        // Two containers share it as long as one of them runs.
        for name in ["a", "b"] {
            let run =
                ["run", "-d", "--name", name, "--network", "none", "-v", "mem:/d", IMAGE, "sleep", "100"];
            bed.cove(&run).ok();
        }
        let count = || bed.cove(&["volume", "inspect", "--format", "{{.MountCount}}", "mem"]).ok().to_owned();
        assert_eq!(count(), "2");
        bed.cove(&["exec", "a", "touch", "/d/both"]).ok();
        bed.cove(&["rm", "-f", "-t", "0", "a"]).ok();
        assert_eq!(bed.cove(&["exec", "b", "ls", "/d"]).ok(), "both");
        bed.cove(&["rm", "-f", "-t", "0", "b"]).ok();
        assert_eq!((count(), with_volume(bed, "mem:/d", "ls /d")), ("0".into(), String::new()));
        // A folder of the host survives the removal of the volume that shows it.
        let folder = bed.path("run").join("theirs");
        cove_sys::fs::create_dir_all(&folder).unwrap();
        cove_sys::fs::write(folder.join("file"), "theirs").unwrap();
        let device = format!("device={}", folder.display());
        bed.cove(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "bound"]).ok();
        assert_eq!(with_volume(bed, "bound:/d", "cat /d/file"), "theirs");
        let run = ["run", "-d", "--name", "c", "--network", "none", "-v", "bound:/d", IMAGE, "sleep", "100"];
        bed.cove(&run).ok();
        bed.cove(&["volume", "rm", "-f", "-t", "0", "bound"]).ok();
        assert_eq!(cove_sys::fs::read_to_string(folder.join("file")).unwrap(), "theirs");
    });
}

#[test]
fn what_a_driver_does_not_do_is_refused() {
    everyone(|bed| {
        let bogus =
            "invalid volume option device for driver 'local': faccessat /bogus: no such file or directory";
        bed.cove(&["volume", "create", "-o", "type=bind", "-o", "device=/bogus", "v"]).fails(125, bogus);
        bed.cove(&["volume", "create", "-o", "zork=1", "v"]).fails(125, "invalid mount option zork");
        bed.cove(&["volume", "create", "-o", "o=size=1G", "v"]).fails(125, "quota");
        bed.cove(&["volume", "create", "-d", "rclone", "v"]).fails(125, "volume plugin rclone");
        bed.cove(&["volume", "create", "-d", "image", "v"]).fails(125, "must provide an image name");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok(), "");
        assert_eq!(bed.cove(&["volume", "reload"]).ok(), "");
    });
}

#[test]
fn an_image_becomes_a_volume() {
    everyone(|bed| {
        bed.cove(&["volume", "create", "-d", "image", "-o", &format!("image={IMAGE}"), "img"]).ok();
        assert_eq!(with_volume(bed, "img:/d", "ls -d /d/bin && echo new >/d/own"), "/d/bin");
        assert_eq!(with_volume(bed, "img:/d", "cat /d/own"), "new");
        bed.cove(&["rmi", IMAGE]).fails(2, "in use");
        bed.cove(&["volume", "rm", "img"]).ok();
        bed.cove(&["rmi", IMAGE]).ok();
    });
}

#[test]
fn mounts_of_the_user_are_counted() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    bed.cove(&["volume", "create", "-o", "type=tmpfs", "mem"]).ok();
    let path = bed.cove(&["volume", "mount", "mem"]).ok().to_owned();
    assert_eq!(bed.cove(&["volume", "mount", "mem"]).ok(), path);
    cove_sys::fs::write(format!("{path}/file"), "here").unwrap();
    assert_eq!(with_volume(&bed, "mem:/d", "cat /d/file"), "here");
    assert_eq!(bed.cove(&["volume", "unmount", "mem"]).ok(), "mem");
    assert_eq!(cove_sys::fs::read_to_string(format!("{path}/file")).unwrap(), "here");
    bed.cove(&["volume", "unmount", "mem"]).ok();
    assert!(!std::path::Path::new(&format!("{path}/file")).exists());
    bed.cove(&["volume", "unmount", "mem"]).ok();
    // What nothing is mounted for shows its folder.
    bed.cove(&["volume", "create", "plain"]).ok();
    let plain = bed.cove(&["volume", "mount", "plain"]).ok().to_owned();
    assert_eq!(bed.cove(&["volume", "inspect", "--format", "{{.Mountpoint}}", "plain"]).ok(), plain);
}

#[test]
fn a_users_mount_needs_the_users_namespace() {
    let Some(bed) = Bed::new(Who::User) else { return };
    bed.cove(&["volume", "create", "v"]).ok();
    bed.cove(&["volume", "mount", "v"]).fails(125, "in rootless mode, must execute");
}

#[test]
fn prune_says_what_would_go() {
    everyone(|bed| {
        bed.cove(&["volume", "create", "named"]).ok();
        let anonymous = bed.cove(&["volume", "create"]).ok().to_owned();
        let title = "Volumes that would be pruned:";
        let prune = |words: &[&str]| bed.cove(&[&["volume", "prune"], words].concat());
        assert_eq!(prune(&["--dry-run"]).ok(), format!("{title}\n{anonymous}"));
        assert!(prune(&["--dry-run", "--all"]).ok().contains("named"));
        prune(&["--dry-run", "--force"]).fails(125, "cannot be used together");
        prune(&["--all", "--filter", "all=true"]).fails(125, "cannot be used together");
        assert_eq!(bed.cove(&["volume", "ls", "-q"]).ok().lines().count(), 2);
    });
}

#[test]
fn a_directory_is_given_away_once() {
    everyone(|bed| {
        let give = ["run", "--rm", "--network", "none", "-u", "5:6", "-v", "v:/d:U", IMAGE];
        with_volume(bed, "v:/d", "mkdir /d/sub; touch /d/sub/f");
        let look = ["stat", "-c", "%u:%g", "/d", "/d/sub/f"];
        assert_eq!(bed.cove(&[&give[..], &look].concat()).ok(), "5:6\n5:6");
        with_volume(bed, "v:/d", "chown 7:8 /d/sub/f");
        assert_eq!(bed.cove(&[&give[..], &look].concat()).ok(), "5:6\n7:8");
    });
}
