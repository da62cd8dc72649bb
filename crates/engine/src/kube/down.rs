//! Taking down what a file describes.

use cove_api::{
    ErrorKind, KubeDownOptions, KubeReport, KubeSecretRemoved, KubeVolumeRemoved, PodRemoveOptions,
    PodStopOptions, Pods, Result, Secrets, VolumeRemoveOptions, Volumes,
};
use cove_kube::Application;

use super::{named, secrets};
use crate::engine::LocalEngine;

/// Stops and removes the pods, removes the secrets, and by the options the volumes. Goes on past what fails.
pub(super) async fn down(
    engine: &LocalEngine,
    application: &Application,
    options: KubeDownOptions,
) -> Result<KubeReport> {
    let mut report = KubeReport::default();
    let mut pods = Vec::new();
    for workload in application.pods() {
        pods.extend(named::pod(engine, &workload.name).await?);
    }
    for name in &pods {
        match Pods::stop(engine, name, PodStopOptions::default()).await {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            stopped => report.stop_report.push(stopped?),
        }
    }
    for name in &pods {
        let options = PodRemoveOptions { force: true, ..PodRemoveOptions::default() };
        match Pods::remove(engine, name, options).await {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            removed => report.rm_report.push(removed?),
        }
    }
    for secret in &application.secrets {
        let removed = match secrets::id(engine, secret.name()).await {
            Ok(None) => continue,
            Ok(Some(id)) => Secrets::remove(engine, &id).await,
            Err(error) => Err(error),
        };
        if let Some(err) = outcome(removed) {
            report.secret_rm_report.push(KubeSecretRemoved { err, id: secret.name().to_owned() });
        }
    }
    if options.force {
        let mut names: Vec<&str> = application.pods().flat_map(|pod| pod.volume_names()).collect();
        names.extend(application.claims.iter().map(|claim| claim.name()));
        names.sort_unstable();
        names.dedup();
        for name in names {
            // `remove` would take the start of another volume's name, too.
            if !Volumes::exists(engine, name).await? {
                continue;
            }
            let removed = Volumes::remove(engine, name, VolumeRemoveOptions::default()).await;
            if let Some(err) = outcome(removed) {
                report.volume_rm_report.push(KubeVolumeRemoved { err, id: name.to_owned() });
            }
        }
    }
    Ok(report)
}

/// Why something is still there; nothing where it was not there before.
fn outcome(removed: Result<()>) -> Option<Option<String>> {
    match removed {
        Ok(()) => Some(None),
        Err(error) if error.kind == ErrorKind::NotFound => None,
        Err(error) => Some(Some(error.message)),
    }
}
