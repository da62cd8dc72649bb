//! What a container or an image changed of the layers below.

use cove_api::{Change, ChangeKind, ChangesOptions, DiffType, Error, ErrorKind, Result};

use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

/// What every start makes in a container, and no command of the user.
const OF_THE_ENGINE: [&str; 12] = [
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc",
    "/run",
    "/run/notify",
    "/run/.containerenv",
    "/run/secrets",
    "/run/podman-init",
    "/sys",
    "/etc/mtab",
];

/// The differences, sorted by path.
pub(crate) fn changes(core: &Core, name: &str, options: &ChangesOptions) -> Result<Vec<Change>> {
    let layer = layer_of(core, name, options.diff_type)?;
    let store = core.store()?;
    let changes = if options.parent.is_empty() {
        store.layer_changes(&layer)
    } else {
        store.changes_between(&layer, &layer_of(core, &options.parent, options.diff_type)?)
    };
    let changes = changes.map_err(storage)?.into_iter().map(|change| Change {
        path: change.path.to_string_lossy().into_owned(),
        kind: match change.kind {
            cove_storage::ChangeKind::Added => ChangeKind::Added,
            cove_storage::ChangeKind::Modified => ChangeKind::Modified,
            cove_storage::ChangeKind::Deleted => ChangeKind::Deleted,
        },
    });
    Ok(changes.filter(|change| !OF_THE_ENGINE.contains(&change.path.as_str())).collect())
}

/// The layer that a name means: an image's topmost, a container's own (also another tool's), or itself.
fn layer_of(core: &Core, name: &str, of: DiffType) -> Result<String> {
    let store = core.store()?;
    let known = |result: Result<String>| match result {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    };
    if of != DiffType::Container {
        let image = lookup::find_image(core, name, [""; 3]).and_then(|found| {
            let top = found.image.top_layer().map(str::to_owned);
            top.ok_or_else(|| Error::invalid(format!("image {name} has no layers")))
        });
        match known(image) {
            Ok(None) => {}
            Ok(Some(layer)) => return Ok(layer),
            // A container's name need not be one of an image.
            Err(error) if of == DiffType::Image => return Err(error),
            Err(_) => {}
        }
    }
    if of != DiffType::Image {
        let id = match core.find_container(name) {
            Ok(row) => row.id,
            Err(error) if error.kind == ErrorKind::NotFound => name.to_owned(),
            Err(error) => return Err(error),
        };
        if let Some(layer) = known(store.container(&id).map(|container| container.layer).map_err(storage))? {
            return Ok(layer);
        }
    }
    if of == DiffType::All
        && let Some(layer) = known(store.layer(name).map(|layer| layer.id).map_err(storage))?
    {
        return Ok(layer);
    }
    let what = match of {
        DiffType::Image => "image not known",
        DiffType::Container => "no such container",
        DiffType::All => "layer not known",
    };
    Err(Error::not_found(format!("{name} not found: {what}")))
}
