//! The files of `/containers` and `/images`, and `/commit`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, Asked, Described, JSON, Received, Reply, lines, whole};
use super::body::{Archive, Json};
use super::declare::{Endpoint, get, head, post, put};
use super::exec::Made;
use super::parameters::{Both, Nothing};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, Change, ChangesOptions, CommitOptions, CopyFromOptions, CopyToOptions, DiffType, Error,
    ErrorKind, FileData, FileListOptions, FilePage, FileReadOptions, FileTree, FileWriteOptions, Files,
    ImageConfig, MountedFiles, PathArchive, PathStat, Result,
};

type Named<Q, B, A> = Endpoint<String, Q, B, A>;

const CHANGES: Named<ChangesOptions, (), Json<Vec<Change>>> =
    get("/containers/{name}/changes", "What a container changed of its image");
const IMAGE_CHANGES: Named<ChangesOptions, (), Json<Vec<Change>>> =
    get("/images/{name}/changes", "What an image changed of the layers below");
const EXPORT: Named<Nothing, (), Archive> =
    get("/containers/{name}/export", "The root file system of a container as a tar");
const COMMIT: Endpoint<(), Both<Commit, CommitOptions>, Option<Json<ImageConfig>>, Committed> =
    post("/commit", "Make an image of a container");
const STAT: Named<CopyFromOptions, (), PathStat> =
    head("/containers/{name}/archive", "What is at a path in a container");
const LIST: Named<CopyFromOptions, (), Json<Vec<PathStat>>> =
    get("/containers/{name}/directory", "What is in a directory of a container");
const COPY_FROM: Named<CopyFromOptions, (), PathArchive> =
    get("/containers/{name}/archive", "What is at a path in a container, as a tar");
const COPY_TO: Named<CopyToOptions, Archive, ()> =
    put("/containers/{name}/archive", "Unpack a tar into a directory of a container");

const MOUNT: Named<Nothing, (), Json<String>> =
    post("/containers/{name}/mount", "Mount the root file system of a container on the service's host");
const UNMOUNT: Named<Unmount, (), ()> =
    post("/containers/{name}/unmount", "Unmount the root file system of a container")
        .status(StatusCode::NO_CONTENT);
const MOUNTS: Endpoint<(), Nothing, (), Json<BTreeMap<String, String>>> =
    get("/containers/showmounted", "Where containers are mounted, by id");
const TREE: Named<TreeOptions, (), Json<ImageTree>> =
    get("/images/{name}/tree", "The layers of an image as a text");

/// The parameter of unmount; an extension of this service.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Unmount {
    /// However often it was mounted.
    force: bool,
}

/// The parameter of tree.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct TreeOptions {
    /// What is built on it instead.
    whatrequires: bool,
}

/// The answer of tree.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
struct ImageTree {
    /// Lines.
    tree: String,
}

/// The header that says what is at a path: base64 of JSON.
pub const PATH_STAT: HeaderName = HeaderName::from_static("x-docker-container-path-stat");

/// The parameters of commit that name the container and the form of the answer.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Commit {
    /// Name or id.
    container: String,
    /// Answer as a stream of JSON values.
    stream: bool,
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CHANGES, |engine, Call { path: name, parameters, .. }| async move {
        engine.files().changes(&name, parameters).await.map(Json)
    });
    routes.add(IMAGE_CHANGES, |engine, Call { path: name, parameters, .. }| async move {
        engine.files().changes(&name, parameters).await.map(Json)
    });
    routes.add(EXPORT, |engine, Call { path: name, .. }| async move {
        engine.files().export(&name).await.map(Archive)
    });
    routes.add(COMMIT, |engine, Call { parameters: Both(commit, options), body, .. }| async move {
        let options = CommitOptions { config: body.map(|Json(config)| config), ..options };
        let id = engine.files().commit(&commit.container, options).await?;
        Ok(Committed { id, stream: commit.stream })
    });
    routes.add(STAT, |engine, Call { path: name, parameters, .. }| async move {
        engine.files().path_stat(&name, &parameters.checked()?.path).await
    });
    routes.add(LIST, |engine, Call { path: name, parameters, .. }| async move {
        engine.files().list_directory(&name, &parameters.checked()?.path).await.map(Json)
    });
    routes.add(COPY_FROM, |engine, Call { path: name, parameters, .. }| async move {
        engine.files().copy_from(&name, parameters.checked()?).await
    });
    routes.add(MOUNT, |engine, Call { path: name, .. }| async move {
        engine.files().mount(&name).await.map(Json)
    });
    routes.add(UNMOUNT, |engine, Call { path: name, parameters, .. }| async move {
        engine.files().unmount(&name, parameters.force).await
    });
    routes.add(MOUNTS, |engine, Call { .. }| async move {
        let mounts = engine.files().mounts().await?;
        Ok(Json(mounts.into_iter().map(|mount| (mount.id, mount.path)).collect()))
    });
    routes.add(TREE, |engine, Call { path: name, parameters, .. }| async move {
        let tree = engine.files().image_tree(&name, parameters.whatrequires).await?;
        Ok(Json(ImageTree { tree }))
    });
    routes.add(COPY_TO, |engine, Call { path: name, parameters, body: Archive(archive) }| async move {
        engine.files().copy_to(&name, parameters, archive).await
    });
}

impl CopyFromOptions {
    /// That a path is asked for.
    ///
    /// # Errors
    /// None is.
    pub fn checked(self) -> Result<Self> {
        if self.path.is_empty() { Err(Error::invalid("missing `path` parameter")) } else { Ok(self) }
    }
}

/// The answer of commit.
struct Committed {
    id: String,
    stream: bool,
}

/// A line of the stream that commit answers with.
#[derive(Serialize, Deserialize, JsonSchema)]
struct CommitLine {
    stream: String,
}

impl Answer for Committed {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        if !self.stream {
            return Json(Made { id: self.id }).reply(asked).await;
        }
        let line = CommitLine { stream: self.id };
        Ok(lines(asked, futures_util::stream::iter([Ok(line)])))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Json::<Made>::describe(schemas)
    }
}

impl Received for Committed {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        Json::<Made>::receive(response).await.map(|Json(made)| Self { id: made.id, stream: false })
    }
}

impl PathStat {
    /// The value of the header [`PATH_STAT`].
    ///
    /// # Errors
    /// Never, as far as the types tell.
    pub fn header(&self) -> Result<HeaderValue> {
        let internal = |error: &dyn std::error::Error| Error::from_chain(ErrorKind::Internal, error);
        let text = serde_json::to_vec(self).map_err(|error| internal(&error))?;
        HeaderValue::from_str(&URL_SAFE.encode(text)).map_err(|error| internal(&error))
    }

    /// Reads the header; podman's services use one alphabet, Docker's the other.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Option<Self>> {
        let Some(header) = headers.get(PATH_STAT) else { return Ok(None) };
        let wrong =
            || Error::internal(format!("the service sent a header {PATH_STAT} that cannot be understood"));
        let text = header.to_str().map_err(|_| wrong())?.trim_end_matches('=');
        let bytes =
            URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).map_err(|_| wrong())?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| wrong())
    }

    /// That there is something.
    ///
    /// # Errors
    /// It is a link that leads to nothing.
    pub fn found(self) -> Result<Self> {
        if self.missing { Err(nothing_there()) } else { Ok(self) }
    }
}

/// The error for a path that does not exist.
fn nothing_there() -> Error {
    Error::not_found("no such file or directory")
}

/// A head alone; 404 for a link that leads to nothing.
impl Answer for PathStat {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let status = if self.missing { StatusCode::NOT_FOUND } else { asked.status };
        let header = self.header()?;
        // JSON, as all that is refused; whoever asks for the head alone does not see it.
        let body = super::body::to_json(&json!({"message": "no such file or directory"}))?;
        Ok(with_header(whole(status, JSON, body), header))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: None }
    }
}

fn with_header(mut reply: Reply, header: HeaderValue) -> Reply {
    if let Reply::Message(response) = &mut reply {
        response.headers_mut().insert(PATH_STAT, header);
    }
    reply
}

impl Received for PathStat {
    fn accepts(status: StatusCode) -> bool {
        status.as_u16() < 400 || status == StatusCode::NOT_FOUND
    }
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let missing = response.status() == StatusCode::NOT_FOUND;
        match Self::from_headers(response.headers())? {
            Some(stat) => Ok(Self { missing, ..stat }),
            None if missing => Err(nothing_there()),
            None => Err(Error::internal(format!("the service sent no header {PATH_STAT}"))),
        }
    }
}

impl Answer for PathArchive {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let header = self.stat.header()?;
        Ok(with_header(Archive(self.archive).reply(asked).await?, header))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        <Archive as Answer>::describe(schemas)
    }
}

impl Received for PathArchive {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let stat = PathStat::from_headers(response.headers())?.unwrap_or_default();
        Ok(Self { stat, archive: response.into_body() })
    }
}

/// Podman's service has no route for it either.
fn only_there(command: &str) -> Error {
    Error::unsupported(format!(
        "cannot use command {command:?} over a service: the mount would be on the service's host, so run it there"
    ))
}

#[async_trait]
impl<T: Transport + 'static> Files for Remote<T> {
    async fn changes(&self, name: &str, options: ChangesOptions) -> Result<Vec<Change>> {
        let endpoint = if options.diff_type == DiffType::Image { IMAGE_CHANGES } else { CHANGES };
        self.call(endpoint, name, options, ()).await.map(|Json(changes)| changes)
    }
    async fn export(&self, name: &str) -> Result<ByteStream> {
        self.call(EXPORT, name, Nothing {}, ()).await.map(|Archive(archive)| archive)
    }
    async fn commit(&self, name: &str, options: CommitOptions) -> Result<String> {
        let body = options.config.clone().map(Json);
        let commit = Commit { container: name.to_owned(), stream: false };
        self.call(COMMIT, (), Both(commit, options), body).await.map(|made| made.id)
    }
    async fn path_stat(&self, name: &str, path: &str) -> Result<PathStat> {
        let options = CopyFromOptions { path: path.to_owned(), ..CopyFromOptions::default() };
        self.call(STAT, name, options, ()).await
    }
    async fn list_directory(&self, name: &str, path: &str) -> Result<Vec<PathStat>> {
        let options = CopyFromOptions { path: path.to_owned(), ..CopyFromOptions::default() };
        self.call(LIST, name, options, ()).await.map(|Json(rows)| rows)
    }
    async fn copy_from(&self, name: &str, options: CopyFromOptions) -> Result<PathArchive> {
        self.call(COPY_FROM, name, options, ()).await
    }
    async fn copy_to(&self, name: &str, options: CopyToOptions, archive: ByteStream) -> Result<()> {
        self.call(COPY_TO, name, options, Archive(archive)).await
    }
    async fn list_files(&self, tree: &FileTree, options: FileListOptions) -> Result<FilePage> {
        self.list_tree(tree, options).await
    }
    async fn read_file(&self, tree: &FileTree, options: FileReadOptions) -> Result<FileData> {
        self.read_tree(tree, options).await
    }
    async fn write_file(&self, tree: &FileTree, options: FileWriteOptions, data: ByteStream) -> Result<()> {
        self.write_tree(tree, options, data).await
    }
    async fn pack_files(&self, tree: &FileTree, path: &str) -> Result<PathArchive> {
        self.pack_tree(tree, path).await
    }
    async fn mount(&self, name: &str) -> Result<String> {
        self.call(MOUNT, name, Nothing {}, ()).await.map(|Json(path)| path)
    }
    async fn unmount(&self, name: &str, force: bool) -> Result<()> {
        self.call(UNMOUNT, name, Unmount { force }, ()).await
    }
    async fn mounts(&self) -> Result<Vec<MountedFiles>> {
        let Json(mounts) = self.call(MOUNTS, (), Nothing {}, ()).await?;
        Ok(mounts.into_iter().map(|(id, path)| MountedFiles { id, names: Vec::new(), path }).collect())
    }
    async fn mount_image(&self, _: &str) -> Result<MountedFiles> {
        Err(only_there("image mount"))
    }
    async fn unmount_image(&self, _: &str, _: bool) -> Result<Option<String>> {
        Err(only_there("image unmount"))
    }
    async fn image_mounts(&self) -> Result<Vec<MountedFiles>> {
        Err(only_there("image mount"))
    }
    async fn image_tree(&self, name: &str, what_requires: bool) -> Result<String> {
        let options = TreeOptions { whatrequires: what_requires };
        self.call(TREE, name, options, ()).await.map(|Json(tree)| tree.tree)
    }
}
