//! Bringing a list to a registry (its images and artifacts first, each by its digest, then the list), an archive or a
//! folder (`write.rs`).

use std::sync::Arc;

use bytes::Bytes;
use cove_api::{Error, Progress, PushCompression, PushOptions, PushReport, Result, ValueStream};
use cove_config::Policy;
use cove_registry::manifest::{ListEntry, ManifestFormat, ManifestList, media_type};
use cove_registry::{
    CopyReport, ImageLocation, RawManifest, Reference, RegistryClient, RegistryDestination, Signing,
    artifact_manifest, verified_blob,
};
use futures_util::TryStreamExt as _;

use super::source::{self, Opened};
use super::stored::StoredList;
use super::write::Writing;
use super::{artifact, place};
use crate::engine::{Core, blocking};
use crate::image::push::{Sending, family, packing};
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
    let place = destination(&name, &options.destination)?;
    if options.compress_directory {
        return Err(Error::invalid("--compress is for a destination with the transport dir: alone"));
    }
    let signing = {
        let keys = options.signing.clone();
        blocking(&core, move |_| signing(&keys)).await?
    };
    Ok(progress::working(|sender| async move {
        match place {
            ImageLocation::Registry(reference) => {
                Pushing { core, list, reference, options, signing, sender }.run().await
            }
            place => Writing { core, list, place, options, signing, sender }.run().await,
        }
    }))
}

fn destination(name: &str, given: &str) -> Result<ImageLocation> {
    let place = if given.is_empty() { name } else { given };
    match ImageLocation::parse(place)? {
        Some(ImageLocation::Storage(_)) => {
            Err(Error::unsupported(format!("{place}: the list is in the store already: use tag")))
        }
        Some(location) => Ok(location),
        None if given.is_empty() => Ok(ImageLocation::Registry(names::normalize(place)?)),
        None => Ok(ImageLocation::Registry(Reference::parse(place)?.or_latest())),
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
        // What is given for the destination is for no other registry.
        let own = self.options.access.clone().only_for(self.reference.registry());
        let sources = place::client(&self.core, &own).await?;
        let mut sent = ManifestList { manifests: Vec::new(), ..self.list.list.clone() };
        let count = self.list.list.manifests.len();
        self.say(format!(
            "Getting image list signatures\nCopying {count} images generated from {count} images in list"
        ));
        for (position, entry) in self.list.list.manifests.iter().enumerate() {
            self.say(format!("Copying image {} ({}/{count})", entry.digest, position + 1));
            sent.manifests.push(self.one(client, &sources, entry, None).await?);
        }
        for compression in &self.options.add_compression {
            for entry in &self.list.list.manifests {
                if artifact::parts(&self.list, &entry.digest)?.is_some() {
                    continue;
                }
                let mut other = self.one(client, &sources, entry, Some(*compression)).await?;
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
        sources: &RegistryClient,
        entry: &ListEntry,
        compression: Option<PushCompression>,
    ) -> Result<ListEntry> {
        if let Some(parts) = artifact::parts(&self.list, &entry.digest)? {
            let destination = client.destination(&self.reference, untagged())?;
            send_artifact(&destination, parts).await?;
            return Ok(entry.clone());
        }
        if !entry.artifact_type.is_empty() {
            self.send_artifact_of_registry(client, sources, entry).await?;
            return Ok(entry.clone());
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
        let report = self.send(&sending, sources, entry).await?;
        let mut sent = entry.clone();
        sent.digest = report.manifest_digest;
        sent.size = report.manifest.bytes.len() as u64;
        sent.media_type = report.manifest.media_type;
        Ok(sent)
    }

    /// Sends an artifact from the registry where it is, as it is.
    async fn send_artifact_of_registry(
        &self,
        client: &RegistryClient,
        sources: &RegistryClient,
        entry: &ListEntry,
    ) -> Result<()> {
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
        let source = sources.open(&reference).await?;
        let policy = pull::policy(&self.core, self.options.signature_policy.as_deref()).await?;
        let (raw, manifest) = artifact_manifest(&source, &policy).await?;
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
        let Opened { source, packed, names, is_trusted } =
            source::open(&self.core, &self.list, client, entry).await?;
        let policy = match is_trusted {
            true => Policy::accept_anything(),
            false => pull::policy(&self.core, self.options.signature_policy.as_deref()).await?,
        };
        sending.send(&*source, packed, names, policy).await
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
