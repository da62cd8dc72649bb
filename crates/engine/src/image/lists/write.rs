//! Writing a list with its images to an archive or a folder.

use std::sync::Arc;

use cove_api::{Error, ImageCopyOptions, ListSelection, PushOptions, PushReport, Result};
use cove_registry::{CopyOptions, ImageLocation, Signing, Target, TargetOptions, copy_images};

use super::place;
use super::source::ListSource;
use super::stored::StoredList;
use crate::engine::Core;
use crate::image::{progress, pull, registry};

/// A list on its way to `place`.
pub(super) struct Writing {
    pub(super) core: Arc<Core>,
    pub(super) list: StoredList,
    pub(super) place: ImageLocation,
    pub(super) options: PushOptions,
    pub(super) signing: Signing,
    pub(super) sender: progress::Sender<PushReport>,
}

impl Writing {
    pub(super) async fn run(self) -> Result<PushReport> {
        let (core, place) = (&self.core, &self.place);
        if !self.options.add_compression.is_empty() {
            return Err(Error::unsupported(format!(
                "{place}: images in a second form (--add-compression) are for registries by this version"
            )));
        }
        let client = place::client(core, &self.options.access).await?;
        let target =
            TargetOptions::asked(place, &self.asked(), client.clone(), &core.options.directories.temporary)?;
        let (source, selection) = match self.options.all.unwrap_or(true) {
            true => {
                let policy = pull::policy(core, self.options.signature_policy.as_deref()).await?;
                (ListSource::open(core, &self.list, &client, &policy).await?, ListSelection::All)
            }
            false => (ListSource::without_images(&self.list), ListSelection::IndexOnly),
        };
        let target = Target::open(place, target).await?;
        let copying = CopyOptions {
            names: target.names.clone(),
            max_parallel: registry::parallel(core),
            progress: Some(progress::copying(&self.sender)),
            signing: self.signing.clone(),
            ..CopyOptions::default()
        };
        let raw = copy_images(&source, &*target.destination()?, selection, &copying).await?;
        target.finish().await?;
        let attributes = [("name".to_owned(), place.to_string())].into();
        core.events.write("image", "push", &self.list.id, attributes);
        Ok(PushReport { manifest_digest: raw.digest().to_string(), manifest_size: raw.bytes.len() as u64 })
    }

    fn asked(&self) -> ImageCopyOptions {
        ImageCopyOptions {
            format: self.options.format,
            compression: self.options.compression,
            compression_level: self.options.compression_level,
            encryption_keys: self.options.encryption_keys.clone(),
            encrypt_layers: self.options.encrypt_layers.clone(),
            ..ImageCopyOptions::default()
        }
    }
}
