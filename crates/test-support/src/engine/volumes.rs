//! Volumes.

use async_trait::async_trait;
use cove_api::*;
use futures_util::stream;

use super::{FakeEngine, sample};

impl WorkingContainers for FakeEngine {}

#[async_trait]
impl Volumes for FakeEngine {
    async fn create(&self, options: VolumeCreateOptions) -> Result<Volume> {
        self.note(&options.name, format!("volume create {options:?}"))?;
        Ok(sample::volume(&options.name))
    }
    async fn list(&self, options: VolumeListOptions) -> Result<Vec<Volume>> {
        self.note("", format!("volumes {options:?}"))?;
        Ok(self.contents().volumes.clone())
    }
    async fn inspect(&self, name: &str) -> Result<Volume> {
        self.note(name, format!("volume inspect {name}"))?;
        Ok(sample::volume(name))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("volume exists {name}"))?;
        Ok(self.contents().volumes.iter().any(|row| row.name == name))
    }
    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()> {
        self.note(name, format!("volume remove {name} {options:?}"))?;
        if self.living {
            self.contents().volumes.retain(|row| row.name != name);
            self.tell("volume", "remove", name);
        }
        Ok(())
    }
    async fn export(&self, name: &str) -> Result<ByteStream> {
        self.note(name, format!("volume export {name}"))?;
        Ok(Box::pin(stream::iter([Ok("tar".into())])))
    }
    async fn import(&self, name: &str, archive: ByteStream) -> Result<()> {
        let length = super::images::all_of(archive).await?;
        self.note(name, format!("volume import {name} {length}"))
    }
    async fn mount(&self, name: &str) -> Result<String> {
        self.note(name, format!("volume mount {name}"))?;
        Ok(sample::volume(name).mountpoint)
    }
    async fn unmount(&self, name: &str) -> Result<()> {
        self.note(name, format!("volume unmount {name}"))
    }
}
