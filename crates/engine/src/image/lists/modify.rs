//! Changing a list: adding, taking out, annotating.

use std::path::Path;
use std::sync::Arc;

use cove_api::{Error, ManifestModifyOptions, ManifestModifyReport, ManifestOperation, Result};
use cove_registry::Digest;
use cove_registry::manifest::ListEntry;

use super::stored::StoredList;
use super::{add, artifact};
use crate::engine::{Core, blocking};

/// Does what is asked for, and answers what was done.
pub(super) async fn modify(
    core: &Arc<Core>,
    name: &str,
    change: ManifestModifyOptions,
) -> Result<ManifestModifyReport> {
    let id = {
        let name = name.to_owned();
        blocking(core, move |core| Ok(StoredList::open(core, &name)?.id)).await?
    };
    match change.operation {
        Some(ManifestOperation::Update) => update(core, id, change).await,
        Some(ManifestOperation::Remove) => remove(core, id, change.images).await,
        Some(ManifestOperation::Annotate) => annotate(core, id, change).await,
        None => Err(Error::invalid("illegal operation \"\": it must be update, remove or annotate")),
    }
}

async fn update(core: &Arc<Core>, id: String, change: ManifestModifyOptions) -> Result<ManifestModifyReport> {
    if change.images.is_empty() && change.files.is_empty() {
        return Err(Error::invalid("manifest add requires at least one image"));
    }
    if !change.os_features.is_empty() && change.images.is_empty() {
        return Err(Error::unsupported("os_features are for images, not for artifacts"));
    }
    if change.files.is_empty() && change.is_about_files() {
        return Err(Error::unsupported("the artifact options are for files, and none are given"));
    }
    let properties = Properties::of(&change)?;
    let subject = subject(core, &change).await?;
    for image in &change.images {
        let additions = add::entries(core, image, change.all, &change.access).await?;
        let (id, properties, subject) = (id.clone(), properties.clone(), subject.clone());
        blocking(core, move |core| {
            StoredList::change(core, &id, |list| {
                // What is given is about the first, as with podman.
                let first = additions.first().map(|addition| addition.entry.digest.clone());
                list.add(additions);
                if let Some(entry) = first.and_then(|digest| list.list.entry_mut(&digest)) {
                    properties.apply(entry);
                }
                properties.apply_to_list(list, subject);
                Ok(())
            })
        })
        .await?;
    }
    if !change.files.is_empty() {
        let made = artifact::make(core, &change).await?;
        let id = id.clone();
        blocking(core, move |core| {
            StoredList::change(core, &id, |list| {
                let digest = artifact::add(list, made);
                if let Some(entry) = list.list.entry_mut(&digest) {
                    properties.apply(entry);
                }
                properties.apply_to_list(list, subject);
                Ok(())
            })
        })
        .await?;
    }
    Ok(ManifestModifyReport { id, images: change.images, files: change.files })
}

async fn remove(core: &Arc<Core>, id: String, digests: Vec<String>) -> Result<ManifestModifyReport> {
    let parsed: Vec<Digest> = digests.iter().map(|text| digest(text)).collect::<Result<_>>()?;
    let list = id.clone();
    blocking(core, move |core| {
        StoredList::change(core, &list, |list| parsed.iter().try_for_each(|digest| list.remove(digest)))
    })
    .await?;
    Ok(ManifestModifyReport { id, images: digests, files: Vec::new() })
}

fn digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|error| Error::invalid(format!("invalid image digest {text:?}: {error}")))
}

async fn annotate(
    core: &Arc<Core>,
    id: String,
    change: ManifestModifyOptions,
) -> Result<ManifestModifyReport> {
    let properties = Properties::of(&change)?;
    properties.check(change.images.is_empty(), !change.subject.is_empty())?;
    let subject = subject(core, &change).await?;
    let mut targets = Vec::new();
    for image in &change.images {
        targets.push(
            member(core, &id, image, &change)
                .await
                .map_err(|error| error.context(format!("finding instance for {image:?}")))?,
        );
    }
    let list = id.clone();
    blocking(core, move |core| {
        StoredList::change(core, &list, |list| {
            for digest in &targets {
                let entry = list.list.entry_mut(digest).ok_or_else(|| {
                    Error::not_found(format!(
                        "no instance matching digest {:?} found in manifest list: file does not exist",
                        digest.to_string()
                    ))
                })?;
                properties.apply(entry);
            }
            properties.apply_to_list(list, subject);
            Ok(())
        })
    })
    .await?;
    Ok(ManifestModifyReport { id, images: change.images, files: Vec::new() })
}

/// The entry that a digest, a file of an artifact or the name of an image means.
async fn member(core: &Arc<Core>, id: &str, name: &str, change: &ManifestModifyOptions) -> Result<Digest> {
    if let Ok(digest) = name.parse() {
        return Ok(digest);
    }
    let by_file = {
        let (id, name) = (id.to_owned(), name.to_owned());
        blocking(core, move |core| {
            let list = StoredList::open(core, &id)?;
            let named =
                |file: &String| *file == name || Path::new(file).file_name() == Path::new(&name).file_name();
            let found = list.artifacts.files.iter().find(|(_, files)| files.iter().any(named));
            Ok(found.and_then(|(digest, _)| digest.parse().ok()))
        })
        .await?
    };
    if let Some(digest) = by_file {
        return Ok(digest);
    }
    let entries = add::entries(core, name, false, &change.access).await?;
    match entries.into_iter().next() {
        Some(addition) => Ok(addition.entry.digest),
        None => Err(Error::not_found(format!("{name}: image not known"))),
    }
}

/// The entry for the image that the list is about.
async fn subject(core: &Arc<Core>, change: &ManifestModifyOptions) -> Result<Option<ListEntry>> {
    if change.subject.is_empty() {
        return Ok(None);
    }
    artifact::subject(core, &change.subject, &change.access).await.map(Some)
}

/// What a change says about an entry and the whole.
#[derive(Debug, Clone)]
struct Properties {
    change: ManifestModifyOptions,
    annotations: cove_api::StringMap,
    list_annotations: cove_api::StringMap,
}

impl Properties {
    fn of(change: &ManifestModifyOptions) -> Result<Self> {
        Ok(Self {
            annotations: change.entry_annotations()?,
            list_annotations: change.list_annotations()?,
            change: change.clone(),
        })
    }

    /// Refuses what is about an entry where the whole is meant, and the other way round.
    fn check(&self, whole: bool, has_subject: bool) -> Result<()> {
        let change = &self.change;
        if !whole {
            if !self.list_annotations.is_empty() {
                return Err(Error::invalid(
                    "setting index-wide annotation in a manifest list requires no instance digest",
                ));
            }
            if has_subject {
                return Err(Error::invalid(
                    "setting subject for a manifest list requires no instance digest",
                ));
            }
            return Ok(());
        }
        let of_entries = [
            ("annotation", !self.annotations.is_empty()),
            ("architecture", !change.arch.is_empty()),
            ("features", !change.features.is_empty()),
            ("OS", !change.os.is_empty()),
            ("OS features", !change.os_features.is_empty()),
            ("OS version", !change.os_version.is_empty()),
            ("variant", !change.variant.is_empty()),
        ];
        match of_entries.iter().find(|(_, given)| *given) {
            Some((what, _)) => Err(Error::invalid(format!(
                "setting {what} on an item in a manifest list requires an instance digest"
            ))),
            None => Ok(()),
        }
    }

    fn apply(&self, entry: &mut ListEntry) {
        let change = &self.change;
        let platform = &mut entry.platform;
        for (given, place) in [
            (&change.os, &mut platform.os),
            (&change.os_version, &mut platform.os_version),
            (&change.arch, &mut platform.architecture),
        ] {
            if !given.is_empty() {
                place.clone_from(given);
            }
        }
        for (given, place) in
            [(&change.features, &mut platform.features), (&change.os_features, &mut platform.os_features)]
        {
            if !given.is_empty() {
                place.clone_from(given);
            }
        }
        // Another architecture has other variants.
        if !change.arch.is_empty() || !change.variant.is_empty() {
            platform.variant.clone_from(&change.variant);
        }
        entry.annotations.extend(self.annotations.clone());
    }

    fn apply_to_list(&self, list: &mut StoredList, subject: Option<ListEntry>) {
        list.list.annotations.extend(self.list_annotations.clone());
        if subject.is_some() {
            list.list.subject = subject;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_replaces_and_the_rest_stays() {
        let mut entry = ListEntry::new("x", Digest::sha256(b""), 0);
        entry.platform.os = "linux".into();
        entry.platform.architecture = "arm".into();
        entry.platform.variant = "v7".into();
        let change = ManifestModifyOptions {
            arch: "arm64".into(),
            annotation: vec!["a=b".into()],
            ..ManifestModifyOptions::default()
        };
        let properties = Properties::of(&change).unwrap();
        properties.apply(&mut entry);
        assert_eq!(entry.platform.platform().to_string(), "linux/arm64");
        assert_eq!(entry.annotations["a"], "b");
        assert!(properties.check(true, false).is_err() && properties.check(false, false).is_ok());
        assert!(properties.check(false, true).is_err());
    }
}
