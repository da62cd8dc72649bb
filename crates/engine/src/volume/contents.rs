//! What is in a volume, as an archive and as a number of bytes.

use std::sync::Arc;

use cove_api::{ByteStream, Error, Result, Volume};
use cove_storage::tree_size;
use cove_tree::{Root, Unpacking};

use super::data::find;
use super::mounting::{self, Use};
use crate::engine::{Core, blocking};
use crate::files::{Owners, pack_all};

/// The use of a volume while its contents go out; with it the volume's mount ends, where nobody else needs it.
struct Export {
    core: Arc<Core>,
    name: String,
    held: Option<Use>,
}

impl Drop for Export {
    fn drop(&mut self) {
        self.held = None;
        if let Err(error) = mounting::settle(&self.core, &self.name) {
            tracing::warn!("unmounting volume {}: {error}", self.name);
        }
    }
}

/// A volume's contents as an archive.
pub(super) async fn export(core: &Arc<Core>, name: String) -> Result<ByteStream> {
    // An error of these steps is no half archive.
    let (root, export) = blocking(core, move |core| {
        let volume = find(core, &name)?;
        let export = Export {
            held: Some(Use::begin(core, &volume)?),
            core: Arc::clone(core),
            name: volume.name.clone(),
        };
        Ok((Root::open(&mounting::acquire(core, &volume)?)?, export))
    })
    .await?;
    Ok(crate::stream::written(move |out| {
        let packed = pack_all(&root, &Owners::default(), out);
        // An open root would keep the mount.
        drop(root);
        drop(export);
        packed
    }))
}

/// Adds what is in an archive. Containers may write to the volume meanwhile.
pub(super) async fn import(core: &Arc<Core>, name: String, archive: ByteStream) -> Result<()> {
    let reader = crate::stream::reader(archive);
    blocking(core, move |core| {
        let volume = find(core, &name)?;
        let held = Use::begin(core, &volume)?;
        let root = Root::open(&mounting::acquire(core, &volume)?)?;
        let unpacked = cove_tree::unpack(&root, &Unpacking::WHOLE, reader)
            .map_err(|error| Error::from(error).context(format!("extracting into volume {}", volume.name)));
        drop(root);
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
