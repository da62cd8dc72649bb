//! Images and archives.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::{StreamExt as _, stream};

use super::{BROKEN, FakeEngine, sample};

#[async_trait]
impl Images for FakeEngine {
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        self.note(
            name,
            format!(
                "pull {name} {options:?} {:?}",
                options.access.credentials.as_ref().map(|found| &found.password)
            ),
        )?;
        let mut events: Vec<Result<Progress<PullReport>>> = sample::progress().into_iter().map(Ok).collect();
        if name == "never" {
            events.pop();
            return Ok(Box::pin(stream::iter(events).chain(self.silence())));
        }
        if self.living {
            let row = ImageSummary { id: "new".into(), names: vec![name.into()], ..ImageSummary::default() };
            self.contents().images.push(row);
            self.tell("image", "pull", "new");
        }
        if name.starts_with("absent") {
            events.truncate(1);
            events.push(Err(Error::not_found(format!("{name}: there is none"))));
        }
        if name == "half" {
            events.pop();
            events.push(Err(Error::new(ErrorKind::Unauthorized, "denied")));
        }
        Ok(Box::pin(stream::iter(events)))
    }
    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>> {
        let password = options.access.credentials.as_ref().map(|found| &found.password);
        self.note(name, format!("push {name} {options:?} {password:?}"))?;
        let mut events: Vec<Result<Progress<PushReport>>> =
            sample::push_progress().into_iter().map(Ok).collect();
        if name == "half" {
            events.pop();
            events.push(Err(Error::new(ErrorKind::Unauthorized, "denied")));
        }
        Ok(Box::pin(stream::iter(events)))
    }
    async fn copy(
        &self,
        source: &str,
        destination: &str,
        options: ImageCopyOptions,
    ) -> Result<ValueStream<Progress<PushReport>>> {
        let password = options.access.credentials.as_ref().map(|found| &found.password);
        self.note(source, format!("copy {source} {destination} {options:?} {password:?}"))?;
        Ok(Box::pin(stream::iter(sample::push_progress().into_iter().map(Ok))))
    }
    async fn documents(&self, name: &str) -> Result<ImageDocuments> {
        self.note(name, format!("documents {name}"))?;
        Ok(ImageDocuments {
            name: "localhost/image:1".into(),
            manifest: r#"{"schemaVersion":2}"#.into(),
            config: "{}".into(),
        })
    }
    async fn list(&self, options: ImageListOptions) -> Result<Vec<ImageSummary>> {
        self.note("", format!("images {options:?}"))?;
        Ok(self.contents().images.clone())
    }
    async fn inspect(&self, name: &str) -> Result<ImageInspect> {
        self.note(name, format!("image inspect {name}"))?;
        Ok(sample::image())
    }
    async fn history(&self, name: &str) -> Result<Vec<ImageHistoryRow>> {
        self.note(name, format!("history {name}"))?;
        Ok(vec![ImageHistoryRow {
            id: "a".repeat(64),
            created_by: "sh".into(),
            ..ImageHistoryRow::default()
        }])
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("image exists {name}"))?;
        let known = |row: &ImageSummary| row.names.iter().chain(&row.repo_tags).any(|own| own == name);
        Ok(self.contents().images.iter().any(known))
    }
    async fn remove(&self, names: Vec<String>, options: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        self.note("", format!("image remove {names:?} {options:?}"))?;
        if names.iter().any(|name| name == BROKEN) {
            return Ok(ImageRemoveReport {
                errors: vec!["broken: image is in use".into()],
                exit_code: 2,
                ..ImageRemoveReport::default()
            });
        }
        Ok(ImageRemoveReport {
            untagged: vec!["localhost/image:1".into()],
            deleted: vec!["a".repeat(64)],
            ..ImageRemoveReport::default()
        })
    }
    async fn tag(&self, name: &str, new_name: &str) -> Result<()> {
        self.note(name, format!("tag {name} {new_name}"))
    }
    async fn untag(&self, name: &str, names: Vec<String>) -> Result<()> {
        self.note(name, format!("untag {name} {names:?}"))
    }
    async fn load(&self, archive: ByteStream) -> Result<LoadReport> {
        let length = all_of(archive).await?;
        self.note("", format!("load {length}"))?;
        Ok(LoadReport { names: vec!["localhost/image:1".into()] })
    }
    async fn save(&self, names: Vec<String>, options: SaveOptions) -> Result<ByteStream> {
        let Some(first) = names.first() else { return Err(Error::invalid("no image named")) };
        self.note(first, format!("save {names:?} {options:?}"))?;
        let pieces = [Ok(Bytes::from_static(b"archive ")), Ok(Bytes::from(vec![b'x'; 100_000]))];
        if first == "half" {
            let [begin, _] = pieces;
            return Ok(Box::pin(stream::iter([begin, Err(Error::internal("the layer is gone"))])));
        }
        if first == "nothing" {
            return Ok(Box::pin(stream::iter([Err(Error::internal("the layer is gone"))])));
        }
        Ok(Box::pin(stream::iter(pieces)))
    }
    async fn explain(&self, name: &str, options: PullOptions) -> Result<ImageExplanation> {
        self.note(name, format!("explain {name} {options:?}"))?;
        Ok(ImageExplanation {
            name: name.into(),
            platform: "linux/amd64".into(),
            ..ImageExplanation::default()
        })
    }
    async fn resolve(&self, name: &str) -> Result<Vec<String>> {
        self.note(name, format!("resolve {name}"))?;
        Ok(vec![format!("docker.io/library/{name}:latest")])
    }
    async fn distribution(&self, name: &str, access: RegistryAccess) -> Result<Distribution> {
        let password = access.credentials.as_ref().map(|found| &found.password);
        self.note(name, format!("distribution {name} {access:?} {password:?}"))?;
        Ok(sample::distribution())
    }
    async fn check_login(&self, registry: &str, credentials: Credentials) -> Result<()> {
        self.note(registry, format!("login {registry} {credentials:?} {:?}", credentials.password))
    }
    async fn search(&self, term: &str, options: SearchOptions) -> Result<Vec<SearchResult>> {
        self.note(term, format!("search {term} {options:?}"))?;
        Ok(sample::found(options.list_tags))
    }
    async fn root_files(&self, name: &str) -> Result<ByteStream> {
        self.note(name, format!("files {name}"))?;
        Ok(Box::pin(stream::iter([Ok(Bytes::from(vec![0; 1024]))])))
    }

    async fn build(
        &self,
        context: BuildContext,
        options: BuildOptions,
    ) -> Result<ValueStream<Progress<BuildReport>>> {
        let BuildContext { mut archive, .. } = context;
        let mut size = 0;
        while let Some(piece) = archive.next().await {
            size += piece?.len();
        }
        self.note("", format!("build {size} {options:?}"))?;
        let mut events = vec![Ok(Progress::Message("STEP 1/1: FROM scratch".into()))];
        events.push(Ok(match options.target == BROKEN {
            false => Progress::Done(BuildReport { id: "a".repeat(64), ..BuildReport::default() }),
            true => {
                let failed = FailedStep { code: 3, message: "exit status 3".into() };
                Progress::Done(BuildReport { failed: Some(failed), ..BuildReport::default() })
            }
        }));
        Ok(Box::pin(stream::iter(events)))
    }
    async fn import(&self, archive: ByteStream, options: ImportOptions) -> Result<String> {
        let length = all_of(archive).await?;
        self.note("", format!("import {length} {options:?}"))?;
        Ok("a".repeat(64))
    }
}

pub(super) async fn all_of(mut bytes: ByteStream) -> Result<usize> {
    let mut length = 0;
    while let Some(piece) = bytes.next().await {
        length += piece?.len();
    }
    Ok(length)
}
