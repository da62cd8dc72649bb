//! Making a pod like another.

use std::sync::Arc;

use cove_api::{
    ContainerSpec, Containers, Error, ErrorKind, PodCopyOptions, PodCreateReport, PodRemoveOptions, PodSpec,
    Pods, Result,
};

use super::act;
use crate::engine::{Core, LocalEngine, blocking};

/// Makes a pod from the request of another with changes, and containers from the requests of that one's. What fails
/// leaves nothing behind.
pub(super) async fn copy(
    engine: &LocalEngine,
    name: &str,
    options: PodCopyOptions,
) -> Result<PodCreateReport> {
    let wanted = name.to_owned();
    let PodCopyOptions { destroy, start, changes } = options;
    let (old, spec, members) = blocking(&engine.core, move |core| requests(core, &wanted, changes)).await?;
    let created = Pods::create(engine, spec).await?;
    for mut member in members {
        member.pod.clone_from(&created.id);
        if let Err(error) = Containers::create(engine, member).await {
            remove(engine, &created.id).await?;
            return Err(error);
        }
    }
    if destroy {
        remove(engine, &old).await?;
    }
    if start {
        let report = act::start(engine, &created.id).await?;
        if let Some(error) = report.errs.into_iter().next() {
            return Err(Error::new(ErrorKind::Internal, error).context(format!("pod {}", created.id)));
        }
    }
    Ok(created)
}

async fn remove(engine: &LocalEngine, id: &str) -> Result<()> {
    let options = PodRemoveOptions { force: true, ..PodRemoveOptions::default() };
    let report = Pods::remove(engine, id, options).await?;
    report.err.map_or(Ok(()), |error| Err(Error::new(ErrorKind::WrongState, error)))
}

/// The old pod's id, and the requests for the new one and its containers.
fn requests(core: &Arc<Core>, name: &str, changes: PodSpec) -> Result<(String, PodSpec, Vec<ContainerSpec>)> {
    let pod = core.find_pod(name)?;
    let mut spec = core.database()?.pod_request(&pod.id)?.changed_by(changes)?;
    if spec.name.is_empty() {
        spec.name = free_name(core, &pod.name)?;
    }
    let mut members = Vec::new();
    for member in core.database()?.containers_of_pod(&pod.id)?.into_iter().filter(|row| !row.config.infra) {
        let mut request = core.database()?.request(&member.id)?;
        request.name = free_name(core, &member.name)?;
        members.push(request);
    }
    Ok((pod.id, spec, members))
}

/// The name with `-clone` after it, and with a number where that is taken.
pub(crate) fn free_name(core: &Core, name: &str) -> Result<String> {
    let base = format!("{name}-clone");
    let mut free = base.clone();
    for number in 1.. {
        if is_free(core, &free)? {
            break;
        }
        free = format!("{base}{number}");
    }
    Ok(free)
}

fn is_free(core: &Core, name: &str) -> Result<bool> {
    let missing = |error: &Error| error.kind == ErrorKind::NotFound;
    match (core.find_pod(name).map(drop), core.find_container(name).map(drop)) {
        (Err(one), Err(other)) if missing(&one) && missing(&other) => Ok(true),
        (Err(error), _) | (_, Err(error)) if !missing(&error) => Err(error),
        _ => Ok(false),
    }
}
