//! One project on one store, with both programs.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

use cove_sys::fs;
use cove_test_support::{
    Bed, IMAGE, Need, Outcome, Service, Who, binary, docker_plugin, everyone, free_port, met, skip, wait_for,
};

use super::facts::Facts;

/// A project of the table.
pub(super) struct Project {
    /// The name of its folder, which is its own name too.
    pub(super) name: &'static str,
    /// The Compose file.
    pub(super) file: &'static str,
    /// Files beside it.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Options before `up`, `create` and `down`.
    pub(super) options: &'static [&'static str],
    /// Variables of the programs; `PORT_1` to `PORT_6` are there too.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// Commands of `cove` before all.
    pub(super) before: &'static [&'static [&'static str]],
    /// Whether it needs cgroups.
    pub(super) limits: bool,
    /// A container, a script in it, and what that prints.
    pub(super) says: &'static [(&'static str, &'static str, &'static str)],
}

impl Project {
    /// No files, options and the like.
    pub(super) const BARE: Self = Self {
        name: "",
        file: "",
        files: &[],
        options: &[],
        variables: &[],
        before: &[],
        limits: false,
        says: &[],
    };

    /// Does a test with both programs.
    pub(super) fn on_stage(&self, test: impl Fn(&Stage<'_>)) {
        let test = |bed: &Bed| test(&Stage::new(self, bed));
        if !met(&[Need::ComposeV2]) {
            return;
        }
        if !self.limits {
            return everyone(test);
        }
        let Some(bed) = Bed::new(Who::Root) else { return };
        let limited = bed.cove(&["run", "--rm", "--network", "none", "--memory", "64m", IMAGE, "true"]);
        match limited.code {
            0 => test(&bed),
            _ => skip(Need::Freezer, limited.stderr.trim()),
        }
    }

    /// Both programs make the same, in each order, and take it away; the second one finds nothing to do.
    #[track_caller]
    pub(super) fn agrees(&self) {
        self.on_stage(|stage| {
            let empty = stage.facts();

            stage.docker(&["up", "-d"]).ok();
            stage.says();
            let theirs = stage.facts();
            stage.cove(&["up", "-d"]).ok();
            stage.keeps(&theirs, "cove's up after docker-compose's");
            stage.cove(&["down", "-v"]).ok();
            stage.is(&empty, "cove's down");

            stage.cove(&["up", "-d"]).ok();
            stage.says();
            let ours = stage.facts();
            stage.same(&theirs, &ours, "cove's up (+) against docker-compose's (-)");
            stage.far(&["up", "-d"]).ok();
            stage.keeps(&ours, "cove's second up");
            stage.docker(&["up", "-d"]).ok();
            stage.keeps(&ours, "docker-compose's up after cove's");
            stage.docker(&["down", "-v"]).ok();
            stage.is(&empty, "docker-compose's down of what cove made");
        });
    }

    /// `create` of both makes the same, and `up` starts what it made.
    #[track_caller]
    pub(super) fn is_created_alike(&self) {
        self.on_stage(|stage| {
            let empty = stage.facts();
            stage.docker(&["create"]).ok();
            let theirs = stage.facts();
            stage.far(&["down", "-v"]).ok();
            stage.is(&empty, "cove's down over its API");
            stage.cove(&["create"]).ok();
            let ours = stage.facts();
            stage.same(&theirs, &ours, "cove's create (+) against docker-compose's (-)");
            stage.cove(&["up", "-d"]).ok();
            assert_eq!(ours.ids, stage.facts().ids, "{}: cove's up after its create", self.name);
            stage.says();
            stage.cove(&["down", "-v"]).ok();
            stage.is(&empty, "cove's down");
        });
    }
}

/// A project that is written out, and a service on the store of the bed.
pub(super) struct Stage<'a> {
    project: &'a Project,
    bed: &'a Bed,
    service: Service,
    variables: Vec<(String, String)>,
}

impl<'a> Stage<'a> {
    fn new(project: &'a Project, bed: &'a Bed) -> Self {
        let folder = bed.path(project.name);
        for (name, text) in project.files.iter().chain(&[("compose.yaml", project.file)]) {
            write(&folder.join(name), text);
        }
        // What is missing is made there by the engine, as its user.
        let home = format!("--reference={}", bed.path("home").display());
        let status = Command::new("chown").arg("-R").arg(home).arg(&folder).status();
        assert!(status.is_ok_and(|status| status.success()), "chown");
        for command in project.before {
            bed.cove(command).ok();
        }
        let own = project.variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let ports = (1..).zip(free_ports()).map(|(at, port)| (format!("PORT_{at}"), port.to_string()));
        Self { project, bed, service: Service::start(bed), variables: own.chain(ports).collect() }
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> Outcome {
        command.args(self.project.options).args(arguments);
        command.envs(self.variables.iter().cloned()).current_dir(self.bed.path(self.project.name));
        Outcome::of(command, b"")
    }

    /// Writes a file of the project anew.
    pub(super) fn write(&self, name: &str, text: &str) {
        write(&self.bed.path(self.project.name).join(name), text);
    }

    /// A command of the engine.
    pub(super) fn engine(&self, arguments: &[&str]) -> String {
        self.bed.cove(arguments).ok().to_owned()
    }

    /// docker-compose on the service.
    pub(super) fn docker(&self, arguments: &[&str]) -> Outcome {
        let program = docker_plugin("docker-compose").expect("a need that is met");
        let mut command = self.bed.program(&program);
        command.env("DOCKER_HOST", self.service.uri());
        self.run(command, arguments)
    }

    /// `cove compose` in its own process.
    pub(super) fn cove(&self, arguments: &[&str]) -> Outcome {
        Self::own(self.run(self.bed.command(&["compose"]), arguments))
    }

    /// `cove compose` on the service.
    fn far(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.bed.program(&binary("cove"));
        command.args(["--url", &self.service.uri(), "compose"]);
        Self::own(self.run(command, arguments))
    }

    /// No other program did it.
    fn own(outcome: Outcome) -> Outcome {
        assert!(!outcome.stderr.contains("external compose provider"), "{outcome:?}");
        outcome
    }

    pub(super) fn facts(&self) -> Facts {
        let ports: Vec<&str> = self.variables.iter().map(|(_, value)| value.as_str()).collect();
        Facts::of(&self.service, self.project.name, &format!("{} {}", self.project.file, ports.join(" ")))
    }

    #[track_caller]
    fn says(&self) {
        for (container, script, expected) in self.project.says {
            self.said(container, script, expected);
        }
    }

    /// A script in a container prints this, if not at once.
    #[track_caller]
    pub(super) fn said(&self, container: &str, script: &str, expected: &str) {
        let ask = || self.bed.cove(&["exec", container, "sh", "-c", script]);
        let is_there = |outcome: &Outcome| outcome.code == 0 && outcome.stdout.trim_end() == expected;
        let answer = (0..50).map(|_| ask()).find(is_there);
        assert!(answer.is_some(), "{}: {expected:?} is not said: {:?}", self.project.name, ask());
    }

    #[track_caller]
    pub(super) fn same(&self, one: &Facts, other: &Facts, what: &str) {
        let difference = one.difference(other);
        assert!(difference.is_empty(), "{}: {what}\n{difference}", self.project.name);
    }

    #[track_caller]
    pub(super) fn is(&self, expected: &Facts, what: &str) {
        self.same(expected, &self.facts(), what);
    }

    /// Nothing was made anew.
    #[track_caller]
    fn keeps(&self, before: &Facts, what: &str) {
        let now = self.facts();
        self.same(before, &now, what);
        assert_eq!(before.ids, now.ids, "{}: {what}", self.project.name);
    }
}

impl Drop for Stage<'_> {
    /// Networks of the super-user are the machine's: none of a test that failed may stay.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.docker(&["down", "-v", "-t", "0"]);
        }
        let made = self.project.before.iter().filter(|command| command.starts_with(&["network", "create"]));
        for name in made.filter_map(|command| command.last()) {
            self.bed.cove(&["network", "rm", "-f", name]);
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Six ports in a row that nobody uses just now.
fn free_ports() -> Vec<u16> {
    let is_free = |port: u16| {
        TcpListener::bind(("0.0.0.0", port)).is_ok() && UdpSocket::bind(("0.0.0.0", port)).is_ok()
    };
    wait_for("six free ports", 20, || {
        let first = free_port();
        let ports: Vec<u16> = (first..=first.saturating_add(5)).collect();
        (ports.len() == 6 && ports.iter().all(|port| is_free(*port))).then_some(ports)
    })
}
