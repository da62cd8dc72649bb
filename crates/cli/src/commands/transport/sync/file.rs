//! The file that names what is copied, by registry.

use std::collections::BTreeMap;
use std::io::Read;

use regex::Regex;
use serde::Deserialize;

use super::semver::Range;
use crate::command_error::CommandError;

/// Far more than anybody writes.
const MAX_FILE: u64 = 1 << 20;

/// One registry.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    /// Repositories with their tags and digests; without any all tags are meant.
    images: BTreeMap<String, Option<Vec<String>>>,
    #[serde(rename = "images-by-tag-regex")]
    by_pattern: BTreeMap<String, String>,
    #[serde(rename = "images-by-semver")]
    by_version: BTreeMap<String, String>,
    pub(super) credentials: Option<Login>,
    #[serde(rename = "tls-verify")]
    pub(super) tls_verify: Option<bool>,
    #[serde(rename = "cert-dir")]
    pub(super) cert_dir: Option<String>,
}

/// A user name with its password.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

/// Which tags of a repository are meant.
#[derive(Debug)]
pub(super) enum Which {
    /// These tags and digests.
    These(Vec<String>),
    /// All.
    All,
    /// Those that a pattern finds.
    Like(Regex),
    /// The versions in a range.
    Versions(Range),
}

/// Reads the file: registries by name.
pub(super) fn read(path: &str) -> Result<BTreeMap<String, Source>, CommandError> {
    let fault = |reason: String| CommandError::other(format!("{path}: {reason}"));
    let file = cove_sys::fs::File::open(path)?;
    let mut text = String::new();
    file.into_file()
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| fault(error.to_string()))?;
    if text.len() as u64 > MAX_FILE {
        return Err(fault(format!("it is larger than {MAX_FILE} bytes")));
    }
    parse(&text).map_err(|reason| fault(format!("Failed to unmarshal: {reason}")))
}

fn parse(text: &str) -> Result<BTreeMap<String, Source>, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

impl Source {
    /// The repositories of the registry, and which of their tags are meant.
    pub(super) fn repositories(&self) -> Result<Vec<(String, Which)>, CommandError> {
        let mut all = Vec::new();
        for (name, tags) in &self.images {
            let which = match tags {
                Some(tags) if !tags.is_empty() => Which::These(tags.clone()),
                _ => Which::All,
            };
            all.push((name.clone(), which));
        }
        for (name, pattern) in &self.by_pattern {
            let pattern = Regex::new(pattern)
                .map_err(|error| CommandError::other(format!("images-by-tag-regex of {name}: {error}")))?;
            all.push((name.clone(), Which::Like(pattern)));
        }
        for (name, range) in &self.by_version {
            let range = Range::parse(range)
                .map_err(|error| CommandError::other(format!("images-by-semver of {name}: {error}")))?;
            all.push((name.clone(), Which::Versions(range)));
        }
        Ok(all)
    }
}

impl Which {
    /// Whether a tag that the repository has is meant.
    pub(super) fn has(&self, tag: &str) -> bool {
        match self {
            Self::These(tags) => tags.iter().any(|wanted| wanted == tag),
            Self::All => true,
            Self::Like(pattern) => pattern.is_match(tag),
            Self::Versions(range) => range.has(tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r"
registry.example.com:
  images:
    busybox: []
    redis:
      - '1.0'
      - 2.0
      - sha256:0000000000000000000000000000000000000000000000000000000000000000
    bare:
  images-by-tag-regex:
    nginx: ^1\.13\.[12]-alpine-perl$
  images-by-semver:
    alpine: '>=3.14'
  credentials:
    username: john
    password: this is a secret
  tls-verify: false
  cert-dir: /home/john/certs
quay.io:
  images:
    coreos/etcd: [latest]
";

    #[test]
    fn files_are_read() {
        let all = parse(EXAMPLE).unwrap();
        let source = &all["registry.example.com"];
        assert_eq!(source.tls_verify, Some(false));
        assert_eq!(source.cert_dir.as_deref(), Some("/home/john/certs"));
        assert_eq!(source.credentials.as_ref().unwrap().password, "this is a secret");
        let repositories = source.repositories().unwrap();
        let names: Vec<_> = repositories.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["bare", "busybox", "redis", "nginx", "alpine"]);
        let has = |at: usize, tag: &str| repositories[at].1.has(tag);
        assert!(has(0, "any") && has(1, "any") && has(2, "2.0") && !has(2, "3"));
        assert!(has(3, "1.13.1-alpine-perl") && !has(3, "1.13.3-alpine-perl"));
        assert!(has(4, "3.15") && !has(4, "3.13"));
        assert!(all["quay.io"].credentials.is_none());
        for wrong in
            ["- a", "a: [b]", "a: {images: [b]}", "a: {tls-verify: maybe}", "a: {images: {b: {c: d}}}"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
