//! Volumes and bind mounts.

use cove_test_support::{IMAGE, everyone};

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
        let show = ["-u", "4321", IMAGE, "cat", "/etc/passwd"];
        let base = ["run", "--rm", "--network", "none"];
        assert!(bed.cove(&[&base[..], &show].concat()).ok().contains("4321:*:4321:0:"));
        assert_eq!(bed.cove(&[&base[..], &["-v", &etc], &show].concat()).ok(), passwd.trim_end());
    });
}
