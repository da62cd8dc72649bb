//! The text of auth.json and of Docker's config.json and .dockercfg.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Credentials;
use crate::error::ParseError;

/// Docker Hub's key in files that Docker wrote.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A credentials file. Fields that we do not know are kept when it is written again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuthFile {
    root: Map<String, Value>,
}

impl AuthFile {
    /// Parses auth.json or config.json; an empty text is an empty file.
    ///
    /// # Errors
    /// No JSON object, or `auths` or `credHelpers` of the wrong type.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // Into a value of no type first: the message about a wrong type would show the value, which may be the secret.
        let root = serde_json::from_str(text).map_err(|error| ParseError::from_json(&error))?;
        let Value::Object(root) = root else { return Err(ParseError::new("the file is not a JSON object")) };
        for field in ["auths", "credHelpers"] {
            if !matches!(root.get(field), None | Some(Value::Object(_) | Value::Null)) {
                return Err(ParseError::new(format!("{field:?} is not an object")));
            }
        }
        Ok(Self { root })
    }

    /// Parses the old `.dockercfg`, where the entries are at the top.
    ///
    /// # Errors
    /// No JSON object.
    pub(crate) fn parse_legacy(text: &str) -> Result<Self, ParseError> {
        let auths = Self::parse(text)?.root;
        Ok(Self { root: Map::from_iter([("auths".to_owned(), Value::Object(auths))]) })
    }

    /// The file's new text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.root).unwrap_or_else(|_| "{}".to_owned());
        text.push('\n');
        text
    }

    /// Credentials for a registry or repository: the longest path first, then entries that Docker wrote as URLs.
    ///
    /// # Errors
    /// The entry is there and cannot be decoded; the text has no secret in it.
    pub fn find(&self, key: &str) -> Result<Option<Credentials>, ParseError> {
        let Some(auths) = self.auths() else { return Ok(None) };
        let registry = key.split('/').next().unwrap_or(key);
        let mut prefix = key;
        loop {
            if let Some(found) = auths.get(prefix).map(|entry| decode(prefix, entry)).transpose()?.flatten() {
                return Ok(Some(found));
            }
            match prefix.rfind('/') {
                Some(index) => prefix = &prefix[..index],
                None => break,
            }
        }
        let wanted = hub_as_index(registry);
        for (name, entry) in auths {
            // A URL, as Docker writes them, is for its whole host; any other key only for what it names.
            if (name.contains("://") || !name.contains('/'))
                && hub_as_index(&host_of(name)) == wanted
                && let Some(found) = decode(name, entry)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The credential helper for a registry (`credHelpers`).
    pub(crate) fn helper_for(&self, registry: &str) -> Option<&str> {
        self.root.get("credHelpers")?.get(registry)?.as_str().filter(|name| !name.is_empty())
    }

    /// The credential helper for all registries (`credsStore`, which Docker Desktop writes).
    pub(crate) fn helper_for_all(&self) -> Option<&str> {
        self.root.get("credsStore")?.as_str().filter(|name| !name.is_empty())
    }

    /// The keys with credentials in the file, in the form that [`AuthFile::find`] takes.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for (name, entry) in self.auths().into_iter().flatten() {
            if matches!(decode(name, entry), Ok(None)) {
                continue;
            }
            let key =
                if name.contains("://") { host_of(name) } else { name.trim_end_matches('/').to_owned() };
            keys.push(if hub_as_index(&key) == "index.docker.io" { "docker.io".to_owned() } else { key });
        }
        if let Some(Value::Object(helpers)) = self.root.get("credHelpers") {
            keys.extend(helpers.keys().cloned());
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// Puts credentials in; `docker` writes Docker Hub's key as Docker does.
    pub fn set(&mut self, key: &str, credentials: &Credentials, docker: bool) {
        let mut entry = Map::new();
        let pair = format!("{}:{}", credentials.username, credentials.password());
        entry.insert("auth".to_owned(), Value::String(STANDARD.encode(pair)));
        if let Some(token) = credentials.identity_token() {
            entry.insert("identitytoken".to_owned(), Value::String(token.to_owned()));
        }
        let key = if docker && key == "docker.io" { DOCKER_HUB_KEY } else { key };
        self.auths_mut().insert(key.to_owned(), Value::Object(entry));
    }

    /// Takes credentials out; whether there were any.
    pub fn remove(&mut self, key: &str) -> bool {
        let auths = self.auths_mut();
        let mut removed = auths.shift_remove(key).is_some();
        if !key.contains('/') {
            let urls: Vec<String> = auths
                .keys()
                .filter(|name| name.contains("://") && hub_as_index(&host_of(name)) == hub_as_index(key))
                .cloned()
                .collect();
            for url in urls {
                removed |= auths.shift_remove(&url).is_some();
            }
        }
        removed
    }

    /// Takes all credentials out and says which there were. Names of credential helpers stay.
    pub fn clear(&mut self) -> Vec<String> {
        std::mem::take(self.auths_mut()).into_iter().map(|(name, _)| name).collect()
    }

    fn auths(&self) -> Option<&Map<String, Value>> {
        self.root.get("auths")?.as_object()
    }

    fn auths_mut(&mut self) -> &mut Map<String, Value> {
        let entry = self.root.entry("auths").or_insert(Value::Null);
        if !entry.is_object() {
            *entry = Value::Object(Map::new());
        }
        match entry {
            Value::Object(map) => map,
            _ => unreachable!("made an object above"),
        }
    }
}

/// Decodes one entry; `None` where it holds nothing, as the ones whose secret is in a helper.
fn decode(name: &str, entry: &Value) -> Result<Option<Credentials>, ParseError> {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let broken = || ParseError::new(format!("the credentials of {name:?} cannot be decoded"));
    let token = Some(text("identitytoken").to_owned()).filter(|token| !token.is_empty());
    let (username, password) = match text("auth") {
        "" => (text("username").to_owned(), text("password").to_owned()),
        encoded => {
            let bytes = STANDARD.decode(encoded.trim()).map_err(|_| broken())?;
            let pair = String::from_utf8(bytes).map_err(|_| broken())?;
            let (username, password) = pair.split_once(':').ok_or_else(broken)?;
            (username.to_owned(), password.trim_matches('\0').to_owned())
        }
    };
    if username.is_empty() && password.is_empty() && token.is_none() {
        return Ok(None);
    }
    Ok(Some(Credentials::new(username, password, token)))
}

/// Host and port of a key that may be a URL with a path.
fn host_of(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

fn hub_as_index(host: &str) -> &str {
    match host {
        "docker.io" | "registry-1.docker.io" => "index.docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(text: &str) -> String {
        STANDARD.encode(text)
    }

    #[test]
    fn longest_path_wins() {
        let text = format!(
            r#"{{"auths":{{"r.io":{{"auth":"{}"}},"r.io/a/b":{{"auth":"{}"}},"r.io/empty":{{}}}}}}"#,
            auth("one:1"),
            auth("two:2:3")
        );
        let file = AuthFile::parse(&text).unwrap();
        let user = |key: &str| {
            file.find(key).unwrap().map(|found| format!("{} {}", found.username, found.password()))
        };
        assert_eq!(user("r.io/a/b/c").as_deref(), Some("two 2:3"));
        assert_eq!(user("r.io/a").as_deref(), Some("one 1"));
        assert_eq!(user("r.io/empty/x").as_deref(), Some("one 1"));
        assert_eq!(user("r.io:5000"), None);
        assert_eq!(file.keys(), ["r.io", "r.io/a/b"]);
        // Credentials of a path are for what lies beneath it, and for nothing else of the host.
        let text = format!(r#"{{"auths":{{"r.io/n":{{"auth":"{}"}}}}}}"#, auth("one:1"));
        let file = AuthFile::parse(&text).unwrap();
        for (key, found) in [
            ("r.io/n", true),
            ("r.io/n/pic", true),
            ("r.io/ns/pic", false),
            ("r.io/ns", false),
            ("r.io/nn", false),
            ("r.io/m/n", false),
            ("r.io", false),
            ("r.io:443/n", false),
            ("x.r.io/n", false),
        ] {
            assert_eq!(file.find(key).unwrap().is_some(), found, "{key}");
        }
    }

    #[test]
    fn docker_forms() {
        let text = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}},"http://r.io/v2/":{{"username":"u","password":"p"}}}},"credsStore":"desktop","HttpHeaders":{{"a":"b"}}}}"#,
            auth("hub:x")
        );
        let mut file = AuthFile::parse(&text).unwrap();
        assert_eq!(file.find("docker.io/library/busybox").unwrap().unwrap().username, "hub");
        assert_eq!(file.find("r.io/x").unwrap().unwrap().username, "u");
        assert_eq!(file.helper_for_all(), Some("desktop"));
        assert_eq!(file.keys(), ["docker.io", "r.io"]);
        assert!(file.remove("docker.io"));
        assert!(!file.remove("docker.io"));
        assert!(file.to_text().contains("HttpHeaders"));
        file.set("docker.io", &Credentials::new("n".into(), "m".into(), None), true);
        assert!(file.to_text().contains("https://index.docker.io/v1/"));
        let legacy = AuthFile::parse_legacy(&format!(r#"{{"r.io":{{"auth":"{}"}}}}"#, auth("l:1"))).unwrap();
        assert_eq!(legacy.find("r.io").unwrap().unwrap().username, "l");
    }

    #[test]
    fn broken_entries_have_no_secret_in_the_error() {
        for entry in ["%%%", "c2VjcmV0"] {
            let file = AuthFile::parse(&format!(r#"{{"auths":{{"r.io":{{"auth":"{entry}"}}}}}}"#)).unwrap();
            let error = file.find("r.io").unwrap_err().to_string();
            assert!(error.contains("r.io") && !error.contains("secret"), "{error}");
        }
        assert_eq!(AuthFile::parse("{\n\"auths\": [\n").unwrap_err().line, Some(3));
        assert!(AuthFile::parse(r#"{"auths":[]}"#).is_err());
    }
}
