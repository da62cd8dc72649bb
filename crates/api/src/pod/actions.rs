//! What is done with pods.

use async_trait::async_trait;

use crate::{
    PodCopyOptions, PodCreateReport, PodInspect, PodListOptions, PodPruneReport, PodRemoveOptions,
    PodRemoveReport, PodReport, PodSpec, PodStats, PodStatsOptions, PodStopOptions, PodSummary, Result,
    TopReport,
};

/// Pods: containers that share namespaces and a life cycle. An action on a pod goes on past a container with which it
/// fails.
#[async_trait]
pub trait Pods: Send + Sync {
    /// Makes a pod, with the container that holds its shared namespaces.
    async fn create(&self, spec: PodSpec) -> Result<PodCreateReport>;
    /// Refuses what `create` would refuse, and does nothing: for who does something else before, such as removing
    /// another pod of that name.
    async fn check(&self, spec: PodSpec) -> Result<()>;
    /// Lists them, oldest first.
    async fn list(&self, options: PodListOptions) -> Result<Vec<PodSummary>>;
    /// All about one.
    async fn inspect(&self, name: &str) -> Result<PodInspect>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Starts those of its containers that do not run.
    async fn start(&self, name: &str) -> Result<PodReport>;
    /// Stops those that run.
    async fn stop(&self, name: &str, options: PodStopOptions) -> Result<PodReport>;
    /// Stops and starts all.
    async fn restart(&self, name: &str) -> Result<PodReport>;
    /// Sends a signal to those that run.
    async fn kill(&self, name: &str, signal: i32) -> Result<PodReport>;
    /// Freezes those that run.
    async fn pause(&self, name: &str) -> Result<PodReport>;
    /// Thaws those that are frozen.
    async fn unpause(&self, name: &str) -> Result<PodReport>;
    /// Removes it with all its containers; nothing is removed where one runs and force is not asked for.
    async fn remove(&self, name: &str, options: PodRemoveOptions) -> Result<PodRemoveReport>;
    /// Removes those that have run and of which nothing runs any more.
    async fn prune(&self) -> Result<Vec<PodPruneReport>>;
    /// The processes of its containers; `descriptors` are ps(1)-like column names, empty for the default ones.
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport>;
    /// What the running containers of pods use.
    async fn stats(&self, options: PodStatsOptions) -> Result<Vec<PodStats>>;
    /// Makes a pod like this one, with containers like its ones.
    async fn copy(&self, name: &str, options: PodCopyOptions) -> Result<PodCreateReport>;
}
