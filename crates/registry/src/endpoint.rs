//! What registries.conf means here: from a user's short name to candidates, and from a reference to its endpoints.

use cove_config::{Registries, ShortNameMode};

use crate::error::{Error, Result};
use crate::reference::{DEFAULT_REGISTRY, Reference, ShortName};

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
pub(crate) struct Endpoint {
    /// The reference as this place knows it.
    pub(crate) reference: Reference,
    /// No check of certificates, and plain HTTP allowed.
    pub(crate) insecure: bool,
}

/// Resolves what a user wrote. With `docker_hub_only` a short name always means Docker Hub, as in Docker's API.
pub(crate) fn candidates(registries: &Registries, input: &str, docker_hub_only: bool) -> Result<Candidates> {
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
    let origin = registries.unqualified_search_origin.as_ref().map(|path| path.display().to_string());
    if let Some(target) = registries.aliases.get(short.path()).filter(|target| !target.is_empty()) {
        let target = Reference::parse(target)?;
        return Ok(Candidates {
            references: vec![short.complete(target)?],
            description: format!("Resolved {:?} as an alias", short.path()),
        });
    }
    let search = &registries.unqualified_search;
    if search.is_empty() {
        let message = match &origin {
            None => format!(
                "short-name {input:?} did not resolve to an alias and no containers-registries.conf(5) was found"
            ),
            Some(origin) => format!(
                "short-name {input:?} did not resolve to an alias and no unqualified-search registries are defined in {origin:?}"
            ),
        };
        return Err(Error::ShortName { message });
    }
    if registries.short_name_mode == ShortNameMode::Enforcing && search.len() > 1 {
        return Err(Error::ShortName {
            message: format!(
                "short-name resolution of {input:?} enforced but cannot prompt: name the registry, one of {}",
                search.join(", ")
            ),
        });
    }
    let references: Result<Vec<_>> = search.iter().map(|registry| short.qualified(registry)).collect();
    Ok(Candidates {
        references: references?,
        description: match origin {
            Some(origin) => {
                format!("Resolving {:?} using unqualified-search registries ({origin})", short.path())
            }
            None => format!("Resolving {:?} using unqualified-search registries", short.path()),
        },
    })
}

/// Where to fetch `reference` from: its mirrors, then its own location, which is the last.
pub(crate) fn endpoints(registries: &Registries, reference: &Reference) -> Result<Vec<Endpoint>> {
    let blocked = |_| Error::Blocked {
        registry: registries
            .find(&reference.to_string())
            .map_or_else(|| reference.registry().to_owned(), |entry| entry.prefix.clone()),
        place: "registries.conf".into(),
    };
    registries
        .pull_sources(&reference.to_string())
        .map_err(blocked)?
        .into_iter()
        .map(|source| {
            let reference = Reference::parse(&source.reference)?.or_latest();
            Ok(Endpoint { reference, insecure: source.insecure })
        })
        .collect()
}

/// Where to push `reference` to: its own location, no mirror.
pub(crate) fn own_endpoint(registries: &Registries, reference: &Reference) -> Result<Endpoint> {
    let own = endpoints(registries, reference)?.pop();
    Ok(own.unwrap_or_else(|| Endpoint { reference: reference.clone(), insecure: false }))
}

#[cfg(test)]
mod tests {
    use cove_config::registries::{Mirror, MirrorPull, Registry};

    use super::*;

    fn places(registries: &Registries, text: &str) -> Vec<String> {
        endpoints(registries, &Reference::parse(text).unwrap())
            .unwrap()
            .iter()
            .map(|endpoint| format!("{}{}", if endpoint.insecure { "!" } else { "" }, endpoint.reference))
            .collect()
    }

    fn example() -> Registries {
        let mirror = |location: &str, insecure, pull| Mirror { location: location.into(), insecure, pull };
        Registries {
            unqualified_search: vec!["quay.io".into(), "docker.io".into()],
            aliases: [("fedora".to_owned(), "registry.example/f/fedora".to_owned())].into(),
            unqualified_search_origin: Some("/etc/containers/registries.conf".into()),
            registries: vec![
                Registry {
                    prefix: "docker.io".into(),
                    mirrors: vec![
                        mirror("localhost:5000/hub", true, MirrorPull::All),
                        mirror("m.example", false, MirrorPull::DigestOnly),
                    ],
                    ..Default::default()
                },
                Registry { prefix: "*.bad.example".into(), blocked: true, ..Default::default() },
                Registry {
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
        let bad = Reference::parse("a.bad.example/x").unwrap();
        assert!(matches!(endpoints(&all, &bad), Err(Error::Blocked { .. })));
    }

    #[test]
    fn short_names_resolve_like_podman() {
        let mut all = example();
        let names = |all: &Registries, input: &str| -> Vec<String> {
            candidates(all, input, false).unwrap().references.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(&all, "fedora:40"), ["registry.example/f/fedora:40"]);
        assert_eq!(names(&all, "app"), ["quay.io/app:latest", "docker.io/library/app:latest"]);
        assert_eq!(names(&all, "x.example/app"), ["x.example/app:latest"]);
        assert_eq!(candidates(&all, "app", true).unwrap().references[0].registry(), "docker.io");
        all.short_name_mode = ShortNameMode::Enforcing;
        assert!(candidates(&all, "app", false).is_err());
        all.unqualified_search.clear();
        let text = candidates(&all, "app", false).unwrap_err().to_string();
        assert!(text.contains("did not resolve to an alias"), "{text}");
    }
}
