//! The engine trait of images.

use async_trait::async_trait;
use cove_api::{
    BuildContext, BuildOptions, BuildReport, ByteStream, Credentials, Distribution, ErrorKind,
    ImageCopyOptions, ImageDocuments, ImageExplanation, ImageHistoryRow, ImageInspect, ImageListOptions,
    ImageRemoveOptions, ImageRemoveReport, ImageSummary, Images, ImportOptions, LoadReport, Progress,
    PruneReport, PullOptions, PullReport, PushOptions, PushReport, RegistryAccess, Result, SaveOptions,
    SearchOptions, SearchResult, ValueStream,
};

use crate::engine::{LocalEngine, blocking};
use crate::image::{
    copy, distribution, explain, import, inspect, list, load, lookup, names, pull, push, remove, save, search,
};

#[async_trait]
impl Images for LocalEngine {
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        pull::pull(&self.core, name, options).await
    }

    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>> {
        push::push(&self.core, name, options).await
    }

    async fn copy(
        &self,
        source: &str,
        destination: &str,
        options: ImageCopyOptions,
    ) -> Result<ValueStream<Progress<PushReport>>> {
        copy::copy(&self.core, source, destination, options).await
    }

    async fn documents(&self, name: &str) -> Result<ImageDocuments> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect::documents(core, &name)).await
    }

    async fn list(&self, options: ImageListOptions) -> Result<Vec<ImageSummary>> {
        blocking(&self.core, move |core| list::list(core, &options)).await
    }

    async fn inspect(&self, name: &str) -> Result<ImageInspect> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect::inspect(core, &name)).await
    }

    async fn history(&self, name: &str) -> Result<Vec<ImageHistoryRow>> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect::history(core, &name)).await
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

    async fn remove(&self, names: Vec<String>, options: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        blocking(&self.core, move |core| remove::remove(core, &names, &options)).await
    }

    async fn tag(&self, name: &str, new_name: &str) -> Result<()> {
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        blocking(&self.core, move |core| names::tag(core, &name, &new_name)).await
    }

    async fn untag(&self, name: &str, names: Vec<String>) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| names::untag(core, &name, &names)).await
    }

    async fn load(&self, archive: ByteStream) -> Result<LoadReport> {
        load::load(&self.core, archive).await
    }

    async fn save(&self, names: Vec<String>, options: SaveOptions) -> Result<ByteStream> {
        save::save(&self.core, names, options).await
    }

    async fn explain(&self, name: &str, options: PullOptions) -> Result<ImageExplanation> {
        explain::explain(&self.core, name, options).await
    }

    async fn resolve(&self, name: &str) -> Result<Vec<String>> {
        distribution::resolve(&self.core, name).await
    }

    async fn distribution(&self, name: &str, access: RegistryAccess) -> Result<Distribution> {
        distribution::distribution(&self.core, name, access).await
    }

    async fn check_login(&self, registry: &str, credentials: Credentials) -> Result<()> {
        distribution::check_login(&self.core, registry, credentials).await
    }

    async fn search(&self, term: &str, options: SearchOptions) -> Result<Vec<SearchResult>> {
        search::search(&self.core, term, options).await
    }

    async fn import(&self, archive: ByteStream, options: ImportOptions) -> Result<String> {
        let reader = crate::stream::reader(archive);
        blocking(&self.core, move |core| import::import(core, reader, &options)).await
    }

    async fn root_files(&self, name: &str) -> Result<ByteStream> {
        let name = name.to_owned();
        blocking(&self.core, move |core| crate::build::files(core, &name)).await
    }

    async fn prune_caches(&self) -> Result<Vec<PruneReport>> {
        blocking(&self.core, |core| crate::build::prune_caches(core)).await
    }

    async fn build(
        &self,
        context: BuildContext,
        options: BuildOptions,
    ) -> Result<ValueStream<Progress<BuildReport>>> {
        crate::build::build(&self.core, context, options)
    }
}
