//! `/quadlets`.

mod multipart;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use schemars::{Schema, SchemaGenerator};

use super::answer::{Answer, Asked, Described, Exists, Received, Reply, read_whole, whole};
use super::body::{Body, Json, Outgoing, TAR, collect};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::{Both, Nothing, Parameters};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, Error, MAX_QUADLET_UPLOAD, QuadletInstallOptions, QuadletInstallReport, QuadletListOptions,
    QuadletRemoveOptions, QuadletRemoveReport, QuadletSelection, QuadletSummary, QuadletUpload, Quadlets,
    Result,
};

type Install = Endpoint<(), Both<QuadletInstallOptions, Form>, Uploaded, Json<QuadletInstallReport>>;

const LIST: Endpoint<(), QuadletListOptions, (), Json<Vec<QuadletSummary>>> =
    get("/quadlets/json", "List the unit files of Quadlet");
const INSTALL: Install =
    post("/quadlets", "Install a unit file and files that belong to it, of a tar or multipart/form-data");
const FILE: Endpoint<String, Nothing, (), Text> = get("/quadlets/{name}/file", "What a unit file says");
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/quadlets/{name}/exists", "Whether a unit file exists").status(StatusCode::NO_CONTENT);
const REMOVE: Endpoint<(), Both<QuadletSelection, QuadletRemoveOptions>, (), Json<QuadletRemoveReport>> =
    delete("/quadlets", "Remove unit files with all of their applications");
const REMOVE_ONE: Endpoint<String, QuadletRemoveOptions, (), Json<QuadletRemoveReport>> =
    delete("/quadlets/{name}", "Remove a unit file with all of its application");

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.quadlets().list(parameters).await.map(Json)
    });
    routes.add(INSTALL, |engine, Call { parameters: Both(options, form), body, .. }| async move {
        let report = engine.quadlets().install(body.read_as(form).await?, options).await?;
        all_done(&report.quadlet_errors, "errors occurred installing some Quadlets")?;
        Ok(Json(report))
    });
    routes.add(FILE, |engine, Call { path: name, .. }| async move {
        engine.quadlets().print(&name).await.map(Text)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.quadlets().exists(&name).await?, "quadlet", &name))
    });
    routes.add(REMOVE, |engine, Call { parameters: Both(selection, options), .. }| async move {
        if selection.all && !selection.quadlets.is_empty() {
            return Err(Error::invalid("when setting all=true, you may not pass any quadlet names"));
        }
        engine.quadlets().remove(selection, options).await.map(Json)
    });
    routes.add(REMOVE_ONE, |engine, Call { path: name, parameters: options, .. }| async move {
        if !options.ignore && !engine.quadlets().exists(&name).await? {
            return Err(Error::not_found(format!("no such quadlet: {name}")));
        }
        let selection = QuadletSelection { quadlets: vec![name], all: false };
        let report = engine.quadlets().remove(selection, options).await?;
        all_done(&report.errors, "removing a Quadlet")?;
        Ok(Json(report))
    });
}

/// An error of all errors, where there is any: an answer with 200 would pass for done.
fn all_done(errors: &std::collections::BTreeMap<String, String>, what: &str) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let each: Vec<String> = errors.iter().map(|(name, error)| format!("{name}: {error}")).collect();
    Err(Error::invalid(format!("{what}: {}", each.join("; "))))
}

/// What the body is, which its media type says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Archive,
    /// With its boundary.
    Multipart(String),
}

impl Parameters for Form {
    fn read(_: &str, headers: &HeaderMap) -> Result<Self> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Self::Archive) };
        let text = value.to_str().unwrap_or("?");
        let (media_type, _) = text.split_once(';').unwrap_or((text, ""));
        match media_type.trim().to_ascii_lowercase().as_str() {
            "" | TAR | "application/tar" => Ok(Self::Archive),
            "multipart/form-data" => multipart::boundary(text).map(Self::Multipart),
            _ => Err(Error::invalid(format!(
                "Content-Type: {text} is not supported: {TAR} or multipart/form-data"
            ))),
        }
    }
    fn write(&self, _: &mut String, headers: &mut HeaderMap) -> Result<()> {
        let value = match self {
            Self::Archive => HeaderValue::from_static(TAR),
            Self::Multipart(boundary) => {
                HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
                    .map_err(|_| Error::internal(format!("{boundary:?} is no boundary")))?
            }
        };
        headers.insert(header::CONTENT_TYPE, value);
        Ok(())
    }
    fn keys() -> Vec<&'static str> {
        Vec::new()
    }
    fn describe(_: &mut SchemaGenerator) -> Vec<serde_json::Value> {
        Vec::new()
    }
}

/// A body in one of these forms.
struct Uploaded(Outgoing);

impl Uploaded {
    async fn read_as(self, form: Form) -> Result<QuadletUpload> {
        let mut stream: ByteStream = match self.0 {
            Outgoing::Archive(stream) | Outgoing::Data(stream) => stream,
            Outgoing::Blob(data) | Outgoing::Json(data) => Box::pin(futures_util::stream::iter([Ok(data)])),
            Outgoing::Empty => Box::pin(futures_util::stream::empty()),
        };
        match form {
            Form::Archive => Ok(QuadletUpload::Archive(stream)),
            Form::Multipart(boundary) => {
                let body = collect(&mut stream, MAX_QUADLET_UPLOAD).await;
                let body = body.map_err(|error| error.context("request body"))?;
                multipart::read(&boundary, &body).map(QuadletUpload::Files)
            }
        }
    }
}

impl Body for Uploaded {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        let empty: ByteStream = Box::pin(futures_util::stream::empty());
        Ok(Self(Outgoing::Archive(std::mem::replace(body, empty))))
    }
    fn write(self) -> Result<Outgoing> {
        Ok(self.0)
    }
    fn describe(_: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Some((TAR, Schema::default()))
    }
}

/// A unit file.
struct Text(Bytes);

const MEDIA_TYPE: &str = "text/plain";

impl Answer for Text {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        Ok(whole(asked.status, MEDIA_TYPE, self.0))
    }
    fn describe(_: &mut SchemaGenerator) -> Described {
        Described { content: Some((MEDIA_TYPE, Schema::default())) }
    }
}

impl Received for Text {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        read_whole(response).await.map(Self)
    }
}

#[async_trait]
impl<T: Transport + 'static> Quadlets for Remote<T> {
    async fn install(
        &self,
        upload: QuadletUpload,
        options: QuadletInstallOptions,
    ) -> Result<QuadletInstallReport> {
        let (form, body) = match upload {
            QuadletUpload::Archive(stream) => (Form::Archive, Outgoing::Archive(stream)),
            QuadletUpload::Files(files) => {
                let (boundary, body) = multipart::write(&files)?;
                (Form::Multipart(boundary), Outgoing::Blob(body))
            }
        };
        self.call(INSTALL, (), Both(options, form), Uploaded(body)).await.map(|Json(report)| report)
    }
    async fn list(&self, options: QuadletListOptions) -> Result<Vec<QuadletSummary>> {
        self.call(LIST, (), options, ()).await.map(|Json(found)| found)
    }
    async fn print(&self, name: &str) -> Result<Bytes> {
        self.call(FILE, name, Nothing {}, ()).await.map(|Text(text)| text)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn remove(
        &self,
        selection: QuadletSelection,
        options: QuadletRemoveOptions,
    ) -> Result<QuadletRemoveReport> {
        self.call(REMOVE, (), Both(selection, options), ()).await.map(|Json(report)| report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_their_media_types() {
        let form = |text: &str| {
            let headers = [(header::CONTENT_TYPE, HeaderValue::from_str(text).unwrap())];
            Form::read("", &headers.into_iter().collect())
        };
        assert_eq!(Form::read("", &HeaderMap::new()).unwrap(), Form::Archive);
        assert_eq!(form("application/tar").unwrap(), Form::Archive);
        assert_eq!(form("Multipart/Form-Data; boundary=\"a b\"").unwrap(), Form::Multipart("a b".into()));
        assert!(form("application/json").unwrap_err().message.contains("application/json is not supported"));
        assert!(form("multipart/form-data").unwrap_err().message.contains("boundary"));
    }
}
