//! The commands of `cove compose` on projects that docker-compose has made, beside docker-compose itself.

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, everyone, met, wait_for};

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
    let bed = Bed::empty(cove_test_support::Who::Root).or_else(|| Bed::empty(cove_test_support::Who::User));
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
    compose(&["ps"]).fails(1, "no configuration file provided");
    compose(&["ps", "--nosuch"]).fails(1, "--nosuch");
    assert!(compose(&["--help"]).ok().contains("  restart "));
    assert!(compose(&["-f", "nosuch.yaml", "stop", "--help"]).ok().contains("--timeout"));
    assert!(compose(&["version", "--short"]).ok().starts_with("2."));
}
