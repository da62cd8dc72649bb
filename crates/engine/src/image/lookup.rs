//! Which image in the store a user means.

use cove_api::{Error, ImageConfig, ImageHistory, Result, RootFs, StringMap, Timestamp};
use cove_config::Registries;
use cove_registry::{Platform, Reference};
use cove_storage::{Image, StorageError};
use serde::Deserialize;

use crate::engine::Core;
use crate::error::storage;
use crate::image::lists;
use crate::state::ImageFacts;

/// The error for an image that is not there, in podman's words.
pub(crate) fn not_known(name: &str) -> Error {
    Error::not_found(format!("{name}: image not known"))
}

/// An image found, and by which of its names (none for an id).
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) image: Image,
    pub(crate) name: Option<String>,
}

/// The configuration document of an image, as far as it is shown or used.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Document {
    pub(crate) created: Option<Timestamp>,
    #[serde(deserialize_with = "null_default")]
    pub(crate) author: String,
    #[serde(deserialize_with = "null_default")]
    pub(crate) architecture: String,
    #[serde(deserialize_with = "null_default")]
    pub(crate) os: String,
    #[serde(deserialize_with = "null_default")]
    pub(crate) variant: String,
    #[serde(deserialize_with = "null_default")]
    pub(crate) comment: String,
    #[serde(deserialize_with = "null_default")]
    pub(crate) docker_version: String,
    #[serde(deserialize_with = "null_default")]
    config: RawConfig,
    #[serde(deserialize_with = "null_default")]
    pub(crate) history: Vec<ImageHistory>,
    #[serde(deserialize_with = "null_default")]
    rootfs: RawRootFs,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct RawRootFs {
    #[serde(rename = "type", deserialize_with = "null_default")]
    kind: String,
    #[serde(deserialize_with = "null_default")]
    diff_ids: Vec<String>,
}

/// As `ImageConfig`, but for `null` in place of what is missing, as Docker writes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RawConfig {
    #[serde(deserialize_with = "null_default")]
    user: String,
    #[serde(deserialize_with = "null_default")]
    exposed_ports: std::collections::BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "null_default")]
    env: Vec<String>,
    #[serde(deserialize_with = "null_default")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "null_default")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "null_default")]
    volumes: std::collections::BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "null_default")]
    working_dir: String,
    #[serde(deserialize_with = "null_default")]
    labels: StringMap,
    #[serde(deserialize_with = "null_default")]
    stop_signal: String,
    #[serde(deserialize_with = "null_default")]
    on_build: Vec<String>,
    #[serde(deserialize_with = "null_default")]
    shell: Vec<String>,
    healthcheck: Option<serde_json::Value>,
}

fn null_default<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl Document {
    /// The run-time part.
    pub(crate) fn config(&self) -> ImageConfig {
        let config = self.config.clone();
        ImageConfig {
            user: config.user,
            exposed_ports: config.exposed_ports,
            env: config.env,
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            volumes: config.volumes,
            working_dir: config.working_dir,
            labels: config.labels,
            stop_signal: config.stop_signal,
            on_build: config.on_build,
            shell: config.shell,
            healthcheck: config.healthcheck,
        }
    }

    /// The layers.
    pub(crate) fn root_fs(&self) -> RootFs {
        RootFs { kind: self.rootfs.kind.clone(), layers: self.rootfs.diff_ids.clone() }
    }
}

/// The parsed configuration of an image.
pub(crate) fn document(core: &Core, image: &Image) -> Result<Document> {
    serde_json::from_slice(&document_text(core, image)?).map_err(|error| {
        Error::internal(format!("the configuration of image {} is damaged: {error}", image.id))
    })
}

/// The configuration of an image as it is written.
pub(crate) fn document_text(core: &Core, image: &Image) -> Result<Vec<u8>> {
    let key = image
        .data_names
        .iter()
        .find(|key| **key == format!("sha256:{}", image.id))
        .or_else(|| image.data_names.iter().find(|key| key.starts_with("sha256:")))
        .ok_or_else(|| {
            Error::internal(format!("image {} has no configuration: remove it and pull it again", image.id))
        })?;
    core.store()?.image_data(&image.id, key).map_err(storage)
}

/// What a container remembers of its image.
///
/// `platform` is what the user asked for: operating system, architecture, variant; empty parts take any.
pub(crate) fn facts(core: &Core, wanted: &str, as_written: &str, platform: [&str; 3]) -> Result<ImageFacts> {
    let found = find_image(core, wanted, platform)?;
    let document = document(core, &found.image)?;
    let own = [document.os.as_str(), document.architecture.as_str(), document.variant.as_str()];
    if platform.iter().zip(own).any(|(asked, is)| !asked.is_empty() && *asked != is) {
        let shown = |parts: [&str; 3]| {
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
        };
        return Err(Error::not_found(format!(
            "{wanted}: the local image is for {}, not {}: image not known",
            shown(own),
            shown(platform)
        )));
    }
    let name = found
        .name
        .clone()
        // An image asked for by its id is shown by a name, where it has one.
        .or_else(|| found.image.names.first().cloned())
        .unwrap_or_else(
            || if as_written.is_empty() { found.image.id.clone() } else { as_written.to_owned() },
        );
    Ok(ImageFacts { name, digest: found.image.digest.clone(), config: document.config(), id: found.image.id })
}

/// As [`find`], but in place of a list the image that it has for the platform; empty parts are this machine's.
pub(crate) fn find_image(core: &Core, wanted: &str, platform: [&str; 3]) -> Result<Found> {
    let found = find(core, wanted)?;
    let Some(list) = lists::of_image(core, &found.image)? else { return Ok(found) };
    let mut asked = Platform::host();
    let [os, architecture, variant] = platform;
    if !os.is_empty() {
        asked.os = os.to_owned();
    }
    if !architecture.is_empty() {
        asked.architecture = architecture.to_owned();
    }
    asked.variant = variant.to_owned();
    match lists::instance(core, &list, &asked)? {
        Some(image) => Ok(Found { image, name: found.name }),
        None => Err(Error::not_found(format!(
            "{wanted}: the list has no image for {asked} in this store: image not known"
        ))),
    }
}

/// The image meant by an id, the start of one, a digest, or a name with or without its registry.
pub(crate) fn find(core: &Core, wanted: &str) -> Result<Found> {
    let store = core.store()?;
    if wanted.is_empty() {
        return Err(Error::invalid("invalid image name: \"\": invalid reference format"));
    }
    let name = wanted.strip_prefix("containers-storage:").unwrap_or(wanted);
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    match store.image(id) {
        Ok(image) => {
            let name = image.names.iter().find(|known| *known == name).cloned();
            return Ok(Found { image, name });
        }
        Err(StorageError::ImageNotFound(_)) => {}
        Err(error) => return Err(storage(error)),
    }
    if name.starts_with("sha256:") {
        if let Ok(digest) = name.parse()
            && let Some(image) = store.images_by_digest(&digest).map_err(storage)?.into_iter().next()
        {
            return Ok(Found { image, name: None });
        }
        return Err(not_known(wanted));
    }
    let parsed =
        Reference::parse(name).map_err(|_| Error::invalid(format!("{wanted}: invalid reference format")))?;
    let images = store.images().map_err(storage)?;
    if let Some(digest) = parsed.digest() {
        let repository = parsed.name();
        let with_digest = store.images_by_digest(digest).map_err(storage)?;
        let found = with_digest.into_iter().find(|image| {
            image.names.iter().any(|known| {
                Reference::parse(known).is_ok_and(|known| {
                    known.name() == repository || (!has_registry(name) && same_tail(&known.name(), name))
                })
            })
        });
        return match found {
            Some(image) => {
                let shown =
                    format!("{repository}@{}", parsed.digest().map(ToString::to_string).unwrap_or_default());
                Ok(Found { image, name: Some(shown) })
            }
            None => Err(not_known(wanted)),
        };
    }
    let by_name =
        |full: &str| images.iter().find(|image| image.names.iter().any(|known| known == full)).cloned();
    for candidate in candidates(core, name, &parsed)? {
        if let Some(image) = by_name(&candidate) {
            return Ok(Found { image, name: Some(candidate) });
        }
    }
    if !has_registry(name) {
        let tail = if tag_of(name).is_some() { name.to_owned() } else { format!("{name}:latest") };
        for image in images.iter() {
            if let Some(known) = image.names.iter().find(|known| known.ends_with(&format!("/{tail}"))) {
                return Ok(Found { image: image.clone(), name: Some(known.clone()) });
            }
        }
    }
    Err(not_known(wanted))
}

/// Full names that a user's name can stand for, most likely first.
fn candidates(core: &Core, name: &str, parsed: &Reference) -> Result<Vec<String>> {
    let full = parsed.clone().or_latest().to_string();
    if has_registry(name) {
        return Ok(vec![full]);
    }
    let tagged = if tag_of(name).is_some() { name.to_owned() } else { format!("{name}:latest") };
    let mut all = vec![format!("localhost/{tagged}")];
    let registries = core.registries()?;
    let (bare, tag) = tagged.rsplit_once(':').unwrap_or((&tagged, "latest"));
    if let Some(alias) = registries.aliases.get(bare) {
        all.push(format!("{alias}:{tag}"));
    }
    for registry in &registries.unqualified_search {
        if let Ok(reference) = Reference::parse(&format!("{registry}/{tagged}")) {
            all.push(reference.to_string());
        }
    }
    all.push(full);
    Ok(all)
}

/// Whether the name says which registry it belongs to.
pub(crate) fn has_registry(name: &str) -> bool {
    name.split_once('/').is_some_and(|(first, _)| first == "localhost" || first.contains(['.', ':']))
}

fn same_tail(full: &str, wanted: &str) -> bool {
    let wanted = wanted.split('@').next().unwrap_or(wanted);
    let wanted = tag_of(wanted).map_or(wanted, |tag| &wanted[..wanted.len() - tag.len() - 1]);
    full.ends_with(&format!("/{wanted}"))
}

fn tag_of(name: &str) -> Option<&str> {
    let last = name.rsplit('/').next()?;
    last.split_once(':').map(|(_, tag)| tag)
}

impl Core {
    /// registries.conf with the aliases that were learned.
    pub(crate) fn registries(&self) -> Result<&Registries> {
        self.lazy_registries(|| {
            let loaded = Registries::load(&self.options.environment, &self.options.directories, None)?;
            let mut registries = loaded.value;
            let learned =
                cove_config::ShortNameAliases::load(&self.options.directories.short_name_aliases())?;
            registries.aliases.extend(learned.aliases);
            Ok(registries)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_in_names_are_seen() {
        for name in ["quay.io/x", "localhost/x", "host:5000/x/y"] {
            assert!(has_registry(name));
        }
        for name in ["x", "library/x", "x:1"] {
            assert!(!has_registry(name));
        }
        assert_eq!(tag_of("a:1/b:2"), Some("2"));
        assert_eq!(tag_of("host:5000/b"), None);
        assert!(same_tail("docker.io/library/busybox", "busybox@sha256:0"));
    }

    #[test]
    fn nulls_of_docker_are_read() {
        let text = r#"{"architecture":"amd64","config":{"Cmd":["sh"],"Volumes":null,"Labels":null,"Entrypoint":null},
            "history":null,"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        assert_eq!(document.config().cmd, ["sh"]);
        assert_eq!(document.root_fs().layers.len(), 1);
    }
}
