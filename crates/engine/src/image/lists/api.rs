//! The engine trait of lists of images.

use async_trait::async_trait;
use cove_api::{
    Error, ErrorKind, ImageRemoveOptions, ImageRemoveReport, ManifestCreateOptions, ManifestModifyOptions,
    ManifestModifyReport, ManifestOperation, ManifestRemoveOptions, Manifests, Progress, PushOptions,
    PushReport, RegistryAccess, Result, ValueStream,
};
use serde_json::Value;

use super::stored::{self, StoredList};
use super::{inspect, modify, push};
use crate::engine::{Core, LocalEngine, blocking};
use crate::error::storage;
use crate::image::{lookup, names, remove};

#[async_trait]
impl Manifests for LocalEngine {
    async fn create(&self, name: &str, options: ManifestCreateOptions) -> Result<String> {
        let annotations = options.list_annotations()?;
        let (id, is_new) = {
            let (name, amend) = (name.to_owned(), options.amend);
            blocking(&self.core, move |core| make(core, &name, amend)).await?
        };
        let filled = self.fill(&id, options, annotations).await;
        if filled.is_err() && is_new {
            // Nothing is left of a list that could not be made.
            let id = id.clone();
            blocking(&self.core, move |core| {
                let _ = core.store()?.delete_image(&id);
                Ok(())
            })
            .await?;
        }
        filled.map(|()| id)
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| match lookup::find(core, &name) {
            Ok(found) => Ok(stored::is_list(core, &found.image)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn inspect(&self, name: &str, access: RegistryAccess) -> Result<Value> {
        inspect::inspect(&self.core, name, access).await
    }

    async fn modify(&self, name: &str, change: ManifestModifyOptions) -> Result<ManifestModifyReport> {
        modify::modify(&self.core, name, change).await
    }

    async fn remove(&self, name: &str, options: ManifestRemoveOptions) -> Result<ImageRemoveReport> {
        let names = vec![name.to_owned()];
        let options = ImageRemoveOptions {
            ignore: options.ignore,
            lookup_manifest: true,
            ..ImageRemoveOptions::default()
        };
        blocking(&self.core, move |core| remove::remove(core, &names, &options)).await
    }

    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>> {
        push::push(&self.core, name, options).await
    }
}

impl LocalEngine {
    /// Gives a list what it begins with.
    async fn fill(
        &self,
        id: &str,
        options: ManifestCreateOptions,
        annotations: cove_api::StringMap,
    ) -> Result<()> {
        if !annotations.is_empty() {
            let change = ManifestModifyOptions {
                operation: Some(ManifestOperation::Annotate),
                index_annotations: annotations,
                ..ManifestModifyOptions::default()
            };
            modify::modify(&self.core, id, change).await?;
        }
        if options.images.is_empty() {
            return Ok(());
        }
        let change = ManifestModifyOptions {
            operation: Some(ManifestOperation::Update),
            images: options.images,
            all: options.all,
            access: options.access,
            ..ManifestModifyOptions::default()
        };
        modify::modify(&self.core, id, change).await.map(drop)
    }
}

/// The id of the list with that name, and whether it was made now.
fn make(core: &Core, name: &str, amend: bool) -> Result<(String, bool)> {
    if name.is_empty() {
        return Err(Error::invalid("no name specified for creating a manifest list"));
    }
    let full = names::normalize(name)?.to_string();
    let images = core.store()?.images().map_err(storage)?;
    match images.iter().find(|image| image.names.contains(&full)) {
        None => Ok((StoredList::create(core, &full)?, true)),
        Some(image) if amend && stored::is_list(core, image) => Ok((image.id.clone(), false)),
        Some(image) => Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "image name {full:?} is already associated with image {:?}: that name is already in use",
                image.id
            ),
        )),
    }
}
