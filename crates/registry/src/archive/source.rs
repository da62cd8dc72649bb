//! Archives, layouts and directories as sources.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cove_archive::Digest;
use cove_sys::fs;

use super::content::{Content, Section};
use super::{docker, oci};
use crate::error::{Error, Result};
use crate::image::{BlobStream, ImageSource};
use crate::manifest::{Descriptor, MAX_MANIFEST, RawManifest};
use crate::reference::Reference;
use crate::trust::{MAX_SIGNATURE, MAX_SIGNATURES, Signature};

/// The forms in which images lie in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// `docker-archive:`, what `docker save` writes.
    Docker,
    /// `oci-archive:` and `oci:`.
    Oci,
    /// `dir:`, one image's blobs in one directory.
    Dir,
}

impl fmt::Display for ArchiveFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Docker => "a docker-archive",
            Self::Oci => "an OCI layout",
            Self::Dir => "a dir: folder",
        })
    }
}

/// An image archive, OCI layout or `dir:` directory, opened for reading.
pub struct Archive {
    content: Arc<Content>,
    format: ArchiveFormat,
    images: Vec<Image>,
}

enum Entry {
    Docker(docker::Item),
    Oci(Descriptor),
    Dir,
}

struct Image {
    names: Vec<Reference>,
    written: Vec<String>,
    entry: Entry,
}

pub(super) enum Lookup {
    Sections(HashMap<Digest, Section>),
    Oci,
    Dir,
}

impl Archive {
    /// Opens `path`, a file or a directory, and finds out its format. A packed archive (gzip, zstd, xz, bzip2) is unpacked into
    /// an unnamed file in `spool`. Blocks.
    ///
    /// # Errors
    /// The file cannot be read, or is no image archive.
    pub fn open(path: &Path, spool: &Path) -> Result<Self> {
        Self::from_content(Content::open(path, spool)?)
    }

    /// As [`Archive::open`], for a layout whose blobs are in `blobs`, by algorithm and digest.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_with_blobs(path: &Path, spool: &Path, blobs: Option<&Path>) -> Result<Self> {
        Self::from_content(Content::open(path, spool)?.with_blobs(blobs))
    }

    /// Takes an archive from a stream, such as the standard input, into an unnamed file in `spool`. `name` stands
    /// for it in messages. Blocks.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn from_reader(name: &Path, reader: impl Read, spool: &Path) -> Result<Self> {
        Self::from_content(Content::from_reader(name, reader, spool)?)
    }

    fn from_content(content: Content) -> Result<Self> {
        let mut images = Vec::new();
        let format = if let Some(items) = docker::items(&content)? {
            for item in items {
                images.push(Image {
                    names: docker::names(&content, &item)?,
                    written: item.repo_tags.iter().flatten().cloned().collect(),
                    entry: Entry::Docker(item),
                });
            }
            ArchiveFormat::Docker
        } else if let Some(entries) = oci::entries(&content)? {
            images.extend(entries.into_iter().map(|entry| Image {
                names: oci::name(&entry).into_iter().collect(),
                written: oci::written_name(&entry).map(str::to_owned).into_iter().collect(),
                entry: Entry::Oci(entry),
            }));
            ArchiveFormat::Oci
        } else if content.is_directory() && content.find(docker::MANIFEST)?.is_some() {
            images.push(Image { names: Vec::new(), written: Vec::new(), entry: Entry::Dir });
            ArchiveFormat::Dir
        } else {
            return Err(Error::archive(
                &content.path,
                "no image archive: it has neither manifest.json (docker-archive) nor index.json with oci-layout (oci-archive)",
            ));
        };
        Ok(Self { content: Arc::new(content), format, images })
    }

    /// Its format.
    pub fn format(&self) -> ArchiveFormat {
        self.format
    }

    /// How many images it holds.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The names of the image at `position` as they are written in the archive.
    pub fn written_names(&self, position: usize) -> &[String] {
        self.images.get(position).map_or(&[], |image| image.written.as_slice())
    }

    /// The names of the image at `position`.
    pub fn names(&self, position: usize) -> &[Reference] {
        self.images.get(position).map_or(&[], |image| image.names.as_slice())
    }

    /// The position of the image that a location such as `oci-archive:PATH:NAME` names: by its written or its full
    /// name, or `@POSITION`; without a name, the only one.
    ///
    /// # Errors
    /// [`Error::NotInArchive`].
    pub fn find(&self, name: Option<&str>) -> Result<usize> {
        let missing = |name: &str| Error::NotInArchive {
            path: self.content.path.clone(),
            name: name.into(),
            available: self
                .images
                .iter()
                .map(|image| image.written.first().map_or("an image without a name", String::as_str))
                .take(20)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let Some(name) = name else {
            return match self.images.len() {
                1 => Ok(0),
                0 => Err(Error::archive(&self.content.path, "it holds no image")),
                _ => Err(missing("(none named, and there are several)")),
            };
        };
        if let Some(position) = name.strip_prefix('@') {
            return position
                .parse()
                .ok()
                .filter(|position| *position < self.images.len())
                .ok_or_else(|| missing(name));
        }
        let parsed = Reference::parse(name).ok().map(Reference::or_latest);
        self.images
            .iter()
            .position(|image| {
                image.written.iter().any(|written| written == name)
                    || parsed.as_ref().is_some_and(|parsed| image.names.contains(parsed))
            })
            .ok_or_else(|| missing(name))
    }

    /// The image at `position` as a source. Blocks: it reads the image's configuration.
    ///
    /// # Errors
    /// The archive is damaged, or has no such position.
    pub fn source(&self, position: usize) -> Result<ArchiveSource> {
        let content = self.content.clone();
        let image = self.images.get(position).ok_or_else(|| Error::NotInArchive {
            path: content.path.clone(),
            name: format!("@{position}"),
            available: format!("{} images", self.images.len()),
        })?;
        let (top, lookup, expected) = match &image.entry {
            Entry::Docker(item) => {
                let (manifest, lookup) = docker::resolve(&content, item)?;
                (manifest, lookup, None)
            }
            Entry::Oci(entry) => (oci::manifest(&content, entry)?, Lookup::Oci, Some(entry.digest.clone())),
            Entry::Dir => {
                let data = content.read(docker::MANIFEST, MAX_MANIFEST)?.unwrap_or_default();
                (RawManifest::new(data, ""), Lookup::Dir, None)
            }
        };
        let name = match image.written.first() {
            Some(written) => format!("{}: {written}", content.path.display()),
            None => content.path.display().to_string(),
        };
        Ok(ArchiveSource { content, name, top, lookup, expected })
    }
}

/// One image of an [`Archive`].
pub struct ArchiveSource {
    content: Arc<Content>,
    name: String,
    top: RawManifest,
    lookup: Lookup,
    expected: Option<Digest>,
}

#[async_trait]
impl ImageSource for ArchiveSource {
    fn name(&self) -> String {
        // A digest or name from the archive must not carry control characters to a terminal.
        self.name.chars().filter(|character| !character.is_control()).collect()
    }

    async fn manifest(&self, instance: Option<&Descriptor>) -> Result<RawManifest> {
        let Some(entry) = instance else { return Ok(self.top.clone()) };
        match &self.lookup {
            Lookup::Oci => oci::manifest(&self.content, entry),
            Lookup::Dir => {
                let file = format!("{}.manifest.json", entry.digest.hex());
                let data = self
                    .content
                    .read(&file, MAX_MANIFEST)?
                    .ok_or_else(|| Error::archive(&self.content.path, format!("{file} is missing")))?;
                Ok(RawManifest::new(data, &entry.media_type))
            }
            Lookup::Sections(_) => Err(Error::archive(&self.content.path, "a docker-archive has no index")),
        }
    }

    async fn blob(&self, blob: &Descriptor) -> Result<BlobStream> {
        let (section, name) = match &self.lookup {
            Lookup::Sections(sections) => (sections.get(&blob.digest).cloned(), blob.digest.to_string()),
            Lookup::Oci => {
                let path = oci::blob_path(&blob.digest);
                (self.content.find(&path)?, path)
            }
            Lookup::Dir => (self.content.find(blob.digest.hex())?, blob.digest.hex().to_owned()),
        };
        let section =
            section.ok_or_else(|| Error::archive(&self.content.path, format!("{name} is missing")))?;
        Ok(section.stream())
    }

    fn policy_scope(&self) -> (&'static str, String) {
        let transport = match (&self.lookup, self.content.is_directory()) {
            (Lookup::Sections(_), _) => "docker-archive",
            (Lookup::Oci, false) => "oci-archive",
            (Lookup::Oci, true) => "oci",
            (Lookup::Dir, _) => "dir",
        };
        let path = fs::canonicalize(&self.content.path).unwrap_or_else(|_| self.content.path.clone());
        (transport, path.display().to_string())
    }

    async fn signatures(&self, manifest: &Digest, of_entry: bool) -> Result<Vec<Signature>> {
        // The other forms have no place for them.
        if !matches!(self.lookup, Lookup::Dir) {
            return Ok(Vec::new());
        }
        let prefix = if of_entry { format!("{}.", manifest.hex()) } else { String::new() };
        let mut found = Vec::new();
        for number in 1..=MAX_SIGNATURES {
            let file = format!("{prefix}signature-{number}");
            let Some(data) = self.content.read(&file, MAX_SIGNATURE)? else { break };
            let subject = self.content.path.join(&file).display().to_string();
            found.push(Signature::from_bytes(&subject, &data)?);
        }
        Ok(found)
    }

    fn expected_digest(&self) -> Option<Digest> {
        self.expected.clone()
    }
}
