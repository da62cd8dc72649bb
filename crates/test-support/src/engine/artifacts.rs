//! Artifacts.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::stream;

use super::images::all_of;
use super::{FakeEngine, sample};

#[async_trait]
impl Artifacts for FakeEngine {
    async fn list(&self) -> Result<Vec<Artifact>> {
        self.note("", "artifacts".into())?;
        Ok(vec![sample::artifact()])
    }
    async fn inspect(&self, name: &str) -> Result<Artifact> {
        self.note(name, format!("artifact inspect {name}"))?;
        Ok(sample::artifact())
    }
    async fn add(&self, options: ArtifactAddOptions, data: ByteStream) -> Result<String> {
        let length = all_of(data).await?;
        self.note(&options.name, format!("artifact add {length} {options:?}"))?;
        Ok(sample::artifact().digest)
    }
    async fn pull(&self, name: &str, access: RegistryAccess) -> Result<String> {
        self.note(name, format!("artifact pull {name} {access:?}"))?;
        Ok(sample::artifact().digest)
    }
    async fn push(&self, name: &str, access: RegistryAccess) -> Result<String> {
        self.note(name, format!("artifact push {name} {access:?}"))?;
        Ok(sample::artifact().digest)
    }
    async fn extract(&self, name: &str, options: ArtifactExtractOptions) -> Result<ByteStream> {
        self.note(name, format!("artifact extract {name} {options:?}"))?;
        Ok(Box::pin(stream::iter([Ok(Bytes::from_static(b"tar"))])))
    }
    async fn remove(&self, options: ArtifactRemoveOptions) -> Result<Vec<String>> {
        let first = options.artifacts.first().cloned().unwrap_or_default();
        self.note(&first, format!("artifact remove {options:?}"))?;
        Ok(vec![sample::artifact().digest])
    }
}
