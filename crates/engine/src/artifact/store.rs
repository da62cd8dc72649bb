//! The layout: `index.json` names manifests, `blobs/` holds them and the files. Who changes the index holds `index.lock`.

use std::collections::HashSet;
use std::io::Read;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use cove_api::{Artifact, Error, ErrorKind, Result};
use cove_registry::manifest::{Descriptor, media_type};
use cove_registry::{Digest, DigestAlgorithm, Hasher, Reference};
use cove_storage::{LockedFile, lock_file};
use cove_sys::fs;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use serde_json::{Value, json};

use crate::engine::Core;
use crate::error::storage;

const INDEX: &str = "index.json";
const LAYOUT: &str = "oci-layout";
const NAME: &str = "org.opencontainers.image.ref.name";
/// How much of a file is kept to guess its type by.
const BEGINNING: usize = 512;
/// Longest index or manifest that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The artifacts of this engine.
pub(super) struct ArtifactStore {
    folder: PathBuf,
}

/// A file that was put into the store.
pub(super) struct Put {
    pub(super) digest: Digest,
    /// Bytes.
    pub(super) size: u64,
    pub(super) beginning: Vec<u8>,
}

/// One line of the index.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    /// Empty for one without a name.
    pub(super) name: String,
    value: Value,
}

impl Entry {
    pub(super) fn new(name: &str, manifest: &[u8], artifact_type: &str) -> Self {
        let mut descriptor = Descriptor::of(media_type::OCI_MANIFEST, manifest);
        descriptor.annotations.insert(NAME.into(), name.into());
        let mut value = json!(descriptor);
        if !artifact_type.is_empty() {
            value["artifactType"] = json!(artifact_type);
        }
        Self { digest: descriptor.digest, name: name.to_owned(), value }
    }

    fn of(value: Value) -> Option<Self> {
        let digest = value["digest"].as_str()?.parse().ok()?;
        let name = value["annotations"][NAME].as_str().unwrap_or_default().to_owned();
        Some(Self { digest, name, value })
    }

    /// The artifact without its manifest.
    pub(super) fn bare(&self) -> Artifact {
        Artifact { digest: self.digest.to_string(), name: self.name.clone(), manifest: Value::Null }
    }
}

/// The error for an artifact that is not there, in podman's words.
pub(super) fn missing(name: &str) -> Error {
    Error::not_found(format!("{name}: artifact does not exist"))
}

/// A name that an artifact may have: whole, with its registry.
pub(super) fn whole_name(name: &str) -> Result<Reference> {
    let parsed = Reference::parse(name)?;
    if parsed.to_string() != name {
        return Err(Error::invalid(format!(
            "{name}: repository name must be canonical: say the registry, too, such as quay.io/org/name or localhost/name"
        )));
    }
    if parsed.tag().is_some() && parsed.digest().is_some() {
        return Err(Error::invalid(format!("{name}: reference cannot be tagged and digested")));
    }
    Ok(if parsed.digest().is_some() { parsed } else { parsed.or_latest() })
}

impl ArtifactStore {
    /// The store, which need not be there: who reads makes nothing.
    pub(super) fn open(core: &Core) -> Result<Self> {
        Ok(Self { folder: core.store()?.graph_root().join("artifacts") })
    }

    /// Makes what is missing.
    fn ensure(&self) -> Result<()> {
        let blobs = self.folder.join("blobs/sha256");
        if fs::metadata(&blobs).is_err() {
            crate::state::make_private(&self.folder)
                .map_err(|error| Error::from(error).context(self.folder.display()))?;
            fs::create_dir_all(&blobs)?;
        }
        Ok(())
    }

    /// Keeps others from changing the index.
    pub(super) fn lock(&self) -> Result<LockedFile> {
        self.ensure()?;
        lock_file(&self.folder.join("index.lock")).map_err(storage)
    }

    /// The same where there is a store; where there is none, nothing can be changed.
    pub(super) fn lock_existing(&self) -> Result<Option<LockedFile>> {
        self.folder.is_dir().then(|| self.lock()).transpose()
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    /// Whether a blob of that size is there.
    pub(super) fn has(&self, blob: &Descriptor) -> bool {
        fs::metadata(self.blob(&blob.digest)).is_ok_and(|found| found.is_file() && found.len() == blob.size)
    }

    /// Opens a blob.
    pub(super) fn open_blob(&self, digest: &Digest) -> Result<fs::File> {
        Ok(fs::File::open(self.blob(digest))?)
    }

    /// What the index names.
    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        let path = self.folder.join(INDEX);
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let damaged = || Error::internal(format!("{}: the index of artifacts is damaged", path.display()));
        let index: Value = serde_json::from_slice(&text).map_err(|_| damaged())?;
        let entries = index["manifests"].as_array().cloned().unwrap_or_default();
        entries.into_iter().map(|value| Entry::of(value).ok_or_else(damaged)).collect()
    }

    /// Replaces the index. The lock must be held.
    pub(super) fn write(&self, _lock: &LockedFile, entries: &[Entry]) -> Result<()> {
        let layout = self.folder.join(LAYOUT);
        if fs::metadata(&layout).is_err() {
            cove_sys::atomic::write(&layout, br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644)?;
        }
        let manifests: Vec<&Value> = entries.iter().map(|entry| &entry.value).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
        Ok(cove_sys::atomic::write(&self.folder.join(INDEX), index.to_string().as_bytes(), 0o644)?)
    }

    /// Stores a blob; it gets its name when it is complete. `expected` is what it must be.
    pub(super) fn put(&self, mut data: impl Read, expected: Option<&Digest>) -> Result<Put> {
        self.ensure()?;
        let folder = self.folder.join("blobs/sha256");
        let staged = Staged::in_folder(&folder)?;
        let file = &staged.file;
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        let (mut size, mut beginning) = (0_u64, Vec::new());
        let mut piece = vec![0; 256 << 10];
        loop {
            let count = match data.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if beginning.len() < BEGINNING {
                beginning.extend_from_slice(&piece[..count.min(BEGINNING - beginning.len())]);
            }
            hasher.update(&piece[..count]);
            std::io::Write::write_all(&mut &*file, &piece[..count])?;
            size += count as u64;
        }
        let digest = hasher.finish();
        if let Some(expected) = expected.filter(|expected| **expected != digest) {
            return Err(Error::invalid(format!("blob {expected} has the digest {digest}")));
        }
        rustix::fs::fchmod(file, Mode::from(0o644)).map_err(std::io::Error::from)?;
        file.sync_data()?;
        staged.keep(&self.blob(&digest))?;
        Ok(Put { digest, size, beginning })
    }

    /// The manifest of an entry.
    pub(super) fn manifest(&self, entry: &Entry) -> Result<Vec<u8>> {
        let text = read_bounded(&self.blob(&entry.digest))?;
        if Digest::sha256(&text) != entry.digest {
            return Err(Error::internal(format!("artifact {}: its manifest is damaged", entry.digest)));
        }
        Ok(text)
    }

    /// The artifact of an entry.
    pub(super) fn artifact(&self, entry: &Entry) -> Result<Artifact> {
        let manifest = serde_json::from_slice(&self.manifest(entry)?)
            .map_err(|_| Error::internal(format!("artifact {}: its manifest is damaged", entry.digest)))?;
        Ok(Artifact { digest: entry.digest.to_string(), name: entry.name.clone(), manifest })
    }

    /// Removes blobs that no entry needs. The lock must be held.
    pub(super) fn collect(&self, _lock: &LockedFile, entries: &[Entry], candidates: &[Digest]) -> Result<()> {
        let mut needed: HashSet<Digest> = HashSet::new();
        for entry in entries {
            match self.blobs_of(entry) {
                Ok(blobs) => needed.extend(blobs),
                // What that one needs is not known, so nothing goes.
                Err(error) => {
                    tracing::warn!("{error}: blobs that nothing may need any more are kept");
                    return Ok(());
                }
            }
        }
        for digest in candidates.iter().filter(|digest| !needed.contains(digest)) {
            match fs::remove_file(self.blob(digest)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what former artifacts alone needed, after the index was written: what stays costs room and nothing else.
    pub(super) fn clear(&self, lock: &LockedFile, entries: &[Entry], former: &[Entry]) {
        for entry in former {
            // One whose manifest is lost can be removed nevertheless.
            let blobs = self.blobs_of(entry).unwrap_or_else(|_| vec![entry.digest.clone()]);
            if let Err(error) = self.collect(lock, entries, &blobs) {
                tracing::warn!("removing what artifact {} had: {error}", entry.digest);
            }
        }
    }

    /// Its manifest and all that this names.
    pub(super) fn blobs_of(&self, entry: &Entry) -> Result<Vec<Digest>> {
        let artifact = self.artifact(entry)?;
        let named = std::iter::once(&artifact.manifest["config"]).chain(artifact.files());
        let digests = named.filter_map(|blob| blob["digest"].as_str()?.parse().ok());
        Ok(std::iter::once(entry.digest.clone()).chain(digests).collect())
    }
}

/// A file that is not complete yet. It has no name, so that nothing of it is left when this process dies; where the file
/// system has no such files it has one that no blob has.
struct Staged {
    file: std::fs::File,
    name: Option<PathBuf>,
}

impl Staged {
    fn in_folder(folder: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let failed = |errno| Error::from(std::io::Error::from(errno)).context(folder.display());
        match rustix::fs::open(folder, flags | OFlags::TMPFILE, Mode::from(0o600)) {
            Ok(file) => Ok(Self { file: file.into(), name: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => {
                let name = folder.join(format!(".new-{}", cove_storage::random_id().map_err(storage)?));
                let file = rustix::fs::open(&name, flags | OFlags::CREATE | OFlags::EXCL, Mode::from(0o600));
                Ok(Self { file: file.map_err(failed)?.into(), name: Some(name) })
            }
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Gives it its name; a file that has this name already is the same.
    fn keep(mut self, path: &Path) -> Result<()> {
        if let Some(name) = self.name.take() {
            return Ok(fs::rename(name, path)?);
        }
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match rustix::fs::linkat(CWD, own.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(Error::from(std::io::Error::from(errno)).context(path.display())),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = fs::remove_file(name);
        }
    }
}

/// The position of the artifact of that name, name with a digest, or beginning of a digest.
pub(super) fn find(entries: &[Entry], name: &str) -> Result<usize> {
    if name.is_empty() {
        return Err(Error::invalid("an artifact must be named"));
    }
    if let Ok(reference) = whole_name(name) {
        let wanted = reference.to_string();
        let found = entries.iter().position(|entry| match reference.digest() {
            None => entry.name == wanted,
            Some(digest) => {
                entry.digest == *digest
                    && Reference::parse(&entry.name).is_ok_and(|own| own.name() == reference.name())
            }
        });
        return found.ok_or_else(|| missing(&wanted));
    }
    let start = name.strip_prefix("sha256:").unwrap_or(name);
    if start.is_empty() {
        return Err(missing(name));
    }
    let mut found = (0..entries.len()).filter(|index| entries[*index].digest.hex().starts_with(start));
    match (found.next(), found.next()) {
        (None, _) => Err(missing(name)),
        (Some(index), None) => Ok(index),
        (Some(_), Some(_)) => {
            let names: Vec<&str> = entries
                .iter()
                .filter(|entry| entry.digest.hex().starts_with(start))
                .map(|entry| entry.name.as_str())
                .collect();
            Err(Error::invalid(format!(
                "multiple artifacts found with matching digest: {:?}",
                names.join(",")
            )))
        }
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(Error::internal(format!("{} is too long", path.display())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole() {
        assert_eq!(whole_name("quay.io/a/b").unwrap().to_string(), "quay.io/a/b:latest");
        assert_eq!(whole_name("localhost/b:1").unwrap().to_string(), "localhost/b:1");
        for name in ["b", "a/b", "docker.io/b", "quay.io/B"] {
            assert!(whole_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn artifacts_are_found_by_name_and_digest() {
        let entries = [Entry::new("quay.io/a/b:1", b"one", ""), Entry::new("quay.io/a/c:1", b"two", "")];
        assert_eq!(find(&entries, "quay.io/a/c:1").unwrap(), 1);
        let digest = entries[0].digest.clone();
        assert_eq!(find(&entries, &digest.hex()[..12]).unwrap(), 0);
        assert_eq!(find(&entries, &format!("quay.io/a/b@{digest}")).unwrap(), 0);
        for name in
            ["quay.io/a/b", "quay.io/a/c@sha256:00", "zzz", "sha256:", &format!("quay.io/a/c@{digest}")]
        {
            assert!(find(&entries, name).is_err(), "{name}");
        }
    }
}
