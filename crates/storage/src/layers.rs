//! Layers: staging, committing, finding, deleting.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use cove_archive::{Compression, Digest};
use cove_sys::fs;

use crate::archive::{ExtractOptions, Extracted, extract};
use crate::dirs;
use crate::driver::Contents;
use crate::error::{Result, StorageError};
use crate::id::check_full_id;
use crate::record::Layer;
use crate::store::Store;
use crate::table::{Reading, STABLE, VOLATILE, Writing, lookup};
use crate::tempdir::TempDir;

/// What a layer must turn out to be.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// SHA-256 of the uncompressed archive.
    pub diff_id: Option<Digest>,
    /// SHA-256 of the stream as it comes. Leave it out where the reader verifies it.
    pub compressed_digest: Option<Digest>,
    /// Bytes of the stream as it comes.
    pub compressed_size: Option<u64>,
    /// Whether to hash the stream as it comes although nothing is expected of it.
    pub hash_compressed: bool,
}

/// A layer that is unpacked, verified and not yet part of the store. Dropping it removes it.
#[derive(Debug)]
pub struct StagedLayer {
    extracted: Extracted,
    directory: PathBuf,
    tar_split: PathBuf,
    // They remove themselves. Two, since the driver's home may be a mount of its own, out of which nothing
    // can be renamed.
    _layer_temp: TempDir,
    _split_temp: TempDir,
}

impl StagedLayer {
    /// SHA-256 of the uncompressed archive.
    #[must_use]
    pub fn diff_id(&self) -> &Digest {
        &self.extracted.diff_id
    }

    /// Everything known about the archive.
    #[must_use]
    pub fn extracted(&self) -> &Extracted {
        &self.extracted
    }
}

/// How a staged layer becomes part of the store.
#[derive(Debug)]
pub struct LayerCommit {
    /// The layer.
    pub staged: StagedLayer,
    /// The id it gets; `None` for [`layer_id`] of its parent and contents.
    pub id: Option<String>,
    /// The layer below.
    pub parent: Option<String>,
    /// Digest of the blob it came from, where staging did not compute it.
    pub compressed_digest: Option<Digest>,
    /// Bytes of the blob it came from, where they differ from what staging read.
    pub compressed_size: Option<u64>,
}

/// The id containers/image gives to a layer with that parent and contents, so that both find each other's.
#[must_use]
pub fn layer_id(parent: Option<&str>, diff_id: &Digest) -> String {
    match parent {
        None => diff_id.hex().to_owned(),
        Some(parent) => Digest::sha256(format!("{parent}+{}", diff_id.hex()).as_bytes()).hex().to_owned(),
    }
}

impl Store {
    /// Unpacks and verifies a layer, in one pass over the stream. Takes no lock: any number may be staged at
    /// a time, before or after their parents.
    ///
    /// The stream may be plain tar, or packed with gzip, zstd, xz or bzip2. Returns only when `reader` does, so give it a time-out.
    ///
    /// # Errors
    /// The stream is damaged, no tar, or not what was expected; the disk is full.
    pub fn stage_layer<R: Read + Send>(&self, reader: R, expect: &Expectations) -> Result<StagedLayer> {
        self.recover();
        let layer_temp = TempDir::new(&self.driver.temp_root())?;
        let split_temp = TempDir::new(&self.graph_dir("layers").join("tmp"))?;
        let directory = layer_temp.path().join("diff");
        dirs::create_exact(&directory, 0o755)?;
        let tar_split = split_temp.path().join("tar-split.gz");
        let options = ExtractOptions {
            whiteouts: self.driver.whiteouts(),
            user_namespace: self.rootless,
            ignore_chown_errors: self.ignore_chown_errors,
            hash_compressed: expect.hash_compressed || expect.compressed_digest.is_some(),
        };
        let extracted = extract(reader, &directory, &tar_split, &options)?;
        let differs = |what, expected: String, actual: String| {
            if expected == actual { Ok(()) } else { Err(StorageError::Mismatch { what, expected, actual }) }
        };
        if let Some(expected) = &expect.compressed_digest {
            let actual = extracted.compressed_digest.as_ref().map_or("", Digest::as_str);
            differs("the digest of the layer", expected.to_string(), actual.to_owned())?;
        }
        if let Some(expected) = expect.compressed_size {
            let actual = extracted.compressed_size;
            differs("the size of the layer", expected.to_string(), actual.to_string())?;
        }
        if let Some(expected) = &expect.diff_id {
            let actual = extracted.diff_id.to_string();
            differs("the digest of the uncompressed layer", expected.to_string(), actual)?;
        }
        Ok(StagedLayer { extracted, directory, tar_split, _layer_temp: layer_temp, _split_temp: split_temp })
    }

    /// Makes staged layers part of the store, all under one lock; each may be the parent of the next. A layer
    /// that the store has already is kept as it is, and the staged one dropped.
    ///
    /// # Errors
    /// A parent is missing, or a file could not be written; then none of them is committed.
    pub fn commit_layers(&self, commits: Vec<LayerCommit>) -> Result<Vec<Layer>> {
        let mut layers = self.write_layers()?;
        let mut done: Vec<Layer> = Vec::with_capacity(commits.len());
        let mut new: Vec<(Layer, StagedLayer)> = Vec::new();
        for commit in commits {
            let (layer, staged) = describe(commit)?;
            let existing = layers.rows.iter().chain(&done).find(|other| other.id == layer.id);
            match existing {
                Some(existing)
                    if existing.parent != layer.parent || existing.diff_digest != layer.diff_digest =>
                {
                    return Err(StorageError::IdInUse { kind: "layer", id: layer.id });
                }
                Some(existing) => done.push(existing.clone()),
                None => {
                    done.push(layer.clone());
                    new.push((layer, staged));
                }
            }
        }
        let additions = new
            .iter()
            .map(|(layer, staged)| {
                let split = self.tar_split(&layer.id);
                Addition {
                    layer: layer.clone(),
                    contents: Contents::Staged {
                        directory: &staged.directory,
                        has_root: staged.extracted.has_root,
                    },
                    finish: Box::new(move || Ok(fs::rename(&staged.tar_split, &split)?)),
                }
            })
            .collect();
        self.add_layers(&mut layers, additions)?;
        Ok(done)
    }

    /// As [`Store::commit_layers`], for one.
    ///
    /// # Errors
    /// As [`Store::commit_layers`].
    pub fn commit_layer(&self, commit: LayerCommit) -> Result<Layer> {
        let mut layers = self.commit_layers(vec![commit])?;
        layers.pop().ok_or_else(|| StorageError::LayerNotFound(String::new()))
    }

    /// Adds layers, parents before children, so that a crash at any point leaves them whole or marked as
    /// incomplete, which the next writer removes. After an error none of them is there.
    pub(crate) fn add_layers(
        &self,
        layers: &mut Writing<'_, Layer>,
        additions: Vec<Addition<'_>>,
    ) -> Result<()> {
        let first = layers.rows.len();
        let mut used = [false; 2];
        for Addition { layer, .. } in &additions {
            if let Some(parent) = layer.parent()
                && !layers.rows.iter().any(|other| other.id == parent)
            {
                let parent = parent.to_owned();
                layers.rows.truncate(first);
                return Err(StorageError::LayerNotFound(parent));
            }
            used[layer.location] = true;
            let mut row = layer.clone();
            row.set_incomplete(true);
            layers.rows.push(row);
        }
        let ids: Vec<String> = additions.iter().map(|addition| addition.layer.id.clone()).collect();
        let save = |layers: &mut Writing<'_, Layer>, sync| {
            [STABLE, VOLATILE]
                .into_iter()
                .filter(|&location| used[location])
                .try_for_each(|location| layers.save(location, sync))
        };
        let added = (|| {
            // Not synced: should the power fail now, the marks and the directories are lost together, or a
            // directory alone stays, which the next layer of that id removes.
            save(layers, false)?;
            for Addition { layer, contents, finish } in additions {
                self.driver.create(&layer.id, layer.parent(), contents)?;
                finish()?;
            }
            layers.rows.iter_mut().skip(first).for_each(|row| row.set_incomplete(false));
            save(layers, true)
        })();
        if added.is_err() {
            // The marks stay if this fails too, and with them the duty to clean up.
            let _ = self.remove_layers(layers, &ids);
        }
        added
    }

    /// All layers.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn layers(&self) -> Result<Arc<Vec<Layer>>> {
        Ok(self.read_layers()?.into_rows())
    }

    /// The layer with that id, name, or unique beginning of an id.
    ///
    /// # Errors
    /// There is none; the table cannot be read.
    pub fn layer(&self, key: &str) -> Result<Layer> {
        let layers = self.read_layers()?;
        lookup(&layers, key)?.cloned().ok_or_else(|| StorageError::LayerNotFound(key.to_owned()))
    }

    /// The layer with exactly that id, if the store has it.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn find_layer(&self, id: &str) -> Result<Option<Layer>> {
        Ok(self.read_layers()?.iter().find(|layer| layer.id == id).cloned())
    }

    /// The layer and its ancestors, the layer itself first.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn layer_chain(&self, id: &str) -> Result<Vec<Layer>> {
        chain(&self.read_layers()?, id)
    }

    /// Deletes a layer nothing depends on.
    ///
    /// # Errors
    /// It is not there, or has children, or an image or a container uses it.
    pub fn delete_layer(&self, id: &str) -> Result<()> {
        let mut layers = self.write_layers()?;
        if !layers.rows.iter().any(|layer| layer.id == id) {
            return Err(StorageError::LayerNotFound(id.to_owned()));
        }
        let in_use = |by: String| Err(StorageError::LayerInUse { id: id.to_owned(), by });
        if let Some(child) = layers.rows.iter().find(|layer| layer.parent == id) {
            return in_use(format!("layer {}", child.id));
        }
        if let Some(image) = self.images.read()?.iter().find(|image| image.top_layer == id) {
            return in_use(format!("image {}", image.id));
        }
        if let Some(container) = self.containers.read()?.iter().find(|container| container.layer == id) {
            return in_use(format!("container {}", container.id));
        }
        let trash = self.remove_layers(&mut layers, &[id.to_owned()])?;
        // The files go after the lock.
        drop(layers);
        drop(trash);
        Ok(())
    }

    /// Locks the layers for reading. Incomplete layers are removed first.
    pub(crate) fn read_layers(&self) -> Result<Reading<Layer>> {
        // Another writer may die in between; after a few rounds the error is theirs to show.
        for _ in 0..3 {
            let layers = self.layers.read()?;
            if !layers.iter().any(Layer::is_incomplete) {
                return Ok(layers);
            }
            drop(layers);
            drop(self.write_layers()?);
        }
        self.layers.read()
    }

    /// Locks the layers for writing and removes those that a dead writer left incomplete.
    pub(crate) fn write_layers(&self) -> Result<Writing<'_, Layer>> {
        self.recover();
        let mut layers = self.layers.write()?;
        let incomplete: Vec<String> =
            layers.rows.iter().filter(|layer| layer.is_incomplete()).map(|layer| layer.id.clone()).collect();
        if !incomplete.is_empty() {
            self.remove_layers(&mut layers, &incomplete)?;
        }
        Ok(layers)
    }

    /// Removes layers, children before parents being the caller's care. Their files are in the answer, to be
    /// dropped after the lock.
    pub(crate) fn remove_layers(&self, layers: &mut Writing<'_, Layer>, ids: &[String]) -> Result<TempDir> {
        let mut trash = TempDir::new(&self.driver.temp_root())?;
        let doomed = |layer: &Layer| ids.contains(&layer.id);
        let used = [STABLE, VOLATILE]
            .map(|location| layers.rows.iter().any(|layer| layer.location == location && doomed(layer)));
        layers.rows.iter_mut().filter(|layer| doomed(layer)).for_each(|layer| layer.set_incomplete(true));
        let save = |layers: &mut Writing<'_, Layer>, sync| {
            [STABLE, VOLATILE]
                .into_iter()
                .filter(|&location| used[location])
                .try_for_each(|location| layers.save(location, sync))
        };
        save(layers, false)?;
        self.forget_mounts(ids)?;
        for id in ids {
            self.driver.remove(id, &mut trash)?;
            dirs::remove_file(&self.tar_split(id))?;
            dirs::remove_all(&self.graph_dir("layers").join(id))?;
        }
        layers.rows.retain(|layer| !doomed(layer));
        save(layers, true)?;
        Ok(trash)
    }

    pub(crate) fn tar_split(&self, id: &str) -> PathBuf {
        self.graph_dir("layers").join(format!("{id}.tar-split.gz"))
    }
}

/// A layer on its way into the store.
pub(crate) struct Addition<'a> {
    pub(crate) layer: Layer,
    pub(crate) contents: Contents<'a>,
    /// What else belongs to it, once its directory is there.
    pub(crate) finish: Box<dyn FnOnce() -> Result<()> + 'a>,
}

/// The record of a staged layer.
fn describe(commit: LayerCommit) -> Result<(Layer, StagedLayer)> {
    let LayerCommit { staged, id, parent, compressed_digest, compressed_size } = commit;
    let extracted = &staged.extracted;
    let id = id.unwrap_or_else(|| layer_id(parent.as_deref(), &extracted.diff_id));
    check_full_id("layer id", &id)?;
    let mut layer = Layer::new(id, parent.as_deref());
    layer.compression = extracted.compression as i64;
    let digest = compressed_digest.as_ref().or(extracted.compressed_digest.as_ref());
    let digest = match (digest, extracted.compression) {
        (None, Compression::None) => Some(&extracted.diff_id),
        (digest, _) => digest,
    };
    if let Some(digest) = digest {
        layer.compressed_digest = digest.to_string();
        layer.compressed_size = signed(compressed_size.unwrap_or(extracted.compressed_size));
    }
    layer.diff_digest = extracted.diff_id.to_string();
    layer.diff_size = signed(extracted.diff_size);
    layer.uids = extracted.uids.iter().copied().collect();
    layer.gids = extracted.gids.iter().copied().collect();
    Ok((layer, staged))
}

/// The layer and its ancestors, the layer itself first.
pub(crate) fn chain(layers: &[Layer], id: &str) -> Result<Vec<Layer>> {
    let mut chain: Vec<Layer> = Vec::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next {
        let layer = layers.iter().find(|layer| layer.id == id);
        let layer = layer.ok_or(StorageError::LayerNotFound(id))?;
        if chain.len() > layers.len() {
            return Err(StorageError::invalid("chain of parents at layer", &layer.id));
        }
        next = layer.parent().map(str::to_owned);
        chain.push(layer.clone());
    }
    Ok(chain)
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_containers_image() {
        let diff: Digest = format!("sha256:{}", "1".repeat(64)).parse().unwrap();
        assert_eq!(layer_id(None, &diff), "1".repeat(64));
        let parent = "2".repeat(64);
        let expected = Digest::sha256(format!("{parent}+{}", "1".repeat(64)).as_bytes());
        assert_eq!(layer_id(Some(&parent), &diff), expected.hex());
    }
}
