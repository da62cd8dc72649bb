//! The engine trait of images.

use async_trait::async_trait;
use cove_api::{
    ByteStream, Error, ErrorKind, ImageHistoryRow, ImageInspect, ImageListOptions, ImageRemoveOptions,
    ImageRemoveReport, ImageSummary, Images, ImportOptions, LoadReport, Progress, PullOptions, PullReport, Result,
    SaveOptions, ValueStream,
};

use crate::engine::{LocalEngine, blocking};
use crate::image::{load, lookup, pull};

#[async_trait]
impl Images for LocalEngine {
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        pull::pull(&self.core, name, options).await
    }

    async fn list(&self, _options: ImageListOptions) -> Result<Vec<ImageSummary>> {
        Err(Error::unsupported("listing images is not supported yet"))
    }

    async fn inspect(&self, _name: &str) -> Result<ImageInspect> {
        Err(Error::unsupported("inspecting images is not supported yet"))
    }

    async fn history(&self, _name: &str) -> Result<Vec<ImageHistoryRow>> {
        Err(Error::unsupported("the history of images is not supported yet"))
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| match lookup::find(core, &name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    async fn remove(&self, _names: Vec<String>, _options: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        Err(Error::unsupported("removing images is not supported yet"))
    }

    async fn tag(&self, _name: &str, _new_name: &str) -> Result<()> {
        Err(Error::unsupported("tagging images is not supported yet"))
    }

    async fn untag(&self, _name: &str, _names: Vec<String>) -> Result<()> {
        Err(Error::unsupported("untagging images is not supported yet"))
    }

    async fn load(&self, archive: ByteStream) -> Result<LoadReport> {
        load::load(&self.core, archive).await
    }

    async fn save(&self, _names: Vec<String>, _options: SaveOptions) -> Result<ByteStream> {
        Err(Error::unsupported("saving images is not supported yet"))
    }

    async fn import(&self, _archive: ByteStream, _options: ImportOptions) -> Result<String> {
        Err(Error::unsupported("importing images is not supported yet"))
    }
}
