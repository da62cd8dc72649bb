//! Archives, layouts and directories as destinations.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cove_archive::{Digest, DigestAlgorithm, Hasher};
use cove_sys::fs;

use super::documents::{State, VERSION, VERSION_TEXT};
use super::oci;
use super::sink::{FinalFile, Pending, Sink, Staged, TarSink};
use super::source::ArchiveFormat;
use crate::encryption::{Encryption, Encryptor};
use crate::error::{Error, Result};
use crate::image::{BlobStream, FinishedImage, ImageDestination, Layer, StoredLayer};
use crate::manifest::{Descriptor, ManifestFormat, RawManifest};
use crate::packing::{Change, LayerForm};
use crate::reference::Reference;
use crate::stream::{BlockingReader, read_blocking};
use crate::trust::{Signature, SignatureKind};

/// How to write an archive.
#[derive(Clone, Debug)]
pub struct ArchiveOptions {
    /// The form.
    pub format: ArchiveFormat,
    /// Directory for unnamed temporary files.
    pub spool: PathBuf,
    /// The form in which layers are written (OCI and `dir:`; a docker-archive's are always plain).
    pub layers: LayerForm,
    /// For `dir:` and OCI: the manifest's family; `None` keeps it. OCI layouts hold OCI manifests by default.
    pub manifest: Option<ManifestFormat>,
    /// For an OCI layout in a folder: where its blobs are, in place of `blobs` in it.
    pub shared_blobs: Option<PathBuf>,
}

impl ArchiveOptions {
    /// Layers stay as they are, as far as the format lets them.
    pub fn new(format: ArchiveFormat, spool: &Path) -> Self {
        Self { format, spool: spool.into(), layers: LayerForm::AsIs, manifest: None, shared_blobs: None }
    }
}

/// Writes one archive, layout or directory with one or more images.
///
/// Each image goes to an own [`destination`](Self::destination); [`finish`](Self::finish) completes the file, which
/// has its name only then.
pub struct ArchiveWriter {
    shared: Arc<Shared>,
    pending: Option<Pending>,
}

struct Shared {
    label: String,
    options: ArchiveOptions,
    formats: Vec<ManifestFormat>,
    /// Where the files of a directory are staged, so that several can be written at once and a broken one leaves
    /// nothing; `None` for a tar.
    directory: Option<PathBuf>,
    /// Stored layers: by diff id in a docker-archive, else by the source's digest. Apart from the state, which is locked
    /// while a layer is written: who asks for this one must never wait for that.
    layers: Mutex<HashMap<Digest, Descriptor>>,
    state: Mutex<State>,
}

impl ArchiveWriter {
    /// Writes to `path`: a file for the two tar formats, a directory otherwise. Blocks.
    ///
    /// # Errors
    /// The file or directory cannot be made.
    pub fn create(path: &Path, directory: bool, options: ArchiveOptions) -> Result<Self> {
        let label = path.display().to_string();
        let failed = |error| Error::io(label.clone(), error);
        if directory || options.format == ArchiveFormat::Dir {
            if options.format == ArchiveFormat::Docker {
                return Err(Error::archive(path, "a docker-archive is a file, not a directory"));
            }
            fs::create_dir_all(path).map_err(failed)?;
            if options.format == ArchiveFormat::Dir {
                refuse_other_folder(path)?;
                // First of all, so that what an interrupted copy leaves can be filled by another.
                cove_sys::atomic::write(&path.join(VERSION), VERSION_TEXT, 0o644).map_err(failed)?;
            }
            let index = existing_index(path, options.format)?;
            let blobs = options.shared_blobs.clone();
            if let Some(blobs) = &blobs {
                fs::create_dir_all(blobs).map_err(failed)?;
            }
            return Ok(Self::build(
                label,
                Sink::Directory { path: path.into(), blobs },
                options,
                None,
                index,
            ));
        }
        let file = FinalFile::create(path).map_err(failed)?;
        Ok(Self::build(label, Sink::Tar(TarSink::new(file.writer)), options, file.pending, Vec::new()))
    }

    /// Writes a tar to a stream, such as the standard output; `label` stands for it in messages. That of a `dir:` has the
    /// files of the folder.
    ///
    /// # Errors
    /// None today.
    pub fn to_writer(writer: Box<dyn Write + Send>, label: &str, options: ArchiveOptions) -> Result<Self> {
        Ok(Self::build(label.into(), Sink::Tar(TarSink::new(writer)), options, None, Vec::new()))
    }

    fn build(
        label: String,
        sink: Sink,
        options: ArchiveOptions,
        pending: Option<Pending>,
        index: Vec<Descriptor>,
    ) -> Self {
        let formats = match (options.format, options.manifest) {
            (ArchiveFormat::Docker, _) => vec![ManifestFormat::Docker],
            (_, Some(format)) => vec![format],
            (ArchiveFormat::Oci, None) => vec![ManifestFormat::Oci],
            (ArchiveFormat::Dir, None) => Vec::new(),
        };
        let directory = match &sink {
            Sink::Directory { blobs: Some(blobs), .. } => Some(blobs.clone()),
            Sink::Directory { path, .. } => Some(path.clone()),
            Sink::Tar(_) => None,
        };
        let (layers, state) = (Mutex::default(), Mutex::new(State::new(sink, index)));
        Self { shared: Arc::new(Shared { label, options, formats, directory, layers, state }), pending }
    }

    /// For the next image.
    pub fn destination(&self) -> ArchiveDestination {
        self.destination_called(None)
    }

    /// For the next image, which an OCI layout lists under `written` as it is, in place of its names.
    pub fn destination_called(&self, written: Option<String>) -> ArchiveDestination {
        ArchiveDestination { shared: self.shared.clone(), written, encryption: Encryption::default() }
    }

    /// Completes the archive. Blocks.
    ///
    /// # Errors
    /// A layer broke off before, or the file cannot be written; then there is no file under its name.
    pub fn finish(self) -> Result<()> {
        let finished = self.shared.lock().finish(self.shared.options.format);
        finished.map_err(|error| Error::io(self.shared.label.clone(), error))?;
        match self.pending {
            Some(pending) => pending.persist().map_err(|error| Error::io(self.shared.label.clone(), error)),
            None => Ok(()),
        }
    }
}

fn existing_index(path: &Path, format: ArchiveFormat) -> Result<Vec<Descriptor>> {
    if format != ArchiveFormat::Oci {
        return Ok(Vec::new());
    }
    let content = super::content::Content::open(path, path)?;
    Ok(oci::entries(&content)?.unwrap_or_default())
}

/// A folder with other things in it than an image is nobody's to fill.
fn refuse_other_folder(path: &Path) -> Result<()> {
    let failed = |error| Error::io(path.display().to_string(), error);
    let is_empty = fs::read_dir(path).map_err(failed)?.next().is_none();
    if is_empty || path.join(VERSION).is_file() {
        return Ok(());
    }
    Err(Error::archive(path, "not a containers image directory, don't want to overwrite important data"))
}

/// Where one image of an [`ArchiveWriter`] goes.
pub struct ArchiveDestination {
    shared: Arc<Shared>,
    written: Option<String>,
    encryption: Encryption,
}

impl ArchiveDestination {
    /// The same, with layers encrypted.
    ///
    /// # Errors
    /// The form has no encrypted layers.
    pub fn encrypting(self, encryption: Encryption) -> Result<Self> {
        let has_none = self.shared.formats.first() == Some(&ManifestFormat::Docker);
        if has_none && !encryption.recipients.is_empty() {
            return Err(Error::Unsupported {
                subject: self.shared.label.clone(),
                what: "encrypting layers in Docker's form".into(),
            });
        }
        Ok(Self { encryption, ..self })
    }
}

#[async_trait]
impl ImageDestination for ArchiveDestination {
    fn formats(&self) -> &[ManifestFormat] {
        &self.shared.formats
    }

    fn takes_encrypted(&self) -> bool {
        self.shared.options.format != ArchiveFormat::Docker
    }

    fn check_signatures(&self, _kind: SignatureKind) -> Result<()> {
        match self.shared.options.format {
            ArchiveFormat::Dir => Ok(()),
            _ => Err(Error::Unsupported {
                subject: self.shared.label.clone(),
                what: "keeping signatures in this form (only registries and dir: have a place for them)"
                    .into(),
            }),
        }
    }

    async fn try_reuse(&self, layer: &Layer<'_>) -> Result<Option<StoredLayer>> {
        self.encryption.check(layer.diff_ids.len(), &self.shared.label)?;
        if self.encryption.is_for(layer.index, layer.diff_ids.len()) {
            return Ok(None);
        }
        let key = self.shared.key(layer)?;
        if let Some(descriptor) = self.shared.layers().get(key) {
            return Ok(Some(StoredLayer { descriptor: descriptor.clone() }));
        }
        let found = self.shared.is_there(layer.descriptor);
        Ok(found.then(|| StoredLayer { descriptor: layer.descriptor.clone() }))
    }

    async fn put_layer(&self, layer: &Layer<'_>, data: BlobStream) -> Result<StoredLayer> {
        let shared = self.shared.clone();
        let (descriptor, diff_id) = (layer.descriptor.clone(), layer.diff_id.cloned());
        let key = shared.key(layer)?.clone();
        let encryptor = self.encryption.encryptor(layer)?;
        read_blocking(data, move |reader| {
            let descriptor = shared.store_layer(key, descriptor, diff_id.as_ref(), encryptor, reader)?;
            Ok(StoredLayer { descriptor })
        })
        .await
    }

    async fn commit(&self, image: FinishedImage) -> Result<()> {
        let written = self.written.clone();
        self.write(move |state, format| state.commit(format, &image, written.as_deref())).await
    }

    fn takes_anything(&self) -> bool {
        self.shared.options.format != ArchiveFormat::Docker
    }

    fn takes_foreign_layers(&self) -> bool {
        self.shared.options.format == ArchiveFormat::Oci
    }

    async fn commit_list(
        &self,
        list: RawManifest,
        names: Vec<Reference>,
        signatures: Vec<Signature>,
    ) -> Result<()> {
        let written = self.written.clone();
        self.write(move |state, format| {
            state.commit_list(format, &list, &signatures, &names, written.as_deref())
        })
        .await
    }
}

impl ArchiveDestination {
    async fn write(
        &self,
        work: impl FnOnce(&mut State, ArchiveFormat) -> io::Result<()> + Send + 'static,
    ) -> Result<()> {
        let shared = self.shared.clone();
        // Whoever takes what is written may be a task of this thread.
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&mut shared.lock(), shared.options.format);
            done.map_err(|error| Error::io(shared.label.clone(), error))
        });
        done.await.map_err(Error::external)?
    }
}

impl Shared {
    fn layers(&self) -> MutexGuard<'_, HashMap<Digest, Descriptor>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key<'a>(&self, layer: &'a Layer<'_>) -> Result<&'a Digest> {
        match (self.options.format, layer.diff_id) {
            (ArchiveFormat::Docker, Some(diff_id)) => Ok(diff_id),
            (ArchiveFormat::Docker, None) => Err(Error::Unsupported {
                subject: self.label.clone(),
                what: "an artifact in a docker-archive".into(),
            }),
            _ => Ok(&layer.descriptor.digest),
        }
    }

    /// Whether a layout that grows has the layer in the form that it is to have. A name there is a digest that was
    /// verified when the file got it.
    fn is_there(&self, layer: &Descriptor) -> bool {
        let Some(folder) = &self.directory else { return false };
        if self.options.format != ArchiveFormat::Oci || self.options.layers.change(layer).is_some() {
            return false;
        }
        let path = match &self.options.shared_blobs {
            Some(_) => folder.join(layer.digest.algorithm().name()).join(layer.digest.hex()),
            None => folder.join(oci::blob_path(&layer.digest)),
        };
        fs::symlink_metadata(path).is_ok_and(|data| data.is_file() && data.len() == layer.size)
    }

    fn file_name(&self, digest: &Digest) -> String {
        match self.options.format {
            ArchiveFormat::Docker => format!("{}.tar", digest.hex()),
            ArchiveFormat::Oci => oci::blob_path(digest),
            ArchiveFormat::Dir => digest.hex().to_owned(),
        }
    }

    fn store_layer(
        &self,
        key: Digest,
        descriptor: Descriptor,
        diff_id: Option<&Digest>,
        encryptor: Option<Encryptor>,
        reader: &mut BlockingReader,
    ) -> Result<Descriptor> {
        let failed = |error| Error::io(self.label.clone(), error);
        let form = match self.options.format {
            ArchiveFormat::Docker => LayerForm::Plain,
            _ => self.options.layers,
        };
        let is_sealed = encryptor.is_some();
        let change = form.change(&descriptor).map(|change| if is_sealed { change.opaque() } else { change });
        let (stored, staged) = if change.is_some() || is_sealed || self.directory.is_some() {
            let Stored { digest, size, annotations, staged, encryptor } =
                self.stage(change, encryptor, reader).map_err(failed)?;
            let mut stored = match change {
                Some(change) => Descriptor::new(change.media_type(&descriptor), digest, size),
                None => descriptor,
            };
            stored.annotations.extend(annotations);
            if let Some(encryptor) = encryptor {
                stored = encryptor.finish(&stored)?;
            }
            (stored, Some(staged))
        } else {
            (descriptor, None)
        };
        if let (ArchiveFormat::Docker, Some(expected)) = (self.options.format, diff_id)
            && stored.digest != *expected
        {
            return Err(Error::DigestMismatch {
                subject: format!("{}: layer", self.label),
                expected: expected.clone(),
                actual: stored.digest,
            });
        }
        let name = self.file_name(&stored.digest);
        let mut state = self.lock();
        if state.written.contains(&name) {
            drop(state);
            io::copy(reader, &mut io::sink()).map_err(failed)?;
            self.layers().insert(key, stored.clone());
            return Ok(stored);
        }
        let State { sink, broken, .. } = &mut *state;
        let sink = sink.as_mut().ok_or_else(|| Error::archive(&self.label, "it is finished already"))?;
        let result = match staged {
            Some(staged) => sink.put_staged(&name, staged),
            None => sink.put_stream(&name, stored.size, reader).and_then(|()| drained(reader)),
        };
        if let Err(error) = result {
            *broken = true;
            return Err(failed(error));
        }
        state.written.insert(name);
        // What is encrypted is nobody else's layer.
        if !is_sealed {
            self.layers().insert(key, stored.clone());
        }
        Ok(stored)
    }

    /// Takes the whole layer into a temporary file, changing its form and encrypting it on the way.
    fn stage(
        &self,
        change: Option<Change>,
        encryptor: Option<Encryptor>,
        reader: &mut BlockingReader,
    ) -> io::Result<Stored> {
        let mut staged = match &self.directory {
            Some(folder) => Staged::Named(tempfile::Builder::new().prefix(".cove-").tempfile_in(folder)?),
            None => Staged::Spooled { file: tempfile::tempfile_in(&self.options.spool)?, size: 0 },
        };
        let file = match &staged {
            Staged::Named(file) => file.as_file().try_clone()?,
            Staged::Spooled { file, .. } => file.try_clone()?,
        };
        let hasher = Hasher::new(DigestAlgorithm::Sha256);
        let mut output = HashingWriter { inner: file, hasher, count: 0, encryptor };
        let mut annotations = BTreeMap::new();
        match change {
            Some(change) => annotations = change.apply(reader, &mut output)?,
            None => copy(reader, &mut output)?,
        }
        output.inner.flush()?;
        let length = output.count;
        if let Staged::Spooled { file, size } = &mut staged {
            *size = length;
            file.rewind()?;
        }
        let digest = output.hasher.finish();
        Ok(Stored { digest, size: length, annotations, staged, encryptor: output.encryptor })
    }
}

fn copy(reader: &mut (impl Read + ?Sized), writer: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; 256 << 10];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => writer.write_all(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
}

/// Reads on to the end, where verification has its say.
fn drained(reader: &mut impl Read) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(drop)
}

/// A layer in a temporary file.
struct Stored {
    digest: Digest,
    size: u64,
    annotations: BTreeMap<String, String>,
    staged: Staged,
    encryptor: Option<Encryptor>,
}

/// Encrypts where that is asked for, and hashes what is written.
struct HashingWriter {
    inner: std::fs::File,
    hasher: Hasher,
    count: u64,
    encryptor: Option<Encryptor>,
}

impl Write for HashingWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if let Some(encryptor) = &mut self.encryptor {
            let mut sealed = data.to_vec();
            encryptor.update(&mut sealed);
            self.inner.write_all(&sealed)?;
            self.hasher.update(&sealed);
            self.count += sealed.len() as u64;
            return Ok(data.len());
        }
        let count = self.inner.write(data)?;
        self.hasher.update(&data[..count]);
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_begun_can_be_filled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let begin = || {
            let options = ArchiveOptions::new(ArchiveFormat::Dir, folder.path());
            ArchiveWriter::create(&path, true, options)
        };
        drop(begin().unwrap());
        // What an interrupted copy has staged.
        fs::write(path.join(".cove-abc"), "part").unwrap();
        begin().unwrap().finish().unwrap();
        assert!(path.join(VERSION).is_file() && !path.join(".cove-abc").exists());

        let other = folder.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("data"), "important").unwrap();
        let options = ArchiveOptions::new(ArchiveFormat::Dir, folder.path());
        assert!(ArchiveWriter::create(&other, true, options).is_err());
        assert!(!other.join(VERSION).exists());
    }
}
