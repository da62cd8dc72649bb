//! The text of one registries.conf.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::short_names::check_alias;
use super::{Mirror, MirrorPull, Registry, ShortNameMode};
use crate::error::ParseError;
use crate::file;
use crate::spans::Spans;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
