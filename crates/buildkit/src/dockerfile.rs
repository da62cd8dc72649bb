//! What a build file needs of a client, beyond the engine's own reading of it.

use std::collections::BTreeSet;

use cove_api::StringMap;
use cove_build::{BuildFile, Instruction, MountKind, Platforms, Run, RunMount, Scope};

/// Most secrets, agents or registries that a build file may ask for.
const MAX_NEEDS: usize = 100;
/// The registry of names without one.
const DOCKER_IO: &str = "docker.io";

/// What a build file needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Ids of secrets.
    pub(crate) secrets: BTreeSet<String>,
    /// Ids of ssh agents.
    pub(crate) agents: BTreeSet<String>,
    /// Registries of images.
    pub(crate) registries: BTreeSet<String>,
}

impl Needs {
    /// That of a further context that is an image.
    pub(crate) fn further(&mut self, image: &str) {
        self.image(image, &BTreeSet::new());
    }

    /// Of a build file; one that cannot be read needs nothing, since the engine says what is wrong with it.
    pub(crate) fn of(text: &[u8], arguments: &StringMap) -> Self {
        let mut needs = Self::default();
        let Ok(file) = BuildFile::parse(text) else { return needs };
        let platforms = Platforms { build: String::new(), target: String::new() };
        let mut scope = Scope::new(file.escape, arguments.clone(), &platforms, "");
        for step in &file.arguments {
            if let Instruction::Arg(all) = &step.instruction {
                let _ = scope.declare_global(all);
            }
        }
        let stages: BTreeSet<&str> =
            file.stages.iter().filter_map(|stage| stage.from.name.as_deref()).collect();
        for stage in &file.stages {
            needs.image(&scope.global_word(&stage.from.image).unwrap_or_default(), &stages);
            let (mut inside, mut environment) = (scope.stage(&[]), Vec::new());
            for step in &stage.steps {
                match &step.instruction {
                    Instruction::Arg(all) => drop(inside.declare(all)),
                    Instruction::Env(all) => {
                        for (name, value) in all {
                            environment.push(format!("{name}={}", inside.word(value).unwrap_or_default()));
                        }
                        inside.set_environment(&environment);
                    }
                    Instruction::Run(run) => needs.run(run, &inside, &stages),
                    Instruction::Copy(copying) | Instruction::Add(copying) => {
                        needs.image(copying.from.as_deref().unwrap_or_default(), &stages);
                    }
                    _ => {}
                }
            }
        }
        needs
    }

    fn run(&mut self, run: &Run, scope: &Scope, stages: &BTreeSet<&str>) {
        for mount in &run.mounts {
            let mount = scope.word(mount).and_then(|mount| RunMount::parse(&mount));
            match mount.map(|mount| mount.kind) {
                Ok(MountKind::Secret(file)) => add(&mut self.secrets, file.id),
                Ok(MountKind::Ssh(file)) => add(&mut self.agents, file.id),
                Ok(MountKind::Bind { from: Some(from), .. } | MountKind::Cache { from: Some(from), .. }) => {
                    self.image(&from, stages);
                }
                _ => {}
            }
        }
    }

    /// The registry of an image, as its name tells.
    fn image(&mut self, name: &str, stages: &BTreeSet<&str>) {
        let is_other = name.is_empty() || name == "scratch" || name.contains('$') || stages.contains(name);
        if is_other || name.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let first = name.split_once('/').map(|(first, _)| first);
        let registry = first.filter(|first| first.contains(['.', ':']) || *first == "localhost");
        add(&mut self.registries, registry.unwrap_or(DOCKER_IO).to_owned());
    }
}

fn add(all: &mut BTreeSet<String>, one: String) {
    if all.len() < MAX_NEEDS {
        all.insert(one);
    }
}

/// The name by which clients know a registry.
pub(crate) fn host(registry: &str) -> &str {
    match registry {
        DOCKER_IO => "registry-1.docker.io",
        other => other,
    }
}

/// The rules of a file of what is ignored, as they go to a client: it reads patterns, and neither comments nor blank lines.
pub(crate) fn patterns(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines =
        text.lines().filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty());
    lines
        .filter_map(|line| {
            let (mark, pattern) = match line.strip_prefix('!') {
                Some(rest) => ("!", rest.trim()),
                None => ("", line),
            };
            let joined = cove_build::join("/", pattern);
            let pattern = joined.trim_start_matches('/');
            (!pattern.is_empty()).then(|| format!("{mark}{pattern}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_file_needs_is_found() {
        let text = b"ARG BASE=quay.io/x/y\nFROM ${BASE} AS b\nRUN --mount=type=secret,id=one x\n\
            FROM b\nRUN --mount=type=secret,id=two,env=T --mount=type=ssh y\nCOPY --from=b / /\n\
            COPY --from=localhost:5000/z / /\nFROM alpine\n";
        let needs = Needs::of(text, &StringMap::new());
        let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let expected = Needs {
            secrets: set(&["one", "two"]),
            agents: set(&["default"]),
            registries: set(&["docker.io", "localhost:5000", "quay.io"]),
        };
        assert_eq!(needs, expected);
        let other = StringMap::from([("BASE".to_owned(), "ghcr.io/x".to_owned())]);
        assert!(Needs::of(text, &other).registries.contains("ghcr.io"));
        assert_eq!(Needs::of(b"no build file", &other), Needs::default());
    }

    #[test]
    fn patterns_are_cleaned() {
        let text = "\u{feff}# a comment\n\n*.o\n ./x/../y \n!/keep/me\n/\n";
        assert_eq!(patterns(text.as_bytes()), ["*.o", "y", "!keep/me"]);
    }
}
