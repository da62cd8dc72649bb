//! Which keys of containers.conf do something here. A key that would do something under Podman and nothing here must
//! not be passed over in silence: it may be what keeps a container in its bounds.

use toml::Value;

use crate::containers::ContainersConf;
use crate::error::ParseError;
use crate::spans::Spans;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is used, and its value is checked where it is.
    Used,
    /// One of these words is used, any other refused.
    OneOf(&'static [&'static str]),
    /// What it is about does not exist here (conmon, builds, a number of locks …), so there is nothing to obey.
    Moot,
    /// It is not done yet: any value but the built-in one (or one that asks for nothing) is refused.
    Refused,
}

/// Checks every key of a file's text that has been parsed: answers warnings for unknown ones.
///
/// # Errors
/// The first key whose value is not done here, with its line.
pub(crate) fn check(text: &str) -> Result<Vec<String>, ParseError> {
    let Ok(file) = toml::from_str::<toml::Table>(text) else { return Ok(Vec::new()) };
    let built_in = toml::Table::try_from(ContainersConf::built_in()).unwrap_or_default();
    let spans = Spans::of(text);
    let mut unknown = Vec::new();
    for (section, keys) in &file {
        let known =
            ContainersConf::SECTIONS.iter().find(|(name, _)| name == section).map(|(_, known)| *known);
        let (Some(known), Value::Table(keys)) = (known, keys) else {
            unknown.push(unknown_key(&spans, section));
            continue;
        };
        let defaults = built_in.get(section).and_then(Value::as_table);
        for (key, value) in keys {
            let path = format!("{section}.{key}");
            let Some((_, usage)) = known.iter().find(|(name, _)| name == key) else {
                unknown.push(unknown_key(&spans, &path));
                continue;
            };
            if let Err(reason) = obeyed(*usage, value, defaults.and_then(|defaults| defaults.get(key))) {
                return Err(ParseError { line: spans.line_of(&path), message: format!("{path}: {reason}") });
            }
        }
    }
    Ok(unknown)
}

fn unknown_key(spans: &Spans, path: &str) -> String {
    match spans.line_of(path) {
        Some(line) => format!("line {line}: unknown key {path:?} is ignored"),
        None => format!("unknown key {path:?} is ignored"),
    }
}

/// Whether a key's value is obeyed; else why not.
fn obeyed(usage: Use, value: &Value, built_in: Option<&Value>) -> Result<(), String> {
    match usage {
        Use::Used | Use::Moot => Ok(()),
        Use::OneOf(words) => {
            let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if given.is_empty() || words.contains(&given.as_str()) {
                return Ok(());
            }
            Err(format!("{given:?} is not supported by this version, only {}", words.join(", ")))
        }
        Use::Refused => {
            let asks_for_nothing = match built_in {
                Some(built_in) => value == built_in,
                None => match value {
                    Value::String(text) => text.is_empty(),
                    Value::Array(list) => list.is_empty(),
                    Value::Table(table) => table.is_empty(),
                    Value::Boolean(value) => !value,
                    Value::Integer(number) => *number == 0,
                    Value::Float(_) | Value::Datetime(_) => false,
                },
            };
            if asks_for_nothing {
                return Ok(());
            }
            Err("this key is not supported yet, and Cove does not ignore it: take it out, or name a file of Cove's \
                 own in the variable CONTAINERS_CONF"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_obeyed_is_refused_with_its_line() {
        for (text, line, expected) in [
            ("[containers]\n\nvolumes = [\"/:/host\"]\n", 3, "containers.volumes"),
            ("[containers]\nuserns = \"auto\"", 2, "containers.userns"),
            (
                "[containers]\nlog_driver = \"syslog\"",
                2,
                "\"syslog\" is not supported by this version, only k8s-file",
            ),
            ("[containers]\nlog_driver = \"journald\"", 2, "journald"),
            ("[containers]\nnetns = \"container:x\"", 2, "containers.netns"),
            ("[containers]\nread_only = true", 2, "containers.read_only"),
            ("[containers]\nkeyring = false", 2, "containers.keyring"),
            ("[engine]\nretry = 5", 2, "engine.retry"),
            ("[engine]\nhooks_dir = [\"/x\"]", 2, "engine.hooks_dir"),
            ("[engine]\nevents_logger = \"none\"", 2, "engine.events_logger"),
            ("[network]\ndefault_host_ips = [\n  \"127.0.0.1\",\n]", 2, "network.default_host_ips"),
            ("[network]\nfirewall_driver = \"iptables\"", 2, "network.firewall_driver"),
            ("[engine.volume_plugins]\nx = \"/run/x.sock\"", 1, "engine.volume_plugins"),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.message.contains(expected), "{text}: {error}");
            assert_eq!(error.line, Some(line), "{text}: {error}");
        }
    }

    #[test]
    fn what_asks_for_nothing_or_is_done_passes() {
        for text in [
            "",
            "[containers]\nvolumes = []\nuserns = \"\"\nread_only = false\nkeyring = true\nlog_driver = \"none\"",
            "[engine]\nretry = 3\nnum_locks = 4096\nruntime = \"runc\"\nevents_logger = \"file\"",
            "[network]\nnetwork_backend = \"netavark\"\n[machine]\ncpus = 2\n[farms]\ndefault = \"x\"",
            "[containers]\nenv = [\n  \"A=1\",\n  \"B=2\", # more\n  {append = true},\n]\n[engine.runtimes]\nx = [\"/x\"]",
        ] {
            assert_eq!(check(text), Ok(Vec::new()), "{text}");
        }
        let unknown = check("colour = 1\n[engine]\nspeed = 2\n[more]\nx = 1").unwrap();
        assert_eq!(
            unknown,
            [
                "line 1: unknown key \"colour\" is ignored",
                "line 3: unknown key \"engine.speed\" is ignored",
                "line 4: unknown key \"more\" is ignored",
            ]
        );
    }

    #[test]
    fn the_built_in_values_are_all_obeyed() {
        let text = toml::to_string(&ContainersConf::built_in()).unwrap();
        assert_eq!(check(&text), Ok(Vec::new()));
    }
}
