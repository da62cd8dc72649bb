//! `/cove/{containers,images,volumes}/{name}`: their files, a folder and a file at a time.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Asked, Described, JSON, Received, Reply, whole};
use super::body::{BLOB, Data, Json, to_json};
use super::declare::{Endpoint, get, put};
use super::files::PATH_STAT;
use super::parameters::{Both, Parameters};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::browse::check_path;
use crate::{
    ByteStream, Error, ErrorKind, FileData, FileListOptions, FilePage, FilePart, FileReadOptions, FileTree,
    FileWriteOptions, PathArchive, PathStat, Result, TreeKind, image_is_read_only,
};

type Named<Q, B, A> = Endpoint<String, Q, B, A>;

/// In the order of [`TreeKind`], as all of these.
const LIST: [Named<FileListOptions, (), Json<FilePage>>; 3] = [
    get("/containers/{name}/files", "A page of what is in a folder of a container").own(),
    get("/images/{name}/files", "A page of what is in a folder of an image").own(),
    get("/volumes/{name}/files", "A page of what is in a folder of a volume").own(),
];
const READ: [Named<Both<At, RangeHeader>, (), FileData>; 3] = [
    get("/containers/{name}/file", "A file of a container, or part of it").own(),
    get("/images/{name}/file", "A file of an image, or part of it").own(),
    get("/volumes/{name}/file", "A file of a volume, or part of it").own(),
];
/// An image's files are as they are.
const WRITE: [Named<FileWriteOptions, Data, ()>; 2] = [
    put("/containers/{name}/file", "Make a file in a container, or replace what is in it")
        .own()
        .status(StatusCode::NO_CONTENT),
    put("/volumes/{name}/file", "Make a file in a volume, or replace what is in it")
        .own()
        .status(StatusCode::NO_CONTENT),
];
const PACK: [Named<At, (), PathArchive>; 3] = [
    get("/containers/{name}/tar", "What is at a path in a container, as a tar").own(),
    get("/images/{name}/tar", "What is at a path in an image, as a tar").own(),
    get("/volumes/{name}/tar", "What is at a path in a volume, as a tar").own(),
];

/// The parameter that says where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct At {
    /// Absolute or in the working directory; links are followed within the object.
    path: String,
}

/// Which part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RangeHeader(Option<FilePart>);

impl Parameters for RangeHeader {
    /// What HTTP has servers leave alone is left alone: other units, several parts. Nor is there a part that goes with
    /// `If-Range`, because a file has no mark by which it is known to be the same.
    fn read(_: &str, headers: &HeaderMap) -> Result<Self> {
        let header = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE));
        Ok(Self(header.and_then(|value| FilePart::parse(value.to_str().ok()?))))
    }
    fn write(&self, _: &mut String, headers: &mut HeaderMap) -> Result<()> {
        if let Some(part) = self.0 {
            let value = HeaderValue::from_str(&part.header())
                .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
            headers.insert(header::RANGE, value);
        }
        Ok(())
    }
    fn keys() -> Vec<&'static str> {
        Vec::new()
    }
    fn describe(_: &mut SchemaGenerator) -> Vec<Value> {
        vec![json!({
            "name": "Range",
            "in": "header",
            "description": "one part, such as `bytes=0-99`, `bytes=100-` or `bytes=-100`; several are the whole file",
            "schema": {"type": "string"},
        })]
    }
}

pub(super) fn serve(routes: &mut impl Routes) {
    for (kind, endpoint) in TreeKind::ALL.into_iter().zip(LIST) {
        routes.add(endpoint, move |engine, Call { path: name, parameters, .. }| async move {
            engine.files().list_files(&FileTree::new(kind, name), parameters.checked()?).await.map(Json)
        });
    }
    for (kind, endpoint) in TreeKind::ALL.into_iter().zip(READ) {
        routes.add(
            endpoint,
            move |engine, Call { path: name, parameters: Both(at, range), .. }| async move {
                let options = FileReadOptions { path: at.path, part: range.0 }.checked()?;
                engine.files().read_file(&FileTree::new(kind, name), options).await
            },
        );
    }
    for (kind, endpoint) in [TreeKind::Container, TreeKind::Volume].into_iter().zip(WRITE) {
        routes.add(endpoint, move |engine, Call { path: name, parameters, body: Data(data) }| async move {
            parameters.checked_mode()?;
            engine.files().write_file(&FileTree::new(kind, name), parameters, data).await
        });
    }
    for (kind, endpoint) in TreeKind::ALL.into_iter().zip(PACK) {
        routes.add(endpoint, move |engine, Call { path: name, parameters, .. }| async move {
            check_path(&parameters.path)?;
            engine.files().pack_files(&FileTree::new(kind, name), &parameters.path).await
        });
    }
}

/// Of a part 206 with its place, of one that the file does not have 416, as RFC 9110 has them.
impl Answer for FileData {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let Self { stat, offset, length, partial, data } = self;
        let size = u64::try_from(stat.size).unwrap_or(0);
        let value = |text: String| {
            HeaderValue::from_str(&text).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))
        };
        let mut response = if partial && length == 0 {
            let message =
                json!({"message": format!("the file has {size} bytes, and none of those asked for")});
            let Reply::Message(mut response) =
                whole(StatusCode::RANGE_NOT_SATISFIABLE, JSON, to_json(&message)?)
            else {
                return Err(Error::internal("an answer that is no message"));
            };
            response.headers_mut().insert(header::CONTENT_RANGE, value(format!("bytes */{size}"))?);
            response
        } else {
            let mut response = Response::new(data);
            *response.status_mut() = asked.status;
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(BLOB));
            headers.insert(header::CONTENT_LENGTH, value(length.to_string())?);
            if partial {
                let last = offset + length - 1;
                headers.insert(header::CONTENT_RANGE, value(format!("bytes {offset}-{last}/{size}"))?);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(PATH_STAT, stat.header()?);
        Ok(Reply::Message(response))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Described { content: <Data as super::body::Body>::describe(schemas) }
    }
}

impl Received for FileData {
    fn accepts(status: StatusCode) -> bool {
        status.as_u16() < 400 || status == StatusCode::RANGE_NOT_SATISFIABLE
    }
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        let (head, data) = response.into_parts();
        let missing =
            |name: &dyn std::fmt::Display| Error::internal(format!("the service sent no header {name}"));
        let stat = PathStat::from_headers(&head.headers)?.ok_or_else(|| missing(&PATH_STAT))?;
        let size = u64::try_from(stat.size).unwrap_or(0);
        if head.status == StatusCode::RANGE_NOT_SATISFIABLE {
            let data: ByteStream = Box::pin(futures_util::stream::empty());
            return Ok(Self { stat, offset: size, length: 0, partial: true, data });
        }
        let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let length = text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let length = length.ok_or_else(|| missing(&header::CONTENT_LENGTH))?;
        let partial = head.status == StatusCode::PARTIAL_CONTENT;
        let offset = if partial {
            let place = text(header::CONTENT_RANGE).and_then(|text| text.strip_prefix("bytes "));
            let first = place.and_then(|place| place.split_once('-')?.0.parse().ok());
            first.ok_or_else(|| missing(&header::CONTENT_RANGE))?
        } else {
            0
        };
        Ok(Self { stat, offset, length, partial, data })
    }
}

impl<T: Transport> Remote<T> {
    pub(super) async fn list_tree(&self, tree: &FileTree, options: FileListOptions) -> Result<FilePage> {
        let Json(page) =
            self.call(LIST[tree.kind as usize], tree.name.as_str(), options.checked()?, ()).await?;
        Ok(page)
    }

    pub(super) async fn read_tree(&self, tree: &FileTree, options: FileReadOptions) -> Result<FileData> {
        let FileReadOptions { path, part } = options.checked()?;
        let parameters = Both(At { path }, RangeHeader(part));
        self.call(READ[tree.kind as usize], tree.name.as_str(), parameters, ()).await
    }

    pub(super) async fn write_tree(
        &self,
        tree: &FileTree,
        options: FileWriteOptions,
        data: ByteStream,
    ) -> Result<()> {
        options.checked_mode()?;
        let endpoint = match tree.kind {
            TreeKind::Container => WRITE[0],
            TreeKind::Volume => WRITE[1],
            TreeKind::Image => return Err(image_is_read_only(&tree.name)),
        };
        self.call(endpoint, tree.name.as_str(), options, Data(data)).await
    }

    pub(super) async fn pack_tree(&self, tree: &FileTree, path: &str) -> Result<PathArchive> {
        check_path(path)?;
        let at = At { path: path.to_owned() };
        self.call(PACK[tree.kind as usize], tree.name.as_str(), at, ()).await
    }
}
