//! Bringing a list to a registry: its images and artifacts first, each by its digest, then the list.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{Error, Progress, PushCompression, PushOptions, PushReport, Result, ValueStream};
use cove_config::Policy;
use cove_registry::manifest::{Descriptor, ListEntry, ManifestFormat, ManifestList, media_type};
use cove_registry::{
    Archive, ArchiveSource, BlobStream, CopyReport, Digest, ImageLocation, ImageSource, RawManifest,
    Reference, RegistryClient, RegistryDestination, Signature, Signing, artifact_manifest, verified_blob,
};
use futures_util::TryStreamExt as _;

use super::stored::StoredList;
use super::{artifact, place};
use crate::engine::{Core, blocking};
use crate::image::push::{Sending, family, packing};
use crate::image::save::StoreSource;
use crate::image::sign::{encryption, sign, signing};
use crate::image::{names, progress, pull, registry};

type Sender = progress::Sender<PushReport>;

/// The annotation that tells one form of an image from the other.
const ZSTD: &str = "io.github.containers.compression.zstd";

/// Pushes; the stream ends with the report or an error. Dropping it ends the push.
pub(crate) async fn push(
    core: &Arc<Core>,
    name: &str,
    options: PushOptions,
) -> Result<ValueStream<Progress<PushReport>>> {
    let (core, name) = (Arc::clone(core), name.to_owned());
    // Before there is a stream: an answer over HTTP has no status after that.
    let list = {
        let name = name.clone();
        blocking(&core, move |core| {
            StoredList::open(core, &name)
                .map_err(|error| error.context(format!("retrieving local image from image name {name}")))
        })
        .await?
    };
    let reference = destination(&name, &options.destination)?;
    if options.compress_directory {
        return Err(Error::invalid("--compress is for a destination with the transport dir: alone"));
    }
    let signing = {
        let keys = options.signing.clone();
        blocking(&core, move |_| signing(&keys)).await?
    };
    Ok(progress::working(|sender| async move {
        Pushing { core, list, reference, options, signing, sender }.run().await
    }))
}

fn destination(name: &str, given: &str) -> Result<Reference> {
    let place = if given.is_empty() { name } else { given };
    match ImageLocation::parse(place)? {
        Some(ImageLocation::Registry(reference)) => Ok(reference),
        Some(_) => Err(Error::unsupported(format!(
            "{place}: a list of images is pushed to a registry (docker://…) only by this version"
        ))),
        None if given.is_empty() => Ok(names::normalize(place)?),
        None => Ok(Reference::parse(place)?.or_latest()),
    }
}

struct Pushing {
    core: Arc<Core>,
    list: StoredList,
    reference: Reference,
    options: PushOptions,
    signing: Signing,
    sender: Sender,
}

impl Pushing {
    async fn run(self) -> Result<PushReport> {
        let client = place::client(&self.core, &self.options.access).await?;
        let mut list = self.list.list.clone();
        if self.options.all.unwrap_or(true) {
            list = self.images(&client).await?;
        }
        let format = family(&self.options).unwrap_or_else(|| list.usual_format());
        if format == ManifestFormat::Docker && list.usual_format() == ManifestFormat::Oci {
            refuse_what_docker_has_not(&list)?;
        }
        let raw = list.to_raw(format);
        self.say("Writing manifest list to image destination".into());
        let destination = client.destination(&self.reference, cove_registry::PushOptions::default())?;
        sign(&destination, &self.reference, &self.signing, &raw.digest()).await?;
        destination.put_list(raw.clone()).await?;
        let attributes = [("name".to_owned(), self.reference.to_string())].into();
        self.core.events.write("image", "push", &self.list.id, attributes);
        Ok(PushReport { manifest_digest: raw.digest().to_string(), manifest_size: raw.bytes.len() as u64 })
    }

    fn say(&self, line: String) {
        let _ = self.sender.send(Ok(Progress::Message(line)));
    }

    /// Sends every image; answers the list as it is there, since packing changes digests.
    async fn images(&self, client: &RegistryClient) -> Result<ManifestList> {
        let mut sent = ManifestList { manifests: Vec::new(), ..self.list.list.clone() };
        let count = self.list.list.manifests.len();
        self.say(format!(
            "Getting image list signatures\nCopying {count} images generated from {count} images in list"
        ));
        for (position, entry) in self.list.list.manifests.iter().enumerate() {
            self.say(format!("Copying image {} ({}/{count})", entry.digest, position + 1));
            sent.manifests.push(self.one(client, entry, None).await?);
        }
        for compression in &self.options.add_compression {
            for entry in &self.list.list.manifests {
                if artifact::parts(&self.list, &entry.digest)?.is_some() {
                    continue;
                }
                let mut other = self.one(client, entry, Some(*compression)).await?;
                if *compression != PushCompression::Gzip {
                    other.annotations.insert(ZSTD.into(), "true".into());
                }
                sent.put(other);
            }
        }
        Ok(sent)
    }

    /// Sends one image, in the form that is asked for, or in another one beside it.
    async fn one(
        &self,
        client: &RegistryClient,
        entry: &ListEntry,
        compression: Option<PushCompression>,
    ) -> Result<ListEntry> {
        if let Some(parts) = artifact::parts(&self.list, &entry.digest)? {
            let destination = client.destination(&self.reference, untagged())?;
            send_artifact(&destination, parts).await?;
            return Ok(entry.clone());
        }
        if !entry.artifact_type.is_empty() {
            self.send_artifact_of_registry(client, entry).await?;
            return Ok(entry.clone());
        }
        if matches!(entry.media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_LIST) {
            return Err(Error::unsupported(format!(
                "{}: a list inside a list cannot be pushed",
                entry.digest
            )));
        }
        let engine = &self.core.options.containers.engine;
        let mut options = self.options.clone();
        let mut force = options.force_compression;
        if let Some(compression) = compression {
            options.compression = Some(compression);
            options.compression_level = None;
            force = true;
        }
        let sending = Sending {
            client,
            reference: &self.reference,
            manifest: family(&options),
            packing: packing(&options, engine.compression_format.as_deref(), engine.compression_level)?,
            force,
            untagged: true,
            signing: self.signing.clone(),
            encryption: encryption(&options)?,
            parallel: registry::parallel(&self.core),
            progress: progress::copying(&self.sender),
        };
        let report = self.send(&sending, client, entry).await?;
        let mut sent = entry.clone();
        sent.digest = report.manifest_digest;
        sent.size = report.manifest.bytes.len() as u64;
        sent.media_type = report.manifest.media_type;
        Ok(sent)
    }

    /// Sends an artifact from the registry where it is, as it is.
    async fn send_artifact_of_registry(&self, client: &RegistryClient, entry: &ListEntry) -> Result<()> {
        let place = self.list.places.get(&entry.digest.to_string());
        let Some(ImageLocation::Registry(reference)) =
            place.map(|place| ImageLocation::parse(place)).transpose()?.flatten()
        else {
            return Err(Error::unsupported(format!(
                "the artifact {} of the list is in no registry: add its files with --artifact",
                entry.digest
            )));
        };
        let reference = reference.without_tag().without_digest().with_digest(entry.digest.clone());
        let source = client.open(&reference).await?;
        let (raw, manifest) = artifact_manifest(&source, &pull::policy(&self.core, None).await?).await?;
        let options = cove_registry::PushOptions { mount_from: vec![reference], ..untagged() };
        let destination = client.destination(&self.reference, options)?;
        for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
            destination.put_blob(&blob.digest, || verified_blob(&source, blob)).await?;
        }
        Ok(destination.put_list(raw).await?)
    }

    /// Sends an image from where it is.
    async fn send(
        &self,
        sending: &Sending<'_>,
        client: &RegistryClient,
        entry: &ListEntry,
    ) -> Result<CopyReport> {
        let key = entry.digest.to_string();
        let place = self.list.places.get(&key).cloned();
        match place.as_deref().map(ImageLocation::parse).transpose()?.flatten() {
            Some(ImageLocation::Registry(reference)) => {
                let reference = reference.without_tag().without_digest().with_digest(entry.digest.clone());
                let source = client.open(&reference).await?;
                let policy = pull::policy(&self.core, self.options.signature_policy.as_deref()).await?;
                sending.send(&source, HashMap::new(), vec![reference], policy).await
            }
            Some(ImageLocation::DockerArchive(path, inner)) => {
                self.send_archived(sending, entry, &path, inner.as_deref()).await
            }
            Some(ImageLocation::OciArchive(path, inner) | ImageLocation::OciLayout(path, inner)) => {
                self.send_archived(sending, entry, &path, inner.as_deref()).await
            }
            Some(ImageLocation::Directory(path)) => self.send_archived(sending, entry, &path, None).await,
            Some(ImageLocation::Storage(_)) | None => {
                let digest = entry.digest.clone();
                let (source, image) = blocking(&self.core, move |core| {
                    let image = match place
                        .as_deref()
                        .and_then(|place| place.strip_prefix("containers-storage:"))
                    {
                        Some(text) => place::stored(core, text).or_else(|_| place::by_digest(core, &digest)),
                        None => place::by_digest(core, &digest),
                    };
                    let image = image.map_err(|error| {
                        error.context(format!("image {digest} of the list is not in the store"))
                    })?;
                    Ok((StoreSource::open(core, &image)?, image))
                })
                .await?;
                let names = image.names.iter().filter_map(|name| Reference::parse(name).ok()).collect();
                // It was asked when the image came into the store.
                sending.send(&source, source.packed_layers(), names, Policy::accept_anything()).await
            }
        }
    }

    async fn send_archived(
        &self,
        sending: &Sending<'_>,
        entry: &ListEntry,
        path: &std::path::Path,
        inner: Option<&str>,
    ) -> Result<CopyReport> {
        let (path, inner) = (path.to_owned(), inner.map(str::to_owned));
        let source = blocking(&self.core, move |core| {
            let archive = Archive::open(&path, &core.options.directories.temporary)?;
            let position = archive.find(inner.as_deref())?;
            Ok(archive.source(position)?)
        })
        .await?;
        let wanted = Descriptor::new(&entry.media_type, entry.digest.clone(), entry.size);
        let policy = pull::policy(&self.core, self.options.signature_policy.as_deref()).await?;
        sending.send(&Member { archive: &source, wanted }, HashMap::new(), Vec::new(), policy).await
    }
}

/// One image of an archive: that of the digest which the list has for it, and no other.
struct Member<'a> {
    archive: &'a ArchiveSource,
    wanted: Descriptor,
}

#[async_trait]
impl ImageSource for Member<'_> {
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

fn untagged() -> cove_registry::PushOptions {
    cove_registry::PushOptions { untagged: true, ..cove_registry::PushOptions::default() }
}

async fn send_artifact(destination: &RegistryDestination, parts: artifact::Parts) -> Result<()> {
    for data in parts.inline {
        destination.put_bytes(Bytes::from(data)).await?;
    }
    for (digest, path) in parts.files {
        let open = || async {
            let open = move || Ok(cove_sys::fs::File::open(&path)?);
            let pieces = crate::stream::pieces(open).map_err(std::io::Error::other);
            Ok(Box::pin(pieces) as cove_registry::BlobStream)
        };
        destination.put_blob(&digest, open).await?;
    }
    let manifest = RawManifest::new(parts.manifest, media_type::OCI_MANIFEST);
    Ok(destination.put_list(manifest).await?)
}

/// A Docker list has no room for everything.
fn refuse_what_docker_has_not(list: &ManifestList) -> Result<()> {
    match list.lost_to_docker() {
        Some(what) => Err(Error::invalid(format!(
            "the list has {what}, which Docker's format has not: leave --format v2s2 out"
        ))),
        None => Ok(()),
    }
}
