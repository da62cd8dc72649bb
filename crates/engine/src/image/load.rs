//! Loading images from archives.

use std::path::Path;
use std::sync::Arc;

use cove_api::{ByteStream, Error, ErrorKind, LoadReport, Result};
use cove_registry::{Archive, CopyOptions, copy_image};

use crate::engine::{Core, blocking};
use crate::image::destination::StoreDestination;

/// Loads every image of an archive.
pub(super) async fn load(core: &Arc<Core>, archive: ByteStream) -> Result<LoadReport> {
    let reader = crate::stream::reader(archive);
    let archive = blocking(core, move |core| {
        let spool = core.options.directories.temporary.clone();
        Archive::from_reader(Path::new("archive"), reader, &spool).map_err(|error| {
            Error::from(error).context("payload does not match any of the supported image formats")
        })
    })
    .await?;
    let archive = Arc::new(archive);
    if archive.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "the archive holds no image"));
    }
    let policy = super::pull::policy(core, None).await?;
    let copying = CopyOptions { policy, ..CopyOptions::default() };
    let mut names = Vec::new();
    for position in 0..archive.len() {
        let id = copy_one(core, &archive, position, copying.clone()).await?;
        let own = archive.names(position);
        let shown = if own.is_empty() {
            vec![format!("sha256:{id}")]
        } else {
            own.iter().map(ToString::to_string).collect()
        };
        for name in &shown {
            let attributes = [("name".to_owned(), name.clone())].into();
            core.events.write("image", "loadfromarchive", &id, attributes);
        }
        names.extend(shown);
    }
    Ok(LoadReport { names })
}

/// Copies one image of an archive into the store; answers its id.
pub(super) async fn copy_one(
    core: &Arc<Core>,
    archive: &Arc<Archive>,
    position: usize,
    copying: CopyOptions,
) -> Result<String> {
    let source = {
        let archive = Arc::clone(archive);
        blocking(core, move |_| Ok(archive.source(position)?)).await?
    };
    let destination = StoreDestination::new(core);
    let options = CopyOptions { names: archive.names(position).to_vec(), ..copying };
    let report = copy_image(&source, &destination, &options).await?;
    Ok(report.config_digest.hex().to_owned())
}
