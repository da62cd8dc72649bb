//! Lists of images.

use async_trait::async_trait;
use cove_api::*;
use futures_util::stream;
use serde_json::{Value, json};

use super::{BROKEN, FakeEngine, sample};

#[async_trait]
impl Manifests for FakeEngine {
    async fn create(&self, name: &str, options: ManifestCreateOptions) -> Result<String> {
        self.note(name, format!("manifest create {name} {options:?}"))?;
        Ok("a".repeat(64))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("manifest exists {name}"))?;
        Ok(name != BROKEN)
    }
    async fn inspect(&self, name: &str, access: RegistryAccess) -> Result<Value> {
        self.note(name, format!("manifest inspect {name} {access:?}"))?;
        Ok(json!({"schemaVersion": 2, "manifests": [{"digest": "sha256:a", "platform": {"os": "linux"}}]}))
    }
    async fn modify(&self, name: &str, change: ManifestModifyOptions) -> Result<ManifestModifyReport> {
        self.note(name, format!("manifest modify {name} {change:?}"))?;
        Ok(ManifestModifyReport { id: "a".repeat(64), images: change.images, files: Vec::new() })
    }
    async fn remove(&self, name: &str, options: ManifestRemoveOptions) -> Result<ImageRemoveReport> {
        self.note(name, format!("manifest remove {name} {options:?}"))?;
        Ok(ImageRemoveReport {
            untagged: vec!["localhost/list:1".into()],
            deleted: vec!["a".repeat(64)],
            ..ImageRemoveReport::default()
        })
    }
    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>> {
        let password = options.access.credentials.as_ref().map(|found| &found.password);
        self.note(name, format!("manifest push {name} {options:?} {password:?}"))?;
        Ok(Box::pin(stream::iter(sample::push_progress().into_iter().map(Ok))))
    }
}
