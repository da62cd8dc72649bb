//! What an archive holds besides layers: configurations, manifests and the lists of images.

use std::collections::{BTreeMap, HashSet};
use std::io;

use cove_archive::Digest;
use serde_json::json;

use super::sink::Sink;
use super::source::ArchiveFormat;
use super::{docker, oci};
use crate::image::FinishedImage;
use crate::manifest::Descriptor;

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
    pub(super) fn commit(&mut self, format: ArchiveFormat, image: &FinishedImage) -> io::Result<()> {
        match format {
            ArchiveFormat::Docker => self.commit_docker(image),
            ArchiveFormat::Oci => self.commit_oci(image),
            ArchiveFormat::Dir => self.commit_dir(image),
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

    fn commit_oci(&mut self, image: &FinishedImage) -> io::Result<()> {
        self.put(oci::blob_path(&image.parsed.config.digest), &image.config)?;
        let digest = image.manifest.digest();
        self.put(oci::blob_path(&digest), &image.manifest.bytes)?;
        let entry = Descriptor::of(image.parsed.media_type(), &image.manifest.bytes);
        if image.names.is_empty() {
            self.index.retain(|other| other.digest != digest || oci::written_name(other).is_some());
            self.index.push(entry);
            return Ok(());
        }
        for name in &image.names {
            let text = name.to_string();
            self.index.retain(|other| oci::written_name(other) != Some(text.as_str()));
            let mut named = entry.clone();
            named.annotations.insert(oci::REF_NAME.into(), text);
            self.index.push(named);
        }
        Ok(())
    }

    fn commit_dir(&mut self, image: &FinishedImage) -> io::Result<()> {
        self.put(image.parsed.config.digest.hex().to_owned(), &image.config)?;
        self.put("version".into(), b"Directory Transport Version: 1.1\n")?;
        self.put(docker::MANIFEST.into(), &image.manifest.bytes)
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
            ArchiveFormat::Dir => (),
        }
        if let Sink::Tar(tar) = sink {
            tar.finish()?;
        }
        Ok(())
    }
}
