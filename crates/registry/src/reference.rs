//! Image references as Docker and Podman write them, parsed and normalised.
//!
//! The grammar is that of the distribution project's `reference` package: an optional registry, a path of
//! lower-case components, an optional tag and an optional digest.

use std::fmt;
use std::str::FromStr;

use cove_archive::{Digest, InvalidDigest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// The registry of references that name none.
pub(crate) const DEFAULT_REGISTRY: &str = "docker.io";
const LEGACY_DEFAULT_REGISTRY: &str = "index.docker.io";
const OFFICIAL_PREFIX: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// A fully qualified image name, such as `docker.io/library/busybox:latest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Parses `input`, filling in `docker.io/` and `library/` where Docker does; adds no tag.
    ///
    /// # Errors
    /// [`Error::InvalidReference`].
    pub fn parse(input: &str) -> Result<Self, Error> {
        let wrong = |reason: &str| invalid(input, reason);
        if is_identifier(input) {
            return Err(invalid(
                input,
                &format!("invalid repository name ({input}), cannot specify 64-byte hexadecimal strings"),
            ));
        }
        let (registry, remainder) = split_registry(input);
        let Parts { name, tag, digest } = split(&remainder, input)?;
        if name.chars().any(char::is_uppercase) {
            return Err(wrong("invalid reference format: repository name must be lowercase"));
        }
        if name.is_empty() || !is_registry(&registry) || !is_path(&name) {
            return Err(wrong("invalid reference format"));
        }
        if registry.len() + 1 + name.len() > MAX_NAME {
            return Err(wrong("repository name must not be more than 255 characters"));
        }
        Ok(Self { registry, repository: name, tag, digest })
    }

    /// From parts that are checked one by one.
    ///
    /// # Errors
    /// [`Error::InvalidReference`].
    pub fn from_parts(
        registry: &str,
        repository: &str,
        tag: Option<&str>,
        digest: Option<Digest>,
    ) -> Result<Self, Error> {
        let whole = format!("{registry}/{repository}");
        if !is_registry(registry) || !is_path(repository) || whole.len() > MAX_NAME {
            return Err(invalid(&whole, "invalid reference format"));
        }
        let plain =
            Self { registry: registry.to_owned(), repository: repository.to_owned(), tag: None, digest };
        match tag {
            Some(tag) => plain.with_tag(tag),
            None => Ok(plain),
        }
    }

    /// The registry's host name, with its port where one was given.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path within the registry, such as `library/busybox`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, without its colon.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Registry and repository without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// With the tag `latest` added where there is neither tag nor digest.
    #[must_use]
    pub fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.into());
        }
        self
    }

    /// With this tag in place of the former.
    ///
    /// # Errors
    /// [`Error::InvalidReference`] when the tag is not one.
    pub fn with_tag(mut self, tag: &str) -> Result<Self, Error> {
        if !is_tag(tag) {
            return Err(invalid(tag, "invalid tag format"));
        }
        self.tag = Some(tag.to_owned());
        Ok(self)
    }

    /// With this digest in place of the former.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Without the tag.
    #[must_use]
    pub fn without_tag(mut self) -> Self {
        self.tag = None;
        self
    }

    /// Without the digest.
    #[must_use]
    pub fn without_digest(mut self) -> Self {
        self.digest = None;
        self
    }

    /// What is fetched from the registry: the digest where there is one, else the tag, else `latest`.
    pub(crate) fn tag_or_digest(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => DEFAULT_TAG.to_owned(),
        }
    }

    fn push_suffix(&self, text: &mut String) {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.name();
        self.push_suffix(&mut text);
        formatter.write_str(&text)
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(input: &str) -> Result<Self, Error> {
        Self::parse(input)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A name without a registry, such as `busybox` or `team/app:1`, that configuration must resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortName {
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ShortName {
    /// `None` when `input` names a registry and so is not short.
    ///
    /// # Errors
    /// [`Error::InvalidReference`].
    pub fn parse(input: &str) -> Result<Option<Self>, Error> {
        if names_registry(input) {
            Reference::parse(input)?;
            return Ok(None);
        }
        // Checks the grammar and gives the same messages as for a qualified name.
        Reference::parse(input)?;
        let Parts { name, tag, digest } = split(input, input)?;
        Ok(Some(Self { path: name, tag, digest }))
    }

    /// The name without tag and digest: the key in the table of aliases.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// This name beneath `registry`, which may hold a path (`quay.io/team`).
    ///
    /// # Errors
    /// [`Error::InvalidReference`] when `registry` is malformed.
    pub(crate) fn qualified(&self, registry: &str) -> Result<Reference, Error> {
        let reference = Reference::parse(&format!("{registry}/{}", self.path))?;
        self.complete(reference)
    }

    /// `target`, which an alias gave, with this name's tag and digest; a tag of the alias itself stays where
    /// this name has none.
    ///
    /// # Errors
    /// None in practice; the tag was checked on parsing.
    pub fn complete(&self, mut target: Reference) -> Result<Reference, Error> {
        if let Some(tag) = &self.tag {
            target = target.with_tag(tag)?;
        }
        if let Some(digest) = &self.digest {
            target = target.with_digest(digest.clone());
        }
        Ok(target.or_latest())
    }
}

impl fmt::Display for ShortName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

struct Parts {
    name: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

fn invalid(input: &str, reason: &str) -> Error {
    Error::InvalidReference { input: input.chars().take(300).collect(), reason: reason.into() }
}

/// Whether the first component is a registry: it has a dot or a colon, or is `localhost`.
pub(crate) fn names_registry(input: &str) -> bool {
    match input.split_once('/') {
        Some((first, _)) => first == "localhost" || first.contains(['.', ':']),
        None => false,
    }
}

fn split_registry(input: &str) -> (String, String) {
    let (registry, remainder) = match input.split_once('/') {
        Some((first, rest)) if names_registry(input) => (first, rest),
        _ => (DEFAULT_REGISTRY, input),
    };
    let registry = if registry == LEGACY_DEFAULT_REGISTRY { DEFAULT_REGISTRY } else { registry };
    if registry == DEFAULT_REGISTRY && !remainder.contains('/') {
        (registry.into(), format!("{OFFICIAL_PREFIX}{remainder}"))
    } else {
        (registry.into(), remainder.into())
    }
}

/// Splits `NAME[:TAG][@DIGEST]`; checks tag and digest, not the name.
fn split(text: &str, input: &str) -> Result<Parts, Error> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => {
            let digest = digest.parse().map_err(|error: InvalidDigest| {
                invalid(input, &format!("invalid reference format: invalid digest: {}", error.reason))
            })?;
            (rest, Some(digest))
        }
        None => (text, None),
    };
    let after_slash = rest.rfind('/').map_or(0, |position| position + 1);
    let (name, tag) = match rest[after_slash..].split_once(':') {
        Some((last, tag)) => {
            if !is_tag(tag) {
                return Err(invalid(input, "invalid reference format"));
            }
            (&rest[..after_slash + last.len()], Some(tag.to_owned()))
        }
        None => (rest, None),
    };
    Ok(Parts { name: name.to_owned(), tag, digest })
}

fn is_identifier(input: &str) -> bool {
    input.len() == 64 && input.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = tag.as_bytes();
    (1..=MAX_TAG).contains(&bytes.len())
        && word(bytes[0])
        && bytes[1..].iter().all(|&byte| word(byte) || byte == b'.' || byte == b'-')
}

fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
                return false;
            }
            return match port.strip_prefix(':') {
                Some(port) => is_port(port),
                None => port.is_empty(),
            };
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        },
    };
    let component = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(component) && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_path(path: &str) -> bool {
    path.split('/').all(is_path_component)
}

/// Runs of `[a-z0-9]` joined by one of `.`, `_`, `__` or any number of `-`.
fn is_path_component(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(first) || !alphanumeric(last) {
        return false;
    }
    part.split(|character: char| character.is_ascii() && alphanumeric(character as u8)).all(|separator| {
        matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn normalises_like_docker() {
        for (input, expected) in [
            ("busybox", "docker.io/library/busybox"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("team/app", "docker.io/team/app"),
            ("docker.io/busybox", "docker.io/library/busybox"),
            ("index.docker.io/busybox", "docker.io/library/busybox"),
            ("index.docker.io/team/app", "docker.io/team/app"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/app:v1", "localhost:5000/app:v1"),
            ("quay.io/a/b/c:d_e.f-1", "quay.io/a/b/c:d_e.f-1"),
            ("127.0.0.1:5000/x", "127.0.0.1:5000/x"),
            ("[::1]:5000/x", "[::1]:5000/x"),
            ("Host.Example/x", "Host.Example/x"),
            ("a__b/c--d/e.f_g", "docker.io/a__b/c--d/e.f_g"),
        ] {
            let parsed = Reference::parse(input).unwrap_or_else(|error| panic!("{input}: {error}"));
            assert_eq!(parsed.to_string(), expected, "{input}");
            assert_eq!(Reference::parse(expected).unwrap(), parsed, "{input}");
        }
        let both = format!("busybox:1@sha256:{HEX}");
        let parsed = Reference::parse(&both).unwrap();
        assert_eq!(parsed.to_string(), format!("docker.io/library/{both}"));
        assert_eq!(parsed.tag_or_digest(), format!("sha256:{HEX}"));
    }

    #[test]
    fn refuses_what_docker_refuses() {
        for input in [
            "",
            ":",
            "@",
            "Busybox",
            "a/B",
            HEX,
            "a//b",
            "/a",
            "a/",
            "a___b",
            "a..b",
            "-a",
            "a-",
            "a:",
            "a:-x",
            "a:b:c",
            "a@sha256:12",
            "a@md5:d41d8cd98f00b204e9800998ecf8427e",
            "a b",
            "a\nb",
            "../etc",
            "http://a/b",
            "local host/a",
            "[::1/a",
            "a.b:port/c",
            "é/a",
            &format!("a:{}", "t".repeat(129)),
            &"a".repeat(250),
        ] {
            assert!(Reference::parse(input).is_err(), "{input:?}");
        }
        assert!(Reference::parse(&format!("a:{}", "t".repeat(128))).is_ok());
    }

    #[test]
    fn short_names() {
        let short = ShortName::parse("team/app:2").unwrap().unwrap();
        assert_eq!(short.qualified("quay.io/x").unwrap().to_string(), "quay.io/x/team/app:2");
        assert_eq!(
            ShortName::parse("bb").unwrap().unwrap().qualified("docker.io").unwrap().to_string(),
            "docker.io/library/bb:latest"
        );
        assert!(ShortName::parse("localhost/x").unwrap().is_none());
        assert!(ShortName::parse("quay.io/x").unwrap().is_none());
        assert!(ShortName::parse("UPPER").is_err());
    }

    #[test]
    fn latest_only_without_tag_and_digest() {
        assert_eq!(Reference::parse("a").unwrap().or_latest().tag(), Some("latest"));
        let digested = Reference::parse(&format!("a@sha256:{HEX}")).unwrap().or_latest();
        assert_eq!(digested.tag(), None);
    }
}
