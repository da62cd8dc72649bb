//! Removing pods with their containers.

use std::sync::Arc;

use cove_api::{
    ContainerRemoveReport, Error, ErrorKind, PodPruneReport, PodRemoveOptions, PodRemoveReport,
    RemoveOptions, Result,
};

use super::lookup::no_such_pod;
use super::{act, cgroup};
use crate::container::{remove_whole, still_runs};
use crate::engine::Core;
use crate::state::{ContainerRow, PodRow};

/// Removes a pod with its containers.
pub(super) fn remove(core: &Arc<Core>, name: &str, options: &PodRemoveOptions) -> Result<PodRemoveReport> {
    let pod = core.find_pod(name)?;
    let mut report = PodRemoveReport { id: pod.id.clone(), ..PodRemoveReport::default() };
    let members = core.members(&pod.id)?;
    if !options.force {
        // Nothing goes where something must stay.
        let refused: Vec<(String, String)> = members
            .iter()
            .filter(|member| !member.config.infra && member.state.is_alive())
            .map(|member| (member.id.clone(), still_runs(member).message))
            .collect();
        if !refused.is_empty() {
            return Ok(failed(report, refused));
        }
    }
    let options = RemoveOptions {
        force: options.force,
        timeout: options.timeout,
        volumes: true,
        depend: options.force,
        ..RemoveOptions::default()
    };
    let removed = remove_members(core, &members, &options);
    let failures: Vec<(String, String)> =
        removed.iter().filter_map(|(id, error)| Some((id.clone(), error.clone()?))).collect();
    report.removed_ctrs = removed.into_iter().collect();
    if !failures.is_empty() {
        return Ok(failed(report, failures));
    }
    take_out(core, &pod)?;
    Ok(report)
}

/// The report with what has failed, by container.
fn failed(mut report: PodRemoveReport, failures: Vec<(String, String)>) -> PodRemoveReport {
    report.err =
        Some(format!("not all containers could be removed from pod {}: removing pod containers", report.id));
    report.removed_ctrs.extend(failures.into_iter().map(|(id, error)| (id, Some(error))));
    report
}

/// Removes the containers, those that hold the namespaces last and whatever they do; why the others are still there.
fn remove_members(
    core: &Arc<Core>,
    members: &[ContainerRow],
    options: &RemoveOptions,
) -> Vec<(String, Option<String>)> {
    let mut outcomes = Vec::new();
    let mut failed = false;
    for infra in [false, true] {
        for member in members.iter().filter(|member| member.config.infra == infra) {
            if infra && failed {
                continue;
            }
            let with = RemoveOptions { force: options.force || infra, ..options.clone() };
            let error = match remove_whole(core, &member.id, &with) {
                Err(error) if error.kind != ErrorKind::NotFound => Some(error.message),
                _ => None,
            };
            failed |= error.is_some();
            outcomes.push((member.id.clone(), error));
        }
    }
    outcomes
}

/// Takes out a pod that has no container left.
fn take_out(core: &Arc<Core>, pod: &PodRow) -> Result<()> {
    if !core.database()?.remove_pod(&pod.id)? {
        return Err(Error::new(
            ErrorKind::WrongState,
            format!("pod {} was given a container while it was removed", pod.id),
        ));
    }
    cgroup::stop_slice(core, pod);
    core.tell_pod("remove", pod);
    Ok(())
}

/// Removes a pod by the container that holds its namespaces; a report for each container.
pub(crate) fn remove_with_infra(
    core: &Arc<Core>,
    infra: &ContainerRow,
    options: &RemoveOptions,
) -> Result<Vec<ContainerRemoveReport>> {
    let pod = core.database()?.pod(&infra.config.pod)?.ok_or_else(|| no_such_pod(&infra.config.pod))?;
    let members = core.members(&pod.id)?;
    let running = |member: &&ContainerRow| !member.config.infra && member.state.is_alive();
    if !options.force
        && let Some(member) = members.iter().find(running)
    {
        return Err(still_runs(member));
    }
    let outcomes = remove_members(core, &members, options);
    let whole = outcomes.iter().all(|(_, error)| error.is_none());
    if whole {
        take_out(core, &pod)?;
    }
    Ok(outcomes.into_iter().map(|(id, error)| ContainerRemoveReport { id, error }).collect())
}

/// Removes the pods that have run and of which nothing runs any more.
pub(super) fn prune(core: &Arc<Core>) -> Result<Vec<PodPruneReport>> {
    let mut reports = Vec::new();
    for pod in core.database()?.pods()? {
        if !act::has_ended(&core.members(&pod.id)?) {
            continue;
        }
        let err = match remove(core, &pod.id, &PodRemoveOptions::default()) {
            Ok(report) => report.err,
            Err(error) if error.kind == ErrorKind::NotFound => continue,
            Err(error) => Some(error.message),
        };
        reports.push(PodPruneReport { err, id: pod.id });
    }
    Ok(reports)
}
