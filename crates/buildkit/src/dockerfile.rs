//! What a build file needs of a client, beyond the engine's own reading of it.

use std::collections::BTreeSet;

use cove_build::{BuildFile, Instruction, MountKind, Run, RunMount};

/// Most secrets that a build file may ask for.
const MAX_SECRETS: usize = 100;

/// What a build file needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Ids of secrets.
    pub(crate) secrets: BTreeSet<String>,
}

impl Needs {
    /// Of a build file; one that cannot be read needs nothing, since the engine says what is wrong with it.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut needs = Self::default();
        let Ok(file) = BuildFile::parse(text) else { return needs };
        for step in file.stages.iter().flat_map(|stage| &stage.steps) {
            if let Instruction::Run(run) = &step.instruction {
                needs.run(run);
            }
        }
        needs
    }

    fn run(&mut self, run: &Run) {
        for mount in &run.mounts {
            if let Ok(RunMount { kind: MountKind::Secret(file), .. }) = RunMount::parse(mount)
                && self.secrets.len() < MAX_SECRETS
            {
                self.secrets.insert(file.id);
            }
        }
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
    fn secrets_are_found() {
        let text = b"FROM a AS b\nRUN --mount=type=secret,id=one --mount=type=cache,target=/c x\n\
            FROM b\nRUN --mount=type=secret,id=two,env=T y\nRUN --mount=type=secret,target=/run/three z\n";
        let needs = Needs::of(text);
        assert!(["one", "two"].iter().all(|id| needs.secrets.contains(*id)), "{needs:?}");
        assert_eq!(Needs::of(b"no build file"), Needs::default());
    }

    #[test]
    fn patterns_are_cleaned() {
        let text = "\u{feff}# a comment\n\n*.o\n ./x/../y \n!/keep/me\n/\n";
        assert_eq!(patterns(text.as_bytes()), ["*.o", "y", "!keep/me"]);
    }
}
