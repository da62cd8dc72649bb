//! Pods: made, started, stopped, and so on.

use cove_api::{Error, PodSpec, PodStopOptions};
use cove_spec::{name, port};

use crate::core::Core;
use crate::{ContainerAct, Failure};

/// SIGKILL (signal(7)).
const SIGKILL: i32 = 9;

/// Does `act` to all of `ids`; past errors, of which it answers the first.
pub(crate) async fn act(core: &Core, act: ContainerAct, ids: &[String]) -> Result<(), Failure> {
    let engine = core.engine()?;
    let pods = engine.pods();
    let mut result = Ok(());
    for id in ids {
        let done = match act {
            ContainerAct::Start => pods.start(id).await,
            ContainerAct::Stop => pods.stop(id, PodStopOptions::default()).await,
            ContainerAct::Restart => pods.restart(id).await,
            ContainerAct::Kill => pods.kill(id, SIGKILL).await,
            ContainerAct::Pause => pods.pause(id).await,
            ContainerAct::Unpause => pods.unpause(id).await,
            ContainerAct::Remove | ContainerAct::ForceRemove => {
                Err(Error::unsupported("a pod is removed with its own call"))
            }
        };
        let done = done.map_err(Failure::from).and_then(|report| match report.errs.into_iter().next() {
            None => Ok(()),
            Some(message) => Err(Error::internal(message).into()),
        });
        result = result.and(done);
    }
    result
}

/// Makes a pod; `ports` as after `-p`.
pub(crate) async fn create(core: &Core, called: &str, ports: &[String]) -> Result<(), Failure> {
    let spec = spec(called, ports)?;
    core.engine()?.pods().create(spec).await?;
    Ok(())
}

fn spec(called: &str, ports: &[String]) -> cove_api::Result<PodSpec> {
    if !called.is_empty() {
        name::container(called)?;
    }
    Ok(PodSpec {
        name: called.to_owned(),
        portmappings: port::publish_all(ports.iter().map(String::as_str))?,
        ..PodSpec::default()
    })
}
