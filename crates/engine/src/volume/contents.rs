//! What is in a volume, as an archive and as a number of bytes.

use std::io::Read;
use std::sync::Arc;

use cove_api::{ByteStream, Result, Volume};
use cove_storage::{TarStream, tree_size, tree_tar, untar};

use super::data::find;
use super::mounting::{self, Use};
use crate::engine::{Core, blocking};
use crate::error::storage;

/// Reads a volume's archive; with it ends the volume's use.
struct Export {
    core: Arc<Core>,
    name: String,
    tar: Option<TarStream>,
    held: Option<Use>,
}

impl Read for Export {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.tar.as_mut().map_or(Ok(0), |tar| tar.read(buffer))
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        (self.tar, self.held) = (None, None);
        if let Err(error) = mounting::settle(&self.core, &self.name) {
            tracing::warn!("unmounting volume {}: {error}", self.name);
        }
    }
}

/// A volume's contents as an archive.
pub(super) async fn export(core: &Arc<Core>, name: String) -> Result<ByteStream> {
    // An error of these steps is no half archive.
    let export = blocking(core, move |core| {
        let volume = find(core, &name)?;
        let mut export = Export {
            held: Some(Use::begin(core, &volume)?),
            core: Arc::clone(core),
            name: volume.name.clone(),
            tar: None,
        };
        export.tar = Some(tree_tar(mounting::acquire(core, &volume)?));
        Ok(export)
    })
    .await?;
    Ok(crate::stream::pieces(move || Ok(export)))
}

/// Adds what is in an archive.
pub(super) async fn import(core: &Arc<Core>, name: String, archive: ByteStream) -> Result<()> {
    let reader = crate::stream::reader(archive);
    blocking(core, move |core| {
        let volume = find(core, &name)?;
        let held = Use::begin(core, &volume)?;
        let path = mounting::acquire(core, &volume)?;
        let unpacked = untar(reader, &path, core.options.rootless)
            .map_err(|error| storage(error).context(format!("extracting into volume {}", volume.name)));
        drop(held);
        mounting::settle(core, &volume.name)?;
        unpacked
    })
    .await
}

/// Bytes in a volume, whoever uses it: none where they lie elsewhere.
pub(crate) fn occupied(core: &Core, volume: &Volume) -> u64 {
    let own = mounting::directory(core, volume).ok().filter(|_| mounting::is_plain(volume));
    own.and_then(|path| tree_size(&path).ok()).unwrap_or(0)
}

/// Bytes that go with a volume: none where they lie elsewhere.
pub(super) fn size(core: &Core, volume: &Volume) -> u64 {
    let own = mounting::directory(core, volume).ok();
    // A mount would be somebody else's bytes.
    let own = own.filter(|path| mounting::mountpoint(core, volume).is_ok_and(|at| at == *path));
    let plain = own.filter(|_| mounting::users(core, volume).is_ok_and(|users| users == 0));
    plain.and_then(|path| tree_size(&path).ok()).unwrap_or(0)
}
