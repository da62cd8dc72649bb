//! The engine trait of unit files.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{
    Error, ErrorKind, QuadletInstallOptions, QuadletInstallReport, QuadletListOptions, QuadletRemoveOptions,
    QuadletRemoveReport, QuadletSelection, QuadletSummary, QuadletUpload, Quadlets, Result,
};
use cove_quadlet::MAX_FILE;

use super::places::UnitFiles;
use super::{install, list, remove};
use crate::engine::{LocalEngine, blocking};

#[async_trait]
impl Quadlets for LocalEngine {
    async fn install(
        &self,
        upload: QuadletUpload,
        options: QuadletInstallOptions,
    ) -> Result<QuadletInstallReport> {
        let upload = match upload {
            QuadletUpload::Files(files) => install::Upload::Files(files),
            QuadletUpload::Archive(archive) => {
                install::Upload::Archive(Box::new(crate::stream::reader(archive)))
            }
        };
        blocking(&self.core, move |core| install::install(core, upload, &options)).await
    }

    async fn list(&self, options: QuadletListOptions) -> Result<Vec<QuadletSummary>> {
        blocking(&self.core, move |core| list::list(core, &options)).await
    }

    async fn print(&self, name: &str) -> Result<Bytes> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let path = UnitFiles::open(core)?.find(&name)?;
            Ok(cove_sys::read::bounded(&path, MAX_FILE)?.unwrap_or_default().into())
        })
        .await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| match UnitFiles::open(core)?.find(&name) {
            Ok(_) => Ok(true),
            // What can be the name of none is the name of none.
            Err(Error { kind: ErrorKind::NotFound | ErrorKind::InvalidArgument, .. }) => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn remove(
        &self,
        selection: QuadletSelection,
        options: QuadletRemoveOptions,
    ) -> Result<QuadletRemoveReport> {
        blocking(&self.core, move |core| remove::remove(core, &selection, options)).await
    }
}
