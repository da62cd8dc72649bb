//! Removing images and names of images.

use std::sync::Arc;

use cove_api::{Error, ErrorKind, ImageRemoveOptions, ImageRemoveReport, RemoveOptions, Result};
use cove_storage::{NameChange, StorageError};

use crate::engine::Core;
use crate::error::storage;
use crate::image::{list, lists, lookup};
use crate::state::ContainerRow;

/// Removes images or names of them, going on past errors.
pub(super) fn remove(
    core: &Arc<Core>,
    names: &[String],
    options: &ImageRemoveOptions,
) -> Result<ImageRemoveReport> {
    let mut report = ImageRemoveReport::default();
    let mut failures = Failures::default();
    if options.all && !names.is_empty() {
        return Err(Error::invalid("when using the --all switch, you may not pass any images names or IDs"));
    }
    if options.all {
        let images = core.store()?.images().map_err(storage)?;
        for image in images.iter() {
            if let Err(error) = remove_image(core, &image.id, options, &mut report) {
                failures.add(error, &mut report);
            }
        }
    }
    for name in names {
        match remove_one(core, name, options, &mut report) {
            Ok(()) => {}
            Err(error) if options.ignore && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.add(error, &mut report),
        }
    }
    report.exit_code = failures.exit_code();
    Ok(report)
}

#[derive(Default)]
struct Failures {
    in_use: bool,
    missing: bool,
    other: bool,
}

impl Failures {
    fn add(&mut self, error: Error, report: &mut ImageRemoveReport) {
        match error.kind {
            ErrorKind::InUse => self.in_use = true,
            ErrorKind::NotFound => self.missing = true,
            _ => self.other = true,
        }
        report.kind.get_or_insert(error.kind);
        report.errors.push(error.message);
    }

    fn exit_code(&self) -> i32 {
        match (self.in_use, self.missing, self.other) {
            (true, _, _) => 2,
            (false, true, false) => 1,
            (false, false, false) => 0,
            _ => 125,
        }
    }
}

fn remove_one(
    core: &Arc<Core>,
    name: &str,
    options: &ImageRemoveOptions,
    report: &mut ImageRemoveReport,
) -> Result<()> {
    let found = lookup::find(core, name)?;
    let image = &found.image;
    if options.lookup_manifest && !lists::is_list(core, image) {
        return Err(Error::invalid(format!("{name}: image is not a manifest list")));
    }
    let by_id = found.name.is_none();
    if image.names.len() > 1 || (image.names.is_empty() && !by_id) {
        if by_id && !options.force {
            return Err(Error::new(
                ErrorKind::Internal,
                format!(
                    "unable to delete image {:?} by ID with more than one tag ([{}]): please force removal",
                    image.id,
                    image.names.join(" ")
                ),
            ));
        }
        if let Some(full) = found.name.as_ref().filter(|full| image.names.contains(full)) {
            core.store()?
                .change_image_names(&image.id, std::slice::from_ref(full), NameChange::Remove)
                .map_err(storage)?;
            core.events.write("image", "untag", &image.id, [("name".to_owned(), full.clone())].into());
            report.untagged.push(full.clone());
            return Ok(());
        }
    }
    remove_image(core, &image.id, options, report)
}

/// Containers that have the image as one of their mounts.
fn mounted_by(core: &Core, id: &str) -> Result<Vec<ContainerRow>> {
    let mut rows = core.database()?.containers()?;
    rows.retain(|row| row.config.image.id != id && row.config.mounts.iter().any(|mount| mount.image == id));
    Ok(rows)
}

fn in_use(containers: &[String]) -> Error {
    Error::new(
        ErrorKind::InUse,
        format!(
            "image used by {}: image is in use by a container: consider listing external containers and force-removing image",
            containers.join(", ")
        ),
    )
}

fn remove_image(
    core: &Arc<Core>,
    id: &str,
    options: &ImageRemoveOptions,
    report: &mut ImageRemoveReport,
) -> Result<()> {
    let store = core.store()?;
    let mounting = mounted_by(core, id)?;
    if !options.force && !mounting.is_empty() {
        return Err(in_use(&mounting.iter().map(|row| row.id.clone()).collect::<Vec<_>>()));
    }
    if options.force {
        for row in core.database()?.containers_of_image(id)?.into_iter().chain(mounting) {
            let remove =
                RemoveOptions { force: true, volumes: true, timeout: Some(0), ..RemoveOptions::default() };
            // One that holds the namespaces of a pod takes the pod with it.
            let removed = match row.config.infra {
                true => crate::pod::remove_with_infra(core, &row, &remove).map(drop),
                false => crate::container::remove_container(core, &row.id, &remove),
            };
            removed.map_err(|error| error.context(format!("removing container {} of image {id}", row.id)))?;
        }
        let others = store.containers().map_err(storage)?;
        for other in others.iter().filter(|container| container.image == id) {
            match store.delete_container(&other.id) {
                Ok(()) | Err(StorageError::ContainerNotFound(_)) => {}
                Err(error) => return Err(storage(error)),
            }
        }
    }
    let images = store.images().map_err(storage)?;
    let family = list::Family::find(core, &images)?;
    let Some(image) = images.iter().find(|image| image.id == id) else {
        // Gone with an earlier one of the list.
        return Ok(());
    };
    let parent = family.parent(id).map(ToOwned::to_owned);
    match store.delete_image(id) {
        Ok(_) | Err(StorageError::ImageNotFound(_)) => {}
        Err(StorageError::ImageInUse { containers, .. }) => {
            return Err(in_use(&containers));
        }
        Err(error) => return Err(storage(error)),
    }
    for name in &image.names {
        core.events.write("image", "untag", id, [("name".to_owned(), name.clone())].into());
        report.untagged.push(name.clone());
    }
    let shown = image.names.first().cloned().unwrap_or_else(|| id.to_owned());
    core.events.write("image", "remove", id, [("name".to_owned(), shown)].into());
    if !family.has_children(id) {
        report.deleted.push(id.to_owned());
    }
    // An unnamed step of the build goes with the last image made from it.
    if let Some(parent) = parent.filter(|_| !options.no_prune) {
        let images = store.images().map_err(storage)?;
        let family = list::Family::find(core, &images)?;
        let unused = images.iter().any(|image| image.id == parent && image.names.is_empty());
        if unused && !family.has_children(&parent) {
            return remove_image(core, &parent, options, report);
        }
    }
    Ok(())
}
