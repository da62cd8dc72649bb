//! The bodies of requests.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ByteStream, Error, ErrorKind, Result, wire};

/// Longest JSON body of a request, in bytes.
pub(crate) const LONGEST_BODY: usize = 8 << 20;

/// A body on its way out.
pub enum Outgoing {
    /// None.
    Empty,
    /// JSON.
    Json(Bytes),
    /// Plain bytes.
    Blob(Bytes),
    /// Plain bytes in pieces.
    Data(ByteStream),
    /// A tar archive in pieces.
    Archive(ByteStream),
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => formatter.write_str("Empty"),
            Self::Json(text) => formatter.debug_tuple("Json").field(text).finish(),
            Self::Blob(_) => formatter.write_str("Blob(…)"),
            Self::Data(_) => formatter.write_str("Data(…)"),
            Self::Archive(_) => formatter.write_str("Archive(…)"),
        }
    }
}

/// What a request carries besides its parameters.
pub trait Body: Sized + Send + 'static {
    /// Reads it; what is not part of it stays in `body`.
    ///
    /// # Errors
    /// It is too long, breaks off, or does not say what was declared.
    fn read(body: &mut ByteStream) -> impl Future<Output = Result<Self>> + Send;
    /// Writes it.
    ///
    /// # Errors
    /// The value has no form in JSON.
    fn write(self) -> Result<Outgoing>;
    /// Its media type and schema; `None` where there is none.
    fn describe(schemas: &mut SchemaGenerator) -> Option<(&'static str, Schema)>;
}

/// No body: what a client sends nevertheless is left alone.
impl Body for () {
    async fn read(_: &mut ByteStream) -> Result<Self> {
        Ok(())
    }
    fn write(self) -> Result<Outgoing> {
        Ok(Outgoing::Empty)
    }
    fn describe(_: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        None
    }
}

/// JSON, in requests and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> Body for Json<T> {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        let bytes = collect(body, LONGEST_BODY).await.map_err(|error| error.context("request body"))?;
        Ok(Self(wire::json::decode(&bytes)?))
    }
    fn write(self) -> Result<Outgoing> {
        to_json(&self.0).map(Outgoing::Json)
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Some(("application/json", schemas.subschema_for::<T>()))
    }
}

/// Plain bytes in a request, which may be secret.
pub struct Blob(pub Bytes);

impl std::fmt::Debug for Blob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Blob(…)")
    }
}

impl Body for Blob {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        collect(body, LONGEST_BODY).await.map(Self).map_err(|error| error.context("request body"))
    }
    fn write(self) -> Result<Outgoing> {
        Ok(Outgoing::Blob(self.0))
    }
    fn describe(_: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Some((BLOB, Schema::default()))
    }
}

/// JSON, or nothing where the body is empty.
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> Body for Option<Json<T>> {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        let bytes = collect(body, LONGEST_BODY).await.map_err(|error| error.context("request body"))?;
        if bytes.trim_ascii().is_empty() || bytes.trim_ascii() == b"null" {
            return Ok(None);
        }
        Ok(Some(Json(wire::json::decode(&bytes)?)))
    }
    fn write(self) -> Result<Outgoing> {
        match self {
            None => Ok(Outgoing::Empty),
            Some(Json(value)) => to_json(&value).map(Outgoing::Json),
        }
    }
    fn describe(schemas: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Json::<T>::describe(schemas)
    }
}

/// A tar archive, in requests and answers.
pub struct Archive(pub ByteStream);

impl std::fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Archive(…)")
    }
}

impl Body for Archive {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        let empty: ByteStream = Box::pin(futures_util::stream::empty());
        Ok(Self(std::mem::replace(body, empty)))
    }
    fn write(self) -> Result<Outgoing> {
        Ok(Outgoing::Archive(self.0))
    }
    fn describe(_: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Some((TAR, Schema::default()))
    }
}

/// Plain bytes of any number, as they come.
pub struct Data(pub ByteStream);

impl std::fmt::Debug for Data {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Data(…)")
    }
}

impl Body for Data {
    async fn read(body: &mut ByteStream) -> Result<Self> {
        Archive::read(body).await.map(|Archive(data)| Self(data))
    }
    fn write(self) -> Result<Outgoing> {
        Ok(Outgoing::Data(self.0))
    }
    fn describe(_: &mut SchemaGenerator) -> Option<(&'static str, Schema)> {
        Some((BLOB, Schema::default()))
    }
}

/// Media type of plain bytes.
pub(super) const BLOB: &str = "application/octet-stream";

/// Media type of archives.
pub(super) const TAR: &str = "application/x-tar";

/// The whole of a stream, at most `longest` bytes.
pub(super) async fn collect(body: &mut ByteStream, longest: usize) -> Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece?;
        if whole.len() + piece.len() > longest {
            return Err(Error::invalid(format!("it is longer than {longest} bytes")));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

pub(super) fn to_json(value: &impl Serialize) -> Result<Bytes> {
    match serde_json::to_vec(value) {
        Ok(text) => Ok(text.into()),
        Err(error) => Err(Error::from_chain(ErrorKind::Internal, &error)),
    }
}
