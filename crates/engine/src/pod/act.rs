//! What is done to all containers of a pod. Each of these goes on past a container with which it fails.

use std::sync::Arc;

use cove_api::{
    ContainerState, Containers, Error, ErrorKind, PodReport, RemoveOptions, Result, StopOptions, TopReport,
    WaitOptions,
};
use futures_util::future::join_all;

use super::lookup;
use crate::engine::{Core, LocalEngine, blocking};
use crate::state::{ContainerRow, ExitPolicy, First, PodRow};

/// A pod and its containers, the one that holds the namespaces first.
async fn look(engine: &LocalEngine, name: &str) -> Result<(PodRow, Vec<ContainerRow>)> {
    let name = name.to_owned();
    blocking(&engine.core, move |core| {
        let pod = core.find_pod(&name)?;
        let mut members = core.members(&pod.id)?;
        members.sort_by_key(|member| !member.config.infra);
        Ok((pod, members))
    })
    .await
}

/// The report, and the event where something was done.
fn report(engine: &LocalEngine, pod: &PodRow, action: &str, errs: Vec<String>, tell: bool) -> PodReport {
    if tell && errs.is_empty() {
        engine.core.tell_pod(action, pod);
    }
    PodReport { errs, id: pod.id.clone(), raw_input: pod.name.clone() }
}

fn failure(doing: &str, member: &ContainerRow, result: Result<()>) -> Option<String> {
    match result {
        // Another one's end may have taken it along.
        Err(error) if error.kind == ErrorKind::NotFound => None,
        result => result.err().map(|error| format!("{doing} container {}: {}", member.id, error.message)),
    }
}

/// Starts those that do not run: first the one that holds the namespaces, then, one after the other, those that prepare
/// the pod. Where one of these fails, nothing else is started.
pub(super) async fn start(engine: &LocalEngine, name: &str) -> Result<PodReport> {
    let (pod, members) = look(engine, name).await?;
    let mut errs = Vec::new();
    for first in members.iter().filter(|member| member.config.first != First::No) {
        errs.extend(failure("starting", first, run_first(engine, first).await));
        if !errs.is_empty() {
            return Ok(report(engine, &pod, "start", errs, true));
        }
    }
    start_ordinary(engine, &pod, &members).await
}

/// Runs one that prepares its pod to its end.
async fn run_first(engine: &LocalEngine, first: &ContainerRow) -> Result<()> {
    if !first.state.is_alive() {
        engine.start(&first.id).await?;
    }
    let code = Containers::wait(engine, &first.id, WaitOptions::default()).await?;
    if code != 0 {
        let text = format!("init container {} exited with code {code}", first.id);
        return Err(Error::new(ErrorKind::WrongState, text));
    }
    if first.config.first == First::Once {
        Containers::remove(engine, &first.id, RemoveOptions::default()).await?;
    }
    Ok(())
}

async fn start_ordinary(engine: &LocalEngine, pod: &PodRow, members: &[ContainerRow]) -> Result<PodReport> {
    let mut errs = Vec::new();
    let ordinary = members.iter().filter(|member| member.config.first == First::No);
    for member in ordinary.filter(|member| !member.state.is_alive()) {
        errs.extend(failure("starting", member, engine.start(&member.id).await));
    }
    Ok(report(engine, pod, "start", errs, true))
}

/// Stops all, side by side, and at last the one that holds the namespaces.
pub(super) async fn stop(engine: &LocalEngine, name: &str, timeout: Option<u32>) -> Result<PodReport> {
    let (pod, members) = look(engine, name).await?;
    let options = StopOptions { timeout, ..StopOptions::default() };
    let mut errs = Vec::new();
    for infra in [false, true] {
        let wanted = members.iter().filter(|member| member.config.infra == infra);
        let stops = wanted.map(|member| async {
            failure("stopping", member, engine.stop(&member.id, options.clone()).await)
        });
        errs.extend(join_all(stops).await.into_iter().flatten());
    }
    Ok(report(engine, &pod, "stop", errs, true))
}

/// Stops and starts all.
pub(super) async fn restart(engine: &LocalEngine, name: &str) -> Result<PodReport> {
    let stopped = stop(engine, name, None).await?;
    if !stopped.errs.is_empty() {
        return Ok(stopped);
    }
    let (pod, members) = look(engine, &stopped.id).await?;
    // What prepares the pod has done so.
    let started = start_ordinary(engine, &pod, &members).await?;
    if started.errs.is_empty() {
        engine.core.tell_pod("restart", &pod);
    }
    Ok(started)
}

/// Sends a signal to those that run.
pub(super) async fn kill(engine: &LocalEngine, name: &str, signal: i32) -> Result<PodReport> {
    if !(1..=64).contains(&signal) {
        return Err(Error::invalid(format!("invalid signal: {signal}")));
    }
    let (pod, mut members) = look(engine, name).await?;
    // With it, the others would lose their first process.
    members.reverse();
    let mut errs = Vec::new();
    for member in members.iter().filter(|member| member.state == ContainerState::Running) {
        let killed = match engine.kill(&member.id, signal).await {
            // Its end came first.
            Err(error) if error.kind == ErrorKind::WrongState => Ok(()),
            killed => killed,
        };
        errs.extend(failure("killing", member, killed));
    }
    Ok(report(engine, &pod, "kill", errs, true))
}

/// Freezes those that run.
pub(super) async fn pause(engine: &LocalEngine, name: &str) -> Result<PodReport> {
    let (pod, members) = look(engine, name).await?;
    let mut errs = Vec::new();
    for member in members.iter().filter(|member| member.state == ContainerState::Running) {
        errs.extend(failure("pausing", member, engine.pause(&member.id).await));
    }
    Ok(report(engine, &pod, "pause", errs, true))
}

/// Thaws those that are frozen.
pub(super) async fn unpause(engine: &LocalEngine, name: &str) -> Result<PodReport> {
    let (pod, members) = look(engine, name).await?;
    let mut errs = Vec::new();
    for member in members.iter().filter(|member| member.state == ContainerState::Paused) {
        errs.extend(failure("unpausing", member, engine.unpause(&member.id).await));
    }
    Ok(report(engine, &pod, "unpause", errs, true))
}

/// The processes of those that run; those of a namespace that several share once.
pub(super) fn top(core: &Core, name: &str, columns: &[String]) -> Result<TopReport> {
    let pod = core.find_pod(name)?;
    let mut namespaces = Vec::new();
    let mut report = TopReport::default();
    let own = std::fs::read_link("/proc/self/ns/pid").ok();
    let members = core.members(&pod.id)?;
    let running =
        |member: &&ContainerRow| matches!(member.state, ContainerState::Running | ContainerState::Paused);
    for member in members.iter().filter(running) {
        let namespace = std::fs::read_link(format!("/proc/{}/ns/pid", member.status.pid)).ok();
        // In the host's, each has its own part.
        if namespace != own && namespaces.contains(&namespace) {
            continue;
        }
        namespaces.push(namespace);
        let table = core.runtime()?.top(&member.id, columns)?;
        report.titles = table.titles;
        report.processes.extend(table.processes);
    }
    if report.titles.is_empty() {
        return Err(Error::new(
            ErrorKind::WrongState,
            "pod top can only be used on pods with at least one running container",
        ));
    }
    Ok(report)
}

/// After the end of one of its containers: where none runs any more, the pod may want the one that holds the namespaces
/// to be stopped.
pub(crate) fn after_member(core: &Arc<Core>, pod: &str) -> Result<()> {
    let Some(pod) = core.database()?.pod(pod)? else { return Ok(()) };
    if pod.config.exit != ExitPolicy::Stop {
        return Ok(());
    }
    let members = core.members(&pod.id)?;
    let busy = |member: &ContainerRow| {
        member.state.is_alive()
            || member.state == ContainerState::Initialized
            || member.status.prepared
            || member.status.restart_due > 0
    };
    if members.iter().any(|member| member.config.is_ordinary() && busy(member)) {
        return Ok(());
    }
    for infra in members.iter().filter(|member| member.config.infra && member.state.is_alive()) {
        crate::container::stop_container(core, &infra.id)?;
        core.tell_pod("stop", &pod);
    }
    Ok(())
}

/// Whether a pod has run and nothing of it runs any more.
pub(super) fn has_ended(members: &[ContainerRow]) -> bool {
    matches!(lookup::state(members), cove_api::PodState::Exited | cove_api::PodState::Stopped)
}
