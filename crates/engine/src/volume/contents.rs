//! What is in a volume, as an archive and as a number of bytes.

use std::sync::Arc;

use cove_api::{ByteStream, Error, Result, Volume};
use cove_storage::tree_size;
use cove_tree::{Root, Unpacking};

use super::data::find;
use super::mounting::{self, Use};
use crate::engine::{Core, blocking};
use crate::files::{Owners, pack_all};

/// A volume's files. The fields are given up in this order: an open root would keep the mount.
#[derive(Debug)]
pub(crate) struct VolumeFiles {
    root: Root,
    held: Held,
}

impl VolumeFiles {
    /// Opens the files of the volume meant by a name.
    pub(crate) fn open(core: &Arc<Core>, name: &str) -> Result<Self> {
        let volume = find(core, name)?;
        let held = Held {
            held: Some(Use::begin(core, &volume)?),
            core: Arc::clone(core),
            name: volume.name.clone(),
        };
        Ok(Self { root: Root::open(&mounting::acquire(core, &volume)?)?, held })
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }
}

/// The use of a volume; with it the volume's mount ends, where nobody else needs it.
#[derive(Debug)]
struct Held {
    core: Arc<Core>,
    name: String,
    held: Option<Use>,
}

impl Drop for Held {
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
    let files = blocking(core, move |core| VolumeFiles::open(core, &name)).await?;
    Ok(crate::stream::written(move |out| {
        // All of it, with what keeps the mount.
        let files = files;
        pack_all(files.root(), &Owners::default(), out)
    }))
}

/// Adds what is in an archive. Containers may write to the volume meanwhile.
pub(super) async fn import(core: &Arc<Core>, name: String, archive: ByteStream) -> Result<()> {
    let reader = crate::stream::reader(archive);
    blocking(core, move |core| {
        let files = VolumeFiles::open(core, &name)?;
        cove_tree::unpack(files.root(), &Unpacking::WHOLE, reader).map_err(|error| {
            Error::from(error).context(format!("extracting into volume {}", files.held.name))
        })
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
