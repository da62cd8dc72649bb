//! Volumes.

use async_trait::async_trait;
use cove_api::*;

use super::{FakeEngine, sample};

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
}
