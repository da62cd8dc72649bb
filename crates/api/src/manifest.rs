//! Lists of images for several platforms: Docker's manifest lists, OCI's image indexes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::NotDone;
use crate::{Error, RegistryAccess, Result, StringMap};

/// Options of making a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManifestCreateOptions {
    /// What it begins with: names of images.
    pub images: Vec<String>,
    /// Of an image that is a list itself all entries, not the one for this machine.
    pub all: bool,
    /// A list of that name is changed, not refused.
    pub amend: bool,
    /// `KEY=VALUE`: annotations of the whole.
    pub annotation: Vec<String>,
    /// The same as a map, which goes before.
    pub annotations: StringMap,
    /// How registries are reached (local engine only).
    #[serde(skip)]
    pub access: RegistryAccess,
}

/// What is done to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ManifestOperation {
    /// Images or files are added.
    Update,
    /// Entries are taken out, by digest.
    Remove,
    /// Entries, or the whole where none is named, get other properties.
    Annotate,
}

/// A change of a list. JSON: libpod's `ManifestModifyOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManifestModifyOptions {
    /// What is done.
    pub operation: Option<ManifestOperation>,
    /// The images (or digests) it is done to.
    pub images: Vec<String>,
    /// Of an image that is a list itself all entries, not the one for this machine.
    pub all: bool,
    /// `KEY=VALUE`: annotations of the entry.
    pub annotation: Vec<String>,
    /// The same as a map, which goes before.
    pub annotations: StringMap,
    /// The entry's architecture.
    pub arch: String,
    /// What the entry wants of the processor.
    pub features: Vec<String>,
    /// The entry's operating system.
    pub os: String,
    /// What the entry wants of the operating system.
    pub os_features: Vec<String>,
    /// The version of the operating system that the entry wants.
    pub os_version: String,
    /// The variant of the entry's architecture.
    pub variant: String,
    /// `KEY=VALUE`: annotations of the whole.
    pub index_annotation: Vec<String>,
    /// The same as a map, which goes before.
    pub index_annotations: StringMap,
    /// The image that the list is about.
    pub subject: String,
    /// What sort of artifact the files become.
    pub artifact_type: Option<String>,
    /// Media type of the files; else found out.
    pub artifact_layer_type: String,
    /// Media type of the artifact's configuration.
    pub artifact_config_type: String,
    /// The artifact's configuration.
    pub artifact_config: String,
    /// The files' names are not noted.
    pub artifact_exclude_titles: bool,
    /// Annotations of the artifact.
    pub artifact_annotations: StringMap,
    /// The image that the artifact is about.
    pub artifact_subject: String,
    /// Files that come with the request.
    pub artifact_files: NotDone<Vec<String>>,
    /// Files of this machine that are added as one artifact (local engine only).
    #[serde(skip)]
    pub files: Vec<String>,
    /// How registries are reached.
    #[serde(skip)]
    pub access: RegistryAccess,
}

impl ManifestModifyOptions {
    /// Whether it says something of an artifact that is made of files.
    #[must_use]
    pub fn is_about_files(&self) -> bool {
        self.artifact_type.is_some()
            || self.artifact_exclude_titles
            || !self.artifact_annotations.is_empty()
            || [
                &self.artifact_layer_type,
                &self.artifact_config_type,
                &self.artifact_config,
                &self.artifact_subject,
            ]
            .iter()
            .any(|text| !text.is_empty())
    }
}

impl ManifestModifyOptions {
    /// The annotations of an entry.
    ///
    /// # Errors
    /// One has no value.
    pub fn entry_annotations(&self) -> Result<StringMap> {
        annotations(&self.annotation, &self.annotations)
    }

    /// The annotations of the whole.
    ///
    /// # Errors
    /// One has no value.
    pub fn list_annotations(&self) -> Result<StringMap> {
        annotations(&self.index_annotation, &self.index_annotations)
    }
}

impl ManifestCreateOptions {
    /// The annotations of the whole.
    ///
    /// # Errors
    /// One has no value.
    pub fn list_annotations(&self) -> Result<StringMap> {
        annotations(&self.annotation, &self.annotations)
    }
}

fn annotations(texts: &[String], map: &StringMap) -> Result<StringMap> {
    let mut all = StringMap::new();
    for text in texts {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Error::invalid(format!("no value given for annotation {text:?}")))?;
        all.insert(key.to_owned(), value.to_owned());
    }
    all.extend(map.clone());
    Ok(all)
}

/// What a change did. JSON: libpod's `ManifestModifyReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManifestModifyReport {
    /// Id of the list.
    #[serde(rename = "Id")]
    pub id: String,
    /// The images that were added, taken out or changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The files that were added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// Options of removing a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManifestRemoveOptions {
    /// One that is missing is no error.
    pub ignore: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_joined() {
        let map = StringMap::from([("a".to_owned(), "2".to_owned())]);
        let found = annotations(&["a=1".into(), "b=c=d".into()], &map).unwrap();
        assert_eq!(found, StringMap::from([("a".into(), "2".into()), ("b".into(), "c=d".into())]));
        assert!(annotations(&["a".into()], &map).is_err());
    }
}
