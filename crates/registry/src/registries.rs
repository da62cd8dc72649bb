//! What registries.conf means: from a user's short name to candidates, and from a reference to its endpoints.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::reference::{DEFAULT_REGISTRY, Reference, ShortName};

/// The settings of containers-registries.conf(5) that pulling and pushing need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registries {
    /// `unqualified-search-registries`.
    pub search: Vec<String>,
    /// `short-name-mode`.
    pub short_name_mode: ShortNameMode,
    /// `[aliases]` of all files together: short name to qualified name.
    pub aliases: BTreeMap<String, String>,
    /// `[[registry]]`.
    pub entries: Vec<RegistryEntry>,
    /// The main file, for messages; empty where none was found.
    pub origin: String,
}

/// What to do with a short name that several registries could serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShortNameMode {
    /// Refuse, unless the user can be asked.
    Enforcing,
    /// Ask where that is possible, else try all.
    #[default]
    Permissive,
    /// Try all in order.
    Disabled,
}

/// One `[[registry]]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryEntry {
    /// What references begin with; `*.example.com` matches sub-domains.
    pub prefix: String,
    /// What replaces the prefix; empty for the prefix itself.
    pub location: String,
    /// No check of certificates, and plain HTTP allowed.
    pub insecure: bool,
    /// No access at all.
    pub blocked: bool,
    /// Tried before the location, in order.
    pub mirrors: Vec<RegistryMirror>,
    /// Mirrors are used for references with a digest only.
    pub mirror_by_digest_only: bool,
}

/// One `[[registry.mirror]]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryMirror {
    /// What replaces the prefix.
    pub location: String,
    /// No check of certificates, and plain HTTP allowed.
    pub insecure: bool,
    /// For which references it is used.
    pub pull_from: PullFromMirror,
}

/// `pull-from-mirror`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullFromMirror {
    /// For all references.
    #[default]
    All,
    /// Only for those with a digest.
    DigestOnly,
    /// Only for those with a tag.
    TagOnly,
}

/// Names that a user's input can stand for, in the order in which to try them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Never empty.
    pub references: Vec<Reference>,
    /// How the name was resolved, for the user; empty for a qualified name.
    pub description: String,
}

/// One place to fetch an image from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The reference as this place knows it.
    pub reference: Reference,
    /// No check of certificates, and plain HTTP allowed.
    pub insecure: bool,
}

impl Registries {
    /// Resolves what a user wrote. With `docker_hub_only` a short name always means Docker Hub, as in Docker's API.
    ///
    /// # Errors
    /// [`Error::InvalidReference`], or [`Error::ShortName`] where the configuration gives no candidate.
    pub fn candidates(&self, input: &str, docker_hub_only: bool) -> Result<Candidates> {
        let Some(short) = ShortName::parse(input)? else {
            let references = vec![Reference::parse(input)?.or_latest()];
            return Ok(Candidates { references, description: String::new() });
        };
        if docker_hub_only {
            return Ok(Candidates {
                references: vec![short.qualified(DEFAULT_REGISTRY)?],
                description: format!("Resolving {:?} to docker.io (enforced by caller)", short.path()),
            });
        }
        if let Some(target) = self.aliases.get(short.path()).filter(|target| !target.is_empty()) {
            let target = Reference::parse(target)?;
            return Ok(Candidates {
                references: vec![short.complete(target)?],
                description: format!("Resolved {:?} as an alias ({})", short.path(), self.origin),
            });
        }
        if self.search.is_empty() {
            let message = if self.origin.is_empty() {
                format!(
                    "short-name {input:?} did not resolve to an alias and no containers-registries.conf(5) was found"
                )
            } else {
                format!(
                    "short-name {input:?} did not resolve to an alias and no unqualified-search registries are defined in {:?}",
                    self.origin
                )
            };
            return Err(Error::ShortName { message });
        }
        if self.short_name_mode == ShortNameMode::Enforcing && self.search.len() > 1 {
            return Err(Error::ShortName {
                message: format!(
                    "short-name resolution of {input:?} enforced but cannot prompt: name the registry, one of {}",
                    self.search.join(", ")
                ),
            });
        }
        let references: Result<Vec<_>> =
            self.search.iter().map(|registry| short.qualified(registry)).collect();
        Ok(Candidates {
            references: references?,
            description: format!(
                "Resolving {:?} using unqualified-search registries ({})",
                short.path(),
                self.origin
            ),
        })
    }

    /// Where to fetch `reference` from: its mirrors, then its own location.
    ///
    /// # Errors
    /// [`Error::Blocked`], or [`Error::InvalidReference`] where a location in the configuration is malformed.
    pub fn endpoints(&self, reference: &Reference) -> Result<Vec<Endpoint>> {
        let Some((entry, matched)) = self.entry(reference) else {
            return Ok(vec![Endpoint { reference: reference.clone(), insecure: false }]);
        };
        self.check_blocked(entry)?;
        let by_digest = reference.digest().is_some();
        let mut endpoints = Vec::new();
        for mirror in &entry.mirrors {
            let used = match mirror.pull_from {
                PullFromMirror::All => by_digest || !entry.mirror_by_digest_only,
                PullFromMirror::DigestOnly => by_digest,
                PullFromMirror::TagOnly => !by_digest,
            };
            if used {
                let reference = relocate(reference, matched, &mirror.location)?;
                endpoints.push(Endpoint { reference, insecure: mirror.insecure });
            }
        }
        endpoints.push(self.own(reference, entry, matched)?);
        Ok(endpoints)
    }

    /// Where to push `reference` to: its own location, no mirror.
    ///
    /// # Errors
    /// As [`Registries::endpoints`].
    pub fn push_endpoint(&self, reference: &Reference) -> Result<Endpoint> {
        match self.entry(reference) {
            Some((entry, matched)) => {
                self.check_blocked(entry)?;
                self.own(reference, entry, matched)
            }
            None => Ok(Endpoint { reference: reference.clone(), insecure: false }),
        }
    }

    fn check_blocked(&self, entry: &RegistryEntry) -> Result<()> {
        if entry.blocked {
            return Err(Error::Blocked {
                registry: entry.prefix.clone(),
                place: if self.origin.is_empty() { "registries.conf".into() } else { self.origin.clone() },
            });
        }
        Ok(())
    }

    fn own(&self, reference: &Reference, entry: &RegistryEntry, matched: usize) -> Result<Endpoint> {
        let reference = if entry.location.is_empty() {
            reference.clone()
        } else {
            relocate(reference, matched, &entry.location)?
        };
        Ok(Endpoint { reference, insecure: entry.insecure })
    }

    /// The entry with the longest matching prefix, and how much of the name it matches.
    fn entry(&self, reference: &Reference) -> Option<(&RegistryEntry, usize)> {
        let whole = reference.to_string();
        self.entries
            .iter()
            .filter_map(|entry| {
                let prefix = if entry.prefix.is_empty() { &entry.location } else { &entry.prefix };
                match_length(&whole, reference.registry(), prefix).map(|length| (entry, prefix, length))
            })
            .max_by_key(|(_, prefix, _)| prefix.len())
            .map(|(entry, _, length)| (entry, length))
    }
}

fn match_length(whole: &str, registry: &str, prefix: &str) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host = registry.split(':').next().unwrap_or(registry);
        let matches = domain.starts_with('.')
            && (host.ends_with(domain) || registry.ends_with(domain))
            && registry.len() > domain.len();
        return matches.then_some(registry.len());
    }
    let rest = whole.strip_prefix(prefix)?;
    let ends_component = rest.is_empty() || rest.starts_with(['/', ':', '@']);
    // `example.com:5000` is another registry than `example.com`.
    let ends_registry = prefix.len() >= registry.len();
    (ends_component && ends_registry && !prefix.is_empty()).then_some(prefix.len())
}

/// `reference` with its first `matched` bytes replaced by `location`.
fn relocate(reference: &Reference, matched: usize, location: &str) -> Result<Reference> {
    let whole = reference.to_string();
    let rest = whole.get(matched..).unwrap_or_default();
    let moved = format!("{location}{rest}");
    let moved = Reference::parse(&moved)?;
    if moved.tag().is_none() && moved.digest().is_none() {
        return Ok(moved.or_latest());
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    fn places(registries: &Registries, text: &str) -> Vec<String> {
        registries
            .endpoints(&reference(text))
            .unwrap()
            .iter()
            .map(|endpoint| {
                format!("{}{}", if endpoint.insecure { "!" } else { "" }, endpoint.reference)
            })
            .collect()
    }

    fn example() -> Registries {
        Registries {
            search: vec!["quay.io".into(), "docker.io".into()],
            aliases: [("fedora".to_owned(), "registry.example/f/fedora".to_owned())].into(),
            origin: "/etc/containers/registries.conf".into(),
            entries: vec![
                RegistryEntry {
                    prefix: "docker.io".into(),
                    mirrors: vec![
                        RegistryMirror { location: "localhost:5000/hub".into(), insecure: true, ..Default::default() },
                        RegistryMirror {
                            location: "m.example".into(),
                            pull_from: PullFromMirror::DigestOnly,
                            ..Default::default()
                        },
                    ],
                    ..Default::default()
                },
                RegistryEntry { prefix: "*.bad.example".into(), blocked: true, ..Default::default() },
                RegistryEntry {
                    prefix: "old.example/team".into(),
                    location: "new.example/x".into(),
                    insecure: true,
                    ..Default::default()
                },
            ],
            ..Default::default()
        }
    }

    #[test]
    fn mirrors_come_first() {
        let all = example();
        assert_eq!(
            places(&all, "busybox:1"),
            ["!localhost:5000/hub/library/busybox:1", "docker.io/library/busybox:1"]
        );
        assert_eq!(places(&all, "old.example/team/app:2"), ["!new.example/x/app:2"]);
        assert_eq!(places(&all, "old.example/teamwork/app:2"), ["old.example/teamwork/app:2"]);
        let digest = format!("busybox@{}", crate::Digest::sha256(b""));
        assert_eq!(places(&all, &digest).len(), 3);
        assert!(matches!(all.endpoints(&reference("a.bad.example/x")), Err(Error::Blocked { .. })));
        assert!(all.endpoints(&reference("bad.example/x")).is_ok());
    }

    #[test]
    fn a_port_is_another_registry() {
        let all = Registries {
            entries: vec![RegistryEntry { prefix: "a.example".into(), blocked: true, ..Default::default() }],
            ..Default::default()
        };
        assert!(all.endpoints(&reference("a.example:5000/x")).is_ok());
        assert!(all.endpoints(&reference("a.example/x")).is_err());
    }

    #[test]
    fn short_names_resolve_like_podman() {
        let mut all = example();
        let names = |all: &Registries, input: &str| -> Vec<String> {
            all.candidates(input, false).unwrap().references.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(&all, "fedora:40"), ["registry.example/f/fedora:40"]);
        assert_eq!(names(&all, "app"), ["quay.io/app:latest", "docker.io/library/app:latest"]);
        assert_eq!(names(&all, "x.example/app"), ["x.example/app:latest"]);
        assert_eq!(all.candidates("app", true).unwrap().references[0].registry(), "docker.io");
        all.short_name_mode = ShortNameMode::Enforcing;
        assert!(all.candidates("app", false).is_err());
        all.search.clear();
        let text = all.candidates("app", false).unwrap_err().to_string();
        assert!(text.contains("did not resolve to an alias"), "{text}");
    }
}
