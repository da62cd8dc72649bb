//! The cgroup of a pod, in which those of its containers are.

use cove_api::{ContainerSpec, Error, Result};
use cove_runtime::Slice;
use cove_runtime::cgroup::CgroupMode;
use cove_runtime::oci::Limits;

use crate::engine::Core;
use crate::state::{ContainerConfig, ContainerRow, PodRow};

/// Its name as a parent of cgroups: relative to the engine's for cgroupfs, a slice for systemd. [`None`] where this
/// machine has no cgroups for us.
pub(super) fn parent(mode: &CgroupMode, pod: &PodRow) -> Option<String> {
    let asked = Some(pod.config.cgroup_parent.as_str()).filter(|parent| !parent.is_empty());
    match mode {
        CgroupMode::Disabled { .. } | CgroupMode::Split { .. } => None,
        CgroupMode::Cgroupfs { .. } => {
            Some(format!("/{}/{}", asked.unwrap_or("cove_parent").trim_matches('/'), pod.id))
        }
        CgroupMode::Systemd { slice, .. } => {
            let above = asked.unwrap_or(slice);
            let above = above.strip_suffix(".slice").unwrap_or(above);
            Some(format!("{above}-cove_pod_{}.slice", pod.id))
        }
    }
}

/// The cgroup that its own is in; empty where there are none.
pub(super) fn above(mode: &CgroupMode, pod: &PodRow) -> String {
    let asked = &pod.config.cgroup_parent;
    match mode {
        CgroupMode::Disabled { .. } | CgroupMode::Split { .. } => String::new(),
        _ if !asked.is_empty() => asked.clone(),
        CgroupMode::Cgroupfs { .. } => "/cove_parent".into(),
        CgroupMode::Systemd { slice, .. } => (*slice).to_owned(),
    }
}

/// The path of its own below the mount of the hierarchy; empty where it has none.
pub(super) fn path(mode: &CgroupMode, pod: &PodRow) -> String {
    match (mode, parent(mode, pod)) {
        (CgroupMode::Cgroupfs { parent: base, .. }, Some(own)) if !base.is_empty() => format!("/{base}{own}"),
        (CgroupMode::Systemd { .. }, Some(own)) => format!("{}/{own}", above(mode, pod)),
        (_, own) => own.unwrap_or_default(),
    }
}

/// Puts a container's cgroup into its pod's, as the pod says and the request does not deny.
pub(crate) fn place_cgroup(core: &Core, pod: &PodRow, spec: &ContainerSpec, config: &mut ContainerConfig) {
    if pod.config.share_cgroup && spec.cgroup_parent.is_empty() {
        config.settings.cgroup.parent = parent(core.cgroup(), pod);
    }
}

/// Refuses limits of a pod that nobody would keep.
pub(super) fn check(core: &Core, pod: &PodRow, limits: &Limits) -> Result<()> {
    if pod.config.limits.is_none() {
        return Ok(());
    }
    crate::container::check_limits(core, limits)?;
    if !pod.config.share_cgroup {
        return Err(Error::invalid(
            "limits of a pod need its containers' cgroups in its own: --share-parent",
        ));
    }
    if matches!(core.cgroup(), CgroupMode::Systemd { .. }) {
        core.helper("busctl").map_err(|error| error.context("limits of a pod with systemd's cgroups"))?;
    }
    Ok(())
}

/// Makes the cgroup with its limits before the first container is in it.
pub(crate) fn prepare_cgroup(core: &Core, row: &ContainerRow) -> Result<()> {
    if row.config.pod.is_empty() {
        return Ok(());
    }
    let Some(pod) = core.database()?.pod(&row.config.pod)? else { return Ok(()) };
    match (&pod.config.limits, parent(core.cgroup(), &pod), core.cgroup()) {
        (Some(limits), Some(name), CgroupMode::Systemd { .. }) => {
            let busctl = core.helper("busctl")?;
            Ok(Slice { busctl: &busctl, user: core.options.rootless, name: &name }.start(limits)?)
        }
        (Some(limits), Some(parent), _) => Ok(core.cgroup().make_parent(&parent, limits)?),
        _ => Ok(()),
    }
}

/// After the last container of a pod: nobody else has its slice, which systemd would keep.
pub(super) fn stop_slice(core: &Core, pod: &PodRow) {
    if let (CgroupMode::Systemd { .. }, Some(name)) = (core.cgroup(), parent(core.cgroup(), pod))
        && let Ok(busctl) = core.helper("busctl")
        && let Err(error) = (Slice { busctl: &busctl, user: core.options.rootless, name: &name }).stop()
    {
        tracing::debug!("stopping the slice of pod {}: {error}", pod.id);
    }
}

/// Takes it away after the last container.
pub(crate) fn release_cgroup(core: &Core, row: &ContainerRow) {
    if row.config.pod.is_empty() {
        return;
    }
    if let Ok(Some(pod)) = core.database().and_then(|database| Ok(database.pod(&row.config.pod)?))
        && let Some(parent) = parent(core.cgroup(), &pod)
    {
        // It stays for as long as another one is in it.
        core.cgroup().remove_parent(&parent);
    }
}
