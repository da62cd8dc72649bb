//! The engine trait of Kubernetes YAML.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{Error, Kube, KubeDownOptions, KubeGenerateOptions, KubePlayOptions, KubeReport, Result};
use cove_kube::Application;

use super::{down, generate, play};
use crate::engine::LocalEngine;

/// What a text describes.
fn read(text: &Bytes) -> Result<Application> {
    let text = std::str::from_utf8(text).map_err(|_| Error::invalid("the YAML is no text"))?;
    Ok(Application::parse(text)?)
}

#[async_trait]
impl Kube for LocalEngine {
    async fn play(&self, text: Bytes, options: KubePlayOptions) -> Result<KubeReport> {
        cove_api::wire::json::check(&options)?;
        play::play(self, &read(&text)?, options).await
    }

    async fn down(&self, text: Bytes, options: KubeDownOptions) -> Result<KubeReport> {
        down::down(self, &read(&text)?, options).await
    }

    async fn generate(&self, names: Vec<String>, options: KubeGenerateOptions) -> Result<String> {
        generate::generate(self, names, options).await
    }
}
