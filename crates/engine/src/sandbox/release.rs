//! Taking apart what was prepared.

use cove_api::{Error, Result};
use cove_storage::StorageError;

use super::plan::Remains;
use super::{bundle, images, overlay, userns};
use crate::engine::remove_directory;
use crate::error::storage;
use crate::parts::Parts;

/// Gives back process, network, mounts and folder. Tries everything; what is not there is no error.
pub(crate) fn release(parts: &Parts, remains: &Remains<'_>) -> Vec<Error> {
    let mut errors: Vec<Error> = Vec::new();
    let mut note = |result: Result<()>| errors.extend(result.err());
    note(forget_process(parts, remains));
    if remains.network {
        let networks = parts.networks();
        note(networks.and_then(|all| Ok(all.teardown(remains.id)?)));
        note(parts.networks().and_then(|all| Ok(all.remove_netns(remains.id)?)));
    }
    if remains.layer {
        note(unmount(parts, remains.id));
    }
    let unmounted = [
        bundle::release(&remains.folder),
        overlay::release(&remains.folder),
        userns::release(&remains.folder),
        images::release(parts, &remains.folder),
    ];
    // What is still mounted there must not be removed with it.
    if unmounted.iter().all(Result::is_ok) {
        note(remove_directory(&remains.folder).and_then(|()| remove_directory(&remains.scratch)));
    }
    unmounted.into_iter().for_each(&mut note);
    errors
}

/// A process that lost its monitor, and the OCI runtime's state of one that ended badly.
fn forget_process(parts: &Parts, remains: &Remains<'_>) -> Result<()> {
    let runtime = parts.runtime()?;
    if !matches!(runtime.state(remains.id)?, cove_runtime::ProcessState::Absent) {
        let oci = parts.oci_runtime(remains.runtime)?;
        runtime.force_delete(&oci, remains.id)?;
        runtime.forget(remains.id)?;
    }
    Ok(())
}

fn unmount(parts: &Parts, id: &str) -> Result<()> {
    match parts.store()?.unmount_container(id, true) {
        Ok(_) | Err(StorageError::NotMounted(_) | StorageError::ContainerNotFound(_)) => Ok(()),
        Err(error) => Err(storage(error)),
    }
}
