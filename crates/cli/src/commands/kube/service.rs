//! A play as the main process of a service of systemd: it stays as long as the pods run.

use cove_api::{Engine, ErrorKind, KubeReport};

use super::play::wait_for_pods;
use crate::command_error::{CommandError, CommandResult};
use crate::context::Context;
use crate::terminal::interrupted;

/// What the exit codes of containers mean for the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Propagation {
    /// Nothing.
    None,
    /// It fails where one has failed.
    Any,
    /// It fails where all have failed.
    All,
}

impl Propagation {
    /// From its word.
    ///
    /// # Errors
    /// There is no such word.
    pub(super) fn of(text: Option<&str>) -> Result<Self, CommandError> {
        Ok(match text {
            None | Some("" | "none") => Self::None,
            Some("any") => Self::Any,
            Some("all") => Self::All,
            Some(other) => {
                return Err(CommandError::other(format!("unsupported exit-code propagation {other:?}")));
            }
        })
    }

    fn fails(self, codes: &[i32]) -> bool {
        let failed = codes.iter().filter(|code| **code != 0).count();
        match self {
            Self::None => false,
            Self::Any => failed > 0,
            Self::All => !codes.is_empty() && failed == codes.len(),
        }
    }
}

/// Whether anything of what was made runs.
pub(super) fn runs(report: &KubeReport) -> bool {
    report
        .pods
        .iter()
        .any(|pod| pod.containers.is_empty() || pod.container_errors.len() < pod.containers.len())
}

/// Tells systemd that the pods run, and stays until they have ended or the service is to stop. What is to go then
/// is said by the service itself.
pub(super) async fn serve(
    context: &Context,
    engine: &dyn Engine,
    report: &KubeReport,
    propagation: Propagation,
) -> CommandResult {
    ready(context)?;
    tokio::select! {
        ended = wait_for_pods(engine, report) => ended?,
        () = interrupted() => return Ok(0),
    }
    let mut codes = Vec::new();
    for container in report.pods.iter().flat_map(|pod| &pod.containers) {
        match engine.containers().inspect(container, false).await {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            found => codes.push(found?.state.exit_code),
        }
    }
    match propagation.fails(&codes) {
        true => Err(CommandError::other("containers of the pods have failed")),
        false => Ok(0),
    }
}

#[cfg(target_os = "linux")]
fn ready(context: &Context) -> Result<(), CommandError> {
    let Some(socket) = context.environment.get(cove_config::env::NOTIFY_SOCKET) else { return Ok(()) };
    if socket.is_empty() {
        return Ok(());
    }
    let message = format!("MAINPID={}\nREADY=1", std::process::id());
    Ok(cove_engine::tell_systemd(socket, &message)?)
}

#[cfg(not(target_os = "linux"))]
fn ready(_: &Context) -> Result<(), CommandError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_containers() {
        for (policy, codes, expected) in [
            (Propagation::None, &[1, 1][..], false),
            (Propagation::Any, &[0, 1], true),
            (Propagation::Any, &[0, 0], false),
            (Propagation::All, &[0, 1], false),
            (Propagation::All, &[2, 1], true),
            (Propagation::All, &[], false),
        ] {
            assert_eq!(policy.fails(codes), expected, "{policy:?} {codes:?}");
        }
        assert!(Propagation::of(Some("some")).is_err());
    }
}
