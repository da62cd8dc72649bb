//! registries.conf (containers-registries.conf(5), version 2): mirrors, blocked and insecure registries, short
//! names.
//!
//! Where no file names unqualified-search registries, short names mean Docker Hub, so that a fresh system can run
//! `debian`; an explicit empty list turns that off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod file;
mod short_names;

pub use file::RegistriesFile;
pub use short_names::ShortNameAliases;

use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, Result};
use crate::file::{Kind, Loaded, read_all};
use crate::usage::Notes;

const KIND: Kind = Kind {
    name: "registries.conf",
    variables: &[env::CONTAINERS_REGISTRIES_CONF, env::REGISTRIES_CONFIG_PATH],
    override_variable: env::CONTAINERS_REGISTRIES_CONF_OVERRIDE,
};

/// The credential helper name that means our own files (containers-auth.json(5)).
pub(crate) const AUTH_FILE_HELPER: &str = "containers-auth.json";

/// What to do with a short name that has no alias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShortNameMode {
    /// Ask on a terminal; else refuse where several registries are possible.
    Enforcing,
    /// Ask on a terminal; else try all registries.
    #[default]
    Permissive,
    /// Try all registries.
    Disabled,
}

/// All of registries.conf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// The `[[registry]]` tables, sorted by prefix.
    pub registries: Vec<Registry>,
    /// Registries for short names, in order.
    pub unqualified_search: Vec<String>,
    /// The file that names them; `None` for the built-in list.
    pub unqualified_search_origin: Option<PathBuf>,
    /// What to do with a short name that has no alias.
    pub short_name_mode: ShortNameMode,
    /// Credential helpers in order; `AUTH_FILE_HELPER` stands for the files.
    pub credential_helpers: Vec<String>,
    /// Short names and the full repository names they stand for.
    pub aliases: BTreeMap<String, String>,
}

/// One `[[registry]]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// Which references it is for: `host`, `host/path`, `*.domain`.
    pub prefix: String,
    /// What replaces the prefix; empty where nothing does.
    pub location: String,
    /// Plain HTTP and unverified certificates are allowed.
    pub insecure: bool,
    /// Pulls are forbidden.
    pub blocked: bool,
    /// Mirrors are for references with a digest only.
    pub mirror_by_digest_only: bool,
    /// Mirrors in order.
    pub mirrors: Vec<Mirror>,
}

/// A mirror of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// What replaces the registry's prefix.
    pub location: String,
    /// Plain HTTP and unverified certificates are allowed.
    pub insecure: bool,
    /// For which references.
    pub pull: MirrorPull,
}

/// For which references a mirror is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MirrorPull {
    /// All.
    #[default]
    All,
    /// Those with a digest.
    DigestOnly,
    /// Those without a digest.
    TagOnly,
}

/// A place to pull from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSource {
    /// The reference with its prefix replaced, in the form it was given in.
    pub reference: String,
    /// Plain HTTP and unverified certificates are allowed.
    pub insecure: bool,
    /// Whether it is a mirror.
    pub mirror: bool,
}

/// Why a reference cannot be pulled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PullRefused {
    /// The configuration forbids it.
    #[error("registry {prefix} is blocked in registries.conf")]
    Blocked {
        /// The table's prefix.
        prefix: String,
    },
}

impl Registries {
    /// The values where no file says otherwise.
    pub fn built_in() -> Self {
        Self {
            unqualified_search: vec!["docker.io".to_owned()],
            credential_helpers: vec![AUTH_FILE_HELPER.to_owned()],
            ..Self::default()
        }
    }

    /// Reads all files; `explicit` is one that a flag names.
    ///
    /// # Errors
    /// A file that is there cannot be read or parsed, or one that is named is missing.
    pub fn load(
        environment: &Environment,
        directories: &Directories,
        explicit: Option<&Path>,
    ) -> Result<Loaded<Self>> {
        let mut loaded = Loaded::new(Self::built_in());
        for source in read_all(KIND, environment, directories, explicit)? {
            let (parsed, unknown) =
                RegistriesFile::parse(&source.text).map_err(|error| Error::parse(&source.path, error))?;
            loaded.value.apply(parsed, &source.path);
            let warnings = unknown.iter().map(|key| format!("unknown key {key:?} is ignored")).collect();
            loaded.add(source.path, Notes { warnings, remarks: Vec::new() });
        }
        Ok(loaded)
    }

    /// Puts a later file over this.
    pub fn apply(&mut self, later: RegistriesFile, path: &Path) {
        for registry in later.registries {
            self.registries.retain(|earlier| earlier.prefix != registry.prefix);
            self.registries.push(registry);
        }
        self.registries.sort_by(|a, b| a.prefix.cmp(&b.prefix));
        if let Some(list) = later.unqualified_search {
            self.unqualified_search = list;
            self.unqualified_search_origin = Some(path.to_owned());
        }
        if let Some(helpers) = later.credential_helpers.filter(|helpers| !helpers.is_empty()) {
            self.credential_helpers = helpers;
        }
        if let Some(mode) = later.short_name_mode {
            self.short_name_mode = mode;
        }
        for (name, value) in later.aliases {
            if value.is_empty() {
                self.aliases.remove(&name);
            } else {
                self.aliases.insert(name, value);
            }
        }
    }

    /// The table with the longest prefix of `reference` (`host/path:tag@digest`, with `docker.io/library/`
    /// written out).
    pub fn find(&self, reference: &str) -> Option<&Registry> {
        self.registries
            .iter()
            .filter(|registry| matched_length(reference, &registry.prefix).is_some())
            .max_by_key(|registry| registry.prefix.len())
    }

    /// Whether plain HTTP and unverified certificates are allowed for `reference`.
    pub fn is_insecure(&self, reference: &str) -> bool {
        self.find(reference).is_some_and(|registry| registry.insecure)
    }

    /// Where to pull `reference` from, in order: the mirrors, then the registry itself.
    ///
    /// # Errors
    /// The registry is blocked.
    pub fn pull_sources(&self, reference: &str) -> Result<Vec<PullSource>, PullRefused> {
        let plain = |insecure| PullSource { reference: reference.to_owned(), insecure, mirror: false };
        let Some(registry) = self.find(reference) else { return Ok(vec![plain(false)]) };
        if registry.blocked {
            return Err(PullRefused::Blocked { prefix: registry.prefix.clone() });
        }
        let has_digest = reference.contains('@');
        let length = matched_length(reference, &registry.prefix).unwrap_or(0);
        let replaced = |location: &str| format!("{location}{}", &reference[length..]);
        let mut sources: Vec<PullSource> = registry
            .mirrors
            .iter()
            .filter(|mirror| match mirror.pull {
                _ if registry.mirror_by_digest_only => has_digest,
                MirrorPull::All => true,
                MirrorPull::DigestOnly => has_digest,
                MirrorPull::TagOnly => !has_digest,
            })
            .map(|mirror| PullSource {
                reference: replaced(&mirror.location),
                insecure: mirror.insecure,
                mirror: true,
            })
            .collect();
        if registry.location.is_empty() {
            sources.push(plain(registry.insecure));
        } else {
            let reference = replaced(&registry.location);
            sources.push(PullSource { reference, insecure: registry.insecure, mirror: false });
        }
        Ok(sources)
    }
}

/// Length of the part of `reference` that `prefix` covers, where it matches at a separator.
fn matched_length(reference: &str, prefix: &str) -> Option<usize> {
    let length = match prefix.strip_prefix('*') {
        Some(domain) => {
            let index = reference.find(domain)?;
            if reference[..index].contains('/') {
                return None;
            }
            index + domain.len()
        }
        None => reference.starts_with(prefix).then_some(prefix.len())?,
    };
    match reference.as_bytes().get(length) {
        None | Some(b':' | b'/' | b'@') => Some(length),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
unqualified-search-registries = ["example.com"]

[[registry]]
prefix = "example.com/foo"
location = "internal.example.net/bar"

[[registry.mirror]]
location = "mirror-0.local/mirror-for-foo"

[[registry.mirror]]
location = "mirror-1.local/mirrors/foo"
insecure = true
pull-from-mirror = "digest-only"

[[registry]]
location = "registry.com/"
insecure = true

[[registry]]
prefix = "*.blocked.org"
blocked = true

[[registry]]
prefix = "*.sub.org"
[[registry.mirror]]
location = "m.org"

[aliases]
"debian" = "docker.io/library/debian"
"#;

    fn example() -> Registries {
        let mut registries = Registries::built_in();
        registries.apply(RegistriesFile::parse(EXAMPLE).unwrap().0, Path::new("/x"));
        registries
    }

    #[test]
    fn sources() {
        let registries = example();
        let check = |reference: &str, expected: &[&str]| {
            let found: Vec<String> = registries
                .pull_sources(reference)
                .unwrap()
                .into_iter()
                .map(|s| format!("{}{}", s.reference, if s.insecure { " insecure" } else { "" }))
                .collect();
            assert_eq!(found, expected, "{reference}");
        };
        check("example.com/foo/a:1", &["mirror-0.local/mirror-for-foo/a:1", "internal.example.net/bar/a:1"]);
        check(
            "example.com/foo/a@sha256:x",
            &[
                "mirror-0.local/mirror-for-foo/a@sha256:x",
                "mirror-1.local/mirrors/foo/a@sha256:x insecure",
                "internal.example.net/bar/a@sha256:x",
            ],
        );
        check("example.com/foobar:1", &["example.com/foobar:1"]);
        check("registry.com/a", &["registry.com/a insecure"]);
        check("registry.com:5000/a", &["registry.com:5000/a insecure"]);
        check("a.b.sub.org/x:1", &["m.org/x:1", "a.b.sub.org/x:1"]);
        check("sub.org/x:1", &["sub.org/x:1"]);
        assert!(registries.pull_sources("x.blocked.org/a").is_err());
    }

    #[test]
    fn later_files() {
        let mut registries = example();
        let later = r#"
short-name-mode = "enforcing"
unqualified-search-registries = []
[[registry]]
location = "registry.com"
[aliases]
debian = ""
"#;
        registries.apply(RegistriesFile::parse(later).unwrap().0, Path::new("/y"));
        assert!(!registries.is_insecure("registry.com/a"));
        assert!(registries.unqualified_search.is_empty() && registries.aliases.is_empty());
        assert_eq!(registries.short_name_mode, ShortNameMode::Enforcing);
        assert_eq!(registries.registries.len(), 4);
    }
}
