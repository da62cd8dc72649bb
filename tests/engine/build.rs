//! Building images: contexts, caches, stages, names, failures; by the command line and through the service.

use std::path::Path;
use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, everyone, met};

/// Writes a file of a context, and the folders it is in.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    cove_sys::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    cove_sys::fs::write(&path, text).expect("file");
    open(folder);
}

/// The test's user may read it all.
fn open(folder: &Path) {
    Command::new("chmod").args(["-R", "a+rwX"]).arg(folder).status().expect("chmod");
}

/// A folder as a compressed tar.
pub(crate) fn packed(folder: &Path) -> Vec<u8> {
    Command::new("tar").arg("-C").arg(folder).args(["-cz", "."]).output().expect("tar").stdout
}

/// Builds a context, with the options that keep it from the network.
pub(crate) fn build(bed: &Bed, folder: &Path, options: &[&str]) -> Outcome {
    let folder = folder.display().to_string();
    let mut arguments = vec!["build", "--network", "none", "--pull=never"];
    arguments.extend(options);
    arguments.push(&folder);
    bed.cove(&arguments)
}

/// What a command in an image writes.
pub(crate) fn seen(bed: &Bed, image: &str, command: &str) -> String {
    bed.cove(&["run", "--rm", "--network", "none", image, "sh", "-c", command]).ok().to_owned()
}

#[test]
fn a_file_becomes_an_image() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "hello", "from the context\n");
        let text = format!("FROM {IMAGE}\nCOPY hello /greeting\nRUN echo told; echo made >> /greeting\n");
        write(&folder, "Containerfile", &text);
        let built = build(bed, &folder, &["-t", "app"]);
        let output = built.ok();
        for line in [
            "STEP 1/3: FROM",
            "STEP 2/3: COPY hello /greeting",
            "\ntold\n",
            "COMMIT app",
            "\n--> ",
            "Successfully tagged localhost/app:latest",
        ] {
            assert!(output.contains(line), "{line}: {output}");
        }
        let id = output.lines().last().expect("the id");
        assert_eq!(id.len(), 64);
        assert_eq!(bed.cove(&["image", "inspect", "--format", "{{.Id}}", "app"]).ok(), id);
        assert_eq!(seen(bed, "app", "cat /greeting"), "from the context\nmade");
        // Nothing of the builder is left.
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
        // What was mounted for the command is not in the layer.
        let layers = bed.cove(&["image", "diff", "app"]).ok().to_owned();
        assert!(!layers.contains("resolv.conf") && !layers.contains(".containerenv"), "{layers}");
        // The same again is the same image, at once.
        let again = build(bed, &folder, &["-t", "app"]).ok().to_owned();
        assert_eq!(again.matches("--> Using cache").count(), 2, "{again}");
        assert_eq!(again.lines().last(), Some(id));
        // A changed file is another image, and so is one without a cache.
        write(&folder, "hello", "changed\n");
        let changed = build(bed, &folder, &["-t", "app"]).ok().to_owned();
        assert!(!changed.contains("Using cache"), "{changed}");
        let anew = build(bed, &folder, &["-q", "--no-cache", "-t", "app"]).ok().to_owned();
        assert!(anew.len() == 64 && changed.lines().last() != Some(&anew), "{anew}");
        assert_eq!(seen(bed, "app", "cat /greeting"), "changed\nmade");
    });
}

#[test]
fn layers_are_kept_squashed_or_not_made() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(
            &folder,
            "Containerfile",
            &format!("FROM {IMAGE}\nRUN echo a > /a\nRUN echo b > /b\nENV C=d\n"),
        );
        let count = |name: &str| -> usize {
            let format = "{{len .RootFS.Layers}}";
            bed.cove(&["image", "inspect", "--format", format, name]).ok().parse().expect("a number")
        };
        let base = count(IMAGE);
        for (options, layers) in [
            (&["--layers"][..], base + 2),
            (&["--layers=false"], base + 1),
            (&["--squash"], base + 1),
            (&["--squash-all"], 1),
        ] {
            let mut all = vec!["-t", "app"];
            all.extend(options);
            let output = build(bed, &folder, &all).ok().to_owned();
            assert!(!output.contains("Using cache"), "{output}");
            assert_eq!(count("app"), layers, "{options:?}");
            assert_eq!(seen(bed, "app", "cat /a /b; echo $C"), "a\nb\nd");
        }
        build(bed, &folder, &["--layers", "--squash"]).fails(125, "cannot specify --squash with --layers");
    });
}

#[test]
fn stages_are_built_as_they_are_needed() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "ARG BASE={IMAGE}\nFROM $BASE AS make\nARG WHAT=default\nRUN echo $WHAT > /made\n\
             FROM {IMAGE} AS unneeded\nRUN exit 9\nFROM make AS more\nRUN echo more >> /made\n\
             FROM {IMAGE}\nCOPY --from=more /made /taken\nCOPY --from=0 /made /first\n"
        );
        write(&folder, "Containerfile", &text);
        let output = build(bed, &folder, &["-t", "app", "--build-arg", "WHAT=given"]).ok().to_owned();
        assert!(output.contains("[1/4] STEP 1/3") && !output.contains("[2/4]"), "{output}");
        assert_eq!(
            seen(bed, "app", "cat /taken /first; ls /made 2>&1; true"),
            "given\nmore\ngiven\nls: /made: No such file or directory"
        );
        build(bed, &folder, &["-t", "half", "--target", "make"]).ok();
        assert_eq!(seen(bed, "half", "cat /made"), "default");
        build(bed, &folder, &["--target", "nobody"]).fails(125, "the target \"nobody\" was not found");
        let failed = build(bed, &folder, &["--target", "unneeded"]);
        failed.fails(
            9,
            "building at STEP \"RUN exit 9\": while running runtime: exit status 9 (Containerfile:6)",
        );
    });
}

#[test]
fn what_is_ignored_is_not_there() {
    everyone(|bed| {
        let folder = bed.path("context");
        for name in ["kept", "dropped.log", "sub/kept.log", "sub/dropped.log", "secret"] {
            write(&folder, name, name);
        }
        write(
            &folder,
            ".dockerignore",
            "*.log\nsub/*.log\n!sub/kept.log\nsecret\n.dockerignore\nContainerfile*\n",
        );
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY . /all/\n"));
        build(bed, &folder, &["-t", "app"]).ok();
        assert_eq!(seen(bed, "app", "cd /all; find . -type f | sort"), "./kept\n./sub/kept.log");
        write(&folder, "Containerfile.bad", &format!("FROM {IMAGE}\nCOPY secret /\n"));
        let bad = folder.join("Containerfile.bad").display().to_string();
        build(bed, &folder, &["-f", &bad]).fails(125, "building at STEP \"COPY secret /\"");
        let rules = bed.path("rules");
        write(&rules, "rules", "*\n!secret\n");
        let rules = rules.join("rules").display().to_string();
        build(bed, &folder, &["-t", "other", "--ignorefile", &rules]).ok();
        assert_eq!(seen(bed, "other", "cd /all; find . -type f | sort"), "./secret");
    });
}

#[test]
fn wrong_files_are_told_with_their_place() {
    everyone(|bed| {
        let folder = bed.path("context");
        let base = format!("FROM {IMAGE}\n");
        for (text, code, message) in [
            (format!("{base}\nBOGUS\n"), 125, "Containerfile: line 3: unknown instruction: BOGUS"),
            (format!("{base}COPY none /\n"), 125, "no such file or directory (Containerfile:2)"),
            (format!("{base}COPY http://x/y /\n"), 125, "source can't be a URL for COPY"),
            (format!("{base}RUN exit 7\n"), 7, "exit status 7 (Containerfile:2)"),
            (format!("{base}RUN --mount=type=bogus,target=/x true\n"), 125, "unsupported mount type"),
            (format!("{base}COPY --from=nothing/there:1 /x /\n"), 125, "nothing/there:1: image not known"),
            (format!("{base}USER nobody-knows\nRUN true\n"), 125, "unable to find user nobody-knows"),
            (
                "FROM nothing/there:1\n".to_owned(),
                125,
                "creating build container: nothing/there:1: image not known",
            ),
            (String::new(), 125, "file with no instructions"),
        ] {
            write(&folder, "Containerfile", &text);
            build(bed, &folder, &["-t", "app"]).fails(code, message);
        }
        cove_sys::fs::remove_file(folder.join("Containerfile")).expect("remove");
        build(bed, &folder, &[])
            .fails(125, "no Containerfile or Dockerfile specified or found in context directory");
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    });
}

#[test]
fn links_do_not_lead_out_of_the_context() {
    everyone(|bed| {
        let outside = bed.path("outside");
        write(&outside, "secret", "not for you");
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY leak /leak\n"));
        std::os::unix::fs::symlink(outside.join("secret"), folder.join("leak")).expect("link");
        build(bed, &folder, &["-t", "app"]).fails(125, "no such file or directory");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY . /all\n"));
        build(bed, &folder, &["-t", "app"]).ok();
        assert_eq!(
            seen(bed, "app", "cat /all/leak 2>&1 || true"),
            "cat: can't open '/all/leak': No such file or directory"
        );
        std::os::unix::fs::symlink(outside.join("secret"), folder.join(".dockerignore")).expect("link");
        build(bed, &folder, &["-t", "app"]).ok();
        let mount = format!("FROM {IMAGE}\nRUN --mount=type=bind,source=leak,target=/m cat /m\n");
        write(&folder, "Containerfile", &mount);
        let output = build(bed, &folder, &["-t", "app"]);
        assert!(output.code != 0 && !output.stdout.contains("not for you"), "{output:?}");
    });
}

#[test]
fn files_come_from_standard_input() {
    everyone(|bed| {
        let text = format!("FROM {IMAGE}\nRUN echo in > /in\n");
        let options = ["build", "--network", "none", "-t", "app"];
        bed.cove_with(&[&options[..], &["-"]].concat(), text.as_bytes()).ok();
        assert_eq!(seen(bed, "app", "cat /in"), "in");
        let folder = bed.path("context");
        write(&folder, "file", "text");
        let text = format!("FROM {IMAGE}\nCOPY file /file\n");
        let context = folder.display().to_string();
        bed.cove_with(&[&options[..], &["-f", "-", &context]].concat(), text.as_bytes()).ok();
        assert_eq!(seen(bed, "app", "cat /file"), "text");
        write(&folder, "Dockerfile", &text);
        let tar = Command::new("tar").arg("-C").arg(&folder).args(["-c", "."]).output().expect("tar");
        bed.cove_with(&[&options[..], &["-"]].concat(), &tar.stdout).ok();
        assert_eq!(seen(bed, "app", "cat /file"), "text");
    });
}

#[test]
fn a_service_builds() {
    everyone(|bed| {
        let service = Service::start(bed);
        let uri = service.uri();
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(&folder, "dropped", "text");
        write(&folder, ".dockerignore", "dropped");
        write(
            &folder,
            "Containerfile",
            &format!(
                "FROM {IMAGE}\nARG A\nCOPY . /all\nRUN echo $A; test ! -e /all/dropped\nRUN ls -A /all\n"
            ),
        );
        let context = folder.display().to_string();
        let id_file = bed.path("id").display().to_string();
        let options = [
            "--url",
            &uri,
            "build",
            "--network",
            "none",
            "-t",
            "app",
            "--build-arg",
            "A=given",
            "--iidfile",
            &id_file,
        ];
        let output = bed.cove(&[&options[..], &[&context]].concat()).ok().to_owned();
        assert!(output.contains("\ngiven\n") && output.contains("STEP 5/5"), "{output}");
        assert!(!output.contains("cove-build-file"), "{output}");
        let id = output.lines().last().expect("the id");
        assert_eq!(cove_sys::fs::read_to_string(&id_file).expect("file"), format!("sha256:{id}"));
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN exit 4\n"));
        bed.cove(&[&options[..], &[&context]].concat()).fails(4, "exit status 4");
    });
}

#[test]
fn docker_builds() {
    if !met(&[Need::Docker]) {
        return;
    }
    everyone(|bed| {
        let service = Service::start(bed);
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(
            &folder,
            "Dockerfile",
            &format!("FROM {IMAGE}\nARG A\nLABEL l=$A\nCOPY file /file\nRUN cat /file\n"),
        );
        let docker = |options: &[&str]| {
            let mut command = Command::new("docker");
            command.env("DOCKER_BUILDKIT", "0").env("DOCKER_HOST", service.uri());
            command.env("DOCKER_CONFIG", bed.path("docker")).arg("build").args(options).arg(&folder);
            let output = command.output().expect("docker");
            let text = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&text).into_owned())
        };
        let (done, output) =
            docker(&["--network", "none", "-t", "app", "--build-arg", "A=given", "--label", "m=n"]);
        assert!(done && output.contains("\ntext\n") && output.contains("Successfully built "), "{output}");
        let labels =
            bed.cove(&["image", "inspect", "--format", "{{.Config.Labels.l}} {{.Config.Labels.m}}", "app"]);
        assert_eq!(labels.ok(), "given n");
        write(&folder, "Dockerfile", &format!("FROM {IMAGE}\nRUN exit 4\n"));
        let (done, output) = docker(&["--network", "none"]);
        assert!(!done && output.contains("exit status 4"), "{output}");
    });
}
