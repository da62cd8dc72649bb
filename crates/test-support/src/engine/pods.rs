//! Pods.

use async_trait::async_trait;
use cove_api::*;

use super::{FakeEngine, sample};

impl FakeEngine {
    fn done(&self, name: &str, what: &str) -> Result<PodReport> {
        self.note(name, format!("pod {what} {name}"))?;
        // One container of this pod does not do what it is told.
        let errs =
            if name == "half" { vec![format!("{what} container c: it is broken")] } else { Vec::new() };
        Ok(PodReport { errs, id: sample::pod_row().id, raw_input: name.to_owned() })
    }
}

#[async_trait]
impl Pods for FakeEngine {
    async fn create(&self, spec: PodSpec) -> Result<PodCreateReport> {
        self.note(&spec.name, format!("pod create {spec:?}"))?;
        Ok(PodCreateReport { id: sample::pod_row().id })
    }
    async fn check(&self, _: PodSpec) -> Result<()> {
        Ok(())
    }
    async fn list(&self, options: PodListOptions) -> Result<Vec<PodSummary>> {
        self.note("", format!("pods {options:?}"))?;
        Ok(self.contents().pods.clone())
    }
    async fn inspect(&self, name: &str) -> Result<PodInspect> {
        self.note(name, format!("pod inspect {name}"))?;
        Ok(sample::pod(name))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("pod exists {name}"))?;
        Ok(self.contents().pods.iter().any(|row| row.name == name))
    }
    async fn start(&self, name: &str) -> Result<PodReport> {
        self.done(name, "start")
    }
    async fn stop(&self, name: &str, options: PodStopOptions) -> Result<PodReport> {
        self.done(name, &format!("stop {:?}", options.timeout))
    }
    async fn restart(&self, name: &str) -> Result<PodReport> {
        self.done(name, "restart")
    }
    async fn kill(&self, name: &str, signal: i32) -> Result<PodReport> {
        self.done(name, &format!("kill {signal}"))
    }
    async fn pause(&self, name: &str) -> Result<PodReport> {
        self.done(name, "pause")
    }
    async fn unpause(&self, name: &str) -> Result<PodReport> {
        self.done(name, "unpause")
    }
    async fn remove(&self, name: &str, options: PodRemoveOptions) -> Result<PodRemoveReport> {
        self.note(name, format!("pod remove {name} {options:?}"))?;
        let mut report = PodRemoveReport { id: sample::pod_row().id, ..PodRemoveReport::default() };
        if name == "half" {
            report.removed_ctrs.insert("c".into(), Some("it runs".into()));
            report.err = Some("not all containers could be removed".into());
        }
        Ok(report)
    }
    async fn prune(&self) -> Result<Vec<PodPruneReport>> {
        self.note("", "pod prune".into())?;
        Ok(vec![PodPruneReport { err: None, id: sample::pod_row().id }])
    }
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        self.note(name, format!("pod top {name} {descriptors:?}"))?;
        Ok(TopReport { titles: vec!["PID".into()], processes: vec![vec!["1".into()]] })
    }
    async fn stats(&self, options: PodStatsOptions) -> Result<Vec<PodStats>> {
        self.note("", format!("pod stats {options:?}"))?;
        Ok(vec![PodStats { pod: "b".repeat(12), cpu: "1.00%".into(), ..PodStats::default() }])
    }
    async fn copy(&self, name: &str, options: PodCopyOptions) -> Result<PodCreateReport> {
        self.note(name, format!("pod copy {name} {options:?}"))?;
        Ok(PodCreateReport { id: sample::pod_row().id })
    }
}
