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
