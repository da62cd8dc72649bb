//! The engine trait of Kubernetes YAML.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{
    ByteStream, Error, Kube, KubeApplyOptions, KubeDownOptions, KubeGenerateOptions, KubePlayOptions,
    KubeReport, Result,
};
use cove_kube::Application;

use super::{apply, archive, down, generate, play};
use crate::engine::LocalEngine;

/// What a text describes.
pub(super) fn read(text: &[u8]) -> Result<Application> {
    let text = std::str::from_utf8(text).map_err(|_| Error::invalid("the YAML is no text"))?;
    Ok(Application::parse(text)?)
}

#[async_trait]
impl Kube for LocalEngine {
    async fn apply(&self, text: Bytes, options: KubeApplyOptions) -> Result<()> {
        cove_api::wire::json::check(&options)?;
        apply::apply(self, &text, options).await
    }

    async fn play(&self, text: Bytes, options: KubePlayOptions) -> Result<KubeReport> {
        cove_api::wire::json::check(&options)?;
        let mut application = read(&text)?;
        application.choose_jobs(&options.jobs)?;
        play::play(self, &application, options, None).await
    }

    async fn play_archive(&self, archive: ByteStream, options: KubePlayOptions) -> Result<KubeReport> {
        cove_api::wire::json::check(&options)?;
        archive::play(self, archive, options).await
    }

    async fn down(&self, text: Bytes, options: KubeDownOptions) -> Result<KubeReport> {
        down::down(self, &read(&text)?, options).await
    }

    async fn generate(&self, names: Vec<String>, options: KubeGenerateOptions) -> Result<String> {
        generate::generate(self, names, options).await
    }
}
