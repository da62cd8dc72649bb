//! What is suspicious in a build file: the rules of BuildKit's checks, under their names.

use std::collections::BTreeSet;

use crate::language::{BuildFile, Command, Copying, Instruction, Stage, Step};
use crate::scope::PROXIES;

/// Something suspicious.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What is suspicious.
    pub text: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// What is known besides the file.
pub struct Facts<'a> {
    /// Names of variables that an image has; [`None`] where it is not known.
    pub environment: &'a dyn Fn(&str) -> Option<BTreeSet<String>>,
    /// Whether the rules of the context ignore a path.
    pub ignores: &'a dyn Fn(&str) -> bool,
    /// Names that are given for `ARG`.
    pub given: &'a dyn Fn(&str) -> bool,
}

impl Default for Facts<'_> {
    /// Nothing is known.
    fn default() -> Self {
        Self { environment: &|_| None, ignores: &|_| false, given: &|_| false }
    }
}

/// Variables that every build has, beside those of [`PROXIES`].
const PLATFORMS: [&str; 9] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];
/// Parts of names that are for secrets.
const SECRET_WORDS: [&str; 8] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "secret", "token"];
/// Parts of names that are for what is no secret although it is called like one.
const PUBLIC_WORDS: [&str; 2] = ["public", "version"];

/// Checks a file by the rules that it does not skip.
#[must_use]
pub fn check(file: &BuildFile, facts: &Facts<'_>) -> Vec<Warning> {
    let mut checking = Checking { file, facts, found: Vec::new() };
    checking.casing();
    checking.stages();
    for (index, stage) in file.stages.iter().enumerate() {
        checking.instructions(stage);
        checking.variables(index);
    }
    for line in &file.gaps {
        checking.warn("NoEmptyContinuation", *line, "Empty continuation line");
    }
    let skip = &file.checks.skip;
    let skipped =
        |warning: &Warning| skip.iter().any(|rule| rule == "all" || rule.eq_ignore_ascii_case(warning.rule));
    let mut found = checking.found;
    found.retain(|warning| !skipped(warning));
    found.sort_by_key(|warning| warning.line);
    found.dedup();
    found
}

struct Checking<'a> {
    file: &'a BuildFile,
    facts: &'a Facts<'a>,
    found: Vec<Warning>,
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

impl Checking<'_> {
    fn warn(&mut self, rule: &'static str, line: usize, text: impl Into<String>) {
        self.found.push(Warning { rule, text: text.into(), line });
    }

    fn steps(&self) -> impl Iterator<Item = (usize, &str)> {
        let stages = self.file.stages.iter().flat_map(|stage| {
            let steps = stage.steps.iter().map(|step| (step.line, step.text.as_str()));
            std::iter::once((stage.line, stage.text.as_str())).chain(steps)
        });
        self.file.arguments.iter().map(|step| (step.line, step.text.as_str())).chain(stages)
    }

    /// All instructions are written alike.
    fn casing(&mut self) {
        let is_upper = |word: &str| word.chars().all(|character| !character.is_ascii_lowercase());
        let is_lower = |word: &str| word.chars().all(|character| !character.is_ascii_uppercase());
        let (mut upper, mut lower) = (0, 0);
        for (_, text) in self.steps() {
            upper += usize::from(is_upper(first_word(text)));
            lower += usize::from(is_lower(first_word(text)));
        }
        let (wanted, fits): (_, &dyn Fn(&str) -> bool) =
            if upper >= lower { ("uppercase", &is_upper) } else { ("lowercase", &is_lower) };
        let wrong: Vec<(usize, String)> = self
            .steps()
            .map(|(line, text)| (line, first_word(text).to_owned()))
            .filter(|(_, word)| !fits(word))
            .collect();
        for (line, word) in wrong {
            let text = format!("Command '{word}' should match the case of the command majority ({wanted})");
            self.warn("ConsistentInstructionCasing", line, text);
        }
    }

    fn stages(&mut self) {
        let mut names = BTreeSet::new();
        for stage in &self.file.stages {
            let words: Vec<&str> = stage.text.split_whitespace().collect();
            let at = words.iter().position(|word| word.eq_ignore_ascii_case("as"));
            if let Some(at) = at
                && let Some(name) = words.get(at + 1)
            {
                if name.chars().any(|character| character.is_ascii_uppercase()) {
                    let text = format!("Stage name '{name}' should be lowercase");
                    self.warn("StageNameCasing", stage.line, text);
                }
                let upper = |word: &str| word.chars().all(|character| character.is_ascii_uppercase());
                if upper(words[0]) != upper(words[at]) {
                    let text = format!("'{}' and '{}' keywords' casing do not match", words[at], words[0]);
                    self.warn("FromAsCasing", stage.line, text);
                }
            }
            if let Some(name) = &stage.from.name {
                if !names.insert(name.clone()) {
                    let text = format!("Duplicate stage name {name:?}, stage names should be unique");
                    self.warn("DuplicateStageName", stage.line, text);
                }
                if matches!(name.as_str(), "scratch" | "context") {
                    let text = format!("Stage name should not use the same name as reserved stage {name:?}");
                    self.warn("ReservedStageName", stage.line, text);
                }
            }
            self.platform(stage);
        }
        self.base_arguments();
    }

    fn platform(&mut self, stage: &Stage) {
        let Some(platform) = stage.from.platform.as_deref() else { return };
        if matches!(platform, "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
            let text = format!(
                "Setting platform to predefined {platform} in FROM is redundant as this is the default behavior"
            );
            self.warn("RedundantTargetPlatform", stage.line, text);
        } else if !platform.contains('$') {
            let text = format!("FROM --platform flag should not use constant value {platform:?}");
            self.warn("FromPlatformFlagConstDisallowed", stage.line, text);
        }
    }

    /// Variables in `FROM`.
    fn base_arguments(&mut self) {
        let mut known: BTreeSet<String> =
            PLATFORMS.iter().chain(&PROXIES).map(|name| (*name).to_owned()).collect();
        let mut valued = known.clone();
        for step in &self.file.arguments {
            if let Instruction::Arg(all) = &step.instruction {
                for (name, default) in all {
                    known.insert(name.clone());
                    if default.is_some() || (self.facts.given)(name) {
                        valued.insert(name.clone());
                    }
                }
            }
        }
        for stage in &self.file.stages {
            let platform = stage.from.platform.as_deref().unwrap_or_default();
            for name in names_in(&stage.from.image).into_iter().chain(names_in(platform)) {
                if !known.contains(&name.name) {
                    let text = format!("FROM argument '{}' is not declared", name.name);
                    self.warn("UndefinedArgInFrom", stage.line, text);
                } else if !valued.contains(&name.name)
                    && !name.has_default
                    && names_in(&stage.from.image).contains(&name)
                {
                    let text = format!(
                        "Default value for ARG {} results in empty or invalid base image name",
                        stage.from.image
                    );
                    self.warn("InvalidDefaultArgInFrom", stage.line, text);
                }
            }
        }
    }

    fn instructions(&mut self, stage: &Stage) {
        let mut seen: Vec<(&str, usize)> = Vec::new();
        let mut workdir = false;
        for step in &stage.steps {
            self.one(step, &mut workdir);
            let name = match &step.instruction {
                Instruction::Cmd(_) => "CMD",
                Instruction::Entrypoint(_) => "ENTRYPOINT",
                Instruction::HealthCheck(_) => "HEALTHCHECK",
                _ => continue,
            };
            if let Some(before) = seen.iter().position(|(known, _)| *known == name) {
                let (_, line) = seen.remove(before);
                let text = format!(
                    "Multiple {name} instructions should not be used in the same stage because only the last one will be used"
                );
                self.warn("MultipleInstructionsDisallowed", line, text);
            }
            seen.push((name, step.line));
        }
    }

    fn one(&mut self, step: &Step, workdir: &mut bool) {
        match &step.instruction {
            Instruction::Maintainer(_) => self.warn(
                "MaintainerDeprecated",
                step.line,
                "Maintainer instruction is deprecated in favor of using label",
            ),
            Instruction::Cmd(Command::Shell(_)) | Instruction::Entrypoint(Command::Shell(_)) => {
                let name = first_word(&step.text).to_ascii_uppercase();
                let text = format!(
                    "JSON arguments recommended for {name} to prevent unintended behavior related to OS signals"
                );
                self.warn("JSONArgsRecommended", step.line, text);
            }
            Instruction::Workdir(path) => {
                if !*workdir && !path.starts_with(['/', '$', '"', '\'']) {
                    let text = format!(
                        "Relative workdir {path:?} can have unexpected results if the base image changes"
                    );
                    self.warn("WorkdirRelativePath", step.line, text);
                }
                *workdir = true;
            }
            Instruction::Env(pairs) | Instruction::Label(pairs) => {
                let name = first_word(&step.text).to_ascii_uppercase();
                if is_old_form(&step.text) {
                    let text = format!(
                        "\"{name} key=value\" should be used instead of legacy \"{name} key value\" format"
                    );
                    self.warn("LegacyKeyValueFormat", step.line, text);
                }
                if name == "ENV" {
                    for (key, _) in pairs {
                        self.secret(&name, key, step.line);
                    }
                }
            }
            Instruction::Arg(all) => {
                for (key, _) in all {
                    self.secret("ARG", key, step.line);
                }
            }
            Instruction::Copy(copying) | Instruction::Add(copying) => self.ignored(copying, step),
            Instruction::Expose(ports) => {
                for port in ports {
                    let protocol = port.split_once('/').map_or("", |(_, protocol)| protocol);
                    if protocol.chars().any(|character| character.is_ascii_uppercase()) {
                        let text =
                            format!("Defined protocol '{port}' in EXPOSE instruction should be lowercase");
                        self.warn("ExposeProtoCasing", step.line, text);
                    }
                    if port.split('/').next().is_some_and(|port| port.contains(':')) {
                        let text = format!(
                            "EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
                        );
                        self.warn("ExposeInvalidFormat", step.line, text);
                    }
                }
            }
            _ => {}
        }
    }

    fn secret(&mut self, instruction: &str, key: &str, line: usize) {
        let lower = key.to_ascii_lowercase();
        let mut words = lower.split('_');
        if words.clone().any(|word| SECRET_WORDS.contains(&word))
            && !words.any(|word| PUBLIC_WORDS.contains(&word))
        {
            let text =
                format!("Do not use ARG or ENV instructions for sensitive data ({instruction} {key:?})");
            self.warn("SecretsUsedInArgOrEnv", line, text);
        }
    }

    fn ignored(&mut self, copying: &Copying, step: &Step) {
        if copying.from.is_some() {
            return;
        }
        let ignored = |source: &String| {
            let path = crate::apply::join("/", source);
            path != "/" && (self.facts.ignores)(&path[1..])
        };
        let wrong: Vec<&String> = copying
            .sources
            .iter()
            .filter(|source| !source.contains(['*', '?', '[', '$', ':']) && ignored(source))
            .collect();
        for source in wrong {
            let name = first_word(&step.text);
            let text = format!("Attempting to {name} file {source:?} that is excluded by .dockerignore");
            self.warn("CopyIgnoredFile", step.line, text);
        }
    }

    /// Variables that nothing defines; of images whose variables are not known, none is said.
    fn variables(&mut self, index: usize) {
        let Some(mut known) = self.environment_of(index, 0) else { return };
        // Every build gives one where the base has none.
        known.insert("PATH".into());
        let mut undefined = Vec::new();
        for step in &self.file.stages[index].steps {
            let names: Vec<Name> = match &step.instruction {
                Instruction::Arg(all) => {
                    known.extend(all.iter().map(|(name, _)| name.clone()));
                    all.iter().filter_map(|(_, default)| default.as_deref()).flat_map(names_in).collect()
                }
                Instruction::Env(pairs) => {
                    let used = pairs.iter().flat_map(|(_, value)| names_in(value)).collect();
                    known.extend(pairs.iter().map(|(name, _)| name.clone()));
                    used
                }
                Instruction::Label(pairs) => pairs.iter().flat_map(|(_, value)| names_in(value)).collect(),
                Instruction::Workdir(text) | Instruction::User(text) | Instruction::StopSignal(text) => {
                    names_in(text)
                }
                Instruction::Expose(all) | Instruction::Volume(all) => {
                    all.iter().flat_map(|text| names_in(text)).collect()
                }
                Instruction::Copy(copying) | Instruction::Add(copying) => copying
                    .sources
                    .iter()
                    .chain([&copying.destination])
                    .flat_map(|text| names_in(text))
                    .collect(),
                _ => continue,
            };
            let unknown = names.into_iter().filter(|name| !name.has_default && !known.contains(&name.name));
            undefined.extend(unknown.map(|name| (step.line, name.name)));
        }
        for (line, name) in undefined {
            self.warn("UndefinedVar", line, format!("Usage of undefined variable '${name}'"));
        }
    }

    /// The variables that a stage begins with.
    fn environment_of(&self, index: usize, depth: usize) -> Option<BTreeSet<String>> {
        let stage = &self.file.stages[index];
        let before = self.file.stages[..index].iter();
        let base = before
            .rev()
            .position(|other| other.from.name.as_deref() == Some(&stage.from.image.to_ascii_lowercase()));
        let Some(back) = base else {
            return match stage.from.image.as_str() {
                "scratch" => Some(BTreeSet::new()),
                image => (self.facts.environment)(image),
            };
        };
        if depth > self.file.stages.len() {
            return None;
        }
        let other = index - 1 - back;
        let mut known = self.environment_of(other, depth + 1)?;
        for step in &self.file.stages[other].steps {
            if let Instruction::Env(pairs) = &step.instruction {
                known.extend(pairs.iter().map(|(name, _)| name.clone()));
            }
        }
        Some(known)
    }
}

/// Whether a line is of the form `ENV name value`.
fn is_old_form(text: &str) -> bool {
    text.split_whitespace().nth(1).is_some_and(|word| !word.contains('='))
}

/// A variable in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    name: String,
    /// It says what it is where nothing defines it.
    has_default: bool,
}

/// The variables that a word uses.
fn names_in(word: &str) -> Vec<Name> {
    let mut names = Vec::new();
    let mut characters = word.chars().peekable();
    let mut single = false;
    while let Some(character) = characters.next() {
        match character {
            '\'' => single = !single,
            '\\' => drop(characters.next()),
            '$' if !single => {
                let braced = characters.next_if_eq(&'{').is_some();
                let mut name = String::new();
                while let Some(next) = characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
                {
                    name.push(next);
                }
                let has_default = braced && matches!(characters.peek(), Some(':' | '-' | '+' | '?'));
                if !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit()) {
                    names.push(Name { name, has_default });
                }
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(&'static str, usize)> {
        let file = BuildFile::parse(text.as_bytes()).unwrap();
        let known = |image: &str| (image == "known").then(|| BTreeSet::from(["PATH".to_owned()]));
        let facts =
            Facts { environment: &known, ignores: &|path| path == "secret", given: &|name| name == "GIVEN" };
        check(&file, &facts).into_iter().map(|warning| (warning.rule, warning.line)).collect()
    }

    #[test]
    fn every_rule_is_broken_once() {
        for (text, expected) in [
            ("FROM a AS b\nRUN true\nCMD [\"x\"]\n", vec![]),
            ("FROM a AS Base\n", vec![("StageNameCasing", 1)]),
            ("FROM a as b\n", vec![("FromAsCasing", 1)]),
            ("FROM a\nRUN a && \\\n\n b\n", vec![("NoEmptyContinuation", 2)]),
            ("FROM a\nrun true\nRUN true\n", vec![("ConsistentInstructionCasing", 2)]),
            ("FROM a AS b\nFROM c AS b\n", vec![("DuplicateStageName", 2)]),
            ("FROM a AS scratch\n", vec![("ReservedStageName", 1)]),
            ("FROM a\nCMD x\n", vec![("JSONArgsRecommended", 2)]),
            ("FROM a\nMAINTAINER x\n", vec![("MaintainerDeprecated", 2)]),
            ("FROM $x\n", vec![("UndefinedArgInFrom", 1)]),
            ("ARG x\nFROM a:$x\n", vec![("InvalidDefaultArgInFrom", 2)]),
            ("ARG x\nFROM a:${x:-y}\n", vec![]),
            ("ARG GIVEN\nFROM a:$GIVEN\n", vec![]),
            ("FROM a\nWORKDIR b\nWORKDIR c\n", vec![("WorkdirRelativePath", 2)]),
            ("FROM known\nENV A=$PATH\nENV B=$A C=$D\n", vec![("UndefinedVar", 3)]),
            ("FROM known AS k\nENV A=1\nFROM k\nLABEL l=$A m=${N:-o}\n", vec![]),
            ("FROM unknown\nENV A=$B\n", vec![]),
            ("FROM a\nCMD [\"x\"]\nCMD [\"y\"]\n", vec![("MultipleInstructionsDisallowed", 2)]),
            ("FROM a\nENV b c\n", vec![("LegacyKeyValueFormat", 2)]),
            ("FROM --platform=$TARGETPLATFORM a\n", vec![("RedundantTargetPlatform", 1)]),
            ("FROM --platform=linux/amd64 a\n", vec![("FromPlatformFlagConstDisallowed", 1)]),
            ("FROM --platform=$BUILDPLATFORM a\n", vec![]),
            ("FROM a\nARG API_TOKEN\nARG PUBLIC_KEY\n", vec![("SecretsUsedInArgOrEnv", 2)]),
            ("FROM a\nCOPY secret /\nCOPY --from=b secret /\n", vec![("CopyIgnoredFile", 2)]),
            ("FROM a\nEXPOSE 80/TCP\n", vec![("ExposeProtoCasing", 2)]),
            ("FROM a\nEXPOSE 127.0.0.1:80:80\n", vec![("ExposeInvalidFormat", 2)]),
            ("# check=skip=JSONArgsRecommended\nFROM a\nCMD x\nENV b c\n", vec![("LegacyKeyValueFormat", 4)]),
            ("# check=skip=all\nFROM a\nCMD x\n", vec![]),
        ] {
            assert_eq!(rules(text), expected, "{text}");
        }
        assert!(BuildFile::parse(b"# check=error=true\nFROM a\n").unwrap().checks.error);
        assert!(BuildFile::parse(b"# check=bogus\nFROM a\n").is_err());
    }
}
