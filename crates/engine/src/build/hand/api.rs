//! The engine trait of working containers.

use std::path::PathBuf;

use async_trait::async_trait;
use cove_api::{
    Result, ValueStream, WorkingChange, WorkingCommand, WorkingCommit, WorkingContainer, WorkingContainers,
    WorkingCopy, WorkingInspect, WorkingOptions, WorkingOutput,
};
use cove_storage::{Container, ContainerMountOptions, StorageError};
use serde_json::Value;

use super::record::{self, Record, find, not_ours};
use super::{begin, commit, configure, copying, run};
use crate::engine::{Core, LocalEngine, blocking};
use crate::error::storage;

#[async_trait]
impl WorkingContainers for LocalEngine {
    async fn begin(&self, image: &str, options: WorkingOptions) -> Result<WorkingContainer> {
        let image = image.to_owned();
        blocking(&self.core, move |core| begin::begin(core, &image, &options)).await
    }

    async fn list(&self, all: bool) -> Result<Vec<WorkingContainer>> {
        blocking(&self.core, move |core| list(core, all)).await
    }

    async fn inspect(&self, name: &str) -> Result<WorkingInspect> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect(core, &name)).await
    }

    async fn run(&self, name: &str, command: WorkingCommand) -> Result<ValueStream<WorkingOutput>> {
        Ok(run::run(&self.core, name, command))
    }

    async fn copy(&self, name: &str, files: WorkingCopy) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| copying::copy(core, &name, &files)).await
    }

    async fn configure(&self, name: &str, change: WorkingChange) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| configure::configure(core, &name, &change)).await
    }

    async fn commit(&self, name: &str, options: WorkingCommit) -> Result<String> {
        commit::commit(&self.core, name, options).await
    }

    async fn remove(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let (working, _) = record::open(core, &name)?;
            let id = working.id.clone();
            working.delete()?;
            Ok(id)
        })
        .await
    }

    async fn rename(&self, name: &str, new: &str) -> Result<()> {
        let (name, new) = (name.to_owned(), new.to_owned());
        blocking(&self.core, move |core| begin::rename(core, &name, &new)).await
    }

    async fn mount(&self, name: &str) -> Result<PathBuf> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let (working, mut record) = record::open(core, &name)?;
            let options = ContainerMountOptions::default();
            let path = core.store()?.mount_container(&working.id, &options).map_err(storage)?;
            record.set_text("mountpoint", &path.to_string_lossy());
            record.write(core, &working.id)?;
            Ok(path)
        })
        .await
    }

    async fn unmount(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let (working, mut record) = record::open(core, &name)?;
            let is_mounted = match core.store()?.unmount_container(&working.id, false) {
                Ok(is_mounted) => is_mounted,
                Err(StorageError::NotMounted(_)) => false,
                Err(error) => return Err(storage(error)),
            };
            if !is_mounted {
                record.document.remove("mountpoint");
                record.write(core, &working.id)?;
            }
            Ok(working.id.clone())
        })
        .await
    }
}

fn list(core: &Core, all: bool) -> Result<Vec<WorkingContainer>> {
    let mut rows = Vec::new();
    for container in core.store()?.containers().map_err(storage)?.iter() {
        match Record::read(core, &container.id) {
            Ok(Some(record)) => rows.push(record.summary(container)),
            Ok(None) if all => rows.push(other(container)),
            Ok(None) => {}
            // One that is damaged does not hide the others.
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(rows)
}

/// Another program's container.
fn other(container: &Container) -> WorkingContainer {
    let metadata: Value = serde_json::from_str(&container.metadata).unwrap_or_default();
    let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
    WorkingContainer {
        id: container.id.clone(),
        name: container.names.first().cloned().unwrap_or_else(|| text("name")),
        image_id: container.image.clone(),
        image_name: text("image-name"),
        is_builder: false,
    }
}

fn inspect(core: &Core, name: &str) -> Result<WorkingInspect> {
    let container = find(core, name)?;
    let record = Record::read(core, &container.id)?.ok_or_else(|| not_ours(name))?;
    let mount_point = core.store()?.container_mount(&container.id).map_err(storage)?.map(|(path, _)| path);
    Ok(WorkingInspect {
        container: record.summary(&container),
        config: record.config()?,
        document: record.shown(mount_point.as_deref()),
        mount_point,
    })
}
