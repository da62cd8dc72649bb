//! What files of the host's administrator add to a configuration: described devices, and hooks.

use std::path::PathBuf;

use cove_api::Result;
use cove_config::TextList;
use cove_runtime::cdi::{self, CdiDevices};
use cove_runtime::hooks::HookSet;
use oci_spec::runtime::Spec;

use super::plan::Plan;
use crate::parts::Parts;

/// Adds them. The hooks come last, because one may change all that there is.
pub(super) fn apply(parts: &Parts, plan: &Plan<'_>, oci: &mut Spec) -> Result<()> {
    devices(parts, plan, oci)?;
    let config = plan.config;
    let hooks = HookSet::read(&folders(parts.options.containers.engine.hooks_dir.as_ref()))?;
    let mounted = !config.mounts.is_empty() || !config.volumes.is_empty();
    Ok(hooks.apply(oci, &config.settings.annotations, mounted, &plan.folder)?)
}

fn devices(parts: &Parts, plan: &Plan<'_>, oci: &mut Spec) -> Result<()> {
    let settings = &plan.config.settings;
    // The program that holds a pod's namespaces uses none.
    if plan.config.pause || (settings.cdi_devices.is_empty() && settings.gpus.is_empty()) {
        return Ok(());
    }
    let described = CdiDevices::read(&folders(parts.options.containers.engine.cdi_spec_dirs.as_ref()));
    let mut names = settings.cdi_devices.clone();
    if !settings.gpus.is_empty() {
        names.extend(described.gpus(&settings.gpus)?);
    }
    Ok(cdi::apply(oci, &described.edits(&names)?, parts.host_facts().rootless)?)
}

fn folders(list: Option<&TextList>) -> Vec<PathBuf> {
    list.into_iter().flat_map(|list| &list.values).map(PathBuf::from).collect()
}
