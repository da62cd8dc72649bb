//! The files of containers and images: what changed, what is copied, mounted and committed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ByteStream, ImageConfig, Timestamp};

/// What became of a path. JSON: a number, as libpod and Docker have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChangeKind {
    /// It, or something below it, is different.
    #[default]
    Modified,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// The letter that `diff` shows.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Modified => 'C',
            Self::Added => 'A',
            Self::Deleted => 'D',
        }
    }
}

impl Serialize for ChangeKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for ChangeKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Self::Modified),
            1 => Ok(Self::Added),
            2 => Ok(Self::Deleted),
            other => Err(serde::de::Error::custom(format!("{other} is no kind of change"))),
        }
    }
}

/// A difference between a container or image and what it was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct Change {
    /// Absolute in the container.
    pub path: String,
    /// 0 is modified, 1 added, 2 deleted.
    #[schemars(with = "u8")]
    pub kind: ChangeKind,
}

/// What a name is taken for by [`crate::Files::changes`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiffType {
    /// A container, an image or a layer.
    #[default]
    All,
    /// A container.
    Container,
    /// An image.
    Image,
}

/// Options of [`crate::Files::changes`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ChangesOptions {
    /// What it is compared with; empty is the layer below.
    pub parent: String,
    /// What the names are taken for.
    #[serde(rename = "diffType")]
    pub diff_type: DiffType,
}

/// The format of a committed image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommitFormat {
    /// OCI image specification.
    #[default]
    Oci,
    /// Docker's schema 2.
    Docker,
}

/// Options of [`crate::Files::commit`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CommitOptions {
    /// Who made it.
    pub author: String,
    /// Instructions such as `CMD` or `ENV`, applied last.
    pub changes: Vec<String>,
    /// A message; images of Docker's format alone can have one.
    pub comment: String,
    /// The format.
    pub format: CommitFormat,
    /// Freeze the container meanwhile.
    pub pause: bool,
    /// One layer with everything.
    pub squash: bool,
    /// Name of the image without its tag; empty leaves it unnamed.
    pub repo: String,
    /// Tag; empty is `latest`.
    pub tag: String,
    /// The container's volumes and mounts become volumes of the image; an extension of this service.
    #[serde(rename = "includeVolumes")]
    pub include_volumes: bool,
    /// Configuration that takes the place of the container's where it says something: the body of the request.
    #[serde(skip)]
    pub config: Option<ImageConfig>,
}

/// What is at a path in a container. JSON: libpod's and Docker's, in the header `X-Docker-Container-Path-Stat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PathStat {
    /// The last component.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// Type and permissions, as Go's `FileMode`; of a symbolic link its own.
    pub mode: u32,
    /// Last change of the contents.
    pub mtime: Timestamp,
    /// It is a directory, or a link to one.
    pub is_dir: bool,
    /// The path that it comes to after all links, absolute in the container; a trailing `/` or `/.` that was asked for
    /// stays.
    pub link_target: String,
    /// A link that leads to nothing.
    #[serde(skip)]
    pub missing: bool,
}

impl Default for PathStat {
    fn default() -> Self {
        Self {
            name: String::new(),
            size: 0,
            mode: 0,
            mtime: crate::zero_time(),
            is_dir: false,
            link_target: String::new(),
            missing: false,
        }
    }
}

/// Go's `FileMode` for the mode of stat(2).
#[must_use]
pub fn go_mode(mode: u32) -> u32 {
    let kind = match mode & 0o170_000 {
        0o040_000 => 1 << 31,
        0o120_000 => 1 << 27,
        0o060_000 => 1 << 26,
        0o020_000 => 1 << 26 | 1 << 21,
        0o010_000 => 1 << 25,
        0o140_000 => 1 << 24,
        _ => 0,
    };
    let bits = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let special: u32 = bits.iter().filter(|(bit, _)| mode & bit != 0).map(|(_, go)| go).sum();
    kind | special | (mode & 0o777)
}

/// Options of [`crate::Files::copy_from`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CopyFromOptions {
    /// The path, absolute or in the working directory. `/.` at its end means the contents of the directory.
    pub path: String,
    /// As Docker answers: a symbolic link is itself, and contents are called `./…`.
    #[serde(skip)]
    pub docker: bool,
}

/// Options of [`crate::Files::copy_to`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopyToOptions {
    /// The directory, absolute or in the working directory.
    #[serde(default)]
    pub path: String,
    /// Everything goes to the container's user; without it the archive says to whom.
    #[serde(rename = "copyUIDGID", default = "yes")]
    pub chown: bool,
    /// Names that change, with all that is below them.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// A directory takes the place of nothing else, and nothing else that of a directory.
    #[serde(rename = "noOverwriteDirNonDir", default)]
    pub no_overwrite: bool,
}

/// What the service takes where a request does not say it.
fn yes() -> bool {
    true
}

/// What [`crate::Files::copy_from`] answers.
pub struct PathArchive {
    /// What is at the path.
    pub stat: PathStat,
    /// It, as tar.
    pub archive: ByteStream,
}

impl std::fmt::Debug for PathArchive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PathArchive").field("stat", &self.stat).finish_non_exhaustive()
    }
}

/// A container or image that is mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountedFiles {
    /// The whole id.
    pub id: String,
    /// Its names.
    pub names: Vec<String>,
    /// Where it is mounted.
    pub path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_go() {
        for (mode, go) in [
            (0o100_644, 0o644),
            (0o040_755, 1 << 31 | 0o755),
            (0o041_777, 1 << 31 | 1 << 20 | 0o777),
            (0o104_755, 1 << 23 | 0o755),
            (0o120_777, 1 << 27 | 0o777),
            (0o020_600, 1 << 26 | 1 << 21 | 0o600),
        ] {
            assert_eq!(go_mode(mode), go, "{mode:o}");
        }
    }

    #[test]
    fn changes_are_numbers() {
        let change = Change { path: "/a".into(), kind: ChangeKind::Deleted };
        let text = serde_json::to_string(&change).unwrap();
        assert_eq!(text, r#"{"Path":"/a","Kind":2}"#);
        assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
    }
}
