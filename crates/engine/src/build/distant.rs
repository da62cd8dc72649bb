//! Caches in registries and folders: what the steps of other machines' builds have made, each image under the key of its
//! step.
//!
//! Whoever names such a place trusts it as much as an image that is built on. What comes of it is no cache for builds
//! that do not name it, as it gets no key here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cove_api::{BuildOptions, Error, RegistryAccess, Result, Timestamp};
use cove_registry::Reference;

use super::report::Teller;
use super::state::ImageState;
use crate::engine::Core;
use crate::image;

/// Where images of steps are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A repository, and what its tags begin with.
    Repository { repository: Reference, prefix: String },
    /// A folder of the engine's machine, which is an OCI layout.
    Folder(PathBuf),
}

/// The places that a build asks and fills.
pub(super) struct Distant {
    from: Vec<Place>,
    to: Vec<Place>,
    access: RegistryAccess,
    /// Images by their keys.
    made: Mutex<BTreeMap<String, Made>>,
    /// Places that could not be asked; they are not asked again.
    failed: Mutex<Vec<Place>>,
}

/// The image of a step.
struct Made {
    id: String,
    /// Where it came from.
    place: Option<Place>,
    /// In which order they were made.
    number: usize,
}

impl Distant {
    /// Reads them.
    pub(super) fn of(options: &BuildOptions) -> Result<Self> {
        let named = |name: &str, folder: &str, all: &[String]| -> Result<Vec<Place>> {
            let read = |text: &String| {
                Place::parse(text, folder).map_err(|error| {
                    error.context(format!("unable to parse value provided {text:?} to {name}"))
                })
            };
            all.iter().map(read).collect()
        };
        let from = named("--cache-from", "src", &options.cache_from)?;
        let to = named("--cache-to", "dest", &options.cache_to)?;
        if !(options.layers || from.is_empty() && to.is_empty()) {
            return Err(Error::invalid(
                "--cache-from and --cache-to need --layers: they keep the image of every step",
            ));
        }
        Ok(Self {
            from,
            to,
            access: options.access.clone(),
            made: Mutex::default(),
            failed: Mutex::default(),
        })
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, Vec<Place>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image of a step with that key, where one of the places has it and it follows on what the build has so far.
    pub(super) fn fetch(
        &self,
        core: &Arc<Core>,
        key: &str,
        so_far: &ImageState,
        oldest: Option<Timestamp>,
        teller: &Teller,
    ) -> Result<Option<String>> {
        // A step is done sooner than a registry is asked again and again.
        let access = RegistryAccess { retry: Some(self.access.retry.unwrap_or(0)), ..self.access.clone() };
        for place in &self.from {
            if self.failed().contains(place) {
                continue;
            }
            let shown = place.shown(key)?;
            let handle = tokio::runtime::Handle::current();
            let pulled = handle.block_on(async {
                tokio::select! {
                    pulled = place.pull(core, key, &access) => Ok(pulled),
                    () = teller.closed() => Err(teller.check().err()),
                }
            });
            let id = match pulled {
                Err(given_up) => return given_up.map_or(Ok(None), Err),
                Ok(Ok(None)) => continue,
                Ok(Ok(Some(id))) => id,
                Ok(Err(error)) => {
                    teller.line(format!("[Warning] the cache {shown} cannot be used: {error}"));
                    self.failed().push(place.clone());
                    continue;
                }
            };
            let made = ImageState::of(core, &id, &so_far.base)?;
            let layers = |state: &ImageState| -> Vec<String> {
                state.layers.iter().map(|layer| layer.diff_digest.clone()).collect()
            };
            let is_young =
                oldest.is_none_or(|oldest| made.created().is_some_and(|created| created >= oldest));
            if is_young && layers(&made).starts_with(&layers(so_far)) {
                teller.line(format!("--> Cache pulled from {shown}"));
                self.note(key, &id, Some(place));
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Notes the image of a step.
    pub(super) fn keep(&self, key: &str, id: &str) {
        if !self.to.is_empty() {
            self.note(key, id, None);
        }
    }

    fn note(&self, key: &str, id: &str, place: Option<&Place>) {
        let mut made = self.made();
        let number = made.len();
        made.entry(key.to_owned()).or_insert_with(|| Made {
            id: id.to_owned(),
            place: place.cloned(),
            number,
        });
    }

    /// Brings what was made to where it is kept.
    pub(super) fn export(&self, core: &Arc<Core>, teller: &Teller) -> Result<()> {
        for place in &self.to {
            let mut images = Vec::new();
            for (key, made) in &*self.made() {
                if made.place.as_ref() != Some(place) {
                    images.push((made.number, made.id.clone(), key.clone()));
                }
            }
            images.sort_by_key(|(number, ..)| *number);
            for (_, _, key) in &images {
                teller.line(format!("--> Pushing cache to {}", place.shown(key)?));
            }
            let images = images.into_iter().map(|(_, id, key)| (id, key)).collect();
            tokio::runtime::Handle::current().block_on(async {
                tokio::select! {
                    pushed = place.push(core, images, &self.access) => pushed,
                    () = teller.closed() => teller.check(),
                }
            })?;
        }
        Ok(())
    }
}

impl Place {
    /// `REPOSITORY[:TAG]`, or BuildKit's `type=registry,ref=…` and `type=local,src=…`, whose folder has another key where
    /// it is written.
    fn parse(text: &str, folder: &str) -> Result<Self> {
        let mut name = text.to_owned();
        if text.contains('=') {
            let (mut kind, mut found, mut path) = (None, None, None);
            for field in text.split(',') {
                match field.split_once('=') {
                    Some(("type", value)) => kind = Some(value.to_owned()),
                    Some(("ref", value)) => found = Some(value.to_owned()),
                    Some((key, value)) if key == folder => path = Some(value.to_owned()),
                    // That of every step is what is kept.
                    Some(("mode", "max")) => {}
                    _ => return Err(Error::unsupported(format!("{field:?} is not supported"))),
                }
            }
            match (kind.as_deref(), &found, &path) {
                (Some("registry"), _, None) => {}
                (Some("local"), None, Some(path)) if !path.is_empty() => {
                    return Ok(Self::Folder(std::path::absolute(path)?));
                }
                (Some("local"), ..) => return Err(Error::invalid(format!("it wants a {folder} alone"))),
                (Some("registry"), ..) => return Err(Error::invalid(format!("it has a {folder}"))),
                (Some(kind), ..) => {
                    return Err(Error::unsupported(format!("the type {kind:?} is not supported")));
                }
                (None, ..) => return Err(Error::invalid("it has no type")),
            }
            name = found.ok_or_else(|| Error::invalid("it has no ref"))?;
        }
        let reference = Reference::parse(&name)?;
        if reference.digest().is_some() {
            return Err(Error::invalid("a repository is wanted, and no digest"));
        }
        let prefix = reference.tag().map(|tag| format!("{tag}-")).unwrap_or_default();
        Ok(Self::Repository { repository: reference.without_tag(), prefix })
    }

    /// The image with that key there, for people.
    fn shown(&self, key: &str) -> Result<String> {
        match self {
            Self::Repository { repository, prefix } => Ok(tagged(repository, prefix, key)?.to_string()),
            Self::Folder(path) => Ok(format!("{}:{key}", path.display())),
        }
    }

    async fn pull(&self, core: &Arc<Core>, key: &str, access: &RegistryAccess) -> Result<Option<String>> {
        match self {
            Self::Repository { repository, prefix } => {
                image::pull_nameless(core, &tagged(repository, prefix, key)?, access).await
            }
            Self::Folder(path) => image::pull_from_folder(core, path.clone(), key.to_owned()).await,
        }
    }

    /// Brings images there, each with its key.
    async fn push(
        &self,
        core: &Arc<Core>,
        images: Vec<(String, String)>,
        access: &RegistryAccess,
    ) -> Result<()> {
        match self {
            Self::Repository { repository, prefix } => {
                let images = images.into_iter().map(|(id, key)| Ok((id, tagged(repository, prefix, &key)?)));
                image::push_all(core, images.collect::<Result<_>>()?, access).await
            }
            Self::Folder(path) => image::push_to_folder(core, path.clone(), images).await,
        }
    }
}

fn tagged(repository: &Reference, prefix: &str, key: &str) -> Result<Reference> {
    Ok(repository.clone().with_tag(&format!("{prefix}{key}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_repositories_or_folders() {
        let shown = |text: &str| Place::parse(text, "src").and_then(|place| place.shown("key"));
        for (text, expected) in [
            ("host:5000/a/b", "host:5000/a/b:key"),
            ("host:5000/a/b:tag", "host:5000/a/b:tag-key"),
            ("type=registry,ref=host:5000/a", "host:5000/a:key"),
            ("type=registry,mode=max,ref=host.io/a:t", "host.io/a:t-key"),
            ("type=local,src=/x/y", "/x/y:key"),
        ] {
            assert_eq!(shown(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "UPPER",
            "host/a@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "type=inline",
            "type=local,dest=/x",
            "type=local,src=",
            "type=local,src=/x,ref=host/a",
            "type=registry,ref=host/a,src=/x",
            "type=gha",
            "type=registry",
            "ref=host/a",
            "type=registry,ref=host/a,mode=min",
            "type=registry,ref=host/a,bogus=1",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
        assert!(shown(&format!("host/a:{}", "t".repeat(120))).unwrap().ends_with("-key"));
    }
}
