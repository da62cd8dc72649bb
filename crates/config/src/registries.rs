//! registries.conf (containers-registries.conf(5), version 2): mirrors, blocked and insecure registries, short
//! names.
//!
//! Where no file names unqualified-search registries, short names mean Docker Hub, so that a fresh system can run
//! `debian`; an explicit empty list turns that off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, ParseError, Result};
use crate::file::{self, Kind, Loaded};
use crate::spans::Spans;
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

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RawFile {
    unqualified_search_registries: Option<Vec<String>>,
    credential_helpers: Option<Vec<String>>,
    short_name_mode: Option<String>,
    registry: Vec<RawRegistry>,
    aliases: BTreeMap<String, String>,
    registries: Option<serde::de::IgnoredAny>,
    #[serde(rename = "additional-layer-store-auth-helper")]
    _layer_helper: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RawRegistry {
    prefix: String,
    location: String,
    insecure: bool,
    blocked: bool,
    mirror_by_digest_only: bool,
    mirror: Vec<RawMirror>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RawMirror {
    location: String,
    insecure: bool,
    pull_from_mirror: String,
}

/// One parsed file; [`Registries::apply`] puts it over earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistriesFile {
    /// As in [`Registries`]; `None` where the file does not say.
    pub unqualified_search: Option<Vec<String>>,
    /// As in [`Registries`]; `None` where the file does not say.
    pub credential_helpers: Option<Vec<String>>,
    /// As in [`Registries`]; `None` where the file does not say.
    pub short_name_mode: Option<ShortNameMode>,
    /// The `[[registry]]` tables.
    pub registries: Vec<Registry>,
    /// Aliases; an empty value takes an earlier one back.
    pub aliases: BTreeMap<String, String>,
}

impl RegistriesFile {
    /// Parses one file; also returns the unknown keys.
    ///
    /// # Errors
    /// No TOML, wrong types, the old version 1, or a table that breaks the rules of the manual page.
    pub fn parse(text: &str) -> Result<(Self, Vec<String>), ParseError> {
        let (raw, unknown): (RawFile, _) = file::parse_toml(text)?;
        if raw.registries.is_some() {
            return Err(ParseError::new(
                "the old version 1 format ([registries.search] and so on) is not supported: use [[registry]]",
            ));
        }
        let short_name_mode = match raw.short_name_mode.as_deref() {
            None | Some("") => None,
            Some("enforcing") => Some(ShortNameMode::Enforcing),
            Some("permissive") => Some(ShortNameMode::Permissive),
            Some("disabled") => Some(ShortNameMode::Disabled),
            Some(other) => {
                return Err(ParseError::new(format!(
                    "invalid short-name-mode {other:?}: use enforcing, permissive or disabled"
                )));
            }
        };
        let unqualified_search = raw
            .unqualified_search_registries
            .map(|list| list.iter().map(|name| location(name, "unqualified-search-registries")).collect())
            .transpose()?;
        if let Some(name) = unqualified_search.iter().flatten().find(|name: &&String| name.contains('/')) {
            return Err(ParseError::new(format!(
                "invalid unqualified-search registry {name:?}: only a host name and port"
            )));
        }
        let registries: Vec<Registry> = raw.registry.into_iter().map(registry).collect::<Result<_, _>>()?;
        if let Some((index, message)) = contradiction(&registries) {
            let line = Spans::of(text).line_of_table("registry", index);
            return Err(ParseError { line, message });
        }
        for (name, value) in &raw.aliases {
            check_alias(name, value).map_err(ParseError::new)?;
        }
        let file = Self {
            unqualified_search,
            credential_helpers: raw.credential_helpers,
            short_name_mode,
            registries,
            aliases: raw.aliases,
        };
        Ok((file, unknown))
    }
}

/// The table that says something else than an earlier one about the same prefix (which of them is meant?), or that
/// blocks or secures a location in another way, which containers/image refuses, too.
fn contradiction(registries: &[Registry]) -> Option<(usize, String)> {
    registries.iter().enumerate().find_map(|(index, registry)| {
        let message = registries[..index].iter().find_map(|earlier| {
            let Registry { prefix, location, .. } = registry;
            if earlier.prefix == *prefix && earlier != registry {
                return Some(format!(
                    "[[registry]] {prefix} is given twice with different settings: leave one table"
                ));
            }
            let same_place = earlier.location == *location && !location.is_empty();
            let differs = (earlier.insecure, earlier.blocked) != (registry.insecure, registry.blocked);
            (same_place && differs).then(|| {
                format!("registry {location:?} is defined several times with different \"insecure\" or \"blocked\"")
            })
        })?;
        Some((index, message))
    })
}

fn registry(raw: RawRegistry) -> Result<Registry, ParseError> {
    let mut prefix = location(&raw.prefix, "prefix")?;
    let own_location = location(&raw.location, "location")?;
    let wildcard = prefix.starts_with("*.");
    if wildcard && prefix.contains(['/', '@', ':']) {
        return Err(ParseError::new(format!(
            "invalid prefix {prefix:?}: a wildcard prefix is only *.domain"
        )));
    }
    if prefix.is_empty() {
        if own_location.is_empty() {
            return Err(ParseError::new("a [[registry]] table has neither prefix nor location"));
        }
        prefix.clone_from(&own_location);
    }
    if own_location.is_empty() && !wildcard {
        return Err(ParseError::new(format!("[[registry]] {prefix}: location is not set")));
    }
    let mut mirrors = Vec::new();
    for mirror in raw.mirror {
        let location = location(&mirror.location, "mirror location")?;
        if location.is_empty() {
            return Err(ParseError::new(format!("[[registry]] {prefix}: a mirror has no location")));
        }
        let pull = match mirror.pull_from_mirror.as_str() {
            "" | "all" => MirrorPull::All,
            "digest-only" => MirrorPull::DigestOnly,
            "tag-only" => MirrorPull::TagOnly,
            other => {
                return Err(ParseError::new(format!(
                    "[[registry]] {prefix}: invalid pull-from-mirror {other:?}: use all, digest-only or tag-only"
                )));
            }
        };
        if raw.mirror_by_digest_only && !mirror.pull_from_mirror.is_empty() {
            return Err(ParseError::new(format!(
                "[[registry]] {prefix}: pull-from-mirror cannot be set together with mirror-by-digest-only"
            )));
        }
        mirrors.push(Mirror { location, insecure: mirror.insecure, pull });
    }
    Ok(Registry {
        prefix,
        location: own_location,
        insecure: raw.insecure,
        blocked: raw.blocked,
        mirror_by_digest_only: raw.mirror_by_digest_only,
        mirrors,
    })
}

fn location(text: &str, what: &str) -> Result<String, ParseError> {
    // What comes before may be a password, with any character in it.
    if let Some((_, host)) = text.rsplit_once('@').filter(|(_, after)| !after.starts_with("sha")) {
        return Err(ParseError::new(format!(
            "invalid {what} {host:?}: it has a user name or password before the host: log in instead"
        )));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Err(ParseError::new(format!("invalid {what} {text:?}: URI schemes are not supported")));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(ParseError::new(format!("invalid {what} {text:?}: it has white space")));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn check_alias(name: &str, value: &str) -> Result<(), String> {
    let part = |text: &str| {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || "._-".contains(c))
    };
    let first = name.split('/').next().unwrap_or_default();
    let has_domain = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    if has_domain || name.len() > 255 || !name.split('/').all(part) {
        return Err(format!("invalid alias {name:?}: not a short name without tag"));
    }
    if value.is_empty() {
        return Ok(());
    }
    let (host, path) = value.split_once('/').unwrap_or((value, ""));
    let is_domain = host == "localhost" || host.contains(['.', ':']);
    let allowed = host.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c));
    if !is_domain || !allowed || value.len() > 512 || !path.split('/').all(part) {
        return Err(format!("invalid alias {name:?}: {value:?} is not a full repository name without tag"));
    }
    Ok(())
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
        for source in file::read_all(KIND, environment, directories, explicit)? {
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

/// The machine-written file of short-name aliases (`short-name-aliases.conf`), which wins over `[aliases]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShortNameAliases {
    /// Short names and full repository names.
    pub aliases: BTreeMap<String, String>,
}

impl ShortNameAliases {
    /// Parses the file.
    ///
    /// # Errors
    /// No TOML, or an entry that is no alias.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (aliases, _): (Self, _) = file::parse_toml(text)?;
        for (name, value) in &aliases.aliases {
            check_alias(name, value).map_err(ParseError::new)?;
        }
        Ok(aliases)
    }

    /// Reads the file at `path` (see [`Directories::short_name_aliases`]); none is empty.
    ///
    /// # Errors
    /// It cannot be read or parsed.
    pub fn load(path: &Path) -> Result<Self> {
        match file::read(path.to_owned())? {
            None => Ok(Self::default()),
            Some(source) => Self::parse(&source.text).map_err(|error| Error::parse(path, error)),
        }
    }

    /// Records what `name` stands for, or takes it back with `None`, under the file's lock.
    ///
    /// # Errors
    /// The names are not allowed, or the file cannot be changed.
    pub fn record(path: &Path, name: &str, value: Option<&str>) -> Result<()> {
        check_alias(name, value.unwrap_or_default()).map_err(|reason| Error::Invalid {
            what: "short-name alias".to_owned(),
            value: name.to_owned(),
            reason,
        })?;
        let failed = |error| Error::write(path, error);
        if let Some(folder) = path.parent() {
            cove_sys::fs::create_dir_all(folder).map_err(failed)?;
        }
        let _lock = cove_sys::lock::FileLock::exclusive(&path.with_extension("conf.lock")).map_err(failed)?;
        let mut file = Self::load(path)?;
        match value {
            Some(value) => file.aliases.insert(name.to_owned(), value.to_owned()),
            None => file.aliases.remove(name),
        };
        let text = toml::to_string(&file).map_err(|error| failed(std::io::Error::other(error)))?;
        cove_sys::atomic::write(path, text.as_bytes(), 0o644).map_err(failed)
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

    #[test]
    fn refused() {
        for (text, expected) in [
            ("[registries.search]\nregistries = ['a']", "version 1"),
            ("short-name-mode = \"maybe\"", "short-name-mode"),
            ("[[registry]]\ninsecure = true", "neither prefix nor location"),
            ("[[registry]]\nprefix = \"a.b\"", "location is not set"),
            ("[[registry]]\nlocation = \"https://a\"", "URI schemes"),
            ("[[registry]]\nlocation = \"user:secret@a.b/c\"", "invalid location \"a.b/c\""),
            ("[[registry]]\nlocation = \"user:sec/ret@a.b/c\"", "invalid location \"a.b/c\""),
            ("[[registry]]\nlocation = \"https://user:secret@a.b/c\"", "invalid location \"a.b/c\""),
            ("[[registry]]\nprefix = \"*.a/b\"\nlocation = \"c\"", "wildcard"),
            ("unqualified-search-registries = [\"a/b\"]", "only a host name"),
            ("[aliases]\n\"a.b/c\" = \"d.e/f\"", "not a short name"),
            ("[aliases]\na = \"b\"", "not a full repository name"),
            ("[aliases]\na = \"b.c/d:1\"", "not a full repository name"),
            ("[[registry]]\nlocation = 5", "registry.0.location: invalid type"),
            (
                "[[registry]]\nlocation = \"a.b\"\nblocked = true\n[[registry]]\nlocation = \"a.b\"",
                "line 4: [[registry]] a.b is given twice",
            ),
            (
                "[[registry]]\nlocation = \"a.b\"\n[[registry]]\nprefix = \"a.b\"\nlocation = \"a.b\"\ninsecure = true",
                "[[registry]] a.b is given twice",
            ),
            (
                "[[registry]]\nprefix = \"x.y\"\nlocation = \"a.b\"\ninsecure = true\n[[registry]]\nlocation = \"a.b\"",
                "\"a.b\" is defined several times",
            ),
        ] {
            let error = RegistriesFile::parse(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn alias_file() {
        let folder = std::env::temp_dir().join(format!("cove-aliases-{}", std::process::id()));
        let path = folder.join("short-name-aliases.conf");
        assert_eq!(ShortNameAliases::load(&path).unwrap(), ShortNameAliases::default());
        ShortNameAliases::record(&path, "a/b", Some("quay.io/a/b")).unwrap();
        assert!(ShortNameAliases::record(&path, "a:1", Some("quay.io/a/b")).is_err());
        assert_eq!(ShortNameAliases::load(&path).unwrap().aliases["a/b"], "quay.io/a/b");
        ShortNameAliases::record(&path, "a/b", None).unwrap();
        assert!(ShortNameAliases::load(&path).unwrap().aliases.is_empty());
        cove_sys::fs::remove_dir_all(&folder).unwrap();
    }
}
