//! Instructions that change an image's configuration: `commit --change`, `import --change`, and those of builds that
//! need no container.

use cove_api::{ImageConfig, signal, time};
use serde_json::{Value, json};

use crate::error::{Error, Result, bail};

/// Applies instructions such as `CMD /bin/sh` or `ENV A=B` in their order. `KEY=VALUE` and `KEY VALUE` are the same.
///
/// # Errors
/// An instruction is unknown, or its value is none.
pub fn apply(config: &mut ImageConfig, changes: &[String]) -> Result<()> {
    let with_command = changes.iter().any(|change| split(change).is_ok_and(|(key, _)| key == "CMD"));
    for change in changes {
        let (key, value) = split(change)?;
        // A new entrypoint knows nothing of the old command.
        if key == "ENTRYPOINT" && !with_command {
            config.cmd.clear();
        }
        one(config, &key, value)
            .map_err(|error| Error::new(format!("invalid change {change:?} - {error}")))?;
    }
    Ok(())
}

/// Puts what `other` says in the place of what `config` says; what has names is put beside it.
pub fn merge(config: &mut ImageConfig, other: ImageConfig) {
    fn take<T>(place: &mut Vec<T>, other: Vec<T>) {
        if !other.is_empty() {
            *place = other;
        }
    }
    for (place, other) in [
        (&mut config.user, other.user),
        (&mut config.working_dir, other.working_dir),
        (&mut config.stop_signal, other.stop_signal),
    ] {
        if !other.is_empty() {
            *place = other;
        }
    }
    for variable in &other.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        set_variable(config, name, value);
    }
    take(&mut config.entrypoint, other.entrypoint);
    take(&mut config.cmd, other.cmd);
    take(&mut config.on_build, other.on_build);
    take(&mut config.shell, other.shell);
    config.exposed_ports.extend(other.exposed_ports);
    config.volumes.extend(other.volumes);
    config.labels.extend(other.labels);
    if other.healthcheck.is_some() {
        config.healthcheck = other.healthcheck;
    }
}

/// The instruction in capitals, and its value.
fn split(change: &str) -> Result<(String, &str)> {
    let trimmed = change.trim();
    let end = trimmed.find([' ', '=', '\t']).unwrap_or(trimmed.len());
    let value = trimmed.get(end + 1..).unwrap_or_default().trim();
    if value.is_empty() {
        bail!("invalid change {change:?} - must be formatted as KEY VALUE");
    }
    Ok((trimmed[..end].to_ascii_uppercase(), value))
}

fn one(config: &mut ImageConfig, key: &str, value: &str) -> Result<()> {
    match key {
        "USER" => config.user = value.to_owned(),
        "EXPOSE" => {
            for port in value.split_whitespace() {
                let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
                let Ok(number) = number.parse::<u16>() else { bail!("{port:?} is no port") };
                config.exposed_ports.insert(format!("{number}/{protocol}"), json!({}));
            }
        }
        "ENV" => {
            for (name, value) in pairs(value)? {
                set_variable(config, &name, &value);
            }
        }
        "LABEL" => config.labels.extend(pairs(value)?),
        "ENTRYPOINT" => config.entrypoint = command(value, config),
        "CMD" => config.cmd = command(value, config),
        "SHELL" => match serde_json::from_str(value) {
            Ok(words) => config.shell = words,
            Err(_) => bail!("SHELL must be a list in JSON"),
        },
        "VOLUME" => config.volumes.extend(list(value).into_iter().map(|path| (path, json!({})))),
        "WORKDIR" if value.starts_with('/') || config.working_dir.is_empty() => {
            config.working_dir = value.to_owned();
        }
        "WORKDIR" => config.working_dir = format!("{}/{value}", config.working_dir.trim_end_matches('/')),
        "STOPSIGNAL" => {
            signal::parse(value).map_err(|error| Error::new(error.message))?;
            config.stop_signal = value.to_owned();
        }
        "ONBUILD" => config.on_build.push(value.to_owned()),
        "HEALTHCHECK" => config.healthcheck = Some(healthcheck(value, config)?),
        _ => bail!("unknown instruction"),
    }
    Ok(())
}

fn set_variable(config: &mut ImageConfig, name: &str, value: &str) {
    let variable = format!("{name}={value}");
    match config.env.iter_mut().find(|known| known.split('=').next() == Some(name)) {
        Some(place) => *place = variable,
        None => config.env.push(variable),
    }
}

/// A JSON list, or a line for the shell.
fn command(value: &str, config: &ImageConfig) -> Vec<String> {
    if let Ok(words) = serde_json::from_str(value) {
        return words;
    }
    let shell =
        if config.shell.is_empty() { vec!["/bin/sh".into(), "-c".into()] } else { config.shell.clone() };
    shell.into_iter().chain([value.to_owned()]).collect()
}

fn list(value: &str) -> Vec<String> {
    serde_json::from_str(value).unwrap_or_else(|_| value.split_whitespace().map(ToOwned::to_owned).collect())
}

/// `A=B C="d e"`, or `A b c` for one whose value has spaces.
fn pairs(value: &str) -> Result<Vec<(String, String)>> {
    let words = words(value);
    let split = |word: &String| word.split_once('=').map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    let all: Option<Vec<_>> = words.iter().map(split).collect();
    let pairs = match all {
        Some(pairs) => pairs,
        None => {
            let (name, rest) = match value.split_once('=') {
                Some((name, rest)) if !name.contains(char::is_whitespace) => (name, rest),
                _ => value.split_once(char::is_whitespace).unwrap_or((value, "")),
            };
            if rest.is_empty() {
                bail!("must be formatted as NAME=VALUE");
            }
            vec![(unquoted(name), unquoted(rest))]
        }
    };
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        bail!("a name is missing");
    }
    Ok(pairs)
}

fn unquoted(text: &str) -> String {
    words(text).join(" ")
}

/// Words as a shell parts them: quotes keep spaces, a backslash the character after it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(rest.next()),
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// `NONE`, or `[--interval=…] [--timeout=…] [--start-period=…] [--start-interval=…] [--retries=…] CMD …`.
fn healthcheck(value: &str, config: &ImageConfig) -> Result<Value> {
    let mut check = serde_json::Map::new();
    let mut rest = value;
    while let Some(option) = rest.strip_prefix("--") {
        let end = option.find(char::is_whitespace).unwrap_or(option.len());
        let Some((name, value)) = option[..end].split_once('=') else {
            bail!("--{} needs a value", &option[..end])
        };
        rest = option[end..].trim_start();
        let key = match name {
            "interval" => "Interval",
            "timeout" => "Timeout",
            "start-period" => "StartPeriod",
            "start-interval" => "StartInterval",
            "retries" => "Retries",
            other => bail!("unknown option --{other}"),
        };
        let number = if key == "Retries" {
            value.parse::<i64>().ok()
        } else {
            time::signed_duration(value).ok().and_then(|span| i64::try_from(span.as_nanos()).ok())
        };
        match number.filter(|number| *number >= 0) {
            Some(number) => check.insert(key.to_owned(), number.into()),
            None => bail!("{value:?} is no value of --{name}"),
        };
    }
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let command = command.trim();
    let test: Vec<String> = match kind.to_ascii_uppercase().as_str() {
        "NONE" if command.is_empty() && check.is_empty() => vec!["NONE".into()],
        "CMD" if !command.is_empty() => match serde_json::from_str::<Vec<String>>(command) {
            Ok(words) => ["CMD".to_owned()].into_iter().chain(words).collect(),
            Err(_) if config.shell.is_empty() => vec!["CMD-SHELL".into(), command.to_owned()],
            Err(_) => ["CMD".to_owned()]
                .into_iter()
                .chain(config.shell.clone())
                .chain([command.to_owned()])
                .collect(),
        },
        _ => bail!("must be NONE, or CMD and a command"),
    };
    check.insert("Test".into(), test.into());
    Ok(check.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> ImageConfig {
        let mut config = ImageConfig::default();
        let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
        apply(&mut config, &changes).unwrap();
        config
    }

    #[test]
    fn every_instruction() {
        let config = changed(&[
            "CMD=/bin/bash",
            "ENTRYPOINT [\"a\",\"b\"]",
            "ENV A=\"b c\"",
            "env D e f",
            "ENV X=1 Y='2 3'",
            "ENV X=4",
            "ENV M=some words here",
            "LABEL x=y",
            "LABEL \"p q\"=\"r s\" t=u",
            "EXPOSE 80 53/udp",
            "VOLUME /a /b",
            "WORKDIR /w",
            "WORKDIR sub",
            "STOPSIGNAL SIGINT",
            "USER me",
            "ONBUILD RUN x",
        ]);
        assert_eq!(config.cmd, ["/bin/sh", "-c", "/bin/bash"]);
        assert_eq!(config.entrypoint, ["a", "b"]);
        assert_eq!(config.env, ["A=b c", "D=e f", "X=4", "Y=2 3", "M=some words here"]);
        assert_eq!(config.exposed_ports.keys().collect::<Vec<_>>(), ["53/udp", "80/tcp"]);
        assert_eq!(config.volumes.len(), 2);
        assert_eq!((config.working_dir.as_str(), config.user.as_str()), ("/w/sub", "me"));
        assert_eq!(config.labels["p q"], "r s");
        assert_eq!(config.on_build, ["RUN x"]);
    }

    #[test]
    fn an_entrypoint_takes_the_command_away() {
        let mut config = changed(&["CMD [\"old\"]"]);
        apply(&mut config, &["ENTRYPOINT [\"new\"]".to_owned()]).unwrap();
        assert_eq!((config.cmd.len(), config.entrypoint), (0, vec!["new".to_owned()]));
    }

    #[test]
    fn health_checks() {
        let of = |text: &str| changed(&[&format!("HEALTHCHECK {text}")]).healthcheck.unwrap();
        assert_eq!(of("NONE"), json!({"Test": ["NONE"]}));
        assert_eq!(
            of("--interval=5s --retries=2 CMD curl -f x"),
            json!({"Interval": 5_000_000_000_i64, "Retries": 2, "Test": ["CMD-SHELL", "curl -f x"]})
        );
        assert_eq!(of("CMD [\"a\", \"b\"]"), json!({"Test": ["CMD", "a", "b"]}));
    }

    #[test]
    fn what_is_wrong() {
        for wrong in [
            "NONSENSE x",
            "CMD",
            "EXPOSE x",
            "EXPOSE 70000",
            "LABEL x",
            "ENV x",
            "ENV =a",
            "STOPSIGNAL x",
            "SHELL sh",
            "HEALTHCHECK x",
            "HEALTHCHECK --bad=1 CMD x",
            "HEALTHCHECK CMD",
        ] {
            let mut config = ImageConfig::default();
            let error = apply(&mut config, &[wrong.to_owned()]).expect_err(wrong);
            assert!(error.to_string().contains("invalid change"), "{error}");
        }
    }

    #[test]
    fn configurations_are_merged() {
        let mut config = changed(&["ENV A=1", "CMD [\"x\"]", "LABEL a=1"]);
        let other = changed(&["ENV A=2 B=3", "LABEL b=2", "USER u"]);
        merge(&mut config, other);
        assert_eq!((config.env.join(" ").as_str(), config.cmd.len(), config.labels.len()), ("A=2 B=3", 1, 2));
        assert_eq!(config.user, "u");
    }
}
