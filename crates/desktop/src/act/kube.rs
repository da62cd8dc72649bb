//! Kubernetes YAML: looked at while it is written, played, and taken down.

use std::sync::Arc;

use cove_api::{
    Engine, Error, ErrorKind, KubeDownOptions, KubeGenerateOptions, KubePlayOptions, KubeReport, Result,
};
use cove_kube::{Application, KubeError, Unused};

use crate::KubeForm;
use crate::task::Task;
use crate::view::{KubeCheck, KubeFault};

/// What a text describes, or what is wrong with it and where. No engine is asked.
pub(crate) fn check(text: &str) -> KubeCheck {
    let fault =
        |error: KubeError| KubeFault { line: number(error.line), path: error.path, message: error.message };
    let read = Application::parse(text).and_then(|mut application| {
        // Nobody here chooses one.
        application.choose_jobs(&[])?;
        Ok(application)
    });
    let application = match read {
        Ok(application) => application,
        Err(error) => return KubeCheck { problem: Some(fault(error)), ..KubeCheck::default() },
    };
    let problem = application.check_playable().err().map(fault);
    let objects = application.objects().map(|(kind, name)| format!("{kind} {name}")).collect();
    let unused = |unused: &Unused| KubeFault {
        line: number(Some(unused.line)),
        path: unused.path.clone(),
        message: String::new(),
    };
    let unused = application.unused.iter().map(unused).collect();
    KubeCheck { problem, objects, unused, remarks: application.remarks }
}

fn number(line: Option<usize>) -> u32 {
    line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0)
}

/// Makes and starts what a text describes.
pub(crate) async fn play(engine: Arc<dyn Engine>, text: String, replace: bool, task: &Task) -> Result<()> {
    let options = KubePlayOptions { start: true, replace, ..KubePlayOptions::default() };
    let report = engine.kube().play(text.into(), options).await?;
    let made = report.pods.len() + report.volumes.len() + report.secrets.len();
    task.message(format!("{made} made"));
    report.pods.iter().flat_map(|pod| &pod.logs).for_each(|line| task.line(line));
    match report.pods.into_iter().flat_map(|pod| pod.container_errors).next() {
        Some(message) => Err(Error::internal(message)),
        None => Ok(()),
    }
}

/// Takes what a text describes away again.
pub(crate) async fn down(engine: Arc<dyn Engine>, text: String, volumes: bool) -> Result<()> {
    let report = engine.kube().down(text.into(), KubeDownOptions { force: volumes }).await?;
    failure(report).map_or(Ok(()), |message| Err(Error::internal(message)))
}

/// Containers or pods as a text.
pub(crate) async fn generate(engine: &dyn Engine, form: KubeForm) -> Result<String> {
    if form.names.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "a container or pod is needed"));
    }
    let options =
        KubeGenerateOptions { service: form.service, kind: form.kind, ..KubeGenerateOptions::default() };
    engine.kube().generate(form.names, options).await
}

/// Why something is still there.
fn failure(report: KubeReport) -> Option<String> {
    let stopped = report.stop_report.into_iter().flat_map(|pod| pod.errs);
    let pods = report.rm_report.into_iter().filter_map(|pod| pod.err);
    let volumes = report.volume_rm_report.into_iter().filter_map(|volume| volume.err);
    let secrets = report.secret_rm_report.into_iter().filter_map(|secret| secret.err);
    stopped.chain(pods).chain(volumes).chain(secrets).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_with_its_faults_at_their_lines() {
        let good = check(
            "kind: Pod\nmetadata: {name: web}\nstatus: {a: 1}\n---\nkind: Secret\nmetadata: {name: s}\n---\nkind: Service\n",
        );
        assert_eq!((good.problem, good.objects), (None, vec!["pod web".to_owned(), "Secret s".to_owned()]));
        assert_eq!(good.unused.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["kind Service"]);
        let bad =
            check("kind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: [x]\n").problem.unwrap();
        assert_eq!((bad.line, bad.path.as_str()), (5, "spec.containers[0].name"));
        assert!(bad.message.contains("a list where a text is expected"), "{}", bad.message);
        assert!(check("").problem.is_some());
    }
}
