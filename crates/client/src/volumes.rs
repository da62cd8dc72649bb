//! Volumes over HTTP.

use async_trait::async_trait;
use cove_api::{Result, Volume, VolumeCreateOptions, VolumeListOptions, VolumeRemoveOptions, Volumes};
use http::Method;

use crate::Client;
use crate::query::Target;

#[async_trait]
impl Volumes for Client {
    async fn create(&self, options: VolumeCreateOptions) -> Result<Volume> {
        self.json_with(&Target::new(&["volumes", "create"]), &options).await
    }

    async fn list(&self, options: VolumeListOptions) -> Result<Vec<Volume>> {
        self.json(Method::GET, &Target::new(&["volumes", "json"]).with_filters(&options.filters)).await
    }

    async fn inspect(&self, name: &str) -> Result<Volume> {
        self.json(Method::GET, &Target::new(&["volumes", name, "json"])).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        Client::exists(self, &Target::new(&["volumes", name, "exists"])).await
    }

    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()> {
        let target = Target::new(&["volumes", name])
            .with_switch("force", options.force)
            .with_some("timeout", options.timeout);
        self.call(Method::DELETE, &target).await
    }
}
