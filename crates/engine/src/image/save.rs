//! Writing images to archives: the store as a source of copies.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{ByteStream, Error, Result, SaveOptions};
use cove_registry::manifest::{
    Descriptor, LayerCompression, ManifestFormat, RawManifest, layer_media_type, media_type, parse,
};
use cove_registry::{
    ArchiveFormat, ArchiveOptions, ArchiveWriter, BlobStream, CopyOptions, Digest, Document, ImageManifest,
    ImageSource, LayerForm, LayerPacking, Reference, copy_image, from_bytes,
};
use cove_storage::Image;
use futures_util::TryStreamExt as _;
use tokio::sync::mpsc;

use crate::engine::{Core, blocking};
use crate::error::storage;
use crate::image::lookup;
use crate::stream::PIECE;

/// An image of the store as a source; its layers are plain tars.
pub(super) struct StoreSource {
    core: Arc<Core>,
    name: String,
    manifest: RawManifest,
    config: (Descriptor, Bytes),
    /// Layer ids by the digest of their plain tar.
    layers: Vec<(String, String)>,
    packed: HashMap<Digest, Descriptor>,
}

impl StoreSource {
    /// Blocks.
    pub(super) fn open(core: &Arc<Core>, image: &Image) -> Result<Self> {
        let store = core.store()?;
        let damaged = |what: String| Error::internal(format!("image {}: {what}", image.id));
        let bytes = store.image_data(&image.id, "manifest").map_err(storage)?;
        let kind = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|value| Some(value.get("mediaType")?.as_str()?.to_owned()))
            .unwrap_or_else(|| media_type::OCI_MANIFEST.to_owned());
        let Document::Image(stored) = parse(&RawManifest::new(bytes, &kind), &image.id)? else {
            return Err(damaged("its manifest is a list".into()));
        };
        let config = store.image_data(&image.id, &stored.config.digest.to_string()).map_err(storage)?;
        let mut descriptors = Vec::new();
        let mut layers = Vec::new();
        let mut packed = HashMap::new();
        let kind = layer_media_type(stored.format, LayerCompression::None);
        for layer in store.image_layers(&image.id).map_err(storage)? {
            let digest: Digest = layer
                .diff_digest
                .parse()
                .map_err(|_| damaged(format!("layer {} has no digest", layer.id)))?;
            let size = u64::try_from(layer.diff_size)
                .map_err(|_| damaged(format!("layer {} has no size", layer.id)))?;
            packed.extend(packed_form(&layer, stored.format).map(|form| (digest.clone(), form)));
            descriptors.push(Descriptor::new(kind, digest, size));
            layers.push((layer.diff_digest.clone(), layer.id));
        }
        let manifest = ImageManifest::build(stored.format, stored.config.clone(), descriptors).to_raw();
        Ok(Self {
            core: Arc::clone(core),
            name: image.names.first().cloned().unwrap_or_else(|| image.id.clone()),
            manifest,
            config: (stored.config, config.into()),
            layers,
            packed,
        })
    }

    /// The packed forms in which layers came, by the digest of their plain tar: a registry may have these.
    pub(super) fn packed_layers(&self) -> HashMap<Digest, Descriptor> {
        self.packed.clone()
    }

    /// The packed forms that the layers have in another manifest of the image.
    pub(super) fn packed_as(&self, manifest: &RawManifest) -> Result<HashMap<Digest, Descriptor>> {
        let Document::Image(packed) = parse(manifest, &self.name)? else { return Ok(HashMap::new()) };
        let plain = self.layers.iter().filter_map(|(digest, _)| digest.parse().ok());
        Ok(plain.zip(packed.layers).collect())
    }
}

fn packed_form(layer: &cove_storage::Layer, format: ManifestFormat) -> Option<Descriptor> {
    // containers/storage's numbers; the other forms are no layers of a manifest.
    let compression = match layer.compression {
        2 => LayerCompression::Gzip,
        4 => LayerCompression::Zstd,
        _ => return None,
    };
    let digest = layer.compressed_digest.parse().ok()?;
    let size = u64::try_from(layer.compressed_size).ok().filter(|size| *size > 0)?;
    Some(Descriptor::new(layer_media_type(format, compression), digest, size))
}

#[async_trait]
impl ImageSource for StoreSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn manifest(&self, instance: Option<&Descriptor>) -> cove_registry::Result<RawManifest> {
        match instance {
            None => Ok(self.manifest.clone()),
            Some(_) => Err(cove_registry::Error::external("an image of the store has no instances")),
        }
    }

    async fn blob(&self, blob: &Descriptor) -> cove_registry::Result<BlobStream> {
        if blob.digest == self.config.0.digest {
            return Ok(from_bytes(self.config.1.clone()));
        }
        let wanted = blob.digest.to_string();
        let Some((_, id)) = self.layers.iter().find(|(digest, _)| *digest == wanted) else {
            return Err(cove_registry::Error::external(format!("image {} has no blob {wanted}", self.name)));
        };
        let (core, id) = (Arc::clone(&self.core), id.clone());
        let open = move || core.store()?.diff_tar(&id).map_err(storage);
        Ok(Box::pin(crate::stream::pieces(open).map_err(std::io::Error::other)))
    }
}

/// Sends what is written to the stream's reader.
struct PieceWriter {
    sender: mpsc::Sender<Result<Bytes>>,
    buffer: Vec<u8>,
}

impl PieceWriter {
    fn send(&mut self) -> std::io::Result<()> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PieceWriter {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= PIECE {
            self.send()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.send() }
    }
}

/// Images of one archive, each once, with the names it gets there.
fn plan(core: &Core, names: &[String], multi: bool) -> Result<Vec<(Image, Vec<Reference>)>> {
    let mut planned: Vec<(Image, Vec<Reference>)> = Vec::new();
    for name in names {
        let found = lookup::find_image(core, name, [""; 3])?;
        let reference = match found.name {
            Some(full) if !full.contains('@') => Some(Reference::parse(&full)?),
            _ => None,
        };
        match planned.iter().position(|(image, _)| image.id == found.image.id) {
            Some(position) => planned[position].1.extend(reference),
            None if !planned.is_empty() && !multi => {
                return Err(Error::invalid(format!(
                    "{name}: several images need the option --multi-image-archive"
                )));
            }
            None => planned.push((found.image, reference.into_iter().collect())),
        }
    }
    Ok(planned)
}

/// Writes images to an archive.
pub(super) async fn save(core: &Arc<Core>, names: Vec<String>, options: SaveOptions) -> Result<ByteStream> {
    if names.is_empty() {
        return Err(Error::invalid("no image named"));
    }
    let planned = {
        let names = names.clone();
        blocking(core, move |core| plan(core, &names, options.multi)).await?
    };
    use cove_api::ArchiveFormat as Asked;
    let (format, compress, manifest) = match options.format {
        Asked::DockerArchive => (ArchiveFormat::Docker, false, None),
        Asked::OciArchive | Asked::OciDir => {
            (ArchiveFormat::Oci, !options.oci_accept_uncompressed_layers, None)
        }
        Asked::DockerDir => (ArchiveFormat::Dir, options.compress, Some(ManifestFormat::Docker)),
    };
    if options.compress && options.format != Asked::DockerDir {
        return Err(Error::invalid("--compress can only be set when --format is 'docker-dir'"));
    }
    if format != ArchiveFormat::Docker && planned.len() > 1 {
        return Err(Error::unsupported(
            "multi-image archives are only supported in the format docker-archive",
        ));
    }
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(8);
    let spool = core.options.directories.temporary.clone();
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let failed = sender.clone();
        let work = async move {
            let output = PieceWriter { sender, buffer: Vec::with_capacity(PIECE) };
            let layers = if compress { LayerForm::Packed(LayerPacking::default()) } else { LayerForm::AsIs };
            let settings = ArchiveOptions { layers, manifest, ..ArchiveOptions::new(format, &spool) };
            let writer = ArchiveWriter::to_writer(Box::new(output), "archive", settings)?;
            for (image, names) in planned {
                let source = {
                    let image = image.clone();
                    blocking(&core, move |core| StoreSource::open(core, &image)).await?
                };
                let options = CopyOptions { names, ..CopyOptions::default() };
                copy_image(&source, &writer.destination(), &options).await?;
                let shown = image.names.first().cloned().unwrap_or_else(|| image.id.clone());
                core.events.write("image", "save", &image.id, [("name".to_owned(), shown)].into());
            }
            tokio::task::spawn_blocking(move || writer.finish())
                .await
                .map_err(|error| Error::internal(error.to_string()))??;
            Ok::<(), Error>(())
        };
        // A panic must not look like the end of the archive.
        let done = tokio::spawn(work).await.unwrap_or_else(|error| Err(Error::internal(error.to_string())));
        if let Err(error) = done {
            let _ = failed.send(Err(error)).await;
        }
    });
    Ok(Box::pin(crate::stream::Pieces { receiver }))
}
