//! Kubernetes YAML.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::StreamExt as _;

use super::FakeEngine;

#[async_trait]
impl Kube for FakeEngine {
    async fn apply(&self, text: Bytes, options: KubeApplyOptions) -> Result<()> {
        self.note("", format!("kube apply {:?} {options:?}", String::from_utf8_lossy(&text)))
    }
    async fn play(&self, text: Bytes, options: KubePlayOptions) -> Result<KubeReport> {
        let password = options.access.credentials.as_ref().map(|found| &found.password);
        self.note("", format!("kube play {:?} {options:?} {password:?}", String::from_utf8_lossy(&text)))?;
        Ok(KubeReport {
            pods: vec![KubePod {
                id: "d".repeat(64),
                containers: vec!["a".repeat(64), "b".repeat(64)],
                init_containers: vec!["c".repeat(64)],
                ..KubePod::default()
            }],
            volumes: vec![KubeVolume { name: "data".into() }],
            secrets: vec![KubeSecret { create_report: SecretCreateReport { id: "5".repeat(25) } }],
            ..KubeReport::default()
        })
    }
    async fn play_archive(&self, archive: ByteStream, options: KubePlayOptions) -> Result<KubeReport> {
        let mut text = Vec::new();
        let mut pieces = archive;
        while let Some(piece) = pieces.next().await {
            text.extend_from_slice(&piece?);
        }
        self.play([b"tar ".as_slice(), &text].concat().into(), options).await
    }
    async fn down(&self, text: Bytes, options: KubeDownOptions) -> Result<KubeReport> {
        self.note("", format!("kube down {:?} {options:?}", String::from_utf8_lossy(&text)))?;
        let id = "d".repeat(64);
        let volume = |name: &str, err: Option<&str>| KubeVolumeRemoved {
            id: name.into(),
            err: err.map(str::to_owned),
        };
        Ok(KubeReport {
            stop_report: vec![PodReport { id: id.clone(), ..PodReport::default() }],
            rm_report: vec![PodRemoveReport { id, ..PodRemoveReport::default() }],
            volume_rm_report: vec![volume("data", None), volume("busy", Some("volume busy is being used"))],
            secret_rm_report: vec![KubeSecretRemoved { id: "token".into(), err: None }],
            ..KubeReport::default()
        })
    }
    async fn generate(&self, names: Vec<String>, options: KubeGenerateOptions) -> Result<String> {
        self.note(
            names.first().map(String::as_str).unwrap_or_default(),
            format!("kube generate {names:?} {options:?}"),
        )?;
        Ok("apiVersion: v1\nkind: Pod\n".into())
    }
}
