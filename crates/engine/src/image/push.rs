//! Bringing images to registries and other places.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{
    Error, Progress, PushCompression, PushFormat, PushOptions, PushReport, RegistryAccess, Result,
    ValueStream,
};
use cove_config::Policy;
use cove_registry::manifest::{Descriptor, LayerCompression, ManifestFormat};
use cove_registry::{
    ArchiveFormat, ArchiveOptions, ArchiveWriter, CopyOptions, CopyProgress, CopyReport, Digest, Encryption,
    ImageLocation, ImageSource, LayerForm, LayerPacking, Reference, RegistryClient, Signing, copy_image,
};
use cove_storage::Image;

use crate::engine::{Core, blocking};
use crate::image::save::StoreSource;
use crate::image::sign::{encryption, signing};
use crate::image::{lists, lookup, progress, pull, registry};

type Sender = progress::Sender<PushReport>;

/// How a destination ends that gets the image by its digest alone, as Podman's clients write it.
const UNTAGGED: &str = "@@unknown-digest@@";

/// Pushes; the stream ends with the report or an error. Dropping it ends the push.
pub(crate) async fn push(
    core: &Arc<Core>,
    name: &str,
    options: PushOptions,
) -> Result<ValueStream<Progress<PushReport>>> {
    let (core, name) = (Arc::clone(core), name.to_owned());
    // Before there is a stream: an answer over HTTP has no status after that.
    let found = {
        let name = name.clone();
        blocking(&core, move |core| lookup::find(core, &name)).await?
    };
    let is_list = {
        let image = found.image.clone();
        blocking(&core, move |core| Ok(lists::is_list(core, &image))).await?
    };
    if is_list {
        return lists::push(&core, &name, options).await;
    }
    if !options.add_compression.is_empty() {
        return Err(Error::invalid(format!("{name}: other forms are added to a list of images alone")));
    }
    Ok(progress::working(|sender| async move { run(&core, &name, found, options, &sender).await }))
}

async fn run(
    core: &Arc<Core>,
    name: &str,
    found: lookup::Found,
    options: PushOptions,
    sender: &Sender,
) -> Result<PushReport> {
    let engine = &core.options.containers.engine;
    let packing = packing(&options, engine.compression_format.as_deref(), engine.compression_level)?;
    let image = found.image;
    let place = match options.destination.as_str() {
        "" => own_name(name, found.name)?,
        given => given.to_owned(),
    };
    let (place, untagged) = match place.strip_suffix(UNTAGGED) {
        Some(place) => (place.to_owned(), true),
        None => (place, false),
    };
    let source = {
        let image = image.clone();
        blocking(core, move |core| StoreSource::open(core, &image)).await?
    };
    let manifest = family(&options);
    let location = match ImageLocation::parse(&place)? {
        Some(location) => location,
        None => ImageLocation::Registry(Reference::parse(&place)?.or_latest()),
    };
    if untagged && !matches!(location, ImageLocation::Registry(_)) {
        return Err(Error::invalid(format!("{place}: only what goes to a registry has no tag")));
    }
    if untagged && !options.signing.is_empty() {
        return Err(Error::invalid(format!(
            "{place}: without a tag there is no name that could be signed: push it under one"
        )));
    }
    if options.compress_directory && !matches!(location, ImageLocation::Directory(_)) {
        return Err(Error::invalid("--compress is for a destination with the transport dir: alone"));
    }
    let signing = {
        let keys = options.signing.clone();
        blocking(core, move |_| signing(&keys)).await?
    };
    let encryption = encryption(&options)?;
    // It was asked when the image came into the store; again only where somebody wants it.
    let policy = match options.signature_policy.as_deref() {
        Some(named) => pull::policy(core, Some(named)).await?,
        None => Policy::accept_anything(),
    };
    let copying =
        Copying { core, image: &image, source, manifest, untagged, signing, encryption, policy, sender };
    let report = match location {
        ImageLocation::Registry(reference) => {
            copying.to_registry(reference, &options.access, packing, options.force_compression).await?
        }
        ImageLocation::Storage(_) => {
            return Err(Error::unsupported(format!("{place}: the image is in the store already: use tag")));
        }
        ImageLocation::DockerArchive(path, name) => {
            copying.to_archive(path, name, ArchiveFormat::Docker, false, false).await?
        }
        ImageLocation::OciArchive(path, name) => {
            copying.to_archive(path, name, ArchiveFormat::Oci, false, true).await?
        }
        ImageLocation::OciLayout(path, name) => {
            copying.to_archive(path, name, ArchiveFormat::Oci, true, true).await?
        }
        ImageLocation::Directory(path) => {
            copying.to_archive(path, None, ArchiveFormat::Dir, true, options.compress_directory).await?
        }
    };
    core.events.write("image", "push", &image.id, [("name".to_owned(), place)].into());
    Ok(PushReport {
        manifest_digest: report.manifest_digest.to_string(),
        manifest_size: report.manifest.bytes.len() as u64,
    })
}

/// The image's own name as a destination.
fn own_name(asked: &str, found: Option<String>) -> Result<String> {
    match found {
        Some(name) if !name.contains('@') => Ok(name),
        _ => Err(Error::invalid(format!(
            "{asked:?} is no name of an image that says a registry: name the destination, too"
        ))),
    }
}

/// The family of manifests that is asked for.
pub(super) fn family(options: &PushOptions) -> Option<ManifestFormat> {
    options.format.map(|format| match format {
        PushFormat::Oci => ManifestFormat::Oci,
        PushFormat::Docker => ManifestFormat::Docker,
    })
}

/// How layers are packed: as asked for, else as containers.conf says.
pub(super) fn packing(
    options: &PushOptions,
    format: Option<&str>,
    level: Option<i32>,
) -> Result<LayerPacking> {
    let (compression, chunked) = match (options.compression, format) {
        (Some(PushCompression::Gzip), _) | (None, None | Some("" | "gzip")) => {
            (LayerCompression::Gzip, false)
        }
        (Some(PushCompression::Zstd), _) | (None, Some("zstd")) => (LayerCompression::Zstd, false),
        (Some(PushCompression::ZstdChunked), _) | (None, Some("zstd:chunked")) => {
            (LayerCompression::Zstd, true)
        }
        (None, Some(other)) => {
            return Err(Error::unsupported(format!(
                "containers.conf: compression_format {other:?} is not supported by this version"
            )));
        }
    };
    // The configured level is one of the configured compressor.
    let level = options.compression_level.or(level.filter(|_| options.compression.is_none()));
    let packing = LayerPacking { compression, level, chunked };
    packing.check()?;
    Ok(packing)
}

/// How an image is sent to a registry.
pub(super) struct Sending<'a> {
    pub(super) client: &'a RegistryClient,
    pub(super) reference: &'a Reference,
    pub(super) manifest: Option<ManifestFormat>,
    pub(super) packing: LayerPacking,
    /// Send a layer again that the registry has in another form.
    pub(super) force: bool,
    /// Under its digest alone.
    pub(super) untagged: bool,
    /// Who signs it.
    pub(super) signing: Signing,
    /// For whom it is encrypted.
    pub(super) encryption: Encryption,
    pub(super) parallel: usize,
    pub(super) progress: CopyProgress,
}

impl Sending<'_> {
    /// Sends it. `known_layers` are packed forms that the registry may have, `mount_from` names that it may have them
    /// under, `policy` is what is asked whether the source is trusted.
    pub(super) async fn send(
        &self,
        source: &dyn ImageSource,
        mut known_layers: HashMap<Digest, Descriptor>,
        mount_from: Vec<Reference>,
        policy: Policy,
    ) -> Result<CopyReport> {
        let zstd = self.packing.compression == LayerCompression::Zstd;
        let layers = LayerForm::Packed(self.packing);
        let encrypts = !self.encryption.recipients.is_empty();
        if encrypts && self.manifest == Some(ManifestFormat::Docker) {
            return Err(Error::invalid("encrypted layers need an OCI manifest: leave --format v2s2 out"));
        }
        let manifest = layers.family(self.manifest.or(encrypts.then_some(ManifestFormat::Oci)))?;
        // Zstandard only where it was asked for, because not every engine reads it.
        known_layers.retain(|_, layer| match layer.layer_compression() {
            // What is known says nothing of a table.
            _ if self.packing.chunked => false,
            Some(LayerCompression::Gzip) => !self.force || !zstd,
            form => form == Some(self.packing.compression),
        });
        let options = cove_registry::PushOptions {
            layers,
            manifest,
            mount_from,
            known_layers,
            untagged: self.untagged,
            encryption: self.encryption.clone(),
        };
        let destination = self.client.destination(self.reference, options)?;
        let copying = CopyOptions {
            max_parallel: self.parallel,
            progress: Some(self.progress.clone()),
            policy,
            signing: self.signing.clone(),
            ..CopyOptions::default()
        };
        Ok(copy_image(source, &destination, &copying).await?)
    }
}

/// Brings images of the store to a registry, each under a name of its own. A layer that several of them have is packed
/// once.
pub(crate) async fn push_all(
    core: &Arc<Core>,
    images: Vec<(String, Reference)>,
    access: &RegistryAccess,
) -> Result<()> {
    let client = {
        let access = access.clone();
        blocking(core, move |core| registry::client(core, &access)).await?
    };
    let mut known = HashMap::new();
    for (id, reference) in images {
        let source = blocking(core, move |core| {
            let image = core.store()?.image(&id).map_err(crate::error::storage)?;
            StoreSource::open(core, &image)
        })
        .await?;
        let sending = Sending {
            client: &client,
            reference: &reference,
            manifest: None,
            packing: packing(&PushOptions::default(), None, None)?,
            force: false,
            signing: Signing::default(),
            encryption: Encryption::default(),
            untagged: false,
            parallel: registry::parallel(core),
            progress: Arc::new(|_| {}),
        };
        known.extend(source.packed_layers());
        let report = sending.send(&source, known.clone(), Vec::new(), Policy::accept_anything()).await?;
        known.extend(source.packed_as(&report.manifest)?);
    }
    Ok(())
}

struct Copying<'a> {
    core: &'a Arc<Core>,
    image: &'a Image,
    source: StoreSource,
    manifest: Option<ManifestFormat>,
    untagged: bool,
    signing: Signing,
    encryption: Encryption,
    policy: Policy,
    sender: &'a Sender,
}

impl Copying<'_> {
    async fn to_registry(
        &self,
        reference: Reference,
        access: &RegistryAccess,
        packing: LayerPacking,
        force: bool,
    ) -> Result<CopyReport> {
        let client = {
            let access = access.clone();
            blocking(self.core, move |core| registry::client(core, &access)).await?
        };
        let sending = Sending {
            client: &client,
            reference: &reference,
            manifest: self.manifest,
            packing,
            force,
            untagged: self.untagged,
            signing: self.signing.clone(),
            encryption: self.encryption.clone(),
            parallel: registry::parallel(self.core),
            progress: progress::copying(self.sender),
        };
        let names = self.image.names.iter().filter_map(|name| Reference::parse(name).ok()).collect();
        sending.send(&self.source, self.source.packed_layers(), names, self.policy.clone()).await
    }

    async fn to_archive(
        &self,
        path: PathBuf,
        name: Option<String>,
        format: ArchiveFormat,
        directory: bool,
        compress: bool,
    ) -> Result<CopyReport> {
        // A layout notes the name as it is written.
        let (names, written) = match (format, name) {
            (ArchiveFormat::Docker, Some(name)) => (vec![Reference::parse(&name)?.or_latest()], None),
            (_, name) => (Vec::new(), name),
        };
        let spool = self.core.options.directories.temporary.clone();
        let layers = if compress { LayerForm::Packed(LayerPacking::default()) } else { LayerForm::AsIs };
        // Docker's manifests have no encrypted layers.
        let encrypts = format == ArchiveFormat::Dir && !self.encryption.recipients.is_empty();
        let manifest = self.manifest.or(encrypts.then_some(ManifestFormat::Oci));
        let settings = ArchiveOptions { layers, manifest, ..ArchiveOptions::new(format, &spool) };
        let writer =
            blocking(self.core, move |_| Ok(ArchiveWriter::create(&path, directory, settings)?)).await?;
        let destination = writer.destination_called(written).encrypting(self.encryption.clone())?;
        let report = copy_image(&self.source, &destination, &self.options(names)).await?;
        blocking(self.core, move |_| Ok(writer.finish()?)).await?;
        Ok(report)
    }

    fn options(&self, names: Vec<Reference>) -> CopyOptions {
        CopyOptions {
            names,
            max_parallel: registry::parallel(self.core),
            progress: Some(progress::copying(self.sender)),
            policy: self.policy.clone(),
            signing: self.signing.clone(),
            ..CopyOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_packed_as_asked_for_or_configured() {
        let options = |compression, compression_level| PushOptions {
            compression,
            compression_level,
            ..PushOptions::default()
        };
        let none = options(None, None);
        let packed = |compression, level| Ok(LayerPacking { compression, level, chunked: false });
        assert_eq!(packing(&none, None, None), packed(LayerCompression::Gzip, None));
        assert_eq!(packing(&none, Some("zstd"), Some(12)), packed(LayerCompression::Zstd, Some(12)));
        let gzip = options(Some(PushCompression::Gzip), Some(9));
        assert_eq!(packing(&gzip, Some("zstd"), Some(12)), packed(LayerCompression::Gzip, Some(9)));
        let gzip = options(Some(PushCompression::Gzip), None);
        assert_eq!(packing(&gzip, Some("zstd"), Some(12)), packed(LayerCompression::Gzip, None));
        let chunked = options(Some(PushCompression::ZstdChunked), None);
        let form = Ok(LayerPacking { compression: LayerCompression::Zstd, level: None, chunked: true });
        assert_eq!(packing(&chunked, None, None), form);
        assert_eq!(packing(&none, Some("zstd:chunked"), None), form);
        for (options, format, level, named) in [
            (none.clone(), Some("bzip2"), None, "compression_format \"bzip2\""),
            (none, None, Some(12), "level 12 is not between 1 and 9"),
            (options(Some(PushCompression::Zstd), Some(0)), None, None, "level 0 is not between 1 and 20"),
        ] {
            let error = packing(&options, format, level).unwrap_err();
            assert!(error.message.contains(named), "{error}");
        }
    }
}
