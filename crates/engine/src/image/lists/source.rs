//! The images of a list where they are, one by one or together as one source of copies.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{Error, Result};
use cove_config::Policy;
use cove_registry::manifest::{Descriptor, ListEntry, ManifestList, media_type, parse};
use cove_registry::{
    Archive, ArchiveSource, BlobStream, Digest, Document, ImageLocation, ImageSource, RawManifest, Reference,
    RegistryClient, Signature, admit, from_bytes, top_manifest,
};
use futures_util::TryStreamExt as _;

use super::artifact::Parts;
use super::stored::StoredList;
use super::{artifact, place};
use crate::engine::{Core, blocking};
use crate::image::save::StoreSource;

/// An image of a list, opened.
pub(super) struct Opened {
    pub(super) source: Box<dyn ImageSource>,
    /// Packed forms that a registry may have of its layers, by their diff ids.
    pub(super) packed: HashMap<Digest, Descriptor>,
    /// Names that a registry may have its layers under.
    pub(super) names: Vec<Reference>,
    /// The policy was asked when it came into the store.
    pub(super) is_trusted: bool,
}

/// Opens the image of an entry.
pub(super) async fn open(
    core: &Arc<Core>,
    list: &StoredList,
    client: &RegistryClient,
    entry: &ListEntry,
) -> Result<Opened> {
    if matches!(entry.media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_LIST) {
        return Err(Error::unsupported(format!("{}: a list inside a list cannot be pushed", entry.digest)));
    }
    let place = list.places.get(&entry.digest.to_string()).cloned();
    let elsewhere = |source: Box<dyn ImageSource>, names: Vec<Reference>| Opened {
        source,
        packed: HashMap::new(),
        names,
        is_trusted: false,
    };
    match place.as_deref().map(ImageLocation::parse).transpose()?.flatten() {
        Some(ImageLocation::Registry(reference)) => {
            let reference = reference.without_tag().without_digest().with_digest(entry.digest.clone());
            let source = client.open(&reference).await?;
            Ok(elsewhere(Box::new(source), vec![reference]))
        }
        Some(
            ImageLocation::DockerArchive(path, inner)
            | ImageLocation::OciArchive(path, inner)
            | ImageLocation::OciLayout(path, inner),
        ) => Ok(elsewhere(Box::new(archived(core, path, inner, entry).await?), Vec::new())),
        Some(ImageLocation::Directory(path)) => {
            Ok(elsewhere(Box::new(archived(core, path, None, entry).await?), Vec::new()))
        }
        Some(ImageLocation::Storage(_)) | None => {
            let digest = entry.digest.clone();
            blocking(core, move |core| {
                let text = place.as_deref().and_then(|place| place.strip_prefix("containers-storage:"));
                let image = match text {
                    Some(text) => place::stored(core, text).or_else(|_| place::by_digest(core, &digest)),
                    None => place::by_digest(core, &digest),
                };
                let image = image.map_err(|error| {
                    error.context(format!("image {digest} of the list is not in the store"))
                })?;
                let source = StoreSource::open(core, &image)?;
                Ok(Opened {
                    packed: source.packed_layers(),
                    source: Box::new(source),
                    names: image.names.iter().filter_map(|name| Reference::parse(name).ok()).collect(),
                    is_trusted: true,
                })
            })
            .await
        }
    }
}

async fn archived(
    core: &Arc<Core>,
    path: PathBuf,
    inner: Option<String>,
    entry: &ListEntry,
) -> Result<Member> {
    let archive = blocking(core, move |core| {
        let archive = Archive::open(&path, &core.options.directories.temporary)?;
        let position = archive.find(inner.as_deref())?;
        Ok(archive.source(position)?)
    })
    .await?;
    Ok(Member { archive, wanted: Descriptor::new(&entry.media_type, entry.digest.clone(), entry.size) })
}

/// One image of an archive: that of the digest which the list has for it, and no other.
struct Member {
    archive: ArchiveSource,
    wanted: Descriptor,
}

#[async_trait]
impl ImageSource for Member {
    fn name(&self) -> String {
        self.archive.name()
    }
    async fn manifest(&self, instance: Option<&Descriptor>) -> cove_registry::Result<RawManifest> {
        if instance.is_some() {
            return self.archive.manifest(instance).await;
        }
        let top = self.archive.manifest(None).await?;
        match top.digest() == self.wanted.digest {
            true => Ok(top),
            false => self.archive.manifest(Some(&self.wanted)).await,
        }
    }
    async fn blob(&self, blob: &Descriptor) -> cove_registry::Result<BlobStream> {
        self.archive.blob(blob).await
    }
    fn policy_scope(&self) -> (&'static str, String) {
        self.archive.policy_scope()
    }
    async fn signatures(&self, manifest: &Digest, of_entry: bool) -> cove_registry::Result<Vec<Signature>> {
        let top = self.archive.manifest(None).await?.digest();
        self.archive.signatures(manifest, of_entry || top != *manifest).await
    }
    fn expected_digest(&self) -> Option<Digest> {
        Some(self.wanted.digest.clone())
    }
}

/// An artifact of a list, which is made of files.
struct Made {
    manifest: RawManifest,
    inline: HashMap<Digest, Bytes>,
    files: HashMap<Digest, PathBuf>,
}

impl Made {
    fn new(parts: Parts) -> Self {
        Self {
            manifest: RawManifest::new(parts.manifest, media_type::OCI_MANIFEST),
            inline: parts.inline.into_iter().map(|data| (Digest::sha256(&data), data.into())).collect(),
            files: parts.files.into_iter().collect(),
        }
    }
}

#[async_trait]
impl ImageSource for Made {
    fn name(&self) -> String {
        format!("artifact {}", self.manifest.digest())
    }
    async fn manifest(&self, _: Option<&Descriptor>) -> cove_registry::Result<RawManifest> {
        Ok(self.manifest.clone())
    }
    async fn blob(&self, blob: &Descriptor) -> cove_registry::Result<BlobStream> {
        if let Some(data) = self.inline.get(&blob.digest) {
            return Ok(from_bytes(data.clone()));
        }
        match self.files.get(&blob.digest).cloned() {
            Some(path) => {
                let open = move || Ok(cove_sys::fs::File::open(&path)?);
                Ok(Box::pin(crate::stream::pieces(open).map_err(std::io::Error::other)))
            }
            None => Err(unknown_blob(&self.name(), blob)),
        }
    }
}

fn unknown_blob(name: &str, blob: &Descriptor) -> cove_registry::Error {
    cove_registry::Error::external(format!("{name} has no blob {}", blob.digest))
}

/// A list with its images as one source. Images of the store have plain layers here, so that their entries have other
/// digests than in the store.
pub(in crate::image) struct ListSource {
    name: String,
    list: RawManifest,
    images: Vec<(RawManifest, Box<dyn ImageSource>)>,
    /// The image that has a blob.
    blobs: HashMap<Digest, usize>,
}

impl ListSource {
    /// The list alone, as it is in the store.
    pub(in crate::image) fn without_images(list: &StoredList) -> Self {
        let raw = list.list.to_raw(list.list.usual_format());
        Self { name: list.id.clone(), list: raw, images: Vec::new(), blobs: HashMap::new() }
    }

    /// The list with its images. The policy is asked about those that are not in the store.
    pub(in crate::image) async fn open(
        core: &Arc<Core>,
        list: &StoredList,
        client: &RegistryClient,
        policy: &Policy,
    ) -> Result<Self> {
        let mut found = Self::without_images(list);
        let mut entries = ManifestList { manifests: Vec::new(), ..list.list.clone() };
        for entry in &list.list.manifests {
            let (source, is_trusted): (Box<dyn ImageSource>, bool) =
                match artifact::parts(list, &entry.digest)? {
                    Some(parts) => (Box::new(Made::new(parts)), true),
                    None => {
                        let opened = open(core, list, client, entry).await?;
                        (opened.source, opened.is_trusted)
                    }
                };
            let raw = top_manifest(&*source).await?;
            if !is_trusted {
                admit(policy, &*source, &raw, false).await?;
            }
            let Document::Image(parsed) = parse(&raw, &source.name())? else {
                return Err(Error::unsupported(format!("{}: a list inside a list", entry.digest)));
            };
            let mut shown = entry.clone();
            shown.digest = raw.digest();
            shown.size = raw.bytes.len() as u64;
            shown.media_type = parsed.media_type().to_owned();
            entries.manifests.push(shown);
            for blob in std::iter::once(&parsed.config).chain(&parsed.layers) {
                found.blobs.entry(blob.digest.clone()).or_insert(found.images.len());
            }
            found.images.push((raw, source));
        }
        found.list = entries.to_raw(entries.usual_format());
        Ok(found)
    }
}

#[async_trait]
impl ImageSource for ListSource {
    fn name(&self) -> String {
        self.name.clone()
    }
    async fn manifest(&self, instance: Option<&Descriptor>) -> cove_registry::Result<RawManifest> {
        let Some(wanted) = instance else { return Ok(self.list.clone()) };
        let found = self.images.iter().find(|(raw, _)| raw.digest() == wanted.digest);
        found.map(|(raw, _)| raw.clone()).ok_or_else(|| unknown_blob(&self.name, wanted))
    }
    async fn blob(&self, blob: &Descriptor) -> cove_registry::Result<BlobStream> {
        match self.blobs.get(&blob.digest).and_then(|at| self.images.get(*at)) {
            Some((_, source)) => source.blob(blob).await,
            None => Err(unknown_blob(&self.name, blob)),
        }
    }
}
