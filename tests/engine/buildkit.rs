//! Builds by the clients of BuildKit, as they come and without any setting: `docker build` with buildx, and Compose.

use std::path::Path;
use std::process::{Command, Stdio};

use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, docker_plugin, everyone, met, wait_for};

use crate::build::{seen, write};

/// Docker's client with those plug-ins and no other.
fn client(bed: &Bed, service: &Service, plugins: &[&str]) -> Command {
    let config = bed.path("docker");
    let folder = config.join("cli-plugins");
    if !folder.exists() {
        cove_sys::fs::create_dir_all(&folder).expect("folder");
        for name in plugins {
            let plugin = docker_plugin(name).expect("the plug-in");
            std::os::unix::fs::symlink(plugin, folder.join(name)).expect("link");
        }
    }
    let mut command = Command::new("docker");
    command.env("DOCKER_CONFIG", config).env("HOME", bed.path("home")).env_remove("DOCKER_BUILDKIT");
    command.env("BUILDKIT_PROGRESS", "plain").arg("-H").arg(service.uri());
    command
}

fn with_buildx(test: impl Fn(&Bed, &Service)) {
    if met(&[Need::Docker, Need::Buildx]) {
        everyone(|bed| test(bed, &Service::start(bed)));
    }
}

/// `docker build` of a folder.
fn build(bed: &Bed, service: &Service, folder: &Path, options: &[&str]) -> Outcome {
    let mut command = client(bed, service, &["docker-buildx"]);
    command.args(["build", "--network", "none"]).args(options).arg(folder);
    Outcome::of(command, b"")
}

#[test]
fn buildx_builds_and_sends_what_has_changed() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        write(&folder, "kept/one", "one\n");
        write(&folder, "kept/two", "two\n");
        write(&folder, "dropped", "not wanted");
        write(&folder, ".dockerignore", "# no comment is a pattern\ndropped\n");
        let text = format!(
            "FROM {IMAGE}\nARG WHO=nobody\nCOPY . /all/\nRUN echo told by $WHO\nLABEL a=b\nCMD [\"cat\", \"/all/kept/one\"]\n"
        );
        write(&folder, "Dockerfile", &text);
        let options = ["-t", "app", "-t", "app:other", "--build-arg", "WHO=me", "--label", "c=d"];
        let built = build(bed, service, &folder, &options);
        built.ok();
        for line in ["told by me\n", "5 entries, 4 files with ", "exporting to image"] {
            assert!(built.stderr.contains(line), "{line}: {}", built.stderr);
        }
        assert_eq!(
            seen(bed, "app:other", "cd /all; find . -type f | sort | xargs"),
            "./.dockerignore ./Dockerfile ./kept/one ./kept/two"
        );
        let label = |name: &str| {
            bed.cove(&["image", "inspect", "--format", &format!("{{{{index .Labels {name:?}}}}}"), "app"])
                .ok()
                .to_owned()
        };
        assert_eq!((label("a"), label("c")), ("b".to_owned(), "d".to_owned()));
        // The next one sends what has changed, and finds the steps before it.
        write(&folder, "kept/two", "another two\n");
        cove_sys::fs::remove_file(folder.join("kept/one")).expect("removed");
        let built = build(bed, service, &folder, &["-t", "app"]);
        built.ok();
        assert!(built.stderr.contains("4 entries, 1 files with 12 bytes sent"), "{}", built.stderr);
        assert_eq!(seen(bed, "app", "cd /all/kept; cat *"), "another two");
        // Nothing has changed.
        let again = build(bed, service, &folder, &["-q"]);
        let id = format!("sha256:{}", bed.cove(&["image", "inspect", "--format", "{{.Id}}", "app"]).ok());
        assert_eq!(again.ok(), id);
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
        let usage = client(bed, service, &[]).args(["buildx", "du"]).output().expect("docker");
        assert!(String::from_utf8_lossy(&usage.stdout).contains("context-0"), "{usage:?}");
        let pruned = client(bed, service, &[]).args(["builder", "prune", "-f"]).output().expect("docker");
        assert!(String::from_utf8_lossy(&pruned.stdout).contains("context-0"), "{pruned:?}");
    });
}

#[test]
fn buildx_gives_secrets_that_stay_nowhere() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        let secret = bed.path("secret");
        cove_sys::fs::write(&secret, "hush-4711-hush").expect("secret");
        let text = format!(
            "FROM {IMAGE}\nRUN --mount=type=secret,id=s,required=true wc -c < /run/secrets/s > /length\n\
             RUN --mount=type=secret,id=none test ! -e /run/secrets/none\n"
        );
        write(&folder, "sub/Other.Dockerfile", &text);
        let file = folder.join("sub/Other.Dockerfile").display().to_string();
        let source = format!("id=s,src={}", secret.display());
        build(bed, service, &folder, &["-t", "app", "-f", &file, "--secret", &source]).ok();
        assert_eq!(seen(bed, "app", "cat /length; ls /run/secrets 2>/dev/null || true"), "14");
        let without = build(bed, service, &folder, &["-f", &file, "--no-cache"]);
        assert_ne!(without.code, 0);
        let found = Command::new("grep")
            .args(["-rqs", "hush-4711-hush"])
            .arg(bed.path("root"))
            .status()
            .expect("grep");
        assert!(!found.success(), "the secret is in the store");
    });
}

#[test]
fn buildx_tells_what_goes_wrong() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        write(&folder, "Dockerfile", &format!("FROM {IMAGE}\nRUN echo before; exit 7\n"));
        let failed = build(bed, service, &folder, &[]);
        assert_ne!(failed.code, 0);
        for text in ["before\n", "ERROR", "exit 7", "Dockerfile:2"] {
            assert!(failed.stderr.contains(text), "{text}: {}", failed.stderr);
        }
        write(&folder, "Dockerfile", &format!("FROM {IMAGE}\nCOPY missing /\n"));
        let failed = build(bed, service, &folder, &[]);
        assert!(failed.code != 0 && failed.stderr.contains("missing"), "{failed:?}");
        for (options, text) in [
            (&["-f", "nothing"][..], "nothing"),
            (&["--annotation", "index:a=b"], "annotation"),
            (&["--build-arg", "BUILDKIT_SYNTAX=docker/dockerfile:1"], "gateway.v0"),
            (&["--no-cache-filter", "one"], "no-cache for single stages"),
            (&["--allow", "security.insecure"], "security.insecure"),
        ] {
            let refused = build(bed, service, &folder, options);
            assert!(refused.code != 0 && refused.stderr.contains(text), "{options:?}: {}", refused.stderr);
        }
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    });
}

#[test]
fn buildx_shows_steps_and_those_that_were_done_before() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        let text = format!("FROM {IMAGE} AS base\nRUN echo once\nENV A=b\nFROM base\nWORKDIR /w\n");
        write(&folder, "Dockerfile", &text);
        let first = build(bed, service, &folder, &[]);
        first.ok();
        for line in ["] RUN echo once\n", "once\n", "] WORKDIR /w\n", "[1/2] [1/3] FROM "] {
            assert!(first.stderr.contains(line), "{line}: {}", first.stderr);
        }
        assert!(!first.stderr.contains("CACHED") && !first.stderr.contains("ENV"), "{}", first.stderr);
        let again = build(bed, service, &folder, &[]);
        again.ok();
        assert_eq!(again.stderr.matches("CACHED").count(), 2, "{}", again.stderr);
        // What is left out is told.
        let inline = build(bed, service, &folder, &["--cache-to", "type=inline"]);
        inline.ok();
        assert!(inline.stderr.contains("(inline) is not written"), "{}", inline.stderr);
    });
}

#[test]
fn buildx_writes_the_files_of_a_build() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE} AS make\nRUN mkdir -p /out/d && echo made > /out/d/file && ln -s d/file /out/link\n\
             FROM scratch\nCOPY --from=make /out /\n"
        );
        write(&folder, "Dockerfile", &text);
        let out = bed.path("out");
        build(bed, service, &folder, &["-o", &out.display().to_string()]).ok();
        assert_eq!(cove_sys::fs::read_to_string(out.join("link")).expect("the link"), "made\n");
        let tar = bed.path("out.tar");
        build(bed, service, &folder, &["-o", &format!("type=tar,dest={}", tar.display())]).ok();
        let listed = Command::new("tar").arg("-tf").arg(&tar).output().expect("tar");
        assert!(String::from_utf8_lossy(&listed.stdout).contains("d/file"), "{listed:?}");
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    });
}

#[test]
fn buildx_takes_archives_and_further_contexts() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        write(&folder, "Dockerfile", &format!("FROM {IMAGE}\nCOPY word /\n"));
        write(&folder, "word", "of a tar");
        let tar =
            Command::new("tar").arg("-cf").arg("-").arg("-C").arg(&folder).arg(".").output().expect("tar");
        let mut command = client(bed, service, &["docker-buildx"]);
        command.args(["build", "--network", "none", "-t", "app", "-"]);
        Outcome::of(command, &tar.stdout).ok();
        assert_eq!(seen(bed, "app", "cat /word"), "of a tar");
        write(&bed.path("more"), "thing", "of more");
        write(&folder, "Dockerfile", "FROM base\nCOPY --from=more thing /\n");
        let more = format!("more={}", bed.path("more").display());
        let base = format!("base=docker-image://{IMAGE}");
        build(bed, service, &folder, &["-t", "app", "--build-context", &more, "--build-context", &base]).ok();
        assert_eq!(seen(bed, "app", "cat /thing"), "of more");
    });
}

#[test]
fn a_client_that_goes_ends_its_build() {
    with_buildx(|bed, service| {
        let folder = bed.path("context");
        write(&folder, "Dockerfile", &format!("FROM {IMAGE}\nRUN echo begun; sleep 1000\n"));
        let mut command = client(bed, service, &["docker-buildx"]);
        command.args(["build", "--network", "none"]).arg(&folder);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("docker");
        let working = || bed.cove(&["ps", "-a", "--external", "-q"]).ok().to_owned();
        wait_for("the working container", 30, || (!working().is_empty()).then_some(()));
        child.kill().expect("kill");
        let _ = child.wait();
        wait_for("the end of the build", 30, || working().is_empty().then_some(()));
        // The next one is not in its way.
        write(&folder, "Dockerfile", &format!("FROM {IMAGE}\nRUN true\n"));
        build(bed, service, &folder, &["-t", "app"]).ok();
    });
}

#[test]
fn compose_builds_and_runs() {
    if !met(&[Need::Docker, Need::ComposeV2]) {
        return;
    }
    everyone(|bed| {
        let service = Service::start(bed);
        let folder = bed.path("project");
        write(&folder, "one/Dockerfile", &format!("FROM {IMAGE}\nCOPY word /\nCMD [\"cat\", \"/word\"]\n"));
        write(&folder, "one/word", "the first\n");
        let inline = format!("FROM {IMAGE}\nARG WORD\nRUN echo $$WORD > /word\nCMD cat /word\n");
        let compose = serde_json::json!({"services": {
            "one": {"build": {"context": "one", "network": "none"}, "network_mode": "none"},
            "two": {
                "build": {"context": ".", "dockerfile_inline": inline, "args": {"WORD": "second"}, "network": "none"},
                "network_mode": "none",
            },
        }});
        write(&folder, "compose.yaml", &compose.to_string());
        let compose = |arguments: &[&str]| {
            let mut command = client(bed, &service, &["docker-compose"]);
            command.args(["compose", "--progress", "plain", "-p", "built"]).args(arguments);
            Outcome::of(
                {
                    command.current_dir(&folder);
                    command
                },
                b"",
            )
        };
        let up = compose(&["up", "--no-color"]);
        let output = up.ok();
        for line in ["| the first", "| second"] {
            assert!(output.contains(line), "{line}: {output}\n{}", up.stderr);
        }
        // Another build of the same changes nothing.
        let images = || bed.cove(&["images", "--format", "{{.Id}} {{.Repository}}"]).ok().to_owned();
        let before = images();
        compose(&["build"]).ok();
        assert_eq!(images(), before);
        compose(&["down"]).ok();
    });
}
