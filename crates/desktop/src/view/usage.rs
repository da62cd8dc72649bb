//! What the engine's objects take on the disk, and what of it nothing uses.

use std::collections::BTreeMap;

use cove_api::DiskUsage;
use serde::{Deserialize, Serialize};

/// One sort of objects on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    /// How many there are.
    pub count: u32,
    /// How many of them are in use.
    pub active: u32,
    /// Their bytes.
    pub size: i64,
}

/// Something that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UnusedRow {
    /// `container`, `image` or `volume`.
    pub kind: String,
    /// The whole id; a volume's name.
    pub id: String,
    /// Its names: of an image all of them, or none.
    pub names: Vec<String>,
    /// Bytes that go with it. Those that unused images share with each other are in none of them.
    pub size: i64,
}

/// An image's size: what others have, too, and what is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ImageShare {
    /// The whole id.
    pub id: String,
    /// Bytes that other images have, too.
    pub shared: i64,
    /// The rest.
    pub own: i64,
}

/// A volume's size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct VolumeSize {
    /// Its name.
    pub id: String,
    /// Its bytes.
    pub size: i64,
}

/// What is on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Images.
    pub images: UsageRow,
    /// Containers: what they wrote.
    pub containers: UsageRow,
    /// Volumes.
    pub volumes: UsageRow,
    /// What nothing uses, largest first.
    pub unused: Vec<UnusedRow>,
    /// Every image's parts.
    pub shares: Vec<ImageShare>,
    /// Every volume's size.
    pub volume_sizes: Vec<VolumeSize>,
}

fn bare(id: &str) -> String {
    id.strip_prefix("sha256:").unwrap_or(id).to_owned()
}

fn count<T>(rows: impl IntoIterator<Item = T>) -> u32 {
    u32::try_from(rows.into_iter().count()).unwrap_or(u32::MAX)
}

impl From<DiskUsage> for Usage {
    fn from(usage: DiskUsage) -> Self {
        // The engine has a row for each name of an image.
        let mut images: BTreeMap<String, (UnusedRow, ImageShare, i64)> = BTreeMap::new();
        for row in usage.images {
            let id = bare(&row.id);
            let (unused, ..) = images.entry(id.clone()).or_insert_with(|| {
                let share = ImageShare { id: id.clone(), shared: row.shared_size, own: row.unique_size };
                let unused = UnusedRow { kind: "image".into(), id, names: Vec::new(), size: row.unique_size };
                (unused, share, row.containers)
            });
            if row.repository != "<none>" && row.tag != "<none>" {
                unused.names.push(format!("{}:{}", row.repository, row.tag));
            }
        }
        // Podman's words of states with a process.
        let alive = |word: &str| ["running", "paused", "stopping", "restarting"].contains(&word);
        let containers = UsageRow {
            count: count(&usage.containers),
            active: count(usage.containers.iter().filter(|row| alive(&row.status))),
            size: usage.containers.iter().map(|row| row.rw_size).sum(),
        };
        let volumes = UsageRow {
            count: count(&usage.volumes),
            active: count(usage.volumes.iter().filter(|row| row.links > 0)),
            size: usage.volumes.iter().map(|row| row.size).sum(),
        };
        let image_row = UsageRow {
            count: count(&images),
            active: count(images.values().filter(|(_, _, containers)| *containers > 0)),
            size: usage.images_size,
        };
        let volume_sizes =
            usage.volumes.iter().map(|row| VolumeSize { id: row.name.clone(), size: row.size }).collect();
        let mut unused: Vec<UnusedRow> = Vec::new();
        unused.extend(usage.containers.into_iter().filter(|row| !alive(&row.status)).map(|row| UnusedRow {
            kind: "container".into(),
            id: row.id,
            names: vec![row.names],
            size: row.rw_size,
        }));
        unused.extend(usage.volumes.into_iter().filter(|row| row.links == 0).map(|row| UnusedRow {
            kind: "volume".into(),
            names: vec![row.name.clone()],
            id: row.name,
            size: row.size,
        }));
        let mut shares = Vec::with_capacity(images.len());
        for (row, share, containers) in images.into_values() {
            shares.push(share);
            if containers == 0 {
                unused.push(row);
            }
        }
        unused.sort_by_key(|row| std::cmp::Reverse(row.size));
        Self { images: image_row, containers, volumes, unused, shares, volume_sizes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{ContainerUsage, ImageUsage, VolumeUsage};

    #[test]
    fn an_image_with_two_names_counts_once() {
        let image = |id: &str, tag: &str, containers, own| ImageUsage {
            id: format!("sha256:{id}"),
            repository: if tag.is_empty() { "<none>".into() } else { "localhost/a".into() },
            tag: if tag.is_empty() { "<none>".into() } else { tag.into() },
            containers,
            unique_size: own,
            shared_size: 5,
            ..ImageUsage::default()
        };
        let container = |id: &str, status: &str| ContainerUsage {
            id: id.into(),
            status: status.into(),
            rw_size: 7,
            ..ContainerUsage::default()
        };
        let volume =
            |name: &str, links| VolumeUsage { name: name.into(), links, size: 9, reclaimable_size: 0 };
        let usage = Usage::from(DiskUsage {
            images_size: 100,
            images: vec![image("a", "1", 0, 50), image("a", "2", 0, 50), image("b", "", 1, 20)],
            containers: vec![container("c", "running"), container("d", "exited")],
            volumes: vec![volume("used", 1), volume("left", 0)],
        });
        assert_eq!(usage.images, UsageRow { count: 2, active: 1, size: 100 });
        assert_eq!(usage.containers, UsageRow { count: 2, active: 1, size: 14 });
        assert_eq!(usage.volumes, UsageRow { count: 2, active: 1, size: 18 });
        let rows: Vec<_> =
            usage.unused.iter().map(|row| (row.id.as_str(), row.names.len(), row.size)).collect();
        assert_eq!(rows, [("a", 2, 50), ("left", 1, 9), ("d", 1, 7)]);
        assert_eq!((usage.shares.len(), usage.volume_sizes.len()), (2, 2));
    }
}
