//! Unit files of Quadlet.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::StreamExt as _;

use super::FakeEngine;

#[async_trait]
impl Quadlets for FakeEngine {
    async fn install(
        &self,
        upload: QuadletUpload,
        options: QuadletInstallOptions,
    ) -> Result<QuadletInstallReport> {
        let files = match upload {
            QuadletUpload::Files(files) => files,
            QuadletUpload::Archive(mut archive) => {
                let mut data = Vec::new();
                while let Some(piece) = archive.next().await {
                    data.extend_from_slice(&piece?);
                }
                vec![QuadletFile { name: "archive".into(), data: data.into() }]
            }
        };
        self.note("", format!("quadlet install {files:?} {options:?}"))?;
        let mut report = QuadletInstallReport::default();
        for QuadletFile { name, .. } in files {
            match name == "broken.pod" {
                true => report.quadlet_errors.insert(name, "it is broken".into()),
                false => {
                    report.installed_quadlets.insert(name.clone(), format!("/etc/containers/systemd/{name}"))
                }
            };
        }
        Ok(report)
    }
    async fn list(&self, options: QuadletListOptions) -> Result<Vec<QuadletSummary>> {
        self.note("", format!("quadlet list {options:?}"))?;
        Ok(vec![QuadletSummary {
            name: "web.container".into(),
            unit_name: "web.service".into(),
            path: "/etc/containers/systemd/web.container".into(),
            status: "active/running".into(),
            app: ".web.container.app".into(),
            pod: "shop.pod".into(),
        }])
    }
    async fn print(&self, name: &str) -> Result<Bytes> {
        self.note(name, format!("quadlet print {name}"))?;
        Ok("[Container]\nImage=a\n".into())
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note(name, format!("quadlet exists {name}"))?;
        Ok(name == "web.container")
    }
    async fn remove(
        &self,
        selection: QuadletSelection,
        options: QuadletRemoveOptions,
    ) -> Result<QuadletRemoveReport> {
        self.note("", format!("quadlet remove {selection:?} {options:?}"))?;
        let (broken, removed) = selection.quadlets.into_iter().partition(|name| name == "broken.pod");
        let broken: Vec<String> = broken;
        let errors = broken.into_iter().map(|name| (name, "it is broken".to_owned())).collect();
        Ok(QuadletRemoveReport { removed, errors })
    }
}
