//! Working containers: images made step by step, by Cove's commands and shared with Buildah's.

use std::path::Path;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Who, everyone, met};

use crate::build::{seen, write};

/// Runs a command on working containers.
fn hand(bed: &Bed, words: &[&str]) -> Outcome {
    bed.cove(&[&["build-container"], words].concat())
}

#[test]
fn an_image_is_made_step_by_step() {
    everyone(|bed| {
        let folder = bed.path("files");
        write(&folder, "one", "first\n");
        write(&folder, "dir/two", "second\n");
        let at = |name: &str| folder.join(name).display().to_string();
        let name = hand(bed, &["from", "--pull-never", IMAGE]).ok().to_owned();
        assert_eq!(name, "cove-test-working-container");
        assert_eq!(hand(bed, &["from", "--pull-never", IMAGE]).ok(), "cove-test-working-container-1");
        let digest = hand(bed, &["copy", &name, &at("one"), "/copied"]).ok().to_owned();
        assert!(digest.starts_with("sha256:"), "{digest}");
        hand(bed, &["copy", "-q", "--chown", "7:8", "--chmod", "640", &name, &at("dir"), "/all/"]).ok();
        let output =
            hand(bed, &["run", "--network", "none", &name, "--", "sh", "-c", "echo run | tee /ran; id -u"]);
        assert_eq!(output.ok(), "run\n0");
        let failed = hand(bed, &["run", "--network", "none", &name, "--", "sh", "-c", "exit 3"]);
        failed.fails(3, "while running runtime: exit status 3");
        hand(bed, &["run", "--network", "none", &name, "gone-program"]).fails(127, "gone-program");
        let config = [
            "config",
            "--cmd",
            "cat /copied",
            "--env",
            "A=b",
            "--label",
            "l=m",
            "--user",
            "5",
            "--workingdir",
            "/all",
            "--port",
            "80",
            "--author",
            "ann",
            "--created-by",
            "by hand",
            &name,
        ];
        hand(bed, &config).ok();
        let id = hand(bed, &["commit", "-q", &name, "made:1"]).ok().to_owned();
        let format =
            "{{.Id}} {{.Author}} {{.Config.User}} {{.Config.WorkingDir}} {{index .Config.Labels \"l\"}}";
        let shown = bed.cove(&["image", "inspect", "--format", format, "made:1"]).ok().to_owned();
        assert_eq!(shown, format!("{id} ann 5 /all m"));
        let history = bed.cove(&["history", "--format", "{{.CreatedBy}}", "made:1"]).ok().to_owned();
        assert_eq!(history.lines().next(), Some("by hand"), "{history}");
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", "made:1"]).ok(), "first");
        let command =
            "cat /ran; stat -c '%u %g %a' /all/two; ls /etc/resolv.conf /run/.containerenv; echo $A";
        let text =
            bed.cove(&["run", "--rm", "--network", "none", "--user", "0", "made:1", "sh", "-c", command]);
        assert!(
            text.stdout.starts_with("run\n7 8 640\n") && text.stdout.trim_end().ends_with('b'),
            "{text:?}"
        );
        // What was mounted for commands is not in the layer.
        let layers = bed.cove(&["image", "diff", "made:1"]).ok().to_owned();
        assert!(!layers.contains("resolv.conf"), "{layers}");
        // One that goes with its image; the other stays until it is removed.
        let squashed =
            hand(bed, &["commit", "--squash", "--rm", "--format", "docker", &name, "small"]).ok().to_owned();
        let format = "{{.Id}} {{len .RootFS.Layers}}";
        assert_eq!(
            bed.cove(&["image", "inspect", "--format", format, "small"]).ok(),
            format!("{squashed} 1")
        );
        hand(bed, &["inspect", &name]).fails(125, "not known");
        let left =
            hand(bed, &["containers", "--noheading", "--format", "{{.ContainerName}}"]).ok().to_owned();
        assert_eq!(left, "cove-test-working-container-1");
        hand(bed, &["rename", &left, "other"]).ok();
        hand(bed, &["from", "--name", "other", "scratch"]).fails(125, "already in use");
        let id = hand(bed, &["containers", "-q"]).ok().to_owned();
        assert_eq!(hand(bed, &["rm", "--all"]).ok(), id);
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    });
}

#[test]
fn containers_of_nothing_take_from_others() {
    everyone(|bed| {
        let folder = bed.path("files");
        write(&folder, "one", "first\n");
        write(&folder, "skip", "not this\n");
        let folder = folder.display().to_string();
        assert_eq!(hand(bed, &["from", "--name", "source", "scratch"]).ok(), "source");
        hand(bed, &["copy", "-q", "--contextdir", &folder, "--exclude", "skip", "source", ".", "/data"]).ok();
        assert_eq!(hand(bed, &["from", "--pull-never", "--name", "target", IMAGE]).ok(), "target");
        hand(bed, &["copy", "-q", "--from", "source", "target", "/data", "/taken"]).ok();
        hand(bed, &["copy", "-q", "--from", IMAGE, "target", "/etc/passwd", "/taken/"]).ok();
        let listed = hand(bed, &["run", "--network", "none", "target", "ls", "/taken"]).ok().to_owned();
        assert_eq!(listed, "one\npasswd");
        // Nothing leads out of a folder that is named: neither a path nor a link.
        write(&bed.path("outside"), "secret", "canary\n");
        std::os::unix::fs::symlink("..", bed.path("files/up")).expect("a link");
        for source in ["../outside/secret", "up/outside/secret"] {
            hand(bed, &["copy", "--contextdir", &folder, "target", source, "/x"]).fails(125, "");
        }
        let outside = bed.path("outside").display().to_string();
        hand(bed, &["copy", "-q", "--contextdir", &outside, "target", "secret", "/x"]).ok();
        // Standard input reaches the command.
        let words = ["build-container", "run", "--network", "none", "target", "--", "cat"];
        assert_eq!(bed.cove_with(&words, b"through").ok(), "through");
        hand(bed, &["commit", "--manifest", "list", "target"]).ok();
        assert!(bed.cove(&["manifest", "inspect", "list"]).ok().contains("\"architecture\""));
        let place = format!("oci:{}", bed.path("layout").display());
        hand(bed, &["commit", "source", &place]).ok();
        assert!(bed.path("layout").join("index.json").exists());
        hand(bed, &["rm", "source", "nobody", "target"]).fails(125, "reading build container \"nobody\"");
        assert_eq!(hand(bed, &["containers", "-q"]).ok(), "");
    });
}

#[test]
fn what_could_not_be_committed_is_kept() {
    everyone(|bed| {
        assert_eq!(hand(bed, &["from", "--pull-never", "--name", "kept", IMAGE]).ok(), "kept");
        // Nobody listens there.
        hand(bed, &["commit", "--rm", "kept", "docker://127.0.0.1:9/x:1"]).fails(125, "127.0.0.1:9");
        let left = ["containers", "--noheading", "--format", "{{.ContainerName}}"];
        assert_eq!(hand(bed, &left).ok(), "kept");
        hand(bed, &["rm", "kept"]).ok();
    });
}

#[test]
fn the_program_has_buildahs_name() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let link = bed.path("buildah");
    std::os::unix::fs::symlink(cove_test_support::binary("cove"), &link).expect("link");
    let buildah = |words: &[&str]| {
        let mut command = bed.program(&link);
        command.args(bed.store_options()).args(words);
        Outcome::of(command, b"")
    };
    let name = buildah(&["from", "--pull-never", IMAGE]).ok().to_owned();
    let path = buildah(&["mount", &name]).ok().to_owned();
    // Who has it mounted twice has it still after one of the two, and after a command.
    assert_eq!(buildah(&["mount", &name]).ok(), path);
    buildah(&["umount", &name]).ok();
    buildah(&["run", "--network", "none", &name, "true"]).ok();
    cove_sys::fs::write(Path::new(&path).join("by-hand"), b"text").expect("file");
    assert!(buildah(&["mount"]).ok().contains(&path));
    buildah(&["umount", &name]).ok();
    buildah(&["commit", "-q", &name, "app"]).ok();
    assert_eq!(seen(&bed, "app", "cat /by-hand"), "text");
    assert!(buildah(&["images"]).ok().contains("localhost/app"));
    buildah(&["pod"]).fails(125, "pod");
    buildah(&["rm", &name]).ok();
}

/// What Buildah begins Cove goes on with, and the other way round.
#[test]
fn working_containers_are_shared_with_buildah() {
    if !met(&[Need::Buildah]) {
        return;
    }
    let Some(bed) = Bed::new(Who::Root) else { return };
    let buildah = |words: &[&str]| {
        let mut command = bed.program(Path::new("buildah"));
        command.args(bed.store_options()).args(words);
        Outcome::of(command, b"")
    };
    let ours = hand(&bed, &["from", "--pull-never", IMAGE]).ok().to_owned();
    buildah(&["config", "--label", "by=buildah", "--cmd", "cat /file", &ours]).ok();
    let theirs = buildah(&["from", "--pull-never", IMAGE]).ok().to_owned();
    hand(&bed, &["config", "--label", "by=cove", "--cmd", "cat /file", &theirs]).ok();
    for (name, writer) in [(&ours, "buildah"), (&theirs, "cove")] {
        hand(&bed, &["run", "--network", "none", name, "--", "sh", "-c", "echo text > /file"]).ok();
        match writer {
            "buildah" => drop(buildah(&["commit", "-q", name, "app"])),
            _ => drop(hand(&bed, &["commit", "-q", name, "app"])),
        }
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", "app"]).ok(), "text");
        let format = "{{index .Config.Labels \"by\"}}";
        assert_eq!(bed.cove(&["image", "inspect", "--format", format, "app"]).ok(), writer);
    }
    let mut listed: Vec<String> = buildah(&["containers", "--format", "{{.ContainerName}}"])
        .ok()
        .lines()
        .map(ToOwned::to_owned)
        .collect();
    listed.sort_unstable();
    let mut names = vec![ours.clone(), theirs.clone()];
    names.sort_unstable();
    assert_eq!(listed, names);
    buildah(&["rm", &ours]).ok();
    hand(&bed, &["rm", &theirs]).ok();
    assert_eq!(hand(&bed, &["containers", "-q"]).ok(), "");
}
