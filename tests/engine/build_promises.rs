//! Building images: what the cache must see, what is taken apart, what is left out.

use std::process::Stdio;

use cove_test_support::{Bed, IMAGE, Service, Who, everyone, wait_for};

use crate::build::{build, seen, write};

/// The last line of a build's output: the id.
fn id(output: &str) -> String {
    output.lines().last().expect("the id").to_owned()
}

#[test]
fn what_a_step_means_is_not_taken_for_another() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text");
        let built = |text: &str, options: &[&str]| {
            write(&folder, "Containerfile", &format!("FROM {IMAGE}\n{text}\n"));
            id(build(bed, &folder, options).ok())
        };
        for (one, other) in [
            ("HEALTHCHECK --interval=5s CMD x", "HEALTHCHECK --interval=60s CMD x"),
            ("HEALTHCHECK CMD [\"a b\"]", "HEALTHCHECK CMD [\"a\", \"b\"]"),
            ("VOLUME [\"/a b\"]", "VOLUME /a b"),
            ("COPY --from=0 <<E /e\none\nE", "COPY --from=0 <<E /e\ntwo\nE"),
        ] {
            let stage = |text: &str| match text.contains("--from") {
                true => format!("FROM {IMAGE}\n{text}"),
                false => text.to_owned(),
            };
            let (one, other) = (stage(one), stage(other));
            let first = built(&one, &["--format", "docker"]);
            assert_ne!(first, built(&other, &["--format", "docker"]), "{one} and {other}");
            assert_eq!(first, built(&one, &["--format", "docker"]), "{one}");
        }
        let text = "ARG M=644\nCOPY --chmod=$M file /file";
        built(text, &["-t", "app"]);
        built(text, &["-t", "app", "--build-arg", "M=755"]);
        assert_eq!(seen(bed, "app", "stat -c %a /file"), "755");
    });
}

#[test]
fn triggers_of_a_base_take_from_stages_of_the_file() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nONBUILD COPY --from=maker /made /got\n"));
        build(bed, &folder, &["-t", "base"]).ok();
        let text = format!("FROM {IMAGE} AS maker\nRUN echo made > /made\nFROM base\n");
        write(&folder, "Containerfile", &text);
        build(bed, &folder, &["-t", "app"]).ok();
        assert_eq!(seen(bed, "app", "cat /got"), "made");
    });
}

#[test]
fn an_image_of_nothing_has_the_platform_that_is_asked_for() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(&folder, "Containerfile", "FROM scratch\nCOPY file /\n");
        for (platform, shown) in [("linux/arm64", "linux arm64"), ("linux/amd64", "linux amd64")] {
            build(bed, &folder, &["-t", "app", "--platform", platform]).ok();
            let format = "{{.Os}} {{.Architecture}}";
            assert_eq!(bed.cove(&["image", "inspect", "--format", format, "app"]).ok(), shown);
        }
        build(bed, &folder, &["--platform", "a/b/c/d"]).fails(125, "a/b/c/d");
    });
}

#[test]
fn an_interrupted_build_takes_everything_apart() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let folder = bed.path("context");
    write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN echo begun; /bin/sleep 1000.25\n"));
    let context = folder.display().to_string();
    let mut command = bed.command(&["build", "--network", "none", "--pull=never", &context]);
    let mut build = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sleeps = || {
        let found = std::process::Command::new("pgrep").args(["-fx", "/bin/sleep 1000.25"]).output().unwrap();
        found.status.success()
    };
    wait_for("the command", 20, || sleeps().then_some(()));
    std::process::Command::new("kill").args(["-INT", &build.id().to_string()]).status().unwrap();
    assert_eq!(build.wait().unwrap().code(), Some(130));
    assert!(!sleeps());
    assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    let mounts = cove_sys::fs::read_to_string("/proc/self/mounts").unwrap();
    let own = bed.path("").display().to_string();
    // The store keeps its own folder mounted.
    let left: Vec<&str> =
        mounts.lines().filter(|line| line.contains(&own) && !line.contains("/root/overlay ")).collect();
    assert_eq!(left, [""; 0]);
    assert_eq!(bed.cove(&["rmi", IMAGE]).code, 0);
}

/// A killed build cannot; the next one does.
#[test]
fn what_a_killed_build_has_left_goes_with_the_next() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let folder = bed.path("context");
    write(
        &folder,
        "Containerfile",
        &format!("FROM {IMAGE}\nRUN --mount=type=bind,from={IMAGE},target=/m /bin/sleep 1000.75\n"),
    );
    let tar = bed.path("context.tar");
    let packed =
        std::process::Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&folder).arg(".").status();
    assert!(packed.unwrap().success());
    let mut command = bed.command(&["build", "--network", "none", "--pull=never", "-"]);
    command.stdin(cove_sys::fs::File::open(&tar).unwrap().into_parts().0);
    let mut build = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let contexts = || cove_sys::fs::read_dir(bed.path("root/cove/build-contexts")).map_or(0, Iterator::count);
    let sleeps = || {
        let found = std::process::Command::new("pgrep").args(["-fx", "/bin/sleep 1000.75"]).output().unwrap();
        found.status.success()
    };
    wait_for("the command", 20, || sleeps().then_some(()));
    assert_eq!(contexts(), 1);
    build.kill().unwrap();
    build.wait().unwrap();
    write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN true\n"));
    crate::build::build(&bed, &folder, &[]).ok();
    assert!(!sleeps());
    assert_eq!(contexts(), 0);
    assert_eq!(bed.cove(&["image", "mount"]).ok(), "");
    assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
}

#[test]
fn what_is_ignored_is_in_no_mount_and_ignored_once() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, ".dockerignore", "dist\n*.secret\n");
        write(&folder, "Prod.dockerignore", "*.secret\n");
        write(&folder, "dist/out", "kept\n");
        write(&folder, "key.secret", "hidden\n");
        let text = format!(
            "FROM {IMAGE}\nCOPY dist /dist\nRUN --mount=type=bind,target=/src ls /src > /listed; cat /src/dist/out\n"
        );
        write(&folder, "Prod", &text);
        let file = folder.join("Prod").display().to_string();
        let service = Service::start(bed);
        for url in [None, Some(service.uri())] {
            let context = folder.display().to_string();
            let mut arguments: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
            arguments.extend([
                "build",
                "--network",
                "none",
                "--pull=never",
                "--no-cache",
                "-t",
                "app",
                "-f",
                &file,
            ]);
            arguments.push(&context);
            assert!(bed.cove(&arguments).ok().contains("kept"), "{url:?}");
            let listed = seen(bed, "app", "cat /dist/out /listed");
            assert!(listed.contains("kept") && !listed.contains("secret"), "{url:?}: {listed}");
        }
    });
}
