//! What an instruction makes of an image's configuration.

use cove_api::{ImageConfig, signal};
use serde_json::{Value, json};

use crate::error::{BuildError, Result};
use crate::language::{Command, HealthCheck, Instruction};
use crate::scope::Scope;

/// Applies an instruction that changes the configuration alone, and answers how the history tells it; [`None`] where it
/// is one that needs files or says nothing of the image. `own_command` is whether this build has set a command already,
/// which a new entrypoint then leaves.
///
/// # Errors
/// A value has no meaning.
pub fn apply(
    config: &mut ImageConfig,
    scope: &Scope,
    instruction: &Instruction,
    own_command: bool,
) -> Result<Option<String>> {
    Ok(Some(match instruction {
        Instruction::Env(pairs) => {
            let pairs = expanded(scope, pairs)?;
            for (name, value) in &pairs {
                set_variable(config, name, value);
            }
            format!("ENV {}", shown(&pairs))
        }
        Instruction::Label(pairs) => {
            let pairs = expanded(scope, pairs)?;
            config.labels.extend(pairs.iter().cloned());
            format!("LABEL {}", shown(&pairs))
        }
        Instruction::User(user) => {
            config.user = scope.word(user)?;
            format!("USER {}", config.user)
        }
        Instruction::Workdir(path) => {
            let path = scope.word(path)?;
            config.working_dir = join(&config.working_dir, &path);
            format!("WORKDIR {}", config.working_dir)
        }
        Instruction::Cmd(command) => {
            config.cmd = words(config, command);
            format!("CMD {}", listed(command))
        }
        Instruction::Entrypoint(command) => {
            config.entrypoint = words(config, command);
            // A new entrypoint knows nothing of the command of the base.
            if !own_command {
                config.cmd.clear();
            }
            format!("ENTRYPOINT {}", listed(command))
        }
        Instruction::Expose(ports) => {
            let ports = scope.words(ports)?;
            for port in &ports {
                for port in port.split_whitespace() {
                    expose(config, port)?;
                }
            }
            format!("EXPOSE {}", ports.join(" "))
        }
        Instruction::Volume(paths) => {
            let paths = scope.words(paths)?;
            for path in &paths {
                let path = path.trim();
                if path.is_empty() {
                    return Err(BuildError::new("VOLUME specified can not be an empty string"));
                }
                config.volumes.insert(join("/", path), json!({}));
            }
            format!("VOLUME {}", paths.join(" "))
        }
        Instruction::Shell(words) => {
            config.shell.clone_from(words);
            format!("SHELL {}", Value::from(words.clone()))
        }
        Instruction::StopSignal(name) => {
            let name = scope.word(name)?;
            signal::parse(&name).map_err(|error| BuildError::new(error.message))?;
            config.stop_signal = name;
            format!("STOPSIGNAL {}", config.stop_signal)
        }
        Instruction::HealthCheck(check) => {
            config.healthcheck = Some(check.as_ref().map_or_else(|| json!({"Test": ["NONE"]}), described));
            match check {
                None => "HEALTHCHECK NONE".into(),
                Some(check) => format!("HEALTHCHECK {}", check.test.join(" ")),
            }
        }
        Instruction::OnBuild(text) => {
            config.on_build.push(text.clone());
            format!("ONBUILD {text}")
        }
        Instruction::Maintainer(name) => format!("MAINTAINER {name}"),
        Instruction::From(_)
        | Instruction::Arg(_)
        | Instruction::Run(_)
        | Instruction::Copy(_)
        | Instruction::Add(_) => return Ok(None),
    }))
}

fn expanded(scope: &Scope, pairs: &[(String, String)]) -> Result<Vec<(String, String)>> {
    pairs.iter().map(|(name, value)| Ok((scope.word(name)?, scope.word(value)?))).collect()
}

fn shown(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| match value.contains(char::is_whitespace) {
        true => format!("{name}={value:?}"),
        false => format!("{name}={value}"),
    });
    pairs.collect::<Vec<_>>().join(" ")
}

fn set_variable(config: &mut ImageConfig, name: &str, value: &str) {
    let variable = format!("{name}={value}");
    match config.env.iter_mut().find(|known| known.split('=').next() == Some(name)) {
        Some(place) => *place = variable,
        None => config.env.push(variable),
    }
}

/// A path beneath a directory, or itself where it is absolute; cleaned as Go's `path.Clean` does.
#[must_use]
pub fn join(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn words(config: &ImageConfig, command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(line) if line.is_empty() => Vec::new(),
        Command::Shell(line) => shell(config).into_iter().chain([line.clone()]).collect(),
    }
}

/// The shell of an image, with the option that a line of commands follows.
#[must_use]
pub fn shell(config: &ImageConfig) -> Vec<String> {
    match config.shell.is_empty() {
        true => vec!["/bin/sh".into(), "-c".into()],
        false => config.shell.clone(),
    }
}

fn listed(command: &Command) -> String {
    match command {
        Command::Exec(words) => Value::from(words.clone()).to_string(),
        Command::Shell(line) => line.clone(),
    }
}

/// `PORT[-PORT][/PROTOCOL]`.
fn expose(config: &mut ImageConfig, port: &str) -> Result<()> {
    let bad = || BuildError::new(format!("invalid containerPort: {port}"));
    let (range, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(BuildError::new(format!("invalid proto: {protocol}")));
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let first: u16 = first.parse().map_err(|_| bad())?;
    let last: u16 = last.parse().map_err(|_| bad())?;
    if last < first {
        return Err(bad());
    }
    for number in first..=last {
        config.exposed_ports.insert(format!("{number}/{protocol}"), json!({}));
    }
    Ok(())
}

fn described(check: &HealthCheck) -> Value {
    let mut value = json!({"Test": check.test});
    for (name, number) in [
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
        ("Retries", check.retries),
    ] {
        if number != 0 {
            value[name] = number.into();
        }
    }
    value
}
