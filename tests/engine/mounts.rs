//! `--mount`, `-v …:O`, `--rootfs …:O`: what is mounted, and that nothing of it is left.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, everyone};

fn run(bed: &Bed, flags: &[&str], script: &str) -> String {
    let args = [&["run", "--rm", "--network", "none"], flags, &[IMAGE, "sh", "-c", script]].concat();
    bed.cove(&args).ok().to_owned()
}

pub(crate) fn folder(bed: &Bed, name: &str) -> String {
    let path = bed.path(name);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("file"), "below\n").unwrap();
    give(bed, &path);
    path.display().to_string()
}

/// Gives a file or tree to the user of the bed.
fn give(bed: &Bed, path: &Path) {
    let home = fs::metadata(bed.path("home")).unwrap();
    let mut command = Command::new("chown");
    command.arg("-R").arg(format!("{}:{}", home.uid(), home.gid())).arg(path);
    assert!(command.status().unwrap().success());
}

/// Mounts of the store's folder in this mount namespace.
fn mounts(bed: &Bed) -> usize {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let root = bed.path("").display().to_string();
    table.lines().filter(|line| line.contains(&root) && line.contains("/overlay/")).count()
}

#[test]
fn a_layer_over_a_folder_is_thrown_away() {
    everyone(|bed| {
        let data = folder(bed, "data");
        let before = mounts(bed);
        let mount = format!("{data}:/d:O");
        let script = "cat /d/file; echo new > /d/file; echo more > /d/more; cat /d/file; rm /d/file; ls /d";
        assert_eq!(run(bed, &["-v", &mount], script), "below\nnew\nmore");
        assert_eq!(fs::read_to_string(format!("{data}/file")).unwrap(), "below\n");
        bed.cove(&[
            "create",
            "--name",
            "twice",
            "--network",
            "none",
            "-v",
            &mount,
            IMAGE,
            "sh",
            "-c",
            "ls /d; touch /d/x",
        ])
        .ok();
        for _ in 0..2 {
            assert_eq!(bed.cove(&["start", "-a", "twice"]).ok(), "file");
        }
        bed.cove(&["rm", "twice"]).ok();
        bed.cove(&["volume", "create", "v"]).ok();
        run(bed, &["-v", "v:/d"], "echo kept > /d/a");
        assert_eq!(run(bed, &["-v", "v:/d:O"], "echo gone > /d/a; cat /d/a"), "gone");
        assert_eq!(run(bed, &["-v", "v:/d"], "cat /d/a"), "kept");
        let file = format!("{data}/file:/f:O");
        bed.cove(&["run", "--rm", "-v", &file, IMAGE, "true"]).fails(126, "not a directory");
        bed.cove(&["create", "-v", "/no/such:/d:O", IMAGE, "true"]).fails(125, "no such file or directory");
        bed.cove(&["create", "-v", &format!("{data}:/d:O,ro"), IMAGE, "true"]).fails(125, "can't use 'O'");
        assert_eq!(mounts(bed), before);
    });
}

#[test]
fn an_upper_directory_of_the_users_is_kept() {
    everyone(|bed| {
        let data = folder(bed, "data");
        let (upper, work) = (bed.path("upper"), bed.path("work"));
        for path in [&upper, &work] {
            fs::create_dir(path).unwrap();
            give(bed, path);
        }
        let mount = format!("{data}:/d:O,upperdir={},workdir={}", upper.display(), work.display());
        for expected in ["file", "file\nkept"] {
            assert_eq!(run(bed, &["-v", &mount], "ls /d; touch /d/kept"), expected);
        }
        assert!(upper.join("kept").exists());
    });
}

#[test]
fn images_are_mounted() {
    everyone(|bed| {
        let before = mounts(bed);
        let mount = format!("type=image,src={IMAGE},dst=/i");
        assert_eq!(
            run(
                bed,
                &["--mount", &mount],
                "cmp /i/bin/busybox /bin/busybox; touch /i/x 2>/dev/null || echo read-only"
            ),
            "read-only"
        );
        let writable = format!("{mount},rw=true");
        assert_eq!(run(bed, &["--mount", &writable], "touch /i/x; ls /i/x"), "/i/x");
        let part = format!("{mount},subpath=/bin");
        assert_eq!(
            run(
                bed,
                &["--mount", &part, "--mount", &format!("type=image,src={IMAGE},dst=/j")],
                "ls /i/busybox /j/bin/busybox | wc -l"
            ),
            "2"
        );
        bed.cove(&["create", "--mount", "type=image,src=no-such-image,dst=/i", IMAGE, "true"])
            .fails(125, "no-such-image");
        bed.cove(&["tag", IMAGE, "localhost/other"]).ok();
        bed.cove(&["create", "--name", "c", "--mount", &writable, IMAGE, "true"]).ok();
        let shown = "{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}}{{end}}";
        assert_eq!(bed.cove(&["inspect", "--format", shown, "c"]).ok(), format!("image {IMAGE} /i true"));
        bed.cove(&["run", "--rm", "--network", "none", "--volumes-from", "c", IMAGE, "ls", "/i/bin/busybox"])
            .ok();
        assert_eq!(mounts(bed), before);
    });
}

#[test]
fn patterns_and_memory() {
    everyone(|bed| {
        let data = folder(bed, "data");
        fs::write(format!("{data}/v1"), "one\n").unwrap();
        fs::write(format!("{data}/v2"), "two\n").unwrap();
        let mount = format!("type=glob,src={data}/v*,dst=/g,ro");
        assert_eq!(run(bed, &["--mount", &mount], "ls /g; cat /g/v2"), "v1\nv2\ntwo");
        let none = format!("type=glob,src={data}/w*,dst=/g");
        bed.cove(&["create", "--mount", &none, IMAGE, "true"]).fails(125, "no file paths matching glob");
        let both = format!("type=glob,src={data}/../*/file,dst=/g");
        folder(bed, "other");
        bed.cove(&["create", "--mount", &both, IMAGE, "true"]).fails(125, "duplicate mount destination");
        assert_eq!(run(bed, &["--mount", "type=ramfs,dst=/r"], "stat -f -c %T /r"), "ramfs");
        let memory = "mount | grep ' /etc ' | grep -c 'nosuid,nodev'; ls /etc/passwd";
        assert_eq!(run(bed, &["--tmpfs", "/etc"], memory), "1\n/etc/passwd");
        assert_eq!(
            run(
                bed,
                &["--mount", "type=tmpfs,dst=/etc,notmpcopyup"],
                "ls /etc/passwd 2>/dev/null || echo empty"
            ),
            "empty"
        );
        assert_eq!(
            run(bed, &["-u", "77:88", "--mount", "type=tmpfs,dst=/t,U=true"], "stat -c %u:%g /t"),
            "77:88"
        );
        assert_eq!(
            run(bed, &["--mount", "type=devpts,dst=/p,mode=620"], "mount | grep -c ' /p type devpts'"),
            "1"
        );
    });
}

#[test]
fn a_root_file_system_stays_as_it_is() {
    everyone(|bed| {
        let tree = bed.path("tree");
        fs::create_dir(&tree).unwrap();
        cove_test_support::busybox_tree(&tree);
        give(bed, &tree);
        let rootfs = format!("{}:O", tree.display());
        let args =
            ["run", "--rm", "--network", "none", "--rootfs", &rootfs, "sh", "-c", "touch /new; ls /new"];
        assert_eq!(bed.cove(&args).ok(), "/new");
        assert!(!tree.join("new").exists());
        bed.cove(&["create", "--rootfs", &format!("{}:X", tree.display()), "sh"])
            .fails(125, "unknown option");
    });
}
