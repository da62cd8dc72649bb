//! Copying what a name stands for: one image, or a list with its images.

use std::collections::HashMap;

use async_trait::async_trait;
use cove_api::ListSelection;
use cove_archive::Digest;

use super::event::CopyEvent;
use super::signatures::{kept_signatures, signatures_must_not_change, signed_name};
use super::{CopyOptions, Place, copy_image, copy_resolved, must_not_change};
use crate::error::{Error, Result};
use crate::image::{BlobStream, ImageDestination, ImageSource};
use crate::manifest::{self, Descriptor, Document, ManifestFormat, ManifestList, RawManifest};
use crate::resolve::top_manifest;
use crate::trust::{Signature, admit, check_rejected};

/// Copies an image, or of a list what is selected; answers the manifest as stored. Dropping the future cancels it.
///
/// # Errors
/// As [`copy_image`], or the destination has no place for a list.
pub async fn copy_images(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    selection: ListSelection,
    options: &CopyOptions,
) -> Result<RawManifest> {
    if selection != ListSelection::System {
        check_rejected(&options.policy, source)?;
        let image = source.name();
        let top = top_manifest(source).await?;
        if let Document::Index(index) = manifest::parse(&top, &image)?
            && let Some(list) = ManifestList::parse(&top, &image)?
        {
            // A folder does not say what its manifest is.
            let top = RawManifest::new(top.bytes, ManifestList::media_type(index.format));
            let copying = ListCopy { source, destination, options, top, format: index.format };
            return copying.run(list, selection == ListSelection::All).await;
        }
    }
    Ok(copy_image(source, destination, options).await?.manifest)
}

struct ListCopy<'a> {
    source: &'a dyn ImageSource,
    destination: &'a dyn ImageDestination,
    options: &'a CopyOptions,
    top: RawManifest,
    format: ManifestFormat,
}

impl ListCopy<'_> {
    async fn run(self, list: ManifestList, with_images: bool) -> Result<RawManifest> {
        let image = self.source.name();
        if !self.destination.takes_anything() {
            return Err(Error::Unsupported {
                subject: image,
                what: "copying multiple images: the destination transport takes one image at a time, and a list of them as a group"
                    .into(),
            });
        }
        admit(&self.options.policy, self.source, &self.top, false).await?;
        let signed_name = signed_name(self.destination, &self.options.signing)?;
        let mut signatures = match self.options.keep_signatures {
            true => kept_signatures(self.source, self.destination, &self.top, false).await?,
            false => Vec::new(),
        };
        let format = self.format(&list)?;
        if format.is_some() && !signatures.is_empty() {
            return Err(signatures_must_not_change(image));
        }
        let changed = match with_images {
            true => self.images(&list).await?,
            false => HashMap::new(),
        };
        if !changed.is_empty() && !signatures.is_empty() {
            return Err(signatures_must_not_change(image));
        }
        let raw = self.rewritten(list, format, &changed);
        if let Some(name) = signed_name {
            for signer in &self.options.signing.signers {
                signatures.push(signer.sign(&raw.digest(), &name).await?);
            }
        }
        self.options.emit(CopyEvent::ListStarted);
        self.destination.commit_list(raw.clone(), self.options.names.clone(), signatures).await?;
        self.options.emit(CopyEvent::ManifestDone { digest: raw.digest() });
        Ok(raw)
    }

    /// The family of the list at the destination; `None` keeps it.
    fn format(&self, list: &ManifestList) -> Result<Option<ManifestFormat>> {
        let formats = self.destination.formats();
        let Some(format) = formats.first().filter(|_| !formats.contains(&self.format)).copied() else {
            return Ok(None);
        };
        if self.options.preserve_digests {
            return Err(must_not_change(&self.source.name()));
        }
        if format == ManifestFormat::Docker
            && let Some(what) = list.lost_to_docker()
        {
            return Err(Error::Unsupported {
                subject: self.source.name(),
                what: format!("a list with {what} in Docker's format"),
            });
        }
        Ok(Some(format))
    }

    /// Copies every image; answers the manifests that are others now, by the digests that they had.
    async fn images(&self, list: &ManifestList) -> Result<HashMap<Digest, RawManifest>> {
        let mut wanted: Vec<Descriptor> = Vec::new();
        for entry in &list.manifests {
            let entry = Descriptor::new(&entry.media_type, entry.digest.clone(), entry.size);
            if !wanted.iter().any(|other| other.digest == entry.digest) {
                wanted.push(entry);
            }
        }
        let (images, count) = (list.manifests.len(), wanted.len());
        self.options.emit(CopyEvent::ListResolved { images, copied: count });
        let mut changed = HashMap::new();
        for (position, entry) in wanted.into_iter().enumerate() {
            let (digest, number) = (entry.digest.clone(), position + 1);
            self.options.emit(CopyEvent::InstanceStarted { digest: digest.clone(), number, count });
            let stored = self.image(entry).await?;
            if stored.digest() != digest {
                changed.insert(digest, stored);
            }
        }
        Ok(changed)
    }

    async fn image(&self, entry: Descriptor) -> Result<RawManifest> {
        let instance = Instance::new(self.source, entry);
        let raw = top_manifest(&instance).await?;
        let Document::Image(parsed) = manifest::parse(&raw, &instance.name())? else {
            return Err(Error::Unsupported {
                subject: instance.name(),
                what: "an index inside an index".into(),
            });
        };
        let options = CopyOptions { names: Vec::new(), ..self.options.clone() };
        let resolved = (raw, *parsed, None);
        let place = Place { of_entry: true, in_list: true };
        let report = copy_resolved(&instance, self.destination, &options, resolved, place).await?;
        Ok(report.manifest)
    }

    /// The list as it is stored: unchanged to the byte where that is possible.
    fn rewritten(
        &self,
        mut list: ManifestList,
        format: Option<ManifestFormat>,
        changed: &HashMap<Digest, RawManifest>,
    ) -> RawManifest {
        if changed.is_empty() && format.is_none() {
            return self.top.clone();
        }
        for entry in &mut list.manifests {
            if let Some(stored) = changed.get(&entry.digest) {
                entry.digest = stored.digest();
                entry.size = stored.bytes.len() as u64;
                entry.media_type.clone_from(&stored.media_type);
                // What stood here was the manifest as it was.
                entry.data.clear();
            }
        }
        list.to_raw(format.unwrap_or(self.format))
    }
}

/// One image of a list as a source of its own.
pub struct Instance<'a> {
    list: &'a dyn ImageSource,
    entry: Descriptor,
}

impl<'a> Instance<'a> {
    /// The image of `list` that `entry` names: of its digest, and no other.
    pub fn new(list: &'a dyn ImageSource, entry: Descriptor) -> Self {
        Self { list, entry }
    }
}

#[async_trait]
impl ImageSource for Instance<'_> {
    fn name(&self) -> String {
        format!("{}: {}", self.list.name(), self.entry.digest)
    }

    async fn manifest(&self, instance: Option<&Descriptor>) -> Result<RawManifest> {
        self.list.manifest(Some(instance.unwrap_or(&self.entry))).await
    }

    async fn blob(&self, blob: &Descriptor) -> Result<BlobStream> {
        self.list.blob(blob).await
    }

    fn policy_scope(&self) -> (&'static str, String) {
        self.list.policy_scope()
    }

    async fn signatures(&self, manifest: &Digest, _of_entry: bool) -> Result<Vec<Signature>> {
        self.list.signatures(manifest, true).await
    }

    fn expected_digest(&self) -> Option<Digest> {
        Some(self.entry.digest.clone())
    }
}
