//! Opening what a location names, but for the engine's store, which this crate does not know.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cove_api::{ImageCopyOptions, PushFormat};
use cove_archive::Digest;

use crate::archive::{Archive, ArchiveFormat, ArchiveOptions, ArchiveWriter};
use crate::client::{PushOptions, RegistryClient};
use crate::encryption::Encryption;
use crate::error::{Error, Result};
use crate::image::{ImageDestination, ImageSource};
use crate::location::ImageLocation;
use crate::manifest::{Descriptor, ManifestFormat};
use crate::packing::{LayerForm, LayerPacking};
use crate::reference::Reference;

/// How a source is opened.
#[derive(Clone)]
pub struct SourceOptions {
    /// For registries.
    pub client: RegistryClient,
    /// Directory for unnamed temporary files.
    pub spool: PathBuf,
    /// For OCI layouts in a folder: where their blobs are, in place of `blobs` in it.
    pub shared_blobs: Option<PathBuf>,
}

/// Opens an image where it is.
///
/// # Errors
/// It is not there, cannot be reached or read; the location is in the engine's store.
pub async fn open_source(location: &ImageLocation, options: &SourceOptions) -> Result<Box<dyn ImageSource>> {
    let (path, name) = match location {
        ImageLocation::Registry(reference) => return Ok(Box::new(options.client.open(reference).await?)),
        ImageLocation::Storage(name) => return Err(in_the_store(name)),
        ImageLocation::DockerArchive(path, name)
        | ImageLocation::OciArchive(path, name)
        | ImageLocation::OciLayout(path, name) => (path.clone(), name.clone()),
        ImageLocation::Directory(path) => (path.clone(), None),
    };
    let wanted = location.format();
    let (spool, blobs) = (options.spool.clone(), options.shared_blobs.clone());
    let open = move || {
        let archive = Archive::open_with_blobs(&path, &spool, blobs.as_deref())?;
        if wanted.is_some_and(|wanted| wanted != archive.format()) {
            return Err(Error::archive(path, format!("{} in place of {}", archive.format(), of(wanted))));
        }
        archive.source(archive.find(name.as_deref())?)
    };
    let source = tokio::task::spawn_blocking(open).await.map_err(Error::external)??;
    Ok(Box::new(source))
}

fn of(format: Option<ArchiveFormat>) -> String {
    format.map(|format| format.to_string()).unwrap_or_default()
}

fn in_the_store(name: &str) -> Error {
    Error::Unsupported {
        subject: format!("containers-storage:{name}"),
        what: "an image of the engine's store in this place".into(),
    }
}

/// How a destination is written.
#[derive(Clone)]
pub struct TargetOptions {
    /// For registries.
    pub client: RegistryClient,
    /// Directory for unnamed temporary files.
    pub spool: PathBuf,
    /// For OCI layouts in a folder: where their blobs go, in place of `blobs` in it.
    pub shared_blobs: Option<PathBuf>,
    /// The manifests' family; `None` keeps it where the destination takes it.
    pub manifest: Option<ManifestFormat>,
    /// The form of layers; `None` is what the transport is used to.
    pub layers: Option<LayerForm>,
    /// For registries: names that the layers may be mounted from.
    pub mount_from: Vec<Reference>,
    /// For registries: packed forms that layers may have there, by diff id.
    pub known_layers: HashMap<Digest, Descriptor>,
    /// For a docker-archive: further names of the image.
    pub additional_names: Vec<Reference>,
    /// For whom layers are encrypted.
    pub encryption: Encryption,
}

impl TargetOptions {
    /// What a copy to `to` is asked for.
    ///
    /// # Errors
    /// Options that do not fit each other or the destination, or names that are none.
    pub fn asked(
        to: &ImageLocation,
        asked: &ImageCopyOptions,
        client: RegistryClient,
        spool: &Path,
    ) -> Result<Self> {
        refuse_idle(to, asked)?;
        Ok(Self {
            client,
            spool: spool.to_owned(),
            shared_blobs: asked.shared_blobs.as_ref().map(PathBuf::from),
            manifest: asked.format.map(|format| match format {
                PushFormat::Oci => ManifestFormat::Oci,
                PushFormat::Docker => ManifestFormat::Docker,
            }),
            layers: LayerForm::asked(asked)?,
            mount_from: Vec::new(),
            known_layers: HashMap::new(),
            encryption: Encryption::with_keys(&asked.encryption_keys, &asked.encrypt_layers)
                .map_err(|reason| Error::image("layers", reason))?,
            additional_names: asked
                .additional_tags
                .iter()
                .map(|name| additional_name(name))
                .collect::<Result<_>>()?,
        })
    }
}

/// Refuses what would do nothing at the destination.
fn refuse_idle(to: &ImageLocation, asked: &ImageCopyOptions) -> Result<()> {
    let is_stored = matches!(to, ImageLocation::Storage(_));
    let is_docker_archive = matches!(to, ImageLocation::DockerArchive(..));
    let idle = [
        (is_stored && !asked.encryption_keys.is_empty(), "encrypting layers (--encryption-key)"),
        (
            !is_docker_archive && !asked.additional_tags.is_empty(),
            "a further name outside of a docker-archive (--additional-tag)",
        ),
    ];
    match idle.into_iter().find(|(is_idle, _)| *is_idle) {
        Some((_, what)) => Err(Error::Unsupported { subject: to.to_string(), what: what.into() }),
        None => Ok(()),
    }
}

fn additional_name(name: &str) -> Result<Reference> {
    let reference = Reference::parse(name)?;
    match reference.tag() {
        Some(_) => Ok(reference),
        None => Err(Error::InvalidReference {
            input: name.to_owned(),
            reason: format!("additional-tag '{name}' must be a tagged reference"),
        }),
    }
}

/// The family of the manifests that are written: Docker's have no encrypted layers.
fn family(location: &ImageLocation, options: &TargetOptions) -> Result<Option<ManifestFormat>> {
    let asked = options.layers.map_or(Ok(options.manifest), |form| form.family(options.manifest))?;
    if !options.encryption.is_asked() {
        return Ok(asked);
    }
    match (location, asked) {
        (ImageLocation::DockerArchive(..), _) | (_, Some(ManifestFormat::Docker)) => {
            Err(Error::Unsupported {
                subject: location.to_string(),
                what: "encrypting layers in Docker's form".into(),
            })
        }
        _ => Ok(Some(ManifestFormat::Oci)),
    }
}

/// A destination that is being written.
pub struct Target {
    place: Place,
    /// The names that the image gets there.
    pub names: Vec<Reference>,
}

enum Place {
    Registry(RegistryClient, Reference, PushOptions),
    Archive { writer: ArchiveWriter, written: Option<String>, encryption: Encryption },
}

impl Target {
    /// Begins to write at a location.
    ///
    /// # Errors
    /// The location cannot be written, or is in the engine's store; the options do not fit each other.
    pub async fn open(location: &ImageLocation, options: TargetOptions) -> Result<Self> {
        let manifest = family(location, &options)?;
        let (path, name) = match location {
            ImageLocation::Registry(reference) => {
                let form = options.layers.unwrap_or(LayerForm::Packed(LayerPacking::default()));
                let mut known_layers = options.known_layers;
                known_layers.retain(|_, layer| form.would_make(layer));
                let push = PushOptions {
                    layers: form,
                    manifest,
                    mount_from: options.mount_from,
                    known_layers,
                    encryption: options.encryption,
                    ..PushOptions::default()
                };
                // Whether it may be written is known before anything is read.
                options.client.destination(reference, push.clone())?;
                let place = Place::Registry(options.client, reference.clone(), push);
                return Ok(Self { place, names: Vec::new() });
            }
            ImageLocation::Storage(name) => return Err(in_the_store(name)),
            ImageLocation::DockerArchive(path, name)
            | ImageLocation::OciArchive(path, name)
            | ImageLocation::OciLayout(path, name) => (path.clone(), name.clone()),
            ImageLocation::Directory(path) => (path.clone(), None),
        };
        let format = location.format().unwrap_or(ArchiveFormat::Dir);
        let mut names = Vec::new();
        if format == ArchiveFormat::Docker {
            if let Some(name) = &name {
                names.push(Reference::parse(name)?.or_latest());
            }
            names.extend(options.additional_names);
        }
        if format == ArchiveFormat::Docker && manifest == Some(ManifestFormat::Oci) {
            return Err(Error::Unsupported {
                subject: path.display().to_string(),
                what: "an OCI manifest in a docker-archive".into(),
            });
        }
        if format == ArchiveFormat::Oci && manifest == Some(ManifestFormat::Docker) {
            return Err(Error::Unsupported {
                subject: path.display().to_string(),
                what: "a manifest of Docker's in an OCI layout or archive".into(),
            });
        }
        let usual = match format {
            ArchiveFormat::Oci => LayerForm::Packed(LayerPacking::default()),
            ArchiveFormat::Docker | ArchiveFormat::Dir => LayerForm::AsIs,
        };
        let settings = ArchiveOptions {
            layers: options.layers.unwrap_or(usual),
            manifest,
            shared_blobs: options.shared_blobs,
            ..ArchiveOptions::new(format, &options.spool)
        };
        let is_folder = matches!(location, ImageLocation::OciLayout(..) | ImageLocation::Directory(_));
        let create = move || ArchiveWriter::create(&path, is_folder, settings);
        let writer = tokio::task::spawn_blocking(create).await.map_err(Error::external)??;
        let written = name.filter(|_| format == ArchiveFormat::Oci);
        Ok(Self { place: Place::Archive { writer, written, encryption: options.encryption }, names })
    }

    /// Where the next image goes.
    ///
    /// # Errors
    /// The configuration blocks the registry.
    pub fn destination(&self) -> Result<Box<dyn ImageDestination>> {
        Ok(match &self.place {
            Place::Registry(client, reference, push) => {
                Box::new(client.destination(reference, push.clone())?)
            }
            Place::Archive { writer, written, encryption } => {
                Box::new(writer.destination_called(written.clone()).encrypting(encryption.clone())?)
            }
        })
    }

    /// Completes it.
    ///
    /// # Errors
    /// A file cannot be written; then there is none under its name.
    pub async fn finish(self) -> Result<()> {
        match self.place {
            Place::Registry(..) => Ok(()),
            Place::Archive { writer, .. } => {
                tokio::task::spawn_blocking(move || writer.finish()).await.map_err(Error::external)?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cove_api::KeyFile;

    use super::*;

    #[test]
    fn what_would_do_nothing_is_refused() {
        let tags = ImageCopyOptions { additional_tags: vec!["a:1".into()], ..ImageCopyOptions::default() };
        let keys = vec![KeyFile(b"KEY".to_vec())];
        let keys = ImageCopyOptions { encryption_keys: keys, ..ImageCopyOptions::default() };
        for (place, takes_tags, takes_keys) in [
            ("containers-storage:a", false, false),
            ("docker://r.io/a", false, true),
            ("dir:/a", false, true),
            ("docker-archive:/a.tar", true, true),
        ] {
            let to = ImageLocation::parse(place).unwrap().unwrap();
            assert_eq!(refuse_idle(&to, &tags).is_ok(), takes_tags, "{place}");
            assert_eq!(refuse_idle(&to, &keys).is_ok(), takes_keys, "{place}");
            assert!(refuse_idle(&to, &ImageCopyOptions::default()).is_ok(), "{place}");
        }
    }
}
