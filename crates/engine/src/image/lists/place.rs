//! Where an image of a list is: `TRANSPORT:DETAILS`, as podman writes it beside the list.

use std::path::Path;
use std::sync::Arc;

use cove_api::{Error, ErrorKind, RegistryAccess, Result};
use cove_registry::{Archive, ArchiveSource, ImageLocation, Reference, RegistryClient, RegistrySource};
use cove_storage::Image;

use crate::engine::{Core, blocking};
use crate::error::storage;
use crate::image::{lookup, registry};

/// An image that a list may have, found.
pub(super) enum Found {
    /// In the store.
    Stored(Box<Image>),
    /// In a registry.
    Registry(Box<RegistrySource>),
    /// In an archive or folder, with the location as it is noted.
    Archive(Box<ArchiveSource>, String),
}

/// How an image of the store is written.
pub(super) fn of_image(core: &Core, image: &Image) -> Result<String> {
    let store = core.store()?;
    let name = image.names.first().map(String::as_str).unwrap_or_default();
    Ok(format!(
        "containers-storage:[{}@{}+{}]{name}@{}",
        store.driver().name(),
        store.graph_root().display(),
        store.run_root().display(),
        image.id
    ))
}

/// The image of the store that such a text means: by its id, else by its name.
pub(in crate::image) fn stored(core: &Core, text: &str) -> Result<Image> {
    let text = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest,
        None => text,
    };
    if let Some((_, id)) = text.rsplit_once('@')
        && let Ok(image) = core.store()?.image(id)
    {
        return Ok(image);
    }
    let name = text.strip_prefix('@').unwrap_or(text);
    Ok(lookup::find(core, name)?.image)
}

/// Finds what a user means. As with podman a name is looked up in its registry first and then in the store; a name that
/// says no registry, or `localhost`, the other way round.
pub(super) async fn find(core: &Arc<Core>, name: &str, access: &RegistryAccess) -> Result<Found> {
    match ImageLocation::parse(name)? {
        Some(ImageLocation::Registry(reference)) => from_registry(core, &reference, access).await,
        Some(ImageLocation::Storage(inner)) => {
            blocking(core, move |core| Ok(Found::Stored(Box::new(stored(core, &inner)?)))).await
        }
        Some(
            ImageLocation::DockerArchive(path, inner)
            | ImageLocation::OciArchive(path, inner)
            | ImageLocation::OciLayout(path, inner),
        ) => from_archive(core, name, &path, inner).await,
        Some(ImageLocation::Directory(path)) => from_archive(core, name, &path, None).await,
        None => by_name(core, name, access).await,
    }
}

async fn by_name(core: &Arc<Core>, name: &str, access: &RegistryAccess) -> Result<Found> {
    let here = {
        let name = name.to_owned();
        blocking(core, move |core| match lookup::find(core, &name) {
            Ok(found) => Ok(Some(found.image)),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::InvalidArgument) => Ok(None),
            Err(error) => Err(error),
        })
        .await?
    };
    let reference = Reference::parse(name).map(Reference::or_latest);
    let has_registry = lookup::has_registry(name) && !name.starts_with("localhost/");
    match (here, reference) {
        (Some(image), Ok(reference)) if has_registry => {
            // What is here will do, so one attempt is enough.
            let access = RegistryAccess { retry: Some(access.retry.unwrap_or(0)), ..access.clone() };
            match from_registry(core, &reference, &access).await {
                Ok(found) => Ok(found),
                Err(_) => Ok(Found::Stored(Box::new(image))),
            }
        }
        (Some(image), _) => Ok(Found::Stored(Box::new(image))),
        (None, Ok(reference)) => from_registry(core, &reference, access).await.map_err(|error| {
            error.context(format!("locating image to add to manifest list: \"docker://{name}\""))
        }),
        (None, Err(_)) => Err(lookup::not_known(name)),
    }
}

/// A client of the user's registries.
pub(super) async fn client(core: &Arc<Core>, access: &RegistryAccess) -> Result<RegistryClient> {
    let access = access.clone();
    blocking(core, move |core| registry::client(core, &access)).await
}

async fn from_registry(core: &Arc<Core>, reference: &Reference, access: &RegistryAccess) -> Result<Found> {
    let source = client(core, access).await?.open(reference).await?;
    Ok(Found::Registry(Box::new(source)))
}

async fn from_archive(core: &Arc<Core>, name: &str, path: &Path, inner: Option<String>) -> Result<Found> {
    let (path, name) = (path.to_owned(), name.to_owned());
    blocking(core, move |core| {
        // Whoever pushes the list may be elsewhere.
        let whole = cove_sys::fs::canonicalize(&path)?;
        let place = name.replacen(&*path.to_string_lossy(), &whole.to_string_lossy(), 1);
        let archive = Archive::open(&whole, &core.options.directories.temporary)?;
        let position = archive.find(inner.as_deref())?;
        Ok(Found::Archive(Box::new(archive.source(position)?), place))
    })
    .await
}

/// The image of the store with this manifest.
pub(super) fn by_digest(core: &Core, digest: &cove_registry::Digest) -> Result<Image> {
    let found = core.store()?.images_by_digest(digest).map_err(storage)?;
    found
        .into_iter()
        .find(|image| image.digest == digest.to_string() && image.top_layer().is_some())
        .ok_or_else(|| Error::not_found(format!("{digest}: image not known")))
}
