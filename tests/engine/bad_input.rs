//! Bad input: one clear error, the right exit code, nothing changed, nothing left.

use cove_test_support::{Bed, IMAGE, Member, Need, Who, everyone, skip, tar, write_docker_archive};

#[test]
fn wrong_words_are_refused_by_name() {
    everyone(|bed| {
        for (arguments, code, text) in [
            (&["frobnicate"][..], 125, "frobnicate"),
            (&["run"], 125, "requires at least 1 arg"),
            (&["run", "--memory", "lots", IMAGE], 125, "lots"),
            (&["run", "-p", "99999:80", IMAGE], 125, "99999"),
            (&["run", "-v", "relative/../x:y", IMAGE], 125, "y"),
            (&["run", "--cap-add", "CAP_NONSENSE", IMAGE, "true"], 125, "NONSENSE"),
            (&["run", "--network", "no-such-net", IMAGE, "true"], 125, "no-such-net"),
            (&["run", "--runtime", "/no/such/runtime", IMAGE, "true"], 125, "/no/such/runtime"),
            (&["pull", "-q", "UPPER/case"], 125, "UPPER/case"),
            (&["pull", "-q", "localhost/x@sha256:short"], 125, "sha256:short"),
            (&["inspect", "nothing-here"], 125, "nothing-here"),
            (&["network", "create", "bad name"], 125, "bad name"),
            (&["run", "--tmpfs", "/t:size=1m", "--tmpfs", "/t:size=2m", IMAGE], 125, "/t: duplicate mount"),
            (&["volume", "create", "../up"], 125, "../up"),
            (&["volume", "rm", "nothing-here"], 1, "nothing-here"),
            (&["load", "-i", "/no/such/file"], 125, "/no/such/file"),
        ] {
            bed.cove(arguments).fails(code, text);
        }
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "", "a refused run left a container");
    });
}

#[test]
fn a_hostile_layer_stays_in_its_root() {
    let Some(bed) = Bed::empty(Who::Root) else { return };
    let canary = bed.path("canary");
    cove_sys::fs::create_dir(&canary).expect("canary");
    cove_sys::fs::write(canary.join("file"), "untouched").expect("canary");
    let target = canary.display().to_string();
    let up = format!("{}{}", "../".repeat(30), target.trim_start_matches('/'));
    let link = Member::link("link", b'2', &target);
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("through a link", tar(&[link, Member::file("link/file", b"overwritten")])),
        ("up and out", tar(&[Member::file(&format!("{}/new", &up[..80.min(up.len())]), b"escaped")])),
        ("a hard link to the host", tar(&[Member::link("hard", b'1', &format!("{target}/file"))])),
        ("a whiteout through a link", tar(&[link, Member::file("link/.wh.file", b"")])),
    ];
    for (number, (what, layer)) in hostile.into_iter().enumerate() {
        let archive = bed.path(&format!("h{number}.tar"));
        write_docker_archive(
            &archive,
            &format!("localhost/h{number}:latest"),
            &[layer],
            &serde_json::json!({}),
        );
        // Either refused or contained; never outside.
        let outcome = bed.cove(&["load", "-q", "-i", &archive.display().to_string()]);
        assert!([0, 125].contains(&outcome.code), "{what}: {outcome:?}");
        assert!(!outcome.stderr.contains("panicked"), "{what}: {outcome:?}");
        let entries = cove_sys::fs::read_dir(&canary).expect("canary").count();
        assert_eq!(entries, 1, "{what}: something was written outside");
        assert_eq!(cove_sys::fs::read_to_string(canary.join("file")).expect("canary"), "untouched", "{what}");
    }
}

#[test]
fn an_environment_entry_without_value_takes_nothing_from_the_host() {
    let Some(bed) = Bed::empty(Who::Root) else { return };
    let rootfs = bed.path("rootfs.tar");
    cove_test_support::root_file_system(&rootfs);
    let layer = cove_sys::fs::read(&rootfs).expect("rootfs");
    let archive = bed.path("env.tar");
    write_docker_archive(
        &archive,
        "localhost/env:latest",
        &[layer],
        &serde_json::json!({"Env": ["SECRET_X", "*"]}),
    );
    bed.cove(&["load", "-q", "-i", &archive.display().to_string()]).ok();
    let mut command = bed.command(&["run", "--rm", "--network", "none", "localhost/env", "env"]);
    command.env("SECRET_X", "of-the-host");
    let outcome = cove_test_support::Outcome::of(command, b"");
    assert!(!outcome.stdout.contains("of-the-host"), "{outcome:?}");
}

#[test]
fn broken_configuration_is_named() {
    everyone(|bed| {
        let file = bed.path("broken.conf");
        cove_sys::fs::write(&file, "[containers\nx=").expect("broken.conf");
        let mut command = bed.command(&["images"]);
        command.env("CONTAINERS_CONF", &file);
        cove_test_support::Outcome::of(command, b"").fails(125, "broken.conf");
    });
}

#[test]
fn no_space_is_said_and_given_back() {
    let Some(bed) = Bed::empty(Who::Root) else { return };
    let rootfs = bed.path("rootfs.tar");
    cove_test_support::root_file_system(&rootfs);
    let small = bed.path("small");
    cove_sys::fs::create_dir(&small).expect("small");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&small)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return skip(Need::Kernel, "tmpfs cannot be mounted here");
    }
    let root = small.join("root").display().to_string();
    let runroot = bed.path("rr2").display().to_string();
    let mut command = bed.program(&cove_test_support::binary("cove"));
    command.args(["--root", &root, "--runroot", &runroot, "import", "-q"]).arg(&rootfs).arg("localhost/x");
    let outcome = cove_test_support::Outcome::of(command, b"");
    let mut list = bed.program(&cove_test_support::binary("cove"));
    list.args(["--root", &root, "--runroot", &runroot, "images", "-aq"]);
    let list = cove_test_support::Outcome::of(list, b"");
    let _ = std::process::Command::new("umount").args(["-l"]).arg(&small).status();
    outcome.fails(125, "o space left");
    assert_eq!(list.ok(), "");
}

/// CVE-2024-21626: a descriptor that the runtime has left open would lead to the host.
#[test]
fn no_descriptor_of_the_host_is_left_or_entered() {
    everyone(|bed| {
        let run = ["run", "--rm", "--network", "none"];
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"]).ok();
        for number in 3..20 {
            let path = format!("/proc/self/fd/{number}");
            let outcome = bed.cove(&[&run[..], &["-w", &path, IMAGE, "pwd"]].concat());
            assert_ne!(outcome.code, 0, "{outcome:?}");
            let outcome = bed.cove(&["exec", "-w", &path, "ctr", "pwd"]);
            assert_ne!(outcome.code, 0, "{outcome:?}");
        }
        // The same behind a link in the container, and with a detour.
        for number in 3..12 {
            let link = format!("ln -s /proc/self/fd/{number} /l{number}");
            bed.cove(&["exec", "ctr", "sh", "-c", &link]).ok();
            let outcome = bed.cove(&["exec", "-w", &format!("/l{number}"), "ctr", "pwd"]);
            assert_ne!(outcome.code, 0, "{outcome:?}");
        }
        bed.cove(&["exec", "-w", "/tmp/../proc/1/cwd", "ctr", "pwd"]).fails(125, "/proc/1/cwd");
        // Three standard streams and what ls opens itself.
        let list = bed.cove(&[&run[..], &[IMAGE, "ls", "/proc/self/fd"]].concat());
        assert_eq!(list.ok().lines().count(), 4, "{list:?}");
        let list = bed.cove(&["exec", "ctr", "ls", "/proc/self/fd"]);
        assert_eq!(list.ok().lines().count(), 4, "{list:?}");
    });
}

/// CVE-2024-9676, CVE-2024-40635: user files that lead out, hang, or name root in a strange way.
#[test]
fn hostile_user_files_give_no_rights_and_no_hang() {
    everyone(|bed| {
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"]).ok();
        for user in ["4294967296", "2147483648:1", "0:4294967296", "-1"] {
            let outcome = bed.cove(&["exec", "--user", user, "ctr", "id", "-u"]);
            assert!(outcome.code != 0 && outcome.stdout.is_empty(), "{outcome:?}");
            let outcome = bed.cove(&["run", "--rm", "--network", "none", "--user", user, IMAGE, "id", "-u"]);
            assert!(outcome.code != 0 && outcome.stdout.is_empty(), "{outcome:?}");
        }
        let secret = bed.path("secret");
        cove_sys::fs::write(&secret, "outside:x:0:0::/:/bin/sh\n").expect("a file");
        let link = format!("ln -sf ../../../../../../..{} /etc/passwd", secret.display());
        for replace in [
            &link,
            "rm /etc/passwd; mkfifo /etc/passwd",
            "rm /etc/passwd; mkdir /etc/passwd",
            "rmdir /etc/passwd; ln -s /proc/self/root/etc/passwd /etc/passwd",
            "ln -sf /dev/zero /etc/passwd",
            "ln -sf passwd /etc/passwd",
        ] {
            bed.cove(&["exec", "ctr", "sh", "-c", replace]).ok();
            let outcome = bed.cove(&["exec", "--user", "outside", "ctr", "id", "-u"]);
            assert!(outcome.code != 0 && outcome.stdout.is_empty(), "{replace}: {outcome:?}");
        }
        // A user by number needs no file; a big one is not read to its end.
        let big = "rm /etc/passwd; truncate -s 8G /etc/passwd 2>/dev/null || dd if=/dev/zero of=/etc/passwd bs=1 count=1 seek=8589934591";
        bed.cove(&["exec", "ctr", "sh", "-c", big]);
        let outcome = bed.cove(&["exec", "--user", "outside", "ctr", "id", "-u"]);
        assert!(outcome.code != 0 && outcome.stdout.is_empty(), "{outcome:?}");
        bed.cove(&["rm", "-f", "-t", "0", "ctr"]).ok();
    });
}
