//! Networks over HTTP.

use async_trait::async_trait;
use cove_api::{
    Error, ErrorKind, Network, NetworkCreateOptions, NetworkInspect, NetworkListOptions, Networks, Result,
};
use http::Method;

use crate::Client;
use crate::query::Target;

#[async_trait]
impl Networks for Client {
    async fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        let mut body =
            serde_json::to_value(&network).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        body["ignore_if_exists"] = options.ignore_if_exists.into();
        self.json_with(&Target::new(&["networks", "create"]), &body).await
    }

    async fn list(&self, options: NetworkListOptions) -> Result<Vec<Network>> {
        self.json(Method::GET, &Target::new(&["networks", "json"]).with_filters(&options.filters)).await
    }

    async fn inspect(&self, name: &str) -> Result<NetworkInspect> {
        self.json(Method::GET, &Target::new(&["networks", name, "json"])).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        Client::exists(self, &Target::new(&["networks", name, "exists"])).await
    }

    async fn remove(&self, name: &str, force: bool) -> Result<()> {
        self.call(Method::DELETE, &Target::new(&["networks", name]).with_switch("force", force)).await
    }
}
