//! What an archive holds besides layers: configurations, manifests and the lists of images.

use std::collections::{BTreeMap, HashSet};
use std::io;

use cove_archive::Digest;
use serde_json::json;

use super::sink::Sink;
use super::source::ArchiveFormat;
use super::{docker, oci};
use crate::image::FinishedImage;
use crate::manifest::{Descriptor, RawManifest};
use crate::reference::Reference;
use crate::trust::Signature;

/// The file that tells a `dir:` folder, and what is in it.
pub(super) const VERSION: &str = "version";
pub(super) const VERSION_TEXT: &[u8] = b"Directory Transport Version: 1.1\n";

/// The file or directory in the making, and what is in it so far.
pub(super) struct State {
    pub(super) sink: Option<Sink>,
    pub(super) written: HashSet<String>,
    items: Vec<docker::Item>,
    repositories: BTreeMap<String, BTreeMap<String, String>>,
    index: Vec<Descriptor>,
    /// Something broke in the middle of the tar stream.
    pub(super) broken: bool,
}

impl State {
    /// Nothing is written yet; `index` is what a layout that grows holds already.
    pub(super) fn new(sink: Sink, index: Vec<Descriptor>) -> Self {
        Self {
            sink: Some(sink),
            written: HashSet::new(),
            items: Vec::new(),
            repositories: BTreeMap::new(),
            index,
            broken: false,
        }
    }

    /// Writes what an image is besides its layers.
    pub(super) fn commit(
        &mut self,
        format: ArchiveFormat,
        image: &FinishedImage,
        written: Option<&str>,
    ) -> io::Result<()> {
        match format {
            ArchiveFormat::Docker => self.commit_docker(image),
            ArchiveFormat::Oci => self.commit_oci(image, written),
            ArchiveFormat::Dir => self.commit_dir(image),
        }
    }

    /// Writes a list, whose images are written.
    pub(super) fn commit_list(
        &mut self,
        format: ArchiveFormat,
        list: &RawManifest,
        signatures: &[Signature],
        names: &[Reference],
        written: Option<&str>,
    ) -> io::Result<()> {
        match format {
            ArchiveFormat::Docker => Err(io::Error::other("a docker-archive has no lists")),
            ArchiveFormat::Oci => {
                self.put(oci::blob_path(&list.digest()), &list.bytes)?;
                self.enter(&Descriptor::of(&list.media_type, &list.bytes), names, written);
                Ok(())
            }
            ArchiveFormat::Dir => {
                self.put(VERSION.into(), VERSION_TEXT)?;
                self.put_signatures("", signatures)?;
                self.put(docker::MANIFEST.into(), &list.bytes)
            }
        }
    }

    /// One file, unless it is there already.
    fn put(&mut self, name: String, data: &[u8]) -> io::Result<()> {
        if self.written.contains(&name) {
            return Ok(());
        }
        let sink = self.sink.as_mut().ok_or_else(|| io::Error::other("it is finished already"))?;
        if let Err(error) = sink.put_bytes(&name, data) {
            self.broken = true;
            return Err(error);
        }
        self.written.insert(name);
        Ok(())
    }

    fn commit_docker(&mut self, image: &FinishedImage) -> io::Result<()> {
        let config_name = format!("{}.json", image.parsed.config.digest.hex());
        self.put(config_name.clone(), &image.config)?;
        let top = self.legacy_layers(image)?;
        let layers: Vec<String> =
            image.parsed_config.diff_ids().iter().map(|digest| format!("{}.tar", digest.hex())).collect();
        let mut tags: Vec<String> = Vec::new();
        for name in &image.names {
            let name = name.clone().without_digest().or_latest();
            tags.push(name.to_string());
            if let (Some(tag), Some(top)) = (name.tag(), &top) {
                self.repositories.entry(name.name()).or_default().insert(tag.into(), top.clone());
            }
        }
        match self.items.iter_mut().find(|item| item.config == config_name) {
            Some(item) => item.repo_tags.get_or_insert_default().extend(tags),
            None => self.items.push(docker::Item { config: config_name, repo_tags: Some(tags), layers }),
        }
        Ok(())
    }

    /// The folders of the format before `manifest.json`, which old versions of Docker and some tools read; gives the
    /// id of the top layer.
    fn legacy_layers(&mut self, image: &FinishedImage) -> io::Result<Option<String>> {
        let mut parent: Option<String> = None;
        let diff_ids = image.parsed_config.diff_ids();
        for (position, diff_id) in diff_ids.iter().enumerate() {
            let is_top = position + 1 == diff_ids.len();
            let seed = format!(
                "{} {diff_id} {}",
                parent.as_deref().unwrap_or_default(),
                if is_top { image.parsed.config.digest.hex() } else { "" }
            );
            let id = Digest::sha256(seed.as_bytes()).hex().to_owned();
            let mut value = if is_top {
                serde_json::from_slice(&image.config).unwrap_or_else(|_| json!({}))
            } else {
                json!({})
            };
            if let Some(object) = value.as_object_mut() {
                object.remove("history");
                object.remove("rootfs");
                object.insert("id".into(), json!(id));
                if let Some(parent) = &parent {
                    object.insert("parent".into(), json!(parent));
                }
            }
            if self.written.insert(format!("{id}/")) {
                let sink = self.sink.as_mut().ok_or_else(|| io::Error::other("it is finished already"))?;
                let result = sink
                    .folder(&id)
                    .and_then(|()| sink.put_bytes(&format!("{id}/VERSION"), b"1.0"))
                    .and_then(|()| sink.put_bytes(&format!("{id}/json"), value.to_string().as_bytes()))
                    .and_then(|()| {
                        sink.symlink(&format!("{id}/layer.tar"), &format!("../{}.tar", diff_id.hex()))
                    });
                if let Err(error) = result {
                    self.broken = true;
                    return Err(error);
                }
            }
            parent = Some(id);
        }
        Ok(parent)
    }

    fn commit_oci(&mut self, image: &FinishedImage, written: Option<&str>) -> io::Result<()> {
        self.put(oci::blob_path(&image.parsed.config.digest), &image.config)?;
        self.put(oci::blob_path(&image.manifest.digest()), &image.manifest.bytes)?;
        if !image.in_list {
            let entry = Descriptor::of(image.parsed.media_type(), &image.manifest.bytes);
            self.enter(&entry, &image.names, written);
        }
        Ok(())
    }

    /// Enters an image or a list into the layout's index: under `written`, else under its names, else without one.
    fn enter(&mut self, entry: &Descriptor, names: &[Reference], written: Option<&str>) {
        let names: Vec<String> = match written {
            Some(written) => vec![written.to_owned()],
            None => names.iter().map(ToString::to_string).collect(),
        };
        if names.is_empty() {
            self.index.retain(|other| other.digest != entry.digest || oci::written_name(other).is_some());
            self.index.push(entry.clone());
        }
        for name in names {
            self.index.retain(|other| oci::written_name(other) != Some(name.as_str()));
            let mut named = entry.clone();
            named.annotations.insert(oci::REF_NAME.into(), name);
            self.index.push(named);
        }
    }

    fn commit_dir(&mut self, image: &FinishedImage) -> io::Result<()> {
        self.put(image.parsed.config.digest.hex().to_owned(), &image.config)?;
        self.put(VERSION.into(), VERSION_TEXT)?;
        let (name, prefix) = match image.in_list {
            true => {
                let digest = image.manifest.digest();
                (format!("{}.manifest.json", digest.hex()), format!("{}.", digest.hex()))
            }
            false => (docker::MANIFEST.to_owned(), String::new()),
        };
        self.put_signatures(&prefix, &image.signatures)?;
        self.put(name, &image.manifest.bytes)
    }

    fn put_signatures(&mut self, prefix: &str, signatures: &[Signature]) -> io::Result<()> {
        for (position, signature) in signatures.iter().enumerate() {
            self.put(format!("{prefix}signature-{}", position + 1), &signature.to_bytes())?;
        }
        Ok(())
    }

    /// Writes the lists of what is in it, and the end.
    pub(super) fn finish(&mut self, format: ArchiveFormat) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("a layer broke off, so the archive is not usable"));
        }
        let Some(mut sink) = self.sink.take() else { return Ok(()) };
        match format {
            ArchiveFormat::Docker => {
                if !self.repositories.is_empty() {
                    sink.put_bytes("repositories", json!(self.repositories).to_string().as_bytes())?;
                }
                sink.put_bytes(docker::MANIFEST, json!(self.items).to_string().as_bytes())?;
            }
            ArchiveFormat::Oci => {
                sink.put_bytes(oci::LAYOUT, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
                let index = oci::Index { schema_version: 2, manifests: std::mem::take(&mut self.index) };
                sink.put_bytes(oci::INDEX, json!(index).to_string().as_bytes())?;
            }
            ArchiveFormat::Dir => sink.tidy(&self.written)?,
        }
        if let Sink::Tar(tar) = sink {
            tar.finish()?;
        }
        Ok(())
    }
}
