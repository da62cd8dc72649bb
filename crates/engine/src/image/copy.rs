//! Copying an image between the store and another place. What does not touch the store needs no engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{
    CopyPolicy, Error, ImageCopyOptions, ListSelection, Progress, PushReport, Result, ValueStream,
};
use cove_config::{Policy, SignaturePlaces};
use cove_registry::{
    CopyOptions, DecryptionKey, Document, ImageDestination, ImageLocation, ImageSource, Platform,
    RawManifest, Reference, RegistryClient, Signing, SourceOptions, Target, TargetOptions, copy_images,
    manifest, open_source,
};

use crate::engine::{Core, blocking};
use crate::image::destination::StoreDestination;
use crate::image::save::StoreSource;
use crate::image::sign::{decryption, signing};
use crate::image::{lists, lookup, progress, registry};

type Sender = progress::Sender<PushReport>;

/// Copies; the stream ends with the report or an error. Dropping it ends the copy.
pub(super) async fn copy(
    core: &Arc<Core>,
    source: &str,
    destination: &str,
    options: ImageCopyOptions,
) -> Result<ValueStream<Progress<PushReport>>> {
    let (from, to) = (location(source)?, location(destination)?);
    let is_stored = |place: &ImageLocation| matches!(place, ImageLocation::Storage(_));
    if !is_stored(&from) && !is_stored(&to) {
        return Err(Error::invalid(format!("{source}, {destination}: neither is in the store")));
    }
    let core = Arc::clone(core);
    let (client, signing) = {
        let options = options.clone();
        blocking(&core, move |core| {
            let mut settings = registry::options(core, &options.access)?;
            if let Some(folder) = &options.signature_places {
                let places = SignaturePlaces::load(&core.options.directories, Some(Path::new(folder)))?;
                settings.signatures = Arc::new(places);
            }
            let signing = signing(&options.signing)?;
            let signing = match &options.sign_identity {
                Some(name) => signing.under_name(name)?,
                None => signing,
            };
            let settings = if options.anonymous { settings.anonymous() } else { settings };
            Ok((RegistryClient::new(settings), signing))
        })
        .await?
    };
    let keys = decryption(&options.decryption_keys)?;
    let platform =
        Platform::asked(options.os.as_deref(), options.arch.as_deref(), options.variant.as_deref());
    let copying = Copying { core, client, platform, options, signing, keys };
    // Before there is a stream: an answer over HTTP has no status after that.
    let (source, target) = copying.sending(&from, &to).await?;
    Ok(progress::working(|sender| async move { copying.run(&from, source, &to, target, &sender).await }))
}

fn location(text: &str) -> Result<ImageLocation> {
    ImageLocation::parse(text)?.ok_or_else(|| {
        Error::invalid(format!("Invalid image name {text:?}, expected colon-separated transport:reference"))
    })
}

struct Copying {
    core: Arc<Core>,
    client: RegistryClient,
    platform: Platform,
    options: ImageCopyOptions,
    signing: Signing,
    keys: Vec<DecryptionKey>,
}

impl Copying {
    /// The source where it is in the store, and how a destination is written.
    async fn sending(
        &self,
        from: &ImageLocation,
        to: &ImageLocation,
    ) -> Result<(Option<Box<dyn ImageSource>>, TargetOptions)> {
        let spool = self.spool();
        let mut target = TargetOptions::asked(to, &self.options, self.client.clone(), &spool)?;
        match from {
            ImageLocation::Storage(name) => {
                if let Some(list) = self.stored_list(name, to).await? {
                    return Ok((Some(Box::new(list)), target));
                }
                let (source, names) = self.stored(name).await?;
                target.mount_from = names;
                target.known_layers = source.packed_layers();
                Ok((Some(Box::new(source)), target))
            }
            ImageLocation::Registry(reference) => {
                target.mount_from = vec![reference.clone()];
                Ok((None, target))
            }
            _ => Ok((None, target)),
        }
    }

    /// The list of that name, where it is one and is wanted whole.
    async fn stored_list(&self, name: &str, to: &ImageLocation) -> Result<Option<lists::ListSource>> {
        if self.options.selection == ListSelection::System {
            return Ok(None);
        }
        let name = name.to_owned();
        let found = blocking(&self.core, move |core| {
            let found = lists::stored_image(core, &name)?;
            lists::of_image(core, &found)
        });
        match (found.await?, self.options.selection) {
            (None, _) => Ok(None),
            (Some(list), ListSelection::IndexOnly) => Ok(Some(lists::ListSource::without_images(&list))),
            (Some(list), _) => {
                let policy = self.policy().await?;
                // What is given for the destination is for no other registry.
                let host = match to {
                    ImageLocation::Registry(to) => to.registry(),
                    _ => "",
                };
                let access = self.options.access.clone().only_for(host);
                let mut settings = blocking(&self.core, move |core| registry::options(core, &access)).await?;
                settings.signatures = Arc::clone(&self.client.options().signatures);
                let settings = if self.options.anonymous { settings.anonymous() } else { settings };
                let client = RegistryClient::new(settings);
                lists::ListSource::open(&self.core, &list, &client, &policy).await.map(Some)
            }
        }
    }

    async fn stored(&self, name: &str) -> Result<(StoreSource, Vec<Reference>)> {
        let name = name.to_owned();
        let platform = self.platform.clone();
        blocking(&self.core, move |core| {
            let found = lists::stored_image(core, &name)?;
            let parts = [platform.os.as_str(), platform.architecture.as_str(), platform.variant.as_str()];
            let image = lookup::find_image(core, &found.id, parts)?.image;
            let names = image.names.iter().filter_map(|name| Reference::parse(name).ok()).collect();
            Ok((StoreSource::open(core, &image)?, names))
        })
        .await
    }

    async fn run(
        self,
        from: &ImageLocation,
        stored: Option<Box<dyn ImageSource>>,
        to: &ImageLocation,
        target: TargetOptions,
        sender: &Sender,
    ) -> Result<PushReport> {
        let policy = self.policy().await?;
        let source = match stored {
            Some(stored) => stored,
            None => {
                let options = SourceOptions {
                    client: self.client.clone(),
                    spool: self.spool(),
                    shared_blobs: target.shared_blobs.clone(),
                };
                open_source(from, &options).await?
            }
        };
        let mut options = CopyOptions {
            platform: self.platform.clone(),
            max_parallel: self
                .options
                .parallel
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| *count > 0)
                .unwrap_or_else(|| registry::parallel(&self.core)),
            progress: Some(progress::copying(sender)),
            policy,
            preserve_digests: self.options.preserve_digests,
            signing: self.signing.clone(),
            decryption_keys: self.keys.clone(),
            ..CopyOptions::default()
        };
        let raw = if let ImageLocation::Storage(name) = to {
            let name = stored_name(name)?;
            options.names = vec![name.clone()];
            let store = StoreDestination::new(&self.core).with_format(target.manifest);
            let raw = self.copied(&*source, &store, &options).await?;
            self.tell("pull", &raw, &name.to_string());
            raw
        } else {
            let target = Target::open(to, target).await?;
            options.names.clone_from(&target.names);
            options.keep_signatures = !self.options.remove_signatures;
            let raw = self.copied(&*source, &*target.destination()?, &options).await?;
            target.finish().await?;
            self.tell("push", &raw, &to.to_string());
            raw
        };
        Ok(PushReport { manifest_digest: raw.digest().to_string(), manifest_size: raw.bytes.len() as u64 })
    }

    async fn copied(
        &self,
        source: &dyn ImageSource,
        destination: &dyn ImageDestination,
        options: &CopyOptions,
    ) -> Result<RawManifest> {
        Ok(copy_images(source, destination, self.options.selection, options).await?)
    }

    fn tell(&self, action: &str, raw: &RawManifest, name: &str) {
        let id = match manifest::parse(raw, name) {
            Ok(Document::Image(image)) => image.config.digest.hex().to_owned(),
            _ => String::new(),
        };
        self.core.events.write("image", action, &id, [("name".to_owned(), name.to_owned())].into());
    }

    fn spool(&self) -> PathBuf {
        self.core.options.directories.temporary.clone()
    }

    async fn policy(&self) -> Result<Policy> {
        let asked = self.options.policy.clone();
        blocking(&self.core, move |core| {
            let directories = &core.options.directories;
            match asked {
                CopyPolicy::Nothing => Ok(Policy::accept_anything()),
                CopyPolicy::Usual => Ok(Policy::load(directories, None)?.0),
                CopyPolicy::File(path) => Ok(Policy::load(directories, Some(Path::new(&path)))?.0),
            }
        })
        .await
    }
}

/// The name that an image gets in the store.
fn stored_name(text: &str) -> Result<Reference> {
    let name = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest,
        None => text,
    };
    if name.is_empty() || name.starts_with('@') {
        return Err(Error::invalid(format!("containers-storage:{text}: a name must follow the transport")));
    }
    Ok(Reference::parse(name)?.or_latest())
}
