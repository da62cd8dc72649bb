//! Changing the OCI configuration of a container that runs.

use std::path::Path;

use cove_sys::fs;
use oci_spec::runtime::{LinuxPids, LinuxResources, Spec};

use super::build::write_bundle;
use super::limits;
use super::settings::Settings;
use crate::cgroup::CgroupMode;
use crate::error::{Error, Result};

/// The limits as the OCI runtime's `update` takes them.
///
/// # Errors
/// One cannot be kept on this machine.
pub fn resources(settings: &Settings, cgroup: &CgroupMode) -> Result<LinuxResources> {
    let mut resources = limits::resources(&limits::Room { settings, cgroup })?;
    // What a new container gets by itself has to be said to one that has a limit.
    if settings.limits.pids.is_some_and(|limit| limit <= 0) {
        resources.set_pids(Some(*LinuxPids::default().set_limit(-1)));
    }
    Ok(resources)
}

/// Changes variables (those without an entry go) in the bundle, for processes that are started in the container from now
/// on.
///
/// # Errors
/// The configuration cannot be read or written.
pub fn update_bundle(bundle: &Path, variables: &[(String, Option<String>)]) -> Result<()> {
    let path = bundle.join("config.json");
    let text = fs::read(&path).map_err(Error::file)?;
    let mut spec: Spec =
        serde_json::from_slice(&text).map_err(|source| Error::Json { path: path.clone(), source })?;
    let Some(mut process) = spec.process().clone() else { return Ok(()) };
    let mut env = process.env().clone().unwrap_or_default();
    for (name, entry) in variables {
        let is_it = |known: &String| known.split_once('=').is_some_and(|(known, _)| known == name);
        match (env.iter().position(is_it), entry) {
            (Some(place), Some(entry)) => entry.clone_into(&mut env[place]),
            (Some(place), None) => drop(env.remove(place)),
            (None, Some(entry)) => env.push(entry.clone()),
            (None, None) => {}
        }
    }
    process.set_env(Some(env));
    spec.set_process(Some(process));
    write_bundle(bundle, &spec)
}
