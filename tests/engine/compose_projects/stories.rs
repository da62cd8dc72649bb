//! What happens to a project over time: each step is done by docker-compose and by `cove compose`, with the same result.

use std::collections::BTreeSet;

use cove_test_support::Outcome;

use super::facts::Facts;
use super::stage::{Project, Stage};

/// A step of a story.
enum Step {
    /// Writes the Compose file anew.
    Write(String),
    /// Runs the program.
    Run(&'static [&'static str]),
    /// Runs the program, which ends with this code.
    Ends(&'static [&'static str], i32),
    /// Runs a script in a container, which prints this.
    Says(&'static str, &'static str, &'static str),
}

use Step::{Ends, Run, Says, Write};

/// What there is after a step.
struct Page {
    facts: Facts,
    /// What is still what it was before.
    kept: BTreeSet<String>,
}

/// Does the steps with one program.
fn told(stage: &Stage<'_>, steps: &[Step], program: impl Fn(&[&str]) -> Outcome) -> Vec<Page> {
    let mut before = stage.facts().ids;
    let mut pages = Vec::new();
    for step in steps {
        match step {
            Write(text) => stage.write("compose.yaml", text),
            Run(arguments) => {
                program(arguments).ok();
            }
            Ends(arguments, code) => {
                let outcome = program(arguments);
                assert_eq!(outcome.code, *code, "{outcome:?}");
            }
            Says(container, script, expected) => stage.said(container, script, expected),
        }
        let facts = stage.facts();
        let kept = facts.ids.iter().filter(|(name, id)| before.get(*name) == Some(id));
        let kept = kept.map(|(name, _)| name.clone()).collect();
        before = facts.ids.clone();
        pages.push(Page { facts, kept });
    }
    pages
}

/// Both programs do the same in each step; after the last one nothing is left.
#[track_caller]
fn story(name: &'static str, steps: &[Step]) {
    Project { name, file: "services: {}\n", ..Project::BARE }.on_stage(|stage| {
        let empty = stage.facts();
        let theirs = told(stage, steps, |arguments| stage.docker(arguments));
        stage.is(&empty, "the end with docker-compose");
        let ours = told(stage, steps, |arguments| stage.cove(arguments));
        for (at, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            let what = format!("step {at}, docker-compose (-) and cove (+)");
            stage.same(&theirs.facts, &ours.facts, &what);
            assert_eq!(theirs.kept, ours.kept, "{name}: {what}: what was kept");
        }
        stage.is(&empty, "the end with cove");
    });
}

/// A service that runs for long, with further keys.
fn service(name: &str, more: &str) -> String {
    format!(
        "  {name}: {{image: \"localhost/cove-test:latest\", command: [sleep, \"1000\"], stop_grace_period: 0s{more}}}\n"
    )
}

fn file(services: &[String], rest: &str) -> String {
    format!("services:\n{}{rest}", services.concat())
}

#[test]
fn what_changed_is_made_anew() {
    let web = |value: &str| service("web", &format!(", environment: {{A: {value}}}, depends_on: [db]"));
    let db = service("db", ", volumes: [/nameless, \"named:/named\"]");
    let volumes = "volumes: {named: {}}\n";
    story(
        "changing",
        &[
            Write(file(&[web("one"), db.clone()], volumes)),
            Run(&["up", "-d"]),
            Says("changing-db-1", "touch /nameless/here /named/here", ""),
            Write(file(&[web("two"), db.clone()], volumes)),
            Run(&["up", "-d", "--no-recreate"]),
            Run(&["up", "-d"]),
            Run(&["up", "-d", "--no-deps", "--force-recreate", "db"]),
            Says("changing-db-1", "ls /nameless /named", "/named:\nhere\n\n/nameless:\nhere"),
            Run(&["up", "-d", "--force-recreate", "-V", "db"]),
            Says("changing-db-1", "ls /nameless /named", "/named:\nhere\n\n/nameless:"),
            Write(file(&[web("two").replace(", depends_on: [db]", "")], "")),
            Run(&["up", "-d"]),
            Run(&["up", "-d", "--remove-orphans"]),
            Write(file(&[web("two"), db], volumes)),
            Run(&["down"]),
            Run(&["down", "-v"]),
        ],
    );
}

#[test]
fn numbers_of_containers_change() {
    let web = service("web", ", scale: 2");
    story(
        "scaling",
        &[
            Write(file(std::slice::from_ref(&web), "")),
            Run(&["up", "-d"]),
            Run(&["up", "-d", "--scale", "web=4"]),
            Run(&["up", "-d"]),
            Run(&["up", "-d", "--scale", "web=0"]),
            Run(&["create", "--scale", "web=3"]),
            Run(&["up", "-d", "--no-recreate", "--scale", "web=3"]),
            Run(&["down", "-v"]),
        ],
    );
}

#[test]
fn some_services_are_brought_up() {
    let services = [
        service("app", ", depends_on: [store]"),
        service("store", ""),
        service("other", ", depends_on: {store: {condition: service_started, restart: true}}"),
        service("checked", ", healthcheck: {test: [CMD, \"true\"], interval: 1s, start_period: 1s}"),
    ];
    story(
        "choosing",
        &[
            Write(file(&services, "")),
            Run(&["up", "-d", "app"]),
            Run(&["up", "-d", "--no-deps", "other"]),
            Run(&["up", "-d", "--wait", "checked"]),
            Run(&["up", "-d", "--force-recreate", "--always-recreate-deps", "app"]),
            Run(&["down", "app"]),
            Run(&["up", "--no-start"]),
            Run(&["up", "-d", "--no-deps", "--renew-anon-volumes", "app"]),
            Run(&["down", "-t", "0", "-v"]),
        ],
    );
}

#[test]
fn single_commands_have_containers_of_their_own() {
    let more = "run -d -T --name two --no-deps --use-aliases -e A=b -e C=d -l own=label -u 7 -w /tmp \
        --cap-add NET_ADMIN --cap-drop CHOWN -v named:/there:ro -v /nameless --interactive=false db sleep 1000";
    let more: Vec<&str> = more.split(' ').collect();
    let services = [
        service(
            "web",
            ", depends_on: [db], restart: always, networks: {default: {aliases: [page]}}, ports: [8080]",
        ),
        service("db", ", volumes: [\"named:/named\"], environment: {A: file}"),
        service("later", ", depends_on: {web: {condition: service_started}}, network_mode: \"service:db\""),
        service("job", ", network_mode: none"),
    ];
    story(
        "single",
        &[
            Write(file(&services, "volumes: {named: {}}\n")),
            Run(&["run", "-d", "-T", "--name", "one", "web", "sleep", "1000"]),
            Run(more.leak()),
            Run(&["run", "--rm", "-T", "--entrypoint", "sh -c", "web", "test $PPID = 0"]),
            Ends(&["run", "--rm", "-T", "later", "sh", "-c", "exit 9"], 9),
            Run(&["scale", "web=2", "db=1"]),
            Run(&["scale", "--no-deps", "web=1"]),
            Run(&["run", "-T", "--name", "ended", "job", "true"]),
            Run(&["up", "-d", "--remove-orphans"]),
            Run(&["down"]),
            Run(&["down", "-v", "--remove-orphans"]),
        ],
    );
}

#[test]
fn a_failure_ends_it() {
    let init = |code: u8| {
        let service = service("init", "");
        service.replace("[sleep, \"1000\"]", &format!("[sh, -c, \"exit {code}\"]"))
    };
    let app = service("app", ", depends_on: {init: {condition: service_completed_successfully}}");
    let other = service("other", "");
    story(
        "failing",
        &[Write(file(&[init(3), app.clone()], "")), Ends(&["up", "-d"], 1), Run(&["down", "-v"])],
    );
    // docker-compose stops what it is still starting, where the first container ends at once.
    story(
        "ending",
        &[
            Write(file(&[init(3), other.clone()], "")),
            Ends(&["up", "--exit-code-from", "init"], 3),
            Ends(&["up", "--abort-on-container-failure"], 3),
            Write(file(&[init(0), other.clone()], "")),
            Ends(&["up", "--abort-on-container-exit"], 0),
            Run(&["down", "-v"]),
        ],
    );
}

/// A container takes the place of another under a name of its own; a call may be killed before and after the other is gone.
#[test]
fn an_interrupted_recreation_is_ended() {
    Project { name: "interrupted", file: "services: {}\n", ..Project::BARE }.on_stage(|stage| {
        let empty = stage.facts();
        let web = |more: &str| service("web", &format!(", volumes: [/nameless]{more}"));
        stage.write("compose.yaml", &file(&[web("")], ""));
        stage.cove(&["up", "-d"]).ok();
        stage.said("interrupted-web-1", "touch /nameless/here", "");
        stage.cove(&["up", "-d", "--force-recreate"]).ok();
        stage.said("interrupted-web-1", "ls /nameless", "here");
        let there = || {
            let project = "label=com.docker.compose.project=interrupted";
            stage.engine(&["ps", "-a", "--no-trunc", "--filter", project, "--format", "{{.Names}} {{.ID}}"])
        };
        let before = there();
        let temporary = "0123456789ab_interrupted-web-1";
        stage.engine(&["rename", "interrupted-web-1", temporary]);
        stage.cove(&["up", "-d"]).ok();
        assert_eq!(there(), before, "it has its name");
        let labels: Vec<String> =
            [("project", "interrupted"), ("service", "web"), ("container-number", "1"), ("replace", "web-1")]
                .map(|(name, value)| format!("--label=com.docker.compose.{name}={value}"))
                .into();
        let create = ["create", "--name", temporary].into_iter().chain(labels.iter().map(String::as_str));
        let create: Vec<&str> = create.chain(["localhost/cove-test:latest", "true"]).collect();
        stage.engine(&create);
        stage.cove(&["up", "-d"]).ok();
        assert_eq!(there(), before, "the one that was to take the place is gone");
        // What is refused is so before anything else.
        stage.write("compose.yaml", &file(&[web(", domainname: x"), service("other", "")], ""));
        let refused = stage.cove(&["up", "-d"]);
        assert!(refused.code == 1 && refused.stderr.contains("services.web.domainname"), "{refused:?}");
        assert_eq!(there(), before);
        stage.cove(&["down", "-v"]).ok();
        stage.is(&empty, "the end");
    });
}
