//! From a logical line to an instruction.

use cove_api::time;

use super::flags::Flags;
use super::instruction::{Command, Copying, From, HealthCheck, Instruction, Run};
use super::lines::{Heredoc, Line, heredoc_of};
use super::words::raw_words;
use crate::error::{BuildError, Result};

/// The name of a line's instruction in capitals, and what follows it.
fn split(line: &str) -> (String, &str) {
    let line = line.trim();
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    (line[..end].to_ascii_uppercase(), line[end..].trim())
}

/// Reads an instruction.
pub(crate) fn instruction(line: &Line, escape: char) -> Result<Instruction> {
    let (name, rest) = split(&line.text);
    let reader = Reader { rest, escape, heredocs: &line.heredocs };
    match name.as_str() {
        "FROM" => reader.from(),
        "ARG" => reader.arg(),
        "ENV" => reader.pairs("ENV").map(Instruction::Env),
        "LABEL" => reader.pairs("LABEL").map(Instruction::Label),
        "RUN" => reader.run(),
        "COPY" => reader.copying(true).map(Instruction::Copy),
        "ADD" => reader.copying(false).map(Instruction::Add),
        "WORKDIR" => reader.one("WORKDIR").map(Instruction::Workdir),
        "USER" => reader.one("USER").map(Instruction::User),
        "STOPSIGNAL" => reader.one("STOPSIGNAL").map(Instruction::StopSignal),
        "MAINTAINER" => reader.one("MAINTAINER").map(Instruction::Maintainer),
        "CMD" => Ok(Instruction::Cmd(reader.command())),
        "ENTRYPOINT" => Ok(Instruction::Entrypoint(reader.command())),
        "EXPOSE" => reader.list("EXPOSE", false).map(Instruction::Expose),
        "VOLUME" => reader.list("VOLUME", true).map(Instruction::Volume),
        "SHELL" => match serde_json::from_str::<Vec<String>>(rest) {
            Ok(words) if !words.is_empty() => Ok(Instruction::Shell(words)),
            _ => Err(BuildError::new("SHELL requires the arguments to be in JSON form")),
        },
        "HEALTHCHECK" => reader.health_check(),
        "ONBUILD" => reader.on_build(),
        _ => Err(BuildError::new(format!("unknown instruction: {name}"))),
    }
}

struct Reader<'a> {
    rest: &'a str,
    escape: char,
    heredocs: &'a [Heredoc],
}

impl Reader<'_> {
    fn missing(name: &str) -> BuildError {
        BuildError::new(format!("{name} requires at least one argument"))
    }

    fn one(&self, name: &str) -> Result<String> {
        if self.rest.is_empty() { Err(Self::missing(name)) } else { Ok(self.rest.to_owned()) }
    }

    fn list(&self, name: &str, json: bool) -> Result<Vec<String>> {
        if json && let Ok(words) = serde_json::from_str::<Vec<String>>(self.rest) {
            return Ok(words);
        }
        let words = raw_words(self.rest, self.escape);
        if words.is_empty() { Err(Self::missing(name)) } else { Ok(words) }
    }

    fn command(&self) -> Command {
        match serde_json::from_str(self.rest) {
            Ok(words) => Command::Exec(words),
            Err(_) => Command::Shell(self.rest.to_owned()),
        }
    }

    fn from(&self) -> Result<Instruction> {
        let (mut flags, rest) = Flags::split("FROM", self.rest, self.escape)?;
        let platform = flags.one("platform")?;
        flags.finish()?;
        let words = raw_words(rest, self.escape);
        let name = match words.as_slice() {
            [_] => None,
            [_, word, name] if word.eq_ignore_ascii_case("as") => Some(stage_name(name)?),
            _ => return Err(BuildError::new("FROM requires either one or three arguments")),
        };
        Ok(Instruction::From(From { image: words[0].clone(), name, platform }))
    }

    fn arg(&self) -> Result<Instruction> {
        let mut all = Vec::new();
        for word in raw_words(self.rest, self.escape) {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            if name.is_empty() {
                return Err(BuildError::new("ARG names can not be blank"));
            }
            all.push((name, value));
        }
        if all.is_empty() { Err(Self::missing("ARG")) } else { Ok(Instruction::Arg(all)) }
    }

    /// `A=b C=d`, or the old `A b c`.
    fn pairs(&self, name: &str) -> Result<Vec<(String, String)>> {
        let words = raw_words(self.rest, self.escape);
        let first = words.first().ok_or_else(|| Self::missing(name))?;
        if !first.contains('=') {
            let value = self.rest.trim_start_matches(first.as_str()).trim();
            if value.is_empty() {
                return Err(BuildError::new(format!("{name} must have two arguments")));
            }
            return Ok(vec![(first.clone(), value.to_owned())]);
        }
        let pair = |word: &String| match word.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            Some(_) => Err(BuildError::new(format!("{name} names can not be blank"))),
            None => {
                let text =
                    format!("Syntax error - can't find = in {word:?}. Must be of the form: name=value");
                Err(BuildError::new(text))
            }
        };
        words.iter().map(pair).collect()
    }

    fn run(&self) -> Result<Instruction> {
        let (mut flags, rest) = Flags::split("RUN", self.rest, self.escape)?;
        let mounts = flags.many("mount")?;
        let network = flags.one("network")?;
        let insecure = match flags.one("security")?.as_deref() {
            None | Some("sandbox") => false,
            Some("insecure") => true,
            Some(other) => return Err(BuildError::new(format!("security {other:?} is not valid"))),
        };
        let devices = flags.many("device")?;
        flags.finish()?;
        if rest.is_empty() {
            return Err(Self::missing("RUN"));
        }
        let command = Reader { rest, ..*self }.command();
        let is_script = self.heredocs.len() == 1 && heredoc_of(rest).is_some();
        let heredocs = self.heredocs.to_vec();
        Ok(Instruction::Run(Run { command, heredocs, is_script, mounts, network, insecure, devices }))
    }

    fn copying(&self, is_copy: bool) -> Result<Copying> {
        let name = if is_copy { "COPY" } else { "ADD" };
        let (mut flags, rest) = Flags::split(name, self.rest, self.escape)?;
        let mut copying = Copying {
            chown: flags.one("chown")?,
            chmod: flags.one("chmod")?,
            link: flags.switch("link")?.unwrap_or(false),
            exclude: flags.many("exclude")?,
            ..Copying::default()
        };
        if is_copy {
            copying.from = flags.one("from")?;
            copying.parents = flags.switch("parents")?.unwrap_or(false);
        } else {
            copying.checksum = flags.one("checksum")?;
            copying.keep_git_dir = flags.switch("keep-git-dir")?.unwrap_or(false);
            copying.unpack = flags.switch("unpack")?;
        }
        flags.finish()?;
        let json = serde_json::from_str::<Vec<String>>(rest).ok();
        let mut words = json.unwrap_or_else(|| raw_words(rest, self.escape));
        if words.len() < 2 {
            return Err(BuildError::new(format!("{name} requires at least two arguments")));
        }
        copying.destination = words.pop().unwrap_or_default();
        let mut documents = self.heredocs.iter();
        for word in words {
            match heredoc_of(&word).and_then(|_| documents.next()) {
                Some(document) => copying.heredocs.push(document.clone()),
                None => copying.sources.push(word),
            }
        }
        Ok(copying)
    }

    fn health_check(&self) -> Result<Instruction> {
        let (mut flags, rest) = Flags::split("HEALTHCHECK", self.rest, self.escape)?;
        let mut span = |name: &str| -> Result<i64> {
            let Some(text) = flags.one(name)? else { return Ok(0) };
            let span = time::duration(&text).map_err(|error| BuildError::new(error.message))?;
            i64::try_from(span.as_nanos()).map_err(|_| BuildError::new(format!("{name} is too long")))
        };
        let mut check = HealthCheck {
            interval: span("interval")?,
            timeout: span("timeout")?,
            start_period: span("start-period")?,
            start_interval: span("start-interval")?,
            ..HealthCheck::default()
        };
        if let Some(text) = flags.one("retries")? {
            check.retries = text
                .parse()
                .ok()
                .filter(|retries| *retries >= 0)
                .ok_or_else(|| BuildError::new(format!("--retries must be at least 0: {text}")))?;
        }
        flags.finish()?;
        let (kind, rest) = split(rest);
        match kind.as_str() {
            "NONE" if rest.is_empty() => Ok(Instruction::HealthCheck(None)),
            "NONE" => Err(BuildError::new("HEALTHCHECK NONE takes no arguments")),
            "CMD" if rest.is_empty() => Err(BuildError::new("Missing command after HEALTHCHECK CMD")),
            "CMD" => {
                check.test = match (Reader { rest, ..*self }).command() {
                    Command::Shell(line) => vec!["CMD-SHELL".into(), line],
                    Command::Exec(words) => [vec!["CMD".to_owned()], words].concat(),
                };
                Ok(Instruction::HealthCheck(Some(check)))
            }
            _ => Err(BuildError::new(format!("Unknown type {kind:?} in HEALTHCHECK (try CMD)"))),
        }
    }

    fn on_build(&self) -> Result<Instruction> {
        let (name, _) = split(self.rest);
        match name.as_str() {
            "" => Err(Self::missing("ONBUILD")),
            "ONBUILD" => Err(BuildError::new("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")),
            "FROM" | "MAINTAINER" => {
                Err(BuildError::new(format!("{name} isn't allowed as an ONBUILD trigger")))
            }
            _ => {
                // What is wrong with it is told now, not to those who build on it.
                let line = Line { number: 0, text: self.rest.to_owned(), heredocs: self.heredocs.to_vec() };
                instruction(&line, self.escape)?;
                let mut text = self.rest.to_owned();
                for heredoc in self.heredocs {
                    text = format!("{text}\n{}{}", heredoc.text, heredoc.name);
                }
                Ok(Instruction::OnBuild(text))
            }
        }
    }
}

fn stage_name(name: &str) -> Result<String> {
    let lower = name.to_ascii_lowercase();
    let valid = lower.starts_with(|first: char| first.is_ascii_lowercase())
        && lower.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !valid {
        return Err(BuildError::new(format!(
            "invalid name for build stage: {name:?}, name can't start with a number or contain symbols"
        )));
    }
    Ok(lower)
}
