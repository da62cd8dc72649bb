//! The commands of `cove compose` on projects that docker-compose has made, beside docker-compose itself.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Outcome, Registry, Service, Who, everyone, met, wait_for};

/// Services that depend on each other, two containers of one, a volume, one that has ended.
const PROJECT: &str = r#"
services:
  db:
    image: IMAGE
    command: ["sh", "-c", "echo ready; echo problem >&2; exec sleep 1000"]
    stop_grace_period: 0s
    volumes: ["data:/data"]
  cache:
    image: IMAGE
    command: ["sh", "-c", "echo cached; exec sleep 1000"]
    stop_grace_period: 0s
    scale: 2
  web:
    image: IMAGE
    command: ["sh", "-c", "echo serving; exec sleep 1000"]
    depends_on: {db: {condition: service_started, restart: true}, cache: {condition: service_started}}
    stop_grace_period: 0s
  once:
    image: IMAGE
    command: ["sh", "-c", "echo done; exit 3"]
networks: {default: {internal: true}}
volumes: {data: {}}
"#;

/// What either program answers.
struct Pair<'a> {
    bed: &'a Bed,
    service: &'a Service,
}

impl Pair<'_> {
    fn theirs(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("docker-compose");
        command
            .args(arguments)
            .current_dir(self.bed.path("shop"))
            .env("DOCKER_HOST", self.service.uri())
            .env("HOME", self.bed.path("home"));
        Outcome::of(command, b"")
    }

    fn ours(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.bed.command(&[&["compose"], arguments].concat());
        command.current_dir(self.bed.path("shop"));
        Outcome::of(command, b"")
    }

    /// The same, through a service.
    fn far(&self, arguments: &[&str]) -> Outcome {
        let url = format!("--url={}", self.service.uri());
        let mut command = self.bed.command(&[&[url.as_str(), "compose"], arguments].concat());
        command.current_dir(self.bed.path("shop"));
        Outcome::of(command, b"")
    }
}

/// Lines in an order that does not depend on who was faster, times and ages taken away.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(ageless).collect();
    lines.sort();
    lines
}

/// A line without ages: `Up 3 seconds`, `2 minutes ago`.
fn ageless(line: &str) -> String {
    let is_age = |word: &str| {
        word.parse::<u64>().is_ok()
            || ["second", "seconds", "minute", "minutes", "Less", "than", "a", "About", "ago"].contains(&word)
    };
    line.split_whitespace().filter(|word| !is_age(word)).collect::<Vec<_>>().join(" ")
}

/// Command lines that change nothing: both answer the same lines and the same exit code.
const LOOKS: &[&[&str]] = &[
    &["ps"],
    &["ps", "-a"],
    &["ps", "-q"],
    &["ps", "--services"],
    &["ps", "--status", "exited"],
    &["ps", "--filter", "status=running", "--services"],
    &["ps", "--no-trunc", "db"],
    &["ps", "once"],
    &["ps", "-a", "once", "--format", "{{.Name}}|{{.Service}}|{{.State}}|{{.ExitCode}}|{{.Project}}"],
    &["ps", "--format", "{{.Name}} {{.Networks}} {{.LocalVolumes}} {{.Mounts}}", "db"],
    &["-p", "shop", "ps", "-q", "web"],
    &["-p", "other", "ps"],
    &["ps", "nosuch"],
    &["ls"],
    &["ls", "-a"],
    &["ls", "-q"],
    &["ls", "--format", "json"],
    &["ls", "--filter", "name=sho"],
    &["ls", "--filter", "name=nosuch"],
    &["logs"],
    &["logs", "--no-log-prefix", "db"],
    &["logs", "--tail", "1", "db"],
    &["logs", "--index", "2", "cache"],
    &["logs", "--index", "5", "cache"],
    &["logs", "nosuch"],
    &["exec", "db", "sh", "-c", "echo $A; exit 4"],
    &["exec", "-T", "-e", "A=b", "-w", "/data", "db", "sh", "-c", "echo $A; pwd"],
    &["exec", "once", "true"],
    &["exec", "--index", "7", "cache", "true"],
    &["volumes"],
    &["volumes", "-q"],
    &["images", "-q"],
    &["start", "web"],
    &["wait", "once"],
    &["kill", "once"],
    &["pull", "--ignore-pull-failures", "db"],
    &["pull", "nosuch"],
    &["push", "db"],
    &["push", "-q", "db"],
    &["build", "db"],
    &["build", "nosuch"],
    &["scale"],
    &["scale", "db"],
    &["scale", "db=x"],
    &["scale", "nosuch=2"],
    &["run", "--rm", "-T", "web", "echo", "with", "others"],
    &["run", "--rm", "-T", "--no-deps", "db", "sh", "-c", "echo $0; exit 5"],
    &[
        "run",
        "--rm",
        "-T",
        "-e",
        "A=b",
        "-e",
        "C",
        "-w",
        "/data",
        "-u",
        "7",
        "db",
        "sh",
        "-c",
        "echo $A$C; pwd; id -u",
    ],
    &["run", "--rm", "-T", "--entrypoint", "sh -c 'echo \"$0\"'", "db"],
    &[
        "run",
        "--rm",
        "-T",
        "-v",
        "data:/there",
        "-v",
        ".:/here",
        "db",
        "sh",
        "-c",
        "ls /here; mount | grep -c there",
    ],
    &["run", "--rm", "-T", "-l", "wrong", "db", "true"],
    &["run", "-P", "-p", "1:1", "db"],
    &["run", "-T", "-t", "db"],
    &["run", "-t", "db"],
    &["run", "nosuch"],
    &["cp", "here", "there"],
    &["cp", "db:/data", "web:/data"],
    &["cp", "db:/data", ""],
    &["cp", "--index", "7", "compose.yaml", "cache:/tmp"],
    &["cp", "compose.yaml", "nosuch:/tmp"],
    &["stats", "--no-stream", "--format", "{{.Name}} {{.ID}} {{.Container}} {{.PIDs}}", "cache"],
    &["stats", "--no-stream", "--no-trunc", "--format", "table {{.ID}}\t{{.Name}}", "db"],
    &["stats", "-a", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}}", "once"],
    &["stats", "--no-stream", "nosuch"],
    &["stats", "db", "cache"],
];

/// Command lines that change what is there, done by docker-compose and then, from the same state on, by us.
const ACTS: &[(&[&str], &[&str])] = &[
    (&["stop", "web"], &["start", "web"]),
    (&["stop"], &["start", "db", "cache", "web"]),
    (&["restart", "db"], &[]),
    (&["restart", "cache"], &[]),
    (&["restart", "--no-deps", "db"], &[]),
    (&["kill", "cache"], &["start", "cache"]),
    (&["--progress", "quiet", "stop", "web"], &["start", "web"]),
    (&["--progress", "json", "stop", "web"], &["start", "web"]),
    (&["rm", "-sf", "web"], &["up", "-d", "web"]),
    (&["stop", "nosuch"], &[]),
    (&["scale", "cache=3"], &["scale", "cache=2"]),
    (&["scale", "web=2", "cache=2"], &["scale", "web=1"]),
    (&["scale", "--no-deps", "cache=1"], &["scale", "cache=2"]),
    (&["cp", "compose.yaml", "cache:/tmp/copied"], &[]),
    (&["cp", "-a", "--index", "2", ".", "cache:/tmp/folder"], &[]),
];

#[test]
fn commands_answer_as_docker_compose_does() {
    if !met(&[Need::Compose]) {
        return;
    }
    everyone(|bed| {
        let service = Service::start(bed);
        fs::create_dir_all(bed.path("shop")).expect("folder");
        fs::write(bed.path("shop").join("compose.yaml"), PROJECT.replace("IMAGE", IMAGE)).expect("file");
        let pair = Pair { bed, service: &service };
        pair.theirs(&["up", "-d"]).ok();
        wait_for("the logs", 20, || {
            let logs = pair.ours(&["logs"]);
            ["ready", "cached", "serving", "done"].iter().all(|word| logs.stdout.contains(word)).then_some(())
        });
        for arguments in LOOKS {
            let (theirs, ours) = (pair.theirs(arguments), pair.ours(arguments));
            assert_eq!(sorted(&ours.stdout), sorted(&theirs.stdout), "{arguments:?} {ours:?} {theirs:?}");
            assert_eq!(ours.code, theirs.code, "{arguments:?} {ours:?} {theirs:?}");
            let told = theirs.stderr.lines().next().unwrap_or_default();
            assert!(ours.stderr.contains(told), "{arguments:?} {ours:?} {theirs:?}");
            let far = pair.far(arguments);
            assert_eq!(sorted(&far.stdout), sorted(&ours.stdout), "{arguments:?} over a service");
        }
        for (arguments, back) in ACTS {
            let states = || pair.theirs(&["ps", "-a", "--format", "{{.Name}} {{.State}}"]).ok().to_owned();
            let theirs = pair.theirs(arguments);
            let after = states();
            if !back.is_empty() {
                pair.theirs(back).ok();
            }
            let ours = pair.ours(arguments);
            assert_eq!(states(), after, "{arguments:?}");
            assert_eq!(
                sorted(&ours.stderr).join("\n").replace("Error: ", ""),
                sorted(&theirs.stderr).join("\n")
            );
            assert_eq!((&ours.stdout, ours.code), (&theirs.stdout, theirs.code), "{arguments:?}");
            if !back.is_empty() {
                pair.theirs(back).ok();
            }
        }
        let copied =
            ["exec", "-T", "--index", "2", "cache", "cat", "/tmp/copied", "/tmp/folder/compose.yaml"];
        assert_eq!(pair.ours(&copied).ok().matches("services:").count(), 2);
        let folder = |name: &str| bed.path("home").join(name).display().to_string();
        let of = |name: &str| fs::read_to_string(Path::new(&folder(name)).join("passwd")).expect("a file");
        pair.theirs(&["cp", "db:/etc", &folder("theirs")]).ok();
        pair.ours(&["cp", "db:/etc", &folder("ours")]).ok();
        pair.far(&["cp", "db:/etc", &folder("far")]).ok();
        assert_eq!((of("ours"), of("far")), (of("theirs"), of("theirs")));
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs().to_string();
        for services in [&["once"][..], &["web", "once"], &["nosuch"]] {
            let events = [&["events", "--json", "--since", "1h", "--until", &now], services].concat();
            // docker-compose fails when the events are at their end.
            assert_eq!(sorted(pair.ours(&events).ok()), sorted(&pair.theirs(&events).stdout));
        }
        // With docker-compose a program that is not there is 1.
        pair.ours(&["run", "--rm", "-T", "db", "nosuch-program"]).fails(127, "nosuch-program");
        // What others depend on is stopped last and started first.
        let at = |text: &str, line: &str| text.find(line).unwrap_or_else(|| panic!("{line} in {text}"));
        let stopped = pair.ours(&["stop"]).stderr;
        assert!(at(&stopped, "shop-web-1  Stopped") < at(&stopped, "shop-db-1  Stopping"), "{stopped}");
        let started = pair.ours(&["start"]).stderr;
        assert!(at(&started, "shop-db-1  Started") < at(&started, "shop-web-1  Starting"), "{started}");
        let again = pair.ours(&["start"]).stderr;
        assert!(!again.contains("shop-web-1"), "{again}");
        pair.theirs(&["down", "-v", "-t", "0"]).ok();
    });
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let bed = Bed::empty(Who::Root).or_else(|| Bed::empty(Who::User));
    let bed = bed.expect("somebody");
    fs::create_dir_all(bed.path("shop")).expect("folder");
    let compose = |arguments: &[&str]| {
        let mut command = bed.command(&[&["compose"], arguments].concat());
        command.current_dir(bed.path("shop")).env("PATH", "/usr/bin:/bin");
        Outcome::of(command, b"")
    };
    compose(&["--dry-run", "ps"]).fails(1, "--dry-run is not supported");
    compose(&["--compatibility", "ps"]).fails(1, "--compatibility is not supported");
    compose(&["--progress", "tty", "ps"]).fails(1, "--progress");
    compose(&["--parallel", "0", "ps"]).fails(1, "--parallel");
    compose(&["wait", "--down-project", "web"]).fails(1, "--down-project is not supported");
    compose(&["build", "--print"]).fails(1, "--print is not supported");
    compose(&["build", "--builder", "mine"]).fails(1, "--builder is not supported");
    compose(&["build", "--sbom=true"]).fails(1, "--sbom is not supported");
    compose(&["build", "--provenance", "mode=max"]).fails(1, "--provenance is not supported");
    compose(&["build", "--no-rm"]).fails(1, "--no-rm is not supported");
    compose(&["build", "--ssh", "mine"]).fails(1, "invalid ssh key");
    compose(&["pull", "--policy", "never"]).fails(1, "--policy");
    compose(&["ps"]).fails(1, "no configuration file provided");
    compose(&["ps", "--nosuch"]).fails(1, "--nosuch");
    assert!(compose(&["--help"]).ok().contains("  restart "));
    assert!(compose(&["-f", "nosuch.yaml", "stop", "--help"]).ok().contains("--timeout"));
    assert!(compose(&["version", "--short"]).ok().starts_with("2."));
}

/// Services that are built, one of them for a registry.
const BUILT: &str = r#"
services:
  web:
    image: REGISTRY/ann/web:1
    build:
      context: .
      args: {PAGE: one}
      dockerfile_inline: "FROM localhost/cove-test:latest\nARG PAGE\nRUN echo $$PAGE >/page\n"
      tags: [REGISTRY/ann/web:extra]
    depends_on: [tool]
    network_mode: none
  tool:
    build:
      context: .
      additional_contexts: {base: "service:web"}
      dockerfile_inline: "FROM base\nRUN echo tool >/tool\n"
    network_mode: none
  plain:
    image: localhost/cove-test:latest
    network_mode: none
"#;

#[test]
fn images_are_built_pushed_and_pulled() {
    for who in [Who::Root, Who::User] {
        let (Some(bed), Some(mut registry)) = (Bed::new(who), Registry::start()) else { continue };
        let address = registry.address();
        let file = |name: &str, text: String| {
            let path = bed.path("shelf").join(name);
            fs::create_dir_all(bed.path("shelf")).expect("folder");
            fs::write(&path, text).expect("file");
            path
        };
        file("compose.yaml", BUILT.replace("REGISTRY", &address));
        let registries =
            file("registries.conf", format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n"));
        let auth = bed.path("home/auth.json").display().to_string();
        let login =
            ["login", "--tls-verify=false", "-u", Registry::USER, "--password-stdin", "--authfile", &auth];
        bed.cove_with(&[&login[..], &[address.as_str()]].concat(), Registry::PASSWORD.as_bytes()).ok();
        let compose = |arguments: &[&str]| {
            let mut command = bed.command(&[&["compose"], arguments].concat());
            command.current_dir(bed.path("shelf")).env("REGISTRY_AUTH_FILE", &auth);
            command.env("CONTAINERS_REGISTRIES_CONF", &registries).env("PAGE", "environment");
            Outcome::of(command, b"")
        };
        let says = |outcome: &Outcome, texts: &[&str]| {
            assert_eq!(outcome.code, 0, "{outcome:?}");
            for text in texts {
                assert!(
                    outcome.stderr.contains(&text.replace("WEB", &format!("{address}/ann/web"))),
                    "{text}: {outcome:?}"
                );
            }
        };
        let page = |service: &str| {
            let shown = compose(&["run", "--rm", "-T", "--no-deps", service, "cat", "/page"]);
            shown.ok().to_owned()
        };
        // What the context is of is built before, though it is not asked for.
        says(&compose(&["build", "tool"]), &[" WEB:1  Built\n", " shelf-tool  Built\n", "STEP "]);
        assert_eq!((page("web").as_str(), page("tool").as_str()), ("one", "one"));
        let labels = [
            "image",
            "inspect",
            "--format",
            "{{index .Labels \"com.docker.compose.service\"}}",
            "shelf-tool",
        ];
        assert_eq!(bed.cove(&labels).ok(), "tool");
        let quiet = compose(&["build", "-q", "--build-arg", "PAGE=two", "web"]);
        assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""), "{quiet:?}");
        assert_eq!(page("web"), "two");
        says(&compose(&["build", "--build-arg", "PAGE", "--no-cache", "web"]), &[" WEB:1  Built\n"]);
        assert_eq!(page("web"), "environment");
        let checked = compose(&["build", "--check", "web"]);
        assert!(checked.ok().contains("Check complete"), "{checked:?}");
        says(
            &compose(&["build", "--push", "--with-dependencies", "web"]),
            &[" shelf-tool  Built\n", " web Pushed WEB:extra\n", " tool Skipped"],
        );
        says(&compose(&["push"]), &[" web Pushed WEB:1\n", " tool Skipped", " plain Skipped"]);
        let silent = compose(&["push", "-q", "web"]);
        assert_eq!((silent.code, silent.stderr.as_str()), (0, ""), "{silent:?}");
        let remove =
            |name: &str| bed.cove(&["rmi", "-f", &format!("{address}/ann/web:{name}")]).ok().to_owned();
        remove("extra");
        remove("1");
        says(&compose(&["pull", "--policy", "missing", "web"]), &[" web Pulling", " web Pulled"]);
        assert_eq!(page("web"), "one");
        says(
            &compose(&["pull", "--policy", "missing", "web"]),
            &[" web Skipped - Image is already present locally"],
        );
        says(
            &compose(&["pull", "--ignore-buildable", "--include-deps", "web"]),
            &[" web Skipped - Image can be built", " tool Skipped - No image to be pulled"],
        );
        registry.stop();
        let failed = compose(&["pull", "web"]);
        assert!(
            failed.code == 1
                && failed.stderr.contains(" web Warning ")
                && failed.stderr.contains("compose build web"),
            "{failed:?}"
        );
        says(&compose(&["pull", "--ignore-pull-failures", "web"]), &[" web Warning "]);
        compose(&["push", "web"]).fails(1, &address);
        says(&compose(&["push", "--ignore-push-failures", "web"]), &["Pushing web: "]);
    }
}

#[test]
fn names_of_services_are_completed() {
    everyone(|bed| {
        fs::create_dir_all(bed.path("shop")).expect("folder");
        fs::write(bed.path("shop").join("compose.yaml"), PROJECT.replace("IMAGE", IMAGE)).expect("file");
        let words = |typed: &[&str]| {
            let mut command = bed.command(&[&["__completeNoDesc", "compose"], typed].concat());
            command.current_dir(bed.path("home"));
            Outcome::of(command, b"").ok().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let file = "../shop/compose.yaml";
        assert_eq!(words(&["-f", file, "logs", ""]), "cache db once web :4");
        assert_eq!(words(&["-f", file, "run", "--rm", "w"]), "web :4");
        assert_eq!(words(&["--file", file, "scale", "c"]), "cache= :6");
        assert_eq!(words(&["-f", file, "cp", "web:/a", "d"]), "db: :6");
        assert_eq!(words(&["logs", ""]), ":4", "there is no file");
    });
}
