//! Secrets: kept, listed, given to containers, and shown to nobody who did not ask.

use cove_test_support::{Bed, IMAGE, Need, Service, everyone, met};

const RUN: [&str; 4] = ["run", "--rm", "--network", "none"];

fn run(bed: &Bed, options: &[&str], command: &[&str]) -> String {
    let all: Vec<&str> = RUN.iter().chain(options).chain(&[IMAGE]).chain(command).copied().collect();
    bed.cove(&all).ok().to_owned()
}

#[test]
fn they_come_and_go() {
    everyone(|bed| {
        let id = bed.cove_with(&["secret", "create", "-l", "a=b", "one", "-"], b"tiger").ok().to_owned();
        assert_eq!(id.len(), 25, "{id}");
        let file = bed.path("file");
        cove_sys::fs::write(&file, "lion").unwrap();
        bed.cove(&["secret", "create", "two", &file.display().to_string()]).ok();
        bed.cove_with(&["secret", "create", "one", "-"], b"x").fails(125, "one: secret name in use");
        assert_eq!(bed.cove_with(&["secret", "create", "--ignore", "one", "-"], b"x").ok(), id);
        bed.cove_with(&["secret", "create", "a=b", "-"], b"x").fails(125, "invalid secret name");
        bed.cove_with(&["secret", "create", "empty", "-"], b"").fails(125, "must be larger than 0");
        let large = vec![b'x'; 512_000];
        bed.cove_with(&["secret", "create", "large", "-"], &large).fails(125, "less than 512000 bytes");
        bed.cove(&["secret", "create", "--env", "three", "HOME"]).ok();
        bed.cove(&["secret", "create", "--env", "four", "NO_SUCH_VARIABLE"]).fails(125, "is not set");
        bed.cove_with(&["secret", "create", "-d", "none", "four", "-"], b"x").fails(125, "invalid driver");

        let listed = bed.cove(&["secret", "ls", "--format", "{{.Name}} {{.Driver}}"]);
        assert_eq!(listed.ok(), "one file\nthree file\ntwo file");
        let filtered = bed.cove(&["secret", "ls", "-f", "name=^t", "-q"]);
        assert_eq!(filtered.ok().lines().count(), 2);
        let table = bed.cove(&["secret", "ls"]);
        assert!(table.ok().starts_with("ID "), "{}", table.ok());
        bed.cove(&["secret", "ls", "-f", "x=y"]).fails(125, "invalid filter");

        let shown = bed.cove(&["secret", "inspect", "one"]).ok().to_owned();
        assert!(shown.contains(&id) && !shown.contains("tiger") && !shown.contains("SecretData"), "{shown}");
        let data = ["secret", "inspect", "--showsecret", "--format", "{{.SecretData}}", &id[..7]];
        assert_eq!(bed.cove(&data).ok(), "tiger");
        let pretty = bed.cove(&["secret", "inspect", "--pretty", "one"]).ok().to_owned();
        assert!(pretty.contains("Name:              one\nLabels:\n - a=b\nDriver:"), "{pretty}");
        bed.cove(&["secret", "inspect", "none"])
            .fails(125, "Error: inspecting secret: no secret with name or id \"none\": no such secret");

        let new = bed.cove_with(&["secret", "create", "--replace", "one", "-"], b"puma").ok().to_owned();
        assert_ne!(new, id);
        assert_eq!(bed.cove(&["secret", "exists", "one"]).code, 0);
        assert_eq!(bed.cove(&["secret", "exists", &id]).code, 1);
        assert_eq!(bed.cove(&["secret", "rm", "one"]).ok(), new);
        bed.cove(&["secret", "rm", "one"]).fails(125, "no such secret");
        assert_eq!(bed.cove(&["secret", "rm", "--ignore", "one"]).ok(), "");
        bed.cove(&["secret", "rm"]).fails(125, "requires one argument, or the --all flag");
        bed.cove(&["secret", "rm", "--all"]).ok();
        assert_eq!(bed.cove(&["secret", "ls", "-q"]).ok(), "");
        let events = bed.cove(&["events", "--stream=false", "--filter", "type=secret"]);
        assert_eq!(events.ok().lines().filter(|line| line.contains("secret remove")).count(), 3);
        assert!(!events.ok().contains("tiger"));
    });
}

#[test]
fn containers_get_them() {
    everyone(|bed| {
        bed.cove_with(&["secret", "create", "one", "-"], b"tiger").ok();
        assert_eq!(run(bed, &["--secret", "one"], &["cat", "/run/secrets/one"]), "tiger");
        let mode = ["stat", "-c", "%a %u %g", "/run/secrets/one", "/etc/deep/two"];
        let two = "one,target=/etc/deep/two,uid=5,gid=6,mode=0440";
        assert_eq!(run(bed, &["--secret", "one", "--secret", two], &mode), "444 0 0\n440 5 6");
        let named = ["--secret", "one,target=other", "--read-only"];
        assert_eq!(run(bed, &named, &["cat", "/run/secrets/other"]), "tiger");
        let variable = ["--secret", "one,type=env,target=TOKEN"];
        assert_eq!(run(bed, &variable, &["sh", "-c", "echo $TOKEN"]), "tiger");
        let wrong = ["create", "--secret", "none", IMAGE, "true"];
        bed.cove(&wrong).fails(125, "no secret with name or id \"none\": no such secret");
        bed.cove(&["create", "--secret", "one,x=y", IMAGE, "true"]).fails(125, "option x=y invalid");

        // A file is what it was when the container was made, a variable what it is at the start.
        let both = ["create", "--name", "c", "--network", "none", "--secret", "one", "--secret"];
        let both: Vec<&str> = both
            .into_iter()
            .chain(["one,type=env,target=TOKEN", IMAGE, "sh", "-c", "cat /run/secrets/one; echo \" $TOKEN\""])
            .collect();
        bed.cove(&both).ok();
        bed.cove_with(&["secret", "create", "--replace", "one", "-"], b"puma").ok();
        assert_eq!(bed.cove(&["start", "-a", "c"]).ok(), "tiger puma");
        let inspected = bed.cove(&["inspect", "c"]).ok().to_owned();
        assert!(!inspected.contains("tiger") && !inspected.contains("puma"), "{inspected}");
        let secrets =
            bed.cove(&["inspect", "--format", "{{range .Config.Secrets}}{{.Name}} {{.Mode}}{{end}}", "c"]);
        assert_eq!(secrets.ok(), "one 292");
        bed.cove(&["secret", "rm", "one"]).ok();
        bed.cove(&["start", "-a", "c"]).fails(125, "no such secret");
        bed.cove(&["rm", "c"]).ok();
    });
}

#[test]
fn drivers_keep_them() {
    everyone(|bed| {
        let folder = bed.path("vault");
        cove_sys::fs::create_dir_all(&folder).unwrap();
        cove_sys::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let file = format!("{}/$SECRET_ID", folder.display());
        let options = format!("list=ls,lookup=cat {file},store=cat >{file},delete=rm {file}");
        let create = ["secret", "create", "--driver", "shell", "--driver-opts", &options, "one", "-"];
        let id = bed.cove_with(&create, b"tiger").ok().to_owned();
        assert_eq!(cove_sys::fs::read_to_string(folder.join(&id)).unwrap(), "tiger");
        assert_eq!(run(bed, &["--secret", "one"], &["cat", "/run/secrets/one"]), "tiger");
        bed.cove(&["secret", "rm", "one"]).ok();
        assert!(!folder.join(&id).exists());
    });
}

/// What containers.conf says is the driver of a secret that says nothing else.
#[test]
fn a_configured_driver_is_used() {
    everyone(|bed| {
        let conf = bed.path("containers.conf");
        let text = "[secrets]\ndriver = \"shell\"\n[secrets.opts]\nlist = \"ls\"\nlookup = \"echo lion\"\nstore = \"true\"\ndelete = \"true\"\n";
        cove_sys::fs::write(&conf, text).unwrap();
        let mut command = bed.command(&["secret", "create", "one", "-"]);
        command.env("CONTAINERS_CONF", &conf);
        cove_test_support::Outcome::of(command, b"tiger").ok();
        let shown =
            ["secret", "inspect", "--showsecret", "--format", "{{.SecretData}}{{.Spec.Driver.Name}}", "one"];
        assert_eq!(bed.cove(&shown).ok(), "lion\nshell");
        bed.cove(&["secret", "rm", "one"]).ok();
    });
}

/// podman reads what we wrote, and the other way round.
#[test]
fn podman_shares_them() {
    if !met(&[Need::Podman]) {
        return;
    }
    everyone(|bed| {
        let podman = |arguments: &[&str], input: &[u8]| {
            let mut command = bed.program(std::path::Path::new("podman"));
            command.args(bed.store_options()).args(arguments);
            cove_test_support::Outcome::of(command, input)
        };
        bed.cove_with(&["secret", "create", "ours", "-"], b"tiger").ok();
        podman(&["secret", "create", "theirs", "-"], b"lion").ok();
        assert!(podman(&["secret", "ls"], b"").ok().contains("ours"));
        let shown = ["secret", "inspect", "--showsecret", "--format", "{{.SecretData}}", "theirs"];
        assert_eq!(bed.cove(&shown).ok(), "lion");
        podman(&["secret", "rm", "ours"], b"").ok();
        bed.cove(&["secret", "exists", "ours"]).fails(1, "");
    });
}

#[test]
fn over_a_service() {
    everyone(|bed| {
        let service = Service::start(bed);
        let uri = service.uri();
        let remote = |arguments: &[&str], input: &[u8]| {
            let all: Vec<&str> = ["--url", &uri].into_iter().chain(arguments.iter().copied()).collect();
            bed.cove_with(&all, input)
        };
        remote(&["secret", "create", "-l", "a=b", "one", "-"], b"tiger").ok();
        remote(&["secret", "create", "one", "-"], b"x").fails(125, "secret name in use");
        assert_eq!(remote(&["secret", "ls", "--format", "{{.Name}}"], b"").ok(), "one");
        let shown =
            ["secret", "inspect", "--showsecret", "--format", "{{.SecretData}} {{.Spec.Labels.a}}", "one"];
        assert_eq!(remote(&shown, b"").ok(), "tiger b");
        let cat = ["run", "--rm", "--network", "none", "--secret", "one", IMAGE, "cat", "/run/secrets/one"];
        assert_eq!(remote(&cat, b"").ok(), "tiger");
        remote(&["secret", "rm", "one"], b"").ok();
        remote(&["secret", "exists", "one"], b"").fails(1, "");
    });
}

#[test]
fn the_host_gives_copies_by_mounts_conf() {
    everyone(|bed| {
        let given = bed.path("given");
        let write = |path: &std::path::Path, text: &str| cove_sys::fs::write(path, text).expect("a file");
        cove_sys::fs::create_dir_all(given.join("below")).expect("a folder");
        write(&given.join("below/a"), "first\n");
        std::os::unix::fs::symlink("/nowhere", given.join("dangling")).expect("a link");
        write(&bed.path("single"), "file\n");
        let conf = bed.path("mounts.conf");
        let folder = bed.path("").display().to_string();
        let folder = folder.trim_end_matches('/');
        write(
            &conf,
            &format!(
                "# host\n{folder}/given:/run/secrets\n{folder}/single:/etc/single\n{folder}/not-there\n"
            ),
        );
        let flag = format!("--default-mounts-file={}", conf.display());
        let ran = |options: &[&str], script: &str| {
            let words = [&[&*flag], &RUN[..], options, &[IMAGE, "sh", "-c", script]].concat();
            bed.cove(&words)
        };
        let shown =
            ran(&[], "ls -A /run/secrets; cat /run/secrets/below/a /etc/single; stat -c %u /etc/single");
        assert_eq!(shown.ok(), "below\nfirst\nfile\n0");
        assert!(shown.stderr.contains("not-there does not exist"), "{}", shown.stderr);
        // A secret of the engine's lies beside them, a mount of the user's in their place, and nothing leads back.
        bed.cove_with(&["secret", "create", "own", "-"], b"tiger").ok();
        let script = "cat /run/secrets/own /run/secrets/below/a; echo lost >/run/secrets/below/a";
        assert_eq!(ran(&["--secret", "own"], script).ok(), "tigerfirst");
        assert_eq!(cove_sys::fs::read_to_string(given.join("below/a")).expect("the file"), "first\n");
        let over = format!("{}:/etc/single", given.join("below/a").display());
        assert_eq!(ran(&["-v", &over], "cat /etc/single").ok(), "first");

        // Each start copies anew.
        bed.cove(&[
            &flag,
            "create",
            "--network",
            "none",
            "--name",
            "c",
            IMAGE,
            "cat",
            "/run/secrets/below/a",
        ])
        .ok();
        assert_eq!(bed.cove(&[&flag, "start", "-a", "c"]).ok(), "first");
        write(&given.join("below/a"), "second\n");
        assert_eq!(bed.cove(&[&flag, "start", "-a", "c"]).ok(), "second");

        // A build's commands have them, its image does not.
        let context = bed.path("context");
        cove_sys::fs::create_dir_all(&context).expect("a folder");
        write(
            &context.join("Containerfile"),
            &format!("FROM {IMAGE}\nRUN cp /run/secrets/below/a /seen && cat /etc/single\n"),
        );
        let context = context.display().to_string();
        bed.cove(&[&flag, "build", "-q", "--network", "none", "-t", "given", &context]).ok();
        let script = ["given", "sh", "-c", "cat /seen; ls -A /run/secrets 2>/dev/null; true"];
        assert_eq!(bed.cove(&[&RUN[..], &script].concat()).ok(), "second");

        write(&conf, "/etc:relative\n");
        ran(&[], "true").fails(126, "mounts.conf:1: \"relative\" is no place in a container");
        cove_sys::fs::remove_file(&conf).expect("the file is there");
        ran(&[], "true").fails(126, "mounts.conf does not exist (named by a flag)");
        if bed.cove(&["info", "--format", "{{.Host.Security.Rootless}}"]).ok() == "true" {
            let own = bed.path("home/.config/containers");
            cove_sys::fs::create_dir_all(&own).expect("a folder");
            write(&own.join("mounts.conf"), &format!("{folder}/single:/etc/single\n"));
            assert_eq!(run(bed, &[], &["cat", "/etc/single"]), "file");
        }
    });
}
