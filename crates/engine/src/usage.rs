//! What images, containers and volumes take on the disk.

use std::collections::HashSet;
use std::sync::Arc;

use cove_api::{ContainerUsage, DiskUsage, ErrorKind, ImageUsage, Result, VolumeUsage};

use crate::container;
use crate::engine::Core;
use crate::error::storage;
use crate::image::{self, lookup};
use crate::volume;

/// The disk use of everything. What goes away meanwhile is left out.
pub(crate) fn disk_usage(core: &Arc<Core>) -> Result<DiskUsage> {
    let (images, images_size) = images(core)?;
    Ok(DiskUsage { images_size, images, containers: containers(core)?, volumes: volumes(core)? })
}

fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn images(core: &Core) -> Result<(Vec<ImageUsage>, i64)> {
    let (usages, total) = core.store()?.image_usage().map_err(storage)?;
    let users = image::container_counts(core)?;
    let mut rows = Vec::new();
    for usage in usages {
        let created = lookup::document(core, &usage.image).ok().and_then(|document| document.created);
        let row = ImageUsage {
            repository: "<none>".into(),
            tag: "<none>".into(),
            created: created.unwrap_or(usage.image.created),
            size: bytes(usage.shared.saturating_add(usage.unique)),
            shared_size: bytes(usage.shared),
            unique_size: bytes(usage.unique),
            containers: users.get(&usage.image.id).copied().unwrap_or(0),
            id: usage.image.id.clone(),
        };
        let named = usage.image.names.iter().filter_map(|name| named(&row, name));
        let named: Vec<ImageUsage> = named.collect();
        if named.is_empty() { rows.push(row) } else { rows.extend(named) }
    }
    Ok((rows, bytes(total)))
}

/// The row under one name; none for a name by digest.
fn named(row: &ImageUsage, name: &str) -> Option<ImageUsage> {
    if name.contains('@') {
        return None;
    }
    let (repository, tag) = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    Some(ImageUsage { repository: repository.to_owned(), tag: tag.to_owned(), ..row.clone() })
}

fn containers(core: &Core) -> Result<Vec<ContainerUsage>> {
    let mut rows = Vec::new();
    for mut row in core.database()?.containers()? {
        core.refresh(&mut row)?;
        let size = match container::size(core, &row) {
            Ok(size) => size,
            // Removed since the list, or being made.
            Err(error) if error.kind == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let volumes: HashSet<&str> = row.config.volumes.iter().map(|volume| volume.name.as_str()).collect();
        rows.push(ContainerUsage {
            image: row.config.image.id.clone(),
            command: row.config.command.clone(),
            local_volumes: u32::try_from(volumes.len()).unwrap_or(u32::MAX),
            size: size.root_fs,
            rw_size: size.rw,
            created: container::time(row.created),
            status: row.state.to_string(),
            names: row.name,
            id: row.id,
        });
    }
    Ok(rows)
}

fn volumes(core: &Core) -> Result<Vec<VolumeUsage>> {
    let mut rows = Vec::new();
    for volume in core.database()?.volumes()? {
        let size = volume::occupied(core, &volume);
        let links = core.database()?.containers_of_volume(&volume.name)?.len();
        rows.push(VolumeUsage {
            name: volume.name,
            links: u32::try_from(links).unwrap_or(u32::MAX),
            size: bytes(size),
            reclaimable_size: if links == 0 { bytes(size) } else { 0 },
        });
    }
    Ok(rows)
}
