//! The files of an image, for what wants them outside of a store.

use std::sync::Arc;

use cove_api::{ByteStream, Result};
use cove_tree::Root;

use super::working::{self, Working};
use crate::engine::Core;
use crate::files::{Owners, pack_all};
use crate::image::lookup;

/// Writes the files of an image as a tar. They are seen through a working container, so that what is left of it when this
/// process is killed goes as those of builds do.
pub(crate) fn files(core: &Arc<Core>, name: &str) -> Result<ByteStream> {
    // Of a list, the image for this machine; one that has none says so.
    let id = lookup::find_image(core, name, [""; 3])?.image.id;
    working::sweep(core)?;
    let working = Working::new(core, Some(&id))?;
    Ok(crate::stream::written(move |out| {
        working.with_root(|path| pack_all(&Root::open(path)?, &Owners::default(), out))
    }))
}
