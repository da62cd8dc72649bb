//! The engine trait of pods.

use async_trait::async_trait;
use cove_api::{
    ErrorKind, Images, PodCopyOptions, PodCreateReport, PodInspect, PodListOptions, PodPruneReport,
    PodRemoveOptions, PodRemoveReport, PodReport, PodSpec, PodStats, PodStatsOptions, PodStopOptions,
    PodSummary, Pods, PullOptions, PullPolicy, Result, TopReport,
};
use futures_util::StreamExt as _;

use super::{act, copy, create, inspect, list, remove, stats};
use crate::engine::{LocalEngine, blocking};

#[async_trait]
impl Pods for LocalEngine {
    async fn create(&self, spec: PodSpec) -> Result<PodCreateReport> {
        let image = if spec.no_infra { String::new() } else { create::infra_image(&self.core, &spec) };
        if !image.is_empty() {
            // What is refused is refused before the image is pulled.
            Pods::check(self, spec.clone()).await?;
            bring(self, &image).await?;
        }
        blocking(&self.core, move |core| create::create(core, &spec)).await
    }
    async fn check(&self, spec: PodSpec) -> Result<()> {
        blocking(&self.core, move |core| create::check_request(core, &spec)).await
    }

    async fn list(&self, options: PodListOptions) -> Result<Vec<PodSummary>> {
        blocking(&self.core, move |core| list::list(core, &options)).await
    }

    async fn inspect(&self, name: &str) -> Result<PodInspect> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect::inspect(core, &name)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| match core.find_pod(&name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn start(&self, name: &str) -> Result<PodReport> {
        act::start(self, name).await
    }

    async fn stop(&self, name: &str, options: PodStopOptions) -> Result<PodReport> {
        act::stop(self, name, options.timeout).await
    }

    async fn restart(&self, name: &str) -> Result<PodReport> {
        act::restart(self, name).await
    }

    async fn kill(&self, name: &str, signal: i32) -> Result<PodReport> {
        act::kill(self, name, signal).await
    }

    async fn pause(&self, name: &str) -> Result<PodReport> {
        act::pause(self, name).await
    }

    async fn unpause(&self, name: &str) -> Result<PodReport> {
        act::unpause(self, name).await
    }

    async fn remove(&self, name: &str, options: PodRemoveOptions) -> Result<PodRemoveReport> {
        let name = name.to_owned();
        blocking(&self.core, move |core| remove::remove(core, &name, &options)).await
    }

    async fn prune(&self) -> Result<Vec<PodPruneReport>> {
        blocking(&self.core, remove::prune).await
    }

    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        let name = name.to_owned();
        blocking(&self.core, move |core| act::top(core, &name, &descriptors)).await
    }

    async fn stats(&self, options: PodStatsOptions) -> Result<Vec<PodStats>> {
        blocking(&self.core, move |core| stats::stats(core, &options)).await
    }

    async fn copy(&self, name: &str, options: PodCopyOptions) -> Result<PodCreateReport> {
        copy::copy(self, name, options).await
    }
}

/// Sees that an image is in the store.
async fn bring(engine: &LocalEngine, image: &str) -> Result<()> {
    if image.is_empty() || Images::exists(engine, image).await? {
        return Ok(());
    }
    let options = PullOptions { policy: PullPolicy::Missing, ..PullOptions::default() };
    let mut progress = Images::pull(engine, image, options).await?;
    while let Some(step) = progress.next().await {
        step?;
    }
    Ok(())
}
