//! The engine trait of containers.

use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{
    AttachOptions, AttachStream, CheckpointOptions, Checkpointed, ContainerClone, ContainerCreateReport,
    ContainerInspect, ContainerRemoveReport, ContainerSpec, ContainerState, ContainerStats, ContainerSummary,
    ContainerUpdate, Containers, Error, ErrorKind, InspectHealth, ListOptions, LogLine, LogOptions,
    RemoveOptions, RestoreArchives, RestoreOptions, RestoreReport, Result, StatsOptions, StopOptions,
    TerminalSize, TopReport, ValueStream, WaitOptions,
};

use crate::container::lookup::Locked;
use crate::container::{
    attach, checkpoint, clone, create, health, inspect, list, logs, remove, signal, start, stats, stop,
    update, wait,
};
use crate::engine::{Core, LocalEngine, blocking};
use crate::state::ContainerRow;

/// Removes a container, for other resources that it stands in the way of.
pub(crate) fn remove_container(core: &Arc<Core>, id: &str, options: &RemoveOptions) -> Result<()> {
    remove::remove(core, id, options).map(drop)
}

#[async_trait]
impl Containers for LocalEngine {
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport> {
        blocking(&self.core, move |core| create::create(core, spec)).await
    }

    async fn check(&self, spec: ContainerSpec) -> Result<()> {
        blocking(&self.core, move |core| create::check(core, spec)).await
    }

    async fn start(&self, name: &str) -> Result<()> {
        attach::join_waiting(&self.core, name).await?;
        let name = name.to_owned();
        blocking(&self.core, move |core| start::start(core, &name)).await
    }

    async fn stop(&self, name: &str, options: StopOptions) -> Result<()> {
        let (name, ignore) = (name.to_owned(), options.ignore);
        let stopped = blocking(&self.core, move |core| stop::stop_watched(core, &name, &options)).await;
        unless_missing(ignore, stopped)
    }

    async fn restart(&self, name: &str, options: StopOptions) -> Result<()> {
        let (name, ignore) = (name.to_owned(), options.ignore);
        let restarted = blocking(&self.core, move |core| {
            stop::stop(core, &name, &options)?;
            match options.counted {
                true => start::again(core, &name)?,
                false => start::start(core, &name)?,
            }
            core.tell("restart", &core.find_container(&name)?);
            Ok(())
        })
        .await;
        unless_missing(ignore, restarted)
    }

    async fn kill(&self, name: &str, signal: i32) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| signal::kill(core, &name, signal)).await
    }

    async fn pause(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| signal::pause(core, &name)).await
    }

    async fn unpause(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| signal::unpause(core, &name)).await
    }

    async fn update(&self, name: &str, update: ContainerUpdate) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| update::update(core, &name, &update)).await
    }

    async fn clone_container(&self, name: &str, changes: ContainerClone) -> Result<ContainerCreateReport> {
        let name = name.to_owned();
        blocking(&self.core, move |core| clone::clone(core, &name, &changes)).await
    }

    async fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        blocking(&self.core, move |core| rename(core, &name, &new_name)).await
    }

    async fn remove(&self, name: &str, options: RemoveOptions) -> Result<Vec<ContainerRemoveReport>> {
        let (name, ignore) = (name.to_owned(), options.ignore);
        let removed = blocking(&self.core, move |core| remove::remove(core, &name, &options)).await;
        unless_missing(ignore, removed)
    }

    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>> {
        blocking(&self.core, move |core| list::list(core, &options)).await
    }

    async fn inspect(&self, name: &str, size: bool) -> Result<ContainerInspect> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect::inspect(core, &name, size)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| match core.find_container(&name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn wait(&self, name: &str, options: WaitOptions) -> Result<i32> {
        wait::wait(&self.core, name, &options).await
    }

    async fn logs(&self, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>> {
        logs::logs(&self.core, name, options).await
    }

    async fn attach(&self, name: &str, options: AttachOptions) -> Result<AttachStream> {
        attach::attach(&self.core, name, &options).await
    }

    async fn resize(&self, name: &str, size: TerminalSize) -> Result<()> {
        attach::resize(&self.core, name, size).await
    }

    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        let name = name.to_owned();
        blocking(&self.core, move |core| top(core, &name, &descriptors)).await
    }

    async fn healthcheck(&self, name: &str) -> Result<InspectHealth> {
        health::check(&self.core, name).await
    }

    async fn stats(&self, options: StatsOptions) -> Result<ValueStream<Vec<ContainerStats>>> {
        stats::stats(&self.core, options).await
    }

    async fn init(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| start::init(core, &name)).await
    }

    async fn checkpoint(&self, name: &str, options: CheckpointOptions) -> Result<Checkpointed> {
        checkpoint::checkpoint(&self.core, name, options).await
    }

    async fn restore(
        &self,
        name: &str,
        options: RestoreOptions,
        archives: RestoreArchives,
    ) -> Result<RestoreReport> {
        checkpoint::restore(&self.core, name, options, archives).await
    }

    async fn cleanup(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| start::after_exit(core, &name)).await
    }
}

/// `result`, or nothing done where the container does not exist and that is no error.
fn unless_missing<T: Default>(ignore: bool, result: Result<T>) -> Result<T> {
    match result {
        Err(error) if ignore && error.kind == ErrorKind::NotFound => Ok(T::default()),
        result => result,
    }
}

fn top(core: &Core, name: &str, descriptors: &[String]) -> Result<TopReport> {
    let mut row = core.find_container(name)?;
    core.refresh(&mut row)?;
    if !matches!(row.state, ContainerState::Running | ContainerState::Paused) {
        return Err(Error::new(ErrorKind::WrongState, "top can only be used on running containers"));
    }
    let table = core.runtime()?.top(&row.id, descriptors)?;
    Ok(TopReport { titles: table.titles, processes: table.processes })
}

fn rename(core: &Arc<Core>, old: &str, new: &str) -> Result<()> {
    cove_spec::name::container(new)?;
    let Locked { mut row, lock: _lock } = core.locked_container(old)?;
    if let Some(holder) = core.database()?.rename_container(&row.id, new)? {
        return Err(create::name_in_use(new, &holder));
    }
    if row.config.rootfs.is_none()
        && let Err(error) = core.store()?.set_container_names(&row.id, &[new.to_owned()])
    {
        restore_name(core, &row)?;
        return Err(crate::error::storage(error));
    }
    row.name = new.to_owned();
    core.tell("rename", &row);
    Ok(())
}

fn restore_name(core: &Core, row: &ContainerRow) -> Result<()> {
    core.database()?.rename_container(&row.id, &row.name).map(drop).map_err(Into::into)
}
