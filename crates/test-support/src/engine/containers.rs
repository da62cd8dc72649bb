//! Containers and what is done to them.

use async_trait::async_trait;
use cove_api::*;
use futures_util::{StreamExt as _, stream};

use super::{FakeEngine, sample};

#[async_trait]
impl Containers for FakeEngine {
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport> {
        let image = spec.image.clone();
        self.note(&image, format!("create {}", serde_json::to_string(&spec).unwrap()))?;
        let id = if self.living { "made".to_owned() } else { "c".repeat(64) };
        if self.living {
            self.set(&id, "created");
        }
        Ok(ContainerCreateReport { id, warnings: vec!["careful".into()] })
    }
    async fn check(&self, _: ContainerSpec) -> Result<()> {
        Ok(())
    }
    async fn start(&self, name: &str) -> Result<()> {
        self.note(name, format!("start {name}"))?;
        if self.living && !self.contents().containers.iter().any(|row| row.id == name) {
            return Err(Error::not_found(format!("no container {name}")));
        }
        self.change(name, "running")
    }
    async fn stop(&self, name: &str, options: StopOptions) -> Result<()> {
        self.note(name, format!("stop {name} {options:?}"))?;
        self.not_paused(name)?;
        self.change(name, "exited")
    }
    async fn restart(&self, name: &str, options: StopOptions) -> Result<()> {
        self.note(name, format!("restart {name} {options:?}"))?;
        self.not_paused(name)
    }
    async fn kill(&self, name: &str, signal: i32) -> Result<()> {
        self.note(name, format!("kill {name} {signal}"))
    }
    async fn pause(&self, name: &str) -> Result<()> {
        self.note(name, format!("pause {name}"))
    }
    async fn unpause(&self, name: &str) -> Result<()> {
        self.note(name, format!("unpause {name}"))?;
        self.change(name, "running")
    }
    async fn update(&self, name: &str, update: ContainerUpdate) -> Result<String> {
        self.note(name, format!("update {name} {update:?}"))?;
        Ok("c".repeat(64))
    }
    async fn clone_container(&self, name: &str, changes: ContainerClone) -> Result<ContainerCreateReport> {
        self.note(name, format!("clone {name} {changes:?}"))?;
        Ok(ContainerCreateReport { id: "d".repeat(64), warnings: Vec::new() })
    }
    async fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        self.note(name, format!("rename {name} {new_name}"))
    }
    async fn remove(&self, name: &str, options: RemoveOptions) -> Result<Vec<ContainerRemoveReport>> {
        self.note(name, format!("remove {name} {options:?}"))?;
        if self.living {
            self.set(name, "removed");
            return Ok(vec![ContainerRemoveReport { id: name.into(), error: None }]);
        }
        Ok(vec![
            ContainerRemoveReport { id: "c".repeat(64), error: None },
            ContainerRemoveReport { id: "d".repeat(64), error: Some("busy".into()) },
        ])
    }
    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>> {
        self.note("", format!("list {options:?}"))?;
        let wanted = options.filters.get("id");
        let mut rows = self.contents().containers.clone();
        rows.retain(|row| wanted.is_none_or(|ids| ids.contains(&row.id)));
        Ok(rows)
    }
    async fn inspect(&self, name: &str, size: bool) -> Result<ContainerInspect> {
        self.note(name, format!("inspect {name} {size}"))?;
        assert_ne!(name, "panic", "asked to");
        let mut container = sample::container(name, self.terminal);
        let rows = self.contents();
        if let Some(row) = rows.containers.iter().find(|row| self.living && row.id == name) {
            container.state.status = row.state;
            container.state.running = row.state == ContainerState::Running;
            container.state.paused = row.state == ContainerState::Paused;
        }
        Ok(container)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("exists {name}"))?;
        Ok(name == "one")
    }
    async fn wait(&self, name: &str, options: WaitOptions) -> Result<i32> {
        self.note(name, format!("wait {name} {options:?}"))?;
        if name == "idle" {
            let _token = self.token();
            std::future::pending::<()>().await;
        }
        Ok(7)
    }
    async fn logs(&self, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>> {
        self.note(name, format!("logs {name} {options:?}"))?;
        if name == "endless" {
            return Ok(Box::pin(stream::iter(0..).map(sample::log_line).map(Ok)));
        }
        let lines = stream::iter(self.contents().log.clone()).map(Ok);
        // The log of a living engine ends, so that a test can wait for the whole of it.
        if options.follow && !self.living {
            return Ok(Box::pin(lines.chain(self.silence())));
        }
        Ok(Box::pin(lines))
    }
    async fn attach(&self, name: &str, options: AttachOptions) -> Result<AttachStream> {
        self.note(name, format!("attach {name} {options:?}"))?;
        Ok(self.echo(name, options.stdin))
    }
    async fn resize(&self, name: &str, size: TerminalSize) -> Result<()> {
        self.note(name, format!("resize {name} {size:?}"))
    }
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        self.note(name, format!("top {name} {descriptors:?}"))?;
        Ok(TopReport { titles: vec!["PID".into()], processes: vec![vec!["1".into()]] })
    }
    async fn healthcheck(&self, name: &str) -> Result<InspectHealth> {
        self.note(name, format!("healthcheck {name}"))?;
        Ok(InspectHealth { status: "healthy".into(), ..InspectHealth::default() })
    }
    async fn stats(&self, options: StatsOptions) -> Result<ValueStream<Vec<ContainerStats>>> {
        let name = options.containers.first().cloned().unwrap_or_default();
        self.note(&name, format!("stats {options:?}"))?;
        let sample = |number: u64| vec![sample::stats(&name, number)];
        let samples = if options.stream { vec![sample(1), sample(2)] } else { vec![sample(1)] };
        Ok(Box::pin(stream::iter(samples).map(Ok)))
    }
    async fn checkpoint(&self, name: &str, options: CheckpointOptions) -> Result<Checkpointed> {
        self.note(name, format!("checkpoint {name} {options:?}"))?;
        let report = CheckpointReport {
            id: "c".repeat(64),
            duration: 7,
            statistics: Some(CriuStatistics { frozen_time: 3, ..CriuStatistics::default() }),
        };
        let archive = options.export.then(|| {
            let archive: ByteStream = Box::pin(stream::iter([Ok(b"archive".as_slice().into())]));
            archive
        });
        Ok(Checkpointed { report, archive })
    }
    async fn restore(
        &self,
        name: &str,
        options: RestoreOptions,
        mut archives: RestoreArchives,
    ) -> Result<RestoreReport> {
        let mut length = None;
        if let Some(mut archive) = archives.checkpoint.take() {
            let sum = length.insert(0);
            while let Some(piece) = archive.next().await {
                *sum += piece?.len();
            }
        }
        self.note(name, format!("restore {name} {options:?} {length:?}"))?;
        Ok(RestoreReport { id: "c".repeat(64), ..RestoreReport::default() })
    }
    async fn init(&self, name: &str) -> Result<()> {
        self.note(name, format!("init {name}"))
    }
    async fn cleanup(&self, name: &str) -> Result<()> {
        self.note(name, format!("cleanup {name}"))
    }
}

impl FakeEngine {
    /// Changes a container's state where the engine lives.
    fn change(&self, id: &str, state: &str) -> Result<()> {
        if self.living {
            self.set(id, state);
        }
        Ok(())
    }
}

impl FakeEngine {
    /// As the engine, which stops no paused container.
    fn not_paused(&self, name: &str) -> Result<()> {
        let paused = |row: &ContainerSummary| row.id == name && row.state == ContainerState::Paused;
        if self.living && self.contents().containers.iter().any(paused) {
            return Err(Error::new(ErrorKind::WrongState, format!("{name} is in state paused")));
        }
        Ok(())
    }
}
