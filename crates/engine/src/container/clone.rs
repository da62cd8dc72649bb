//! Making a container like another one.

use std::sync::Arc;

use cove_api::{
    ContainerClone, ContainerCreateReport, ContainerSpec, NamedVolume, RemoveOptions, Resources, Result,
};

use crate::container::{create, remove, start, update};
use crate::engine::Core;
use crate::image::lookup;
use crate::state::{ContainerRow, Lookup};

/// Makes a copy from the request of the other one: image, command, mounts, networks and so on are the same, volumes that
/// nobody named are shared.
pub(super) fn clone(core: &Arc<Core>, name: &str, changes: &ContainerClone) -> Result<ContainerCreateReport> {
    let mut row = core.find_container(name)?;
    core.refresh(&mut row)?;
    if changes.destroy && !changes.force && row.state.is_alive() {
        // Told before the copy is made.
        return Err(remove::still_runs(&row));
    }
    let mut request = core.database()?.request(&row.id)?;
    request.name = match changes.name.as_str() {
        "" => free_name(core, &row.name)?,
        name => name.to_owned(),
    };
    if !changes.image.is_empty() {
        changes.image.clone_into(&mut request.image);
        changes.image.clone_into(&mut request.raw_image_name);
    } else if request.rootfs.is_empty() {
        same_image(core, &row, &mut request);
    }
    let limits = changes.limits.resources();
    if limits != Resources::default() {
        request.resource_limits = Some(update::merged(request.resource_limits.take(), &limits)?);
    }
    changes.limits.put_devices(&mut request);
    if !changes.pod.is_empty() {
        join(&changes.pod, &mut request);
    }
    share_volumes(&row, &mut request);
    // The file has the other one's id.
    request.annotations.remove("io.podman.annotations.cid-file");
    let report = create::create(core, request)?;
    if changes.destroy {
        let options = RemoveOptions { force: changes.force, ..RemoveOptions::default() };
        remove::remove(core, &row.id, &options)?;
    }
    if changes.run {
        start::start(core, &report.id)?;
    }
    Ok(report)
}

/// Puts the copy into a pod, whose namespaces and networks it has then.
fn join(pod: &str, request: &mut ContainerSpec) {
    let fresh = ContainerSpec::default();
    pod.clone_into(&mut request.pod);
    request.networks.clear();
    request.network_options.clear();
    request.portmappings.clear();
    request.publish_image_ports = None;
    (request.netns, request.pidns, request.ipcns) = (fresh.netns, fresh.pidns, fresh.ipcns);
    (request.utsns, request.cgroupns) = (fresh.utsns, fresh.cgroupns);
    request.hostname.clear();
}

/// The name may mean another image today.
fn same_image(core: &Core, row: &ContainerRow, request: &mut ContainerSpec) {
    let same = lookup::find(core, &request.image).is_ok_and(|found| found.image.id == row.config.image.id);
    if !same {
        row.config.image.id.clone_into(&mut request.image);
    }
}

/// Volumes that were made with the other container, at the same places.
pub(super) fn share_volumes(row: &ContainerRow, request: &mut ContainerSpec) {
    for volume in row.config.volumes.iter().filter(|volume| volume.anonymous) {
        match request.volumes.iter_mut().find(|asked| asked.dest == volume.destination) {
            Some(asked) => volume.name.clone_into(&mut asked.name),
            None => request.volumes.push(NamedVolume {
                name: volume.name.clone(),
                dest: volume.destination.clone(),
                ..NamedVolume::default()
            }),
        }
    }
}

/// The request for a container like that one, under a name that nobody has.
pub(crate) fn request_like(core: &Core, row: &ContainerRow) -> Result<ContainerSpec> {
    let mut request = core.database()?.request(&row.id)?;
    request.name = free_name(core, &row.name)?;
    if request.rootfs.is_empty() {
        same_image(core, row, &mut request);
    }
    Ok(request)
}

/// `NAME-clone`, or the first of `NAME-clone1`, `NAME-clone2`, … that nobody has.
fn free_name(core: &Core, name: &str) -> Result<String> {
    let base = match name.rsplit_once("-clone") {
        Some((base, number)) if number.bytes().all(|digit| digit.is_ascii_digit()) => base,
        _ => name,
    };
    let first = std::iter::once(format!("{base}-clone"));
    for name in first.chain((1_u32..).map(|number| format!("{base}-clone{number}"))) {
        if matches!(core.database()?.find_container(&name)?, Lookup::Missing) {
            return Ok(name);
        }
    }
    Ok(String::new())
}
