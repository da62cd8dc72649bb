//! The engine itself, and its events.

use async_trait::async_trait;
use cove_api::*;
use futures_util::{StreamExt as _, stream};

use super::{Contents, FakeEngine, sample};

#[async_trait]
impl System for FakeEngine {
    async fn ping(&self) -> Result<Ping> {
        self.note("", "ping".into())?;
        Ok(Ping::default())
    }
    async fn version(&self) -> Result<Version> {
        self.note("", "version".into())?;
        Ok(sample::version())
    }
    async fn info(&self) -> Result<Info> {
        self.note("", "info".into())?;
        let host = serde_json::json!({"hostname": "h", "cpus": 2});
        Ok(Info {
            host: host.as_object().cloned().unwrap_or_default(),
            version: sample::version(),
            ..Info::default()
        })
    }
    async fn disk_usage(&self) -> Result<DiskUsage> {
        self.note("", "disk_usage".into())?;
        Ok(sample::disk_usage())
    }
    async fn prune(&self, options: SystemPruneOptions) -> Result<SystemPruneReport> {
        self.note("", format!("system prune {options:?}"))?;
        Ok(sample::system_pruned())
    }
    async fn check(&self, options: SystemCheckOptions) -> Result<SystemCheckReport> {
        self.note("", format!("check {options:?}"))?;
        Ok(SystemCheckReport {
            errors: true,
            layers: [("a".repeat(64), vec!["layer content missing".into()])].into(),
            removed_layers: vec!["a".repeat(64)],
            ..SystemCheckReport::default()
        })
    }
    async fn reset(&self) -> Result<()> {
        self.note("", "reset".into())
    }
    async fn migrate(&self, runtime: Option<String>) -> Result<Vec<String>> {
        self.note("", format!("migrate {runtime:?}"))?;
        Ok(vec!["c".repeat(64)])
    }
    async fn renumber(&self) -> Result<()> {
        self.note("", "renumber".into())
    }
    async fn follow(&self, options: FollowOptions) -> Result<ValueStream<StateLine>> {
        self.note("", format!("follow {options:?}"))?;
        let Contents { containers, images, volumes, networks, pods, .. } = self.contents().clone();
        let rows = StateRows { containers, images, pods, volumes, networks };
        let line = |sequence| StateLine { sequence, feed: "f".into(), ..StateLine::default() };
        let reason = if options.since.is_some() { SnapshotReason::Gone } else { SnapshotReason::First };
        let first = StateLine { snapshot: Some(Box::new(rows)), reason: Some(reason), ..line(7) };
        let removed = StateKeys { volumes: vec!["v".into()], ..StateKeys::default() };
        let lines = stream::iter([first, StateLine { removed, ..line(8) }].map(Ok));
        Ok(Box::pin(lines.chain(self.silence())))
    }
    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        self.note("", format!("events {options:?}"))?;
        if self.living {
            let token = self.token();
            return Ok(Box::pin(stream::unfold(
                (self.listen(), token),
                |(mut receiver, token)| async move {
                    receiver.recv().await.ok().map(|event| (Ok(event), (receiver, token)))
                },
            )));
        }
        if options.filters.get("container").is_some_and(|names| names.iter().any(|name| name == "half")) {
            let broken = Err(Error::internal("the file of events is gone"));
            return Ok(Box::pin(stream::iter([Ok(sample::event("died")), broken])));
        }
        let events = stream::iter(["died", "remove"].map(sample::event).map(Ok));
        if options.stream {
            return Ok(Box::pin(events.chain(self.silence())));
        }
        Ok(Box::pin(events))
    }
}
