//! Images of the store in folders, under names that are none of images: what builds keep for others.

use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{Error, ErrorKind, Result};
use cove_registry::{
    Archive, ArchiveFormat, ArchiveOptions, ArchiveWriter, CopyOptions, LayerForm, LayerPacking, copy_image,
};

use super::destination::StoreDestination;
use super::save::StoreSource;
use super::{pull, registry};
use crate::engine::{Core, blocking};

/// Brings the image that a layout lists under a name, which it does not get here; [`None`] where there is none.
pub(crate) async fn pull_from_folder(
    core: &Arc<Core>,
    folder: PathBuf,
    name: String,
) -> Result<Option<String>> {
    let source = blocking(core, move |core| {
        let archive = Archive::open(&folder, &core.options.directories.temporary)?;
        match archive.find(Some(&name)).map_err(Error::from) {
            Ok(position) => Ok(Some(archive.source(position)?)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await?;
    let Some(source) = source else { return Ok(None) };
    let options = CopyOptions { policy: pull::policy(core, None).await?, ..CopyOptions::default() };
    let report = copy_image(&source, &StoreDestination::new(core), &options).await?;
    Ok(Some(report.config_digest.hex().to_owned()))
}

/// Brings images, by their ids, into a layout that lists them under these names; what it has besides stays.
pub(crate) async fn push_to_folder(
    core: &Arc<Core>,
    folder: PathBuf,
    images: Vec<(String, String)>,
) -> Result<()> {
    let writer = blocking(core, move |core| {
        let layers = LayerForm::Packed(LayerPacking::default());
        let spool = &core.options.directories.temporary;
        let options = ArchiveOptions { layers, ..ArchiveOptions::new(ArchiveFormat::Oci, spool) };
        Ok(ArchiveWriter::create(&folder, true, options)?)
    })
    .await?;
    for (id, name) in images {
        let source = blocking(core, move |core| {
            let image = core.store()?.image(&id).map_err(crate::error::storage)?;
            StoreSource::open(core, &image)
        })
        .await?;
        let options = CopyOptions { max_parallel: registry::parallel(core), ..CopyOptions::default() };
        copy_image(&source, &writer.destination_called(Some(name)), &options).await?;
    }
    blocking(core, move |_| Ok(writer.finish()?)).await
}
