//! Rules for where the sources of a build may come from, as BuildKit's source policies write them.

use regex::Regex;
use serde_json::{Map, Value};

use crate::error::{BuildError, Result};
use crate::location::Location;

/// Most rules.
const MAX_RULES: usize = 10_000;
/// How identifiers of images begin.
const IMAGE: &str = "docker-image://";

/// Rules in the order in which they are asked; the first that means a source decides.
#[derive(Debug, Default)]
pub struct SourcePolicy {
    rules: Vec<Rule>,
}

/// What is decided of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is used.
    Allow,
    /// This is used in its place.
    Convert(String),
}

#[derive(Debug)]
struct Rule {
    action: Action,
    matches: Matches,
}

#[derive(Debug)]
enum Action {
    Allow,
    Deny,
    Convert(String),
}

#[derive(Debug)]
enum Matches {
    Exact(String),
    Pattern(Regex),
}

impl SourcePolicy {
    /// Reads a policy; an empty text has no rules.
    ///
    /// # Errors
    /// It is no JSON, or a rule says what means nothing.
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let wrong = |why: String| BuildError::new(format!("the source policy: {why}"));
        let document: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        known(&document, &["rules", "version"]).map_err(&wrong)?;
        let rules = match document.get("rules") {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(rules)) => rules,
            Some(_) => return Err(wrong("\"rules\" is no list".into())),
        };
        if rules.len() > MAX_RULES {
            return Err(wrong(format!("more than {MAX_RULES} rules")));
        }
        let rules = rules
            .iter()
            .enumerate()
            .map(|(place, rule)| Rule::read(rule).map_err(|why| wrong(format!("rule {}: {why}", place + 1))));
        Ok(Self { rules: rules.collect::<Result<_>>()? })
    }

    /// What is decided of an image, by its name as it is written; what is converted is a name, too.
    ///
    /// # Errors
    /// It is denied.
    pub fn image(&self, name: &str) -> Result<Decision> {
        if self.rules.is_empty() {
            return Ok(Decision::Allow);
        }
        let decision = self.decide(&format!("{IMAGE}{}", whole_name(name)))?;
        match decision {
            Decision::Convert(new) => match new.strip_prefix(IMAGE) {
                Some(name) => Ok(Decision::Convert(name.to_owned())),
                None => Err(BuildError::new(format!("the source policy makes {new:?} of the image {name}"))),
            },
            Decision::Allow => Ok(Decision::Allow),
        }
    }

    /// What is decided of an address of the web or of a repository.
    ///
    /// # Errors
    /// It is denied, or something else is wanted in its place.
    pub fn address(&self, address: &str) -> Result<()> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let asked = match Location::parse(address)? {
            // What is behind a `#` is not asked for.
            Some(Location::Web(web)) => web,
            _ => address.to_owned(),
        };
        for spelling in [address.to_owned(), plain_address(&asked)?] {
            if let Decision::Convert(_) = self.decide(&spelling)? {
                return Err(BuildError::unsupported(format!(
                    "{address}: CONVERT of a source policy for addresses"
                )));
            }
        }
        Ok(())
    }

    fn decide(&self, identifier: &str) -> Result<Decision> {
        let rule = self.rules.iter().find(|rule| match &rule.matches {
            Matches::Exact(text) => text == identifier,
            Matches::Pattern(pattern) => pattern.is_match(identifier),
        });
        match rule.map(|rule| &rule.action) {
            None | Some(Action::Allow) => Ok(Decision::Allow),
            Some(Action::Convert(new)) => Ok(Decision::Convert(new.clone())),
            Some(Action::Deny) => {
                Err(BuildError::new(format!("source {identifier:?} denied by source policy")))
            }
        }
    }
}

impl Rule {
    fn read(value: &Value) -> std::result::Result<Self, String> {
        let rule = value.as_object().ok_or("it is no object")?;
        known(rule, &["action", "selector", "updates"])?;
        let selector = rule.get("selector").and_then(Value::as_object).ok_or("it has no selector")?;
        known(selector, &["identifier", "matchType"])?;
        let identifier = text(selector, "identifier")?.ok_or("its selector has no identifier")?;
        let matches = match text(selector, "matchType")?.unwrap_or("WILDCARD") {
            "EXACT" => Matches::Exact(identifier.to_owned()),
            "WILDCARD" => Matches::Pattern(pattern(identifier)?),
            other => return Err(format!("the match type {other:?} is none: EXACT or WILDCARD")),
        };
        let action = match text(rule, "action")?.unwrap_or_default() {
            "ALLOW" => Action::Allow,
            "DENY" => Action::Deny,
            "CONVERT" => {
                let updates = rule.get("updates").and_then(Value::as_object).ok_or("it has no updates")?;
                known(updates, &["identifier"])?;
                let new = text(updates, "identifier")?.filter(|new| !new.is_empty());
                Action::Convert(new.ok_or("its updates have no identifier")?.to_owned())
            }
            other => return Err(format!("the action {other:?} is none: ALLOW, DENY or CONVERT")),
        };
        Ok(Self { action, matches })
    }
}

/// Refuses keys that would be passed over.
fn known(object: &Map<String, Value>, keys: &[&str]) -> std::result::Result<(), String> {
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("{key:?} is not known")),
        None => Ok(()),
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> std::result::Result<Option<&'a str>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key:?} is no text")),
    }
}

/// A pattern in which `*` is any text and `?` any character.
fn pattern(text: &str) -> std::result::Result<Regex, String> {
    let mut pattern = String::from("(?s)^");
    for letter in text.chars() {
        match letter {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            letter => pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).map_err(|error| format!("the pattern {text:?}: {error}"))
}

/// An address as it is asked for: scheme and host in small letters, without a user and the usual port.
fn plain_address(address: &str) -> Result<String> {
    let Some((scheme, rest)) = address.split_once("://") else { return Ok(address.to_owned()) };
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let host = host.strip_suffix(port).unwrap_or(&host).trim_end_matches('.');
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_:[]".contains(letter);
    match !host.is_empty() && host.chars().all(is_plain) {
        true => Ok(format!("{scheme}://{host}{path}")),
        false => Err(BuildError::new(format!(
            "the source policy cannot tell the host of {address:?}: write it in plain letters"
        ))),
    }
}

/// A name with its registry, and with the tag that it has where it says none.
fn whole_name(name: &str) -> String {
    let prefixes = [IMAGE, "docker://", "containers-storage:"];
    let name = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let has_registry = first.contains(['.', ':']) || first == "localhost";
    let (registry, path) = if has_registry { (first, rest) } else { ("docker.io", name) };
    let registry = registry.to_ascii_lowercase();
    let registry = match registry.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    let official = if registry == "docker.io" && !path.contains('/') { "library/" } else { "" };
    let whole = format!("{registry}/{official}{path}");
    let last = whole.rsplit('/').next().unwrap_or_default();
    match last.contains([':', '@']) {
        true => whole,
        false => format!("{whole}:latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_means_a_source_decides() {
        let policy = SourcePolicy::parse(
            r#"{"rules": [
                {"action": "ALLOW", "selector": {"identifier": "docker-image://docker.io/library/ubuntu:22.04"}},
                {"action": "DENY", "selector": {"identifier": "docker-image://docker.io/library/ubuntu:*"}},
                {"action": "CONVERT",
                 "selector": {"identifier": "docker-image://docker.io/library/alpine:latest", "matchType": "EXACT"},
                 "updates": {"identifier": "docker-image://host:5000/alpine:3"}},
                {"action": "DENY", "selector": {"identifier": "https://*.example.org/?"}}
            ]}"#,
        )
        .unwrap();
        for (name, expected) in [
            ("ubuntu:22.04", Some(Decision::Allow)),
            ("ubuntu", None),
            ("docker.io/library/ubuntu:20.04", None),
            ("docker://docker.io/library/ubuntu", None),
            ("docker.io/ubuntu", None),
            ("index.docker.io/library/ubuntu", None),
            ("Docker.io/library/ubuntu", None),
            ("registry-1.docker.io/library/ubuntu", None),
            ("containers-storage:docker.io/library/ubuntu", None),
            ("docker.io/alpine", Some(Decision::Convert("host:5000/alpine:3".into()))),
            ("alpine", Some(Decision::Convert("host:5000/alpine:3".into()))),
            ("alpine:edge", Some(Decision::Allow)),
            ("localhost/ubuntu", Some(Decision::Allow)),
            ("me/ubuntu", Some(Decision::Allow)),
        ] {
            assert_eq!(policy.image(name).ok(), expected, "{name}");
        }
        let error = policy.image("ubuntu").unwrap_err().message;
        assert!(error.contains("denied by source policy"), "{error}");
        assert!(policy.address("https://a.example.org/x").is_err());
        assert!(policy.address("HTTPS://me@A.Example.org:443/x#y").is_err());
        assert!(policy.address("https://a.example.org/xy").is_ok());
        assert!(SourcePolicy::parse("").unwrap().image("ubuntu").is_ok());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in [
            "x",
            "[]",
            r#"{"rules": 1}"#,
            r#"{"rule": []}"#,
            r#"{"rules": [{}]}"#,
            r#"{"rules": [{"action": "DENY", "selector": {}}]}"#,
            r#"{"rules": [{"action": "deny", "selector": {"identifier": "a"}}]}"#,
            r#"{"rules": [{"action": "DENY", "selector": {"identifier": "a", "matchType": "REGEX"}}]}"#,
            r#"{"rules": [{"action": "DENY", "selector": {"identifier": "a", "constraints": []}}]}"#,
            r#"{"rules": [{"action": "CONVERT", "selector": {"identifier": "a"}}]}"#,
            r#"{"rules": [{"action": "CONVERT", "selector": {"identifier": "a"}, "updates": {"attrs": {}}}]}"#,
        ] {
            assert!(SourcePolicy::parse(text).is_err(), "{text}");
        }
    }
}
