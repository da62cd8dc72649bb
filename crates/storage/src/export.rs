//! Layers and containers as tar streams, and what containers changed.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::archive::{Change, Reassembler, changes, compare, tree_size, write_changes_tar, write_layer_tar};
use crate::driver::{DriverKind, MountRequest};
use crate::error::{Result, StorageError};
use crate::layers::chain;
use crate::store::Store;

/// A tar stream.
pub type TarStream = Box<dyn Read + Send>;

impl Store {
    /// The uncompressed archive of a layer. For a layer that came from an archive it is that archive, bit for
    /// bit; for others (a container's) one with its changes.
    ///
    /// # Errors
    /// There is no such layer. Reading fails where the layer's files were changed.
    pub fn diff_tar(&self, layer: &str) -> Result<TarStream> {
        let layer = self.layer(layer)?;
        let tar_split = self.tar_split(&layer.id);
        if tar_split.exists() {
            return Ok(Box::new(Reassembler::open(&tar_split, &self.driver.diff(&layer.id))?));
        }
        let directory = self.driver.diff(&layer.id);
        if self.driver.kind() == DriverKind::Vfs {
            let changes = self.layer_changes(&layer.id)?;
            let maps = (layer.uid_map, layer.gid_map);
            return Ok(pipe(move |out| write_changes_tar(&directory, &changes, &maps, out)));
        }
        let maps = (layer.uid_map, layer.gid_map);
        Ok(pipe(move |out| write_layer_tar(&directory, &maps, out)))
    }

    /// What a container changed, as an archive for a new layer.
    ///
    /// # Errors
    /// There is no such container.
    pub fn container_diff_tar(&self, id: &str) -> Result<TarStream> {
        self.diff_tar(&self.container(id)?.layer)
    }

    /// What a container changed, sorted by path.
    ///
    /// # Errors
    /// There is no such container; its files cannot be read.
    pub fn container_changes(&self, id: &str) -> Result<Vec<Change>> {
        self.layer_changes(&self.container(id)?.layer)
    }

    /// What a layer changes relative to its parent, sorted by path.
    ///
    /// # Errors
    /// There is no such layer; its files cannot be read.
    pub fn layer_changes(&self, layer: &str) -> Result<Vec<Change>> {
        let chain = chain(&self.read_layers()?, layer)?;
        if self.driver.kind() == DriverKind::Vfs {
            let parent = chain[0].parent().map(|parent| self.driver.diff(parent));
            return compare(&self.driver.diff(layer), parent.as_deref());
        }
        let lowers: Vec<PathBuf> = chain[1..].iter().map(|layer| self.driver.diff(&layer.id)).collect();
        changes(&self.driver.diff(layer), &lowers)
    }

    /// What one layer with all below it shows differently from another, sorted by path.
    ///
    /// # Errors
    /// There is no such layer; one cannot be mounted, or its files cannot be read.
    pub fn changes_between(&self, layer: &str, parent: &str) -> Result<Vec<Change>> {
        let chain = chain(&self.read_layers()?, layer)?;
        if chain[0].parent() == Some(parent) {
            return self.layer_changes(layer);
        }
        if self.driver.kind() == DriverKind::Vfs {
            return compare(&self.driver.diff(layer), Some(&self.driver.diff(parent)));
        }
        let request = MountRequest { read_only: true, ..MountRequest::default() };
        let newer = self.mount_layer(layer, &request)?;
        let compared = self.mount_layer(parent, &request).and_then(|older| {
            let compared = compare(&newer, Some(&older));
            self.unmount_layer(parent, false)?;
            compared
        });
        self.unmount_layer(layer, false)?;
        compared
    }

    /// Bytes a container wrote.
    ///
    /// # Errors
    /// There is no such container; its files cannot be read.
    pub fn container_size(&self, id: &str) -> Result<u64> {
        let layer = self.container(id)?.layer;
        let directory = self.driver.diff(&layer);
        if self.driver.kind() == DriverKind::Overlay {
            return tree_size(&directory);
        }
        let mut size = 0;
        for change in self.layer_changes(&layer)? {
            let path = directory.join(change.path.strip_prefix("/").unwrap_or(&change.path));
            // It may be gone by now.
            let data = cove_sys::fs::symlink_metadata(path).ok().filter(|data| !data.is_dir());
            size += data.map_or(0, |data| data.len());
        }
        Ok(size)
    }

    /// The overlay directories of a container: what it wrote, and the layers below, nearest first.
    ///
    /// # Errors
    /// There is no such container, or the driver keeps no such directories.
    pub fn container_directories(&self, id: &str) -> Result<(PathBuf, Vec<PathBuf>)> {
        let container = self.container(id)?;
        let chain = chain(&self.read_layers()?, &container.layer)?;
        if self.driver.kind() == DriverKind::Vfs {
            return Err(StorageError::Unsupported(
                "finding a container's own directory with the vfs driver".into(),
            ));
        }
        let lowers = chain[1..].iter().map(|layer| self.driver.diff(&layer.id)).collect();
        Ok((self.driver.diff(&container.layer), lowers))
    }
}

/// Runs `write` on a thread and answers what it writes. Dropping the reader ends the thread.
fn pipe(write: impl FnOnce(&mut dyn Write) -> Result<()> + Send + 'static) -> TarStream {
    let (sender, receiver) = sync_channel(4);
    std::thread::spawn(move || {
        let mut out = io::BufWriter::with_capacity(256 * 1024, Sender(sender.clone()));
        let result = write(&mut out).and_then(|()| out.flush().map_err(StorageError::Stream));
        // Nothing of what is still buffered may follow an error.
        let _ = out.into_parts();
        // An empty piece is the end: a channel that just closes means that this thread died.
        let _ = sender.send(result.map(|()| Vec::new()).map_err(io::Error::other));
    });
    Box::new(Piped { receiver, current: Vec::new(), position: 0, ended: false })
}

struct Sender(SyncSender<io::Result<Vec<u8>>>);

impl Write for Sender {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.0.send(Ok(data.to_vec())).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Piped {
    receiver: Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    position: usize,
    ended: bool,
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.current.len() && !self.ended {
            let next = self.receiver.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.current = next?;
            self.position = 0;
            self.ended = self.current.is_empty();
        }
        let count = buffer.len().min(self.current.len() - self.position);
        buffer[..count].copy_from_slice(&self.current[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}
