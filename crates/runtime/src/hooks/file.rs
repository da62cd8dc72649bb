//! One hook and the containers that it is for.

use std::path::{Path, PathBuf};

use cove_api::StringMap;
use oci_spec::runtime::Hook;
use regex::Regex;
use serde::Deserialize;

use crate::error::{Error, Result};

/// Most bytes of a file.
const MAX_FILE: u64 = 1 << 20;

/// The one version of the files.
const VERSION: &str = "1.0.0";

/// The stages of the OCI runtime, and that of the engine.
const STAGES: [&str; 7] =
    ["createContainer", "createRuntime", "prestart", "poststart", "poststop", "startContainer", "precreate"];

#[derive(Deserialize)]
struct Written {
    version: String,
    hook: Hook,
    #[serde(default)]
    when: WrittenWhen,
    stages: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenWhen {
    always: Option<bool>,
    annotations: StringMap,
    commands: Vec<String>,
    has_bind_mounts: Option<bool>,
}

/// A hook.
#[derive(Debug)]
pub(super) struct HookFile {
    pub(super) path: PathBuf,
    pub(super) hook: Hook,
    pub(super) stages: Vec<String>,
    when: When,
}

/// All of these must hold, and one must be given.
#[derive(Debug, Default)]
struct When {
    always: Option<bool>,
    /// For each pair there is an annotation that both match.
    annotations: Vec<(Regex, Regex)>,
    /// One matches the command.
    commands: Vec<Regex>,
    has_bind_mounts: Option<bool>,
}

/// What of a container decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) annotations: &'a StringMap,
    /// Path of the program, as the configuration has it.
    pub(super) command: &'a str,
    /// The user has mounted something.
    pub(super) has_bind_mounts: bool,
}

impl HookFile {
    /// Reads and checks a file.
    pub(super) fn read(path: PathBuf) -> Result<Self> {
        let text = cove_sys::read::bounded_text(&path, MAX_FILE).map_err(Error::file)?.unwrap_or_default();
        let named = |why: String| Error::invalid(format!("OCI hook {}", path.display()), why);
        let hook = Self::parse(&path, &text).map_err(named)?;
        if !hook.hook.path().exists() {
            return Err(named(format!("there is no program {}", hook.hook.path().display())));
        }
        Ok(hook)
    }

    /// Reads a text; the error is what is wrong with it.
    fn parse(path: &Path, text: &str) -> std::result::Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if written.version != VERSION {
            return Err(format!("the version of the file is {:?}, not {VERSION}", written.version));
        }
        if !written.hook.path().is_absolute() {
            return Err("hook.path must be an absolute path".to_owned());
        }
        if let Some(stage) = written.stages.iter().find(|stage| !STAGES.contains(&stage.as_str())) {
            return Err(format!("unknown stage {stage:?}"));
        }
        let pattern = |text: &String| Regex::new(text).map_err(|error| error.to_string());
        let annotations = written.when.annotations.iter();
        let when = When {
            always: written.when.always,
            annotations: annotations
                .map(|(key, value)| Ok((pattern(key)?, pattern(value)?)))
                .collect::<std::result::Result<_, String>>()?,
            commands: written.when.commands.iter().map(pattern).collect::<std::result::Result<_, _>>()?,
            has_bind_mounts: written.when.has_bind_mounts,
        };
        Ok(Self { path: path.to_owned(), hook: written.hook, stages: written.stages, when })
    }

    /// Whether it is for this container.
    pub(super) fn is_for(&self, facts: Facts<'_>) -> bool {
        let When { always, annotations, commands, has_bind_mounts } = &self.when;
        let is_given =
            always.is_some() || has_bind_mounts.is_some() || !annotations.is_empty() || !commands.is_empty();
        let annotated = |(key, value): &(Regex, Regex)| {
            facts.annotations.iter().any(|(name, text)| key.is_match(name) && value.is_match(text))
        };
        is_given
            && *always != Some(false)
            // One that is for containers without mounts is for none, as the peers have it.
            && has_bind_mounts.is_none_or(|wanted| wanted && facts.has_bind_mounts)
            && annotations.iter().all(annotated)
            && (commands.is_empty() || commands.iter().any(|pattern| pattern.is_match(facts.command)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(when: &str) -> HookFile {
        let text = format!(
            r#"{{"version": "1.0.0", "hook": {{"path": "/bin/true", "args": ["true", "-x"]}}, "when": {when}, "stages": ["prestart"]}}"#
        );
        HookFile::parse(Path::new("/x.json"), &text).unwrap()
    }

    #[test]
    fn conditions() {
        let annotations: StringMap = [("com.example.gpu".to_owned(), "yes".to_owned())].into();
        let facts = Facts { annotations: &annotations, command: "/usr/bin/python3", has_bind_mounts: false };
        for (when, expected) in [
            ("{}", false),
            (r#"{"always": true}"#, true),
            (r#"{"always": false}"#, false),
            (r#"{"annotations": {"^com\\.example\\.": "^yes$"}}"#, true),
            (r#"{"annotations": {"^com\\.example\\.": "^no$"}}"#, false),
            (r#"{"commands": ["/bash$", "python"]}"#, true),
            (r#"{"commands": ["/bash$"]}"#, false),
            (r#"{"always": true, "commands": ["/bash$"]}"#, false),
            (r#"{"hasBindMounts": true}"#, false),
            (r#"{"hasBindMounts": false}"#, false),
        ] {
            assert_eq!(parse(when).is_for(facts), expected, "{when}");
        }
        assert!(parse(r#"{"hasBindMounts": true}"#).is_for(Facts { has_bind_mounts: true, ..facts }));
    }

    #[test]
    fn wrong_files_are_refused() {
        for (text, expected) in [
            ("{", "EOF"),
            (r#"{"version": "0.1.0", "hook": {"path": "/x"}, "stages": []}"#, "version"),
            (r#"{"version": "1.0.0", "hook": {"path": "x"}, "stages": []}"#, "absolute"),
            (r#"{"version": "1.0.0", "hook": {"path": "/x"}}"#, "stages"),
            (r#"{"version": "1.0.0", "hook": {"path": "/x"}, "stages": ["later"]}"#, "unknown stage"),
            (
                r#"{"version": "1.0.0", "hook": {"path": "/x"}, "stages": [], "when": {"commands": ["("]}}"#,
                "unclosed group",
            ),
        ] {
            let error = HookFile::parse(Path::new("/x.json"), text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
