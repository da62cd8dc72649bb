//! Docker's and Podman's clients of other languages against the service, each through a day's work.

use std::path::Path;
use std::process::Command;

use cove_sys::fs;
use cove_test_support::{
    Bed, IMAGE, Need, Outcome, Service, docker_plugin, everyone, met, node_command, wait_for,
};

use crate::hostile_api::ask;

/// What a program does with each in a day; the script says which step failed.
const DOCKER_PY: &str = include_str!("clients/day.py");
const PODMAN_PY: &str = include_str!("clients/podman-day.py");
const DOCKERODE: &str = include_str!("clients/dockerode-day.js");
const TESTCONTAINERS: &str = include_str!("clients/testcontainers-day.py");
const TESTCONTAINERS_NODE: &str = include_str!("clients/testcontainers-day.js");
/// A look-alike of the reaper that Testcontainers starts.
const RYUK: &str = include_str!("clients/ryuk.sh");
const REAPER: &str = "localhost/ryuk:latest";

/// Runs a client that tells of each of its steps, at least `steps` of them.
#[track_caller]
fn day(command: Command, steps: usize) -> Outcome {
    let outcome = Outcome::of(command, b"");
    assert_eq!(outcome.code, 0, "{}\n{}", outcome.stdout, outcome.stderr);
    let done = outcome.stdout.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(done >= steps, "{done}: {outcome:?}");
    outcome
}

/// A client without what the user of the tests has set for such.
fn alone(bed: &Bed, mut command: Command) -> Command {
    command.env("HOME", bed.path("home")).env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT");
    command
}

fn python(bed: &Bed, script: &str, arguments: &[&str]) -> Command {
    let mut command = alone(bed, Command::new("python3"));
    command.args(["-W", "ignore", "-c", script]).args(arguments);
    command
}

fn node(bed: &Bed, script: &str, arguments: &[&str]) -> Command {
    let mut command = alone(bed, node_command());
    command.args(["-e", script]).args(arguments);
    command
}

/// A folder with these files.
fn folder(bed: &Bed, name: &str, files: &[(&str, &str)]) -> String {
    let folder = bed.path(name);
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text.replace("IMAGE", IMAGE)).expect("a file");
    }
    folder.display().to_string()
}

/// Makes [`REAPER`], which has Docker's client.
fn reaper(bed: &Bed) {
    let context = folder(bed, "reaper", &[("ryuk.sh", RYUK)]);
    let docker = Outcome::of(shell("command -v docker"), b"").ok().to_owned();
    // Of libraries where there are any.
    let libraries = Outcome::of(shell(&format!("ldd {docker} | grep -o '/[^ ]*' || true")), b"");
    let mut file = format!("FROM {IMAGE}\nCOPY --chmod=755 ryuk.sh /ryuk.sh\nENTRYPOINT [\"/ryuk.sh\"]\n");
    for (at, (from, to)) in std::iter::once((docker.as_str(), "/bin/docker"))
        .chain(libraries.stdout.lines().map(|path| (path, path)))
        .enumerate()
    {
        fs::copy(from, Path::new(&context).join(at.to_string())).expect("a program");
        file.push_str(&format!("COPY --chmod=755 {at} {to}\n"));
    }
    fs::write(Path::new(&context).join("Dockerfile"), file).expect("a file");
    bed.cove(&["build", "-q", "--network", "none", "-t", REAPER, &context]).ok();
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn docker_py_has_its_day() {
    if met(&[Need::DockerPy]) {
        everyone(|bed| {
            let service = Service::start(bed);
            day(python(bed, DOCKER_PY, &[&service.uri(), IMAGE]), 12);
        });
    }
}

#[test]
fn podman_py_has_its_day() {
    if met(&[Need::PodmanPy]) {
        everyone(|bed| {
            let service = Service::start(bed);
            day(python(bed, PODMAN_PY, &[&service.uri(), IMAGE]), 15);
        });
    }
}

#[test]
fn dockerode_has_its_day() {
    if met(&[Need::Dockerode]) {
        everyone(|bed| {
            let service = Service::start(bed);
            let socket = service.socket().display().to_string();
            day(node(bed, DOCKERODE, &[&socket, IMAGE]), 14);
        });
    }
}

/// Tests that leave a container behind, which the reaper removes once they are gone.
#[track_caller]
fn reaped(command: impl Fn(&Bed, &[&str]) -> Command, steps: usize) {
    everyone(|bed| {
        reaper(bed);
        let service = Service::start(bed);
        let built = folder(
            bed,
            "built",
            &[(
                "Dockerfile",
                "FROM IMAGE\nRUN echo built >/built\nCMD [\"sh\", \"-c\", \"echo built; sleep 100\"]\n",
            )],
        );
        let mut command = command(bed, &[IMAGE, &built]);
        command.env("DOCKER_HOST", service.uri()).env("RYUK_CONTAINER_IMAGE", REAPER);
        // The machine of the tests may be a container itself, where its clients would look for the ports elsewhere.
        command.env("TESTCONTAINERS_HOST_OVERRIDE", "localhost");
        command.env("TESTCONTAINERS_CONNECTION_MODE", "docker_host");
        let outcome = day(command, steps);
        let left = outcome.stdout.lines().find_map(|line| line.strip_prefix("left ")).expect("what is left");
        let id = left.split(' ').next().expect("an id");
        wait_for("the reaper's work", 60, || {
            (bed.cove(&["container", "exists", id]).code == 1).then_some(())
        });
        wait_for("the end of what it has removed", 20, || {
            bed.cove(&["volume", "ls", "-q"]).ok().is_empty().then_some(())
        });
    });
}

#[test]
fn testcontainers_of_python_are_tested_and_reaped() {
    if met(&[Need::Testcontainers, Need::Docker]) {
        reaped(|bed, arguments| python(bed, TESTCONTAINERS, arguments), 4);
    }
}

#[test]
fn testcontainers_of_node_are_tested_and_reaped() {
    if met(&[Need::TestcontainersNode, Need::Docker]) {
        reaped(|bed, arguments| node(bed, TESTCONTAINERS_NODE, arguments), 6);
    }
}

/// As jobs of CI do it that get the socket of their host.
#[test]
fn a_client_in_a_container_has_the_socket() {
    if !met(&[Need::Docker]) {
        return;
    }
    let script = format!(
        "set -e; docker version --format '{{{{.Server.APIVersion}}}}'
        docker run --rm {IMAGE} echo inner
        echo here | docker run -i --rm -v inner:/inner {IMAGE} tee /inner/file
        docker run --rm -v inner:/inner {IMAGE} cat /inner/file
        docker volume rm inner
        printf 'FROM {IMAGE}\\nRUN echo built >/built\\n' | DOCKER_BUILDKIT=0 docker build -q -t localhost/inner - >&2
        docker create --name made localhost/inner true >&2
        docker cp made:/built - | tar xO
        docker rm made
        docker ps --format '{{{{.Names}}}}'"
    );
    everyone(|bed| {
        reaper(bed);
        let service = Service::start(bed);
        let socket = format!("{}:/var/run/docker.sock", service.socket().display());
        let mut command = alone(bed, Command::new("docker"));
        command.env("DOCKER_HOST", service.uri());
        command
            .args(["run", "--rm", "--name", "outer", "-v", &socket, "--entrypoint", "sh", REAPER, "-c"])
            .arg(&script);
        let outcome = Outcome::of(command, b"");
        assert_eq!(outcome.ok(), "1.44\ninner\nhere\nhere\ninner\nbuilt\nmade\nouter", "{outcome:?}");
    });
}

/// A folder for work in a container, made of an image and of a build file.
const OF_IMAGE: &str = r#"{
    // Comments are allowed.
    "name": "image", "image": "IMAGE", "containerEnv": {"A": "b"}, "remoteEnv": {"R": "${containerEnv:A}c"},
    "postCreateCommand": "echo created >/tmp/created", "forwardPorts": [8080], "runArgs": ["--label", "mine=1"],
    "mounts": ["source=dev-vol,target=/vol,type=volume"],
}"#;
const OF_FILE: &str = r#"{
    "name": "file", "build": {"dockerfile": "Dockerfile", "args": {"WORD": "built"}}, "remoteUser": "guest",
    "init": true, "capAdd": ["SYS_PTRACE"], "securityOpt": ["seccomp=unconfined"],
}"#;

#[test]
fn dev_containers_come_up_and_run_commands() {
    if !met(&[Need::Devcontainers, Need::Docker]) {
        return;
    }
    everyone(|bed| {
        let service = Service::start(bed);
        let image =
            folder(bed, "work/image", &[(".devcontainer/devcontainer.json", OF_IMAGE), ("here", "text\n")]);
        let file = [
            (".devcontainer/devcontainer.json", OF_FILE),
            (".devcontainer/Dockerfile", "FROM IMAGE\nARG WORD\nRUN echo $WORD >/built\n"),
        ];
        let classic = folder(bed, "work/classic", &file);
        let buildx = folder(bed, "work/buildx", &file);
        let run = |folder: &str, arguments: &[&str]| {
            let (verb, rest) = arguments.split_first().expect("a verb");
            let mut command = alone(bed, Command::new("devcontainer"));
            command.args([verb, "--workspace-folder", folder]).args(rest).env("DOCKER_HOST", service.uri());
            Outcome::of(command, b"")
        };
        let up = |folder: &str| {
            let outcome = run(folder, &["up"]);
            let line = outcome.ok().lines().last().unwrap_or_default().to_owned();
            let report: serde_json::Value = serde_json::from_str(&line).expect("a report");
            assert_eq!(report["outcome"], "success", "{outcome:?}");
            report["containerId"].as_str().expect("an id").to_owned()
        };
        let id = up(&image);
        let script = "cat here /tmp/created; echo $A $R; exit 5";
        let done = run(&image, &["exec", "sh", "-c", script]);
        assert_eq!((done.code, done.stdout.as_str()), (5, "text\ncreated\nb bc\n"), "{done:?}");
        assert_eq!(up(&image), id, "it is the same container");
        let script = "id -un; cat /built; touch made; exit 6";
        let check = |folder: &str| {
            // The container's user is none of the host's.
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("a mode");
            up(folder);
            let done = run(folder, &["exec", "sh", "-c", script]);
            assert_eq!((done.code, done.stdout.as_str()), (6, "guest\nbuilt\n"), "{done:?}");
            assert!(Path::new(folder).join("made").exists(), "{folder} is the host's");
        };
        check(&classic);
        if let Some(plugin) = docker_plugin("docker-buildx") {
            let plugins = bed.path("home/.docker/cli-plugins");
            fs::create_dir_all(&plugins).expect("a folder");
            std::os::unix::fs::symlink(plugin, plugins.join("docker-buildx")).expect("a link");
            check(&buildx);
        }
    });
}

/// A runtime that says only after a second that the container runs.
fn slow_runtime(bed: &Bed) -> String {
    let path = bed.path("crun-slow");
    let script = "#!/bin/sh\ncrun \"$@\"\ncode=$?\ncase \" $* \" in *' run '*) sleep 1 ;; esac\nexit $code\n";
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

/// Testcontainers and Compose ask for the log since the start.
#[test]
fn a_container_says_nothing_before_its_start() {
    if !met(&[Need::Crun]) {
        return;
    }
    everyone(|bed| {
        let runtime = slow_runtime(bed);
        let run = ["run", "-d", "--name", "early", "--network", "none", "--runtime", &runtime, IMAGE];
        bed.cove(&[&run[..], &["sh", "-c", "echo first; exec sleep 100"]].concat()).ok();
        let since = bed.cove(&["inspect", "--format", "{{json .State.StartedAt}}", "early"]);
        let since = since.ok().trim_matches('"');
        assert_eq!(bed.cove(&["logs", "--since", since, "early"]).ok(), "first", "since {since}");
    });
}

/// Compose stops what it is still starting, and then waits for its end.
#[test]
fn a_stop_waits_for_a_start_that_is_under_way() {
    if !met(&[Need::Crun]) {
        return;
    }
    everyone(|bed| {
        let runtime = slow_runtime(bed);
        let create = ["create", "--name", "slow", "--network", "none", "--runtime", &runtime, IMAGE];
        bed.cove(&[&create[..], &["sh", "-c", "echo first; exec sleep 100"]].concat()).ok();
        let service = Service::start(bed);
        std::thread::scope(|scope| {
            let start = scope.spawn(|| ask(&service, "POST", "/containers/slow/start", ""));
            // Its process is there, and nobody has been told.
            wait_for("its first words", 20, || {
                (bed.cove(&["logs", "slow"]).stdout.trim() == "first").then_some(())
            });
            assert_eq!(ask(&service, "POST", "/containers/slow/stop?t=0", "").0, 204);
            assert_eq!(start.join().expect("the start").0, 204);
        });
        let state = bed.cove(&["inspect", "--format", "{{.State.Status}}", "slow"]);
        assert_eq!(state.ok(), "exited");
        assert_eq!(ask(&service, "POST", "/containers/slow/stop?t=0", "").0, 304);
    });
}
