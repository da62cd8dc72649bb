//! JSON bodies of requests.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ApiError;

/// Longest JSON body, in bytes.
const LONGEST: usize = 8 << 20;

/// A JSON body, whatever content type the client names. An empty one is an empty object.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        decode(&read(request.into_body()).await?).map(Self)
    }
}

/// A JSON body of a libpod client. They write null for what is empty, at any depth.
#[derive(Debug)]
pub(crate) struct LibpodBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for LibpodBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let mut value: Value = decode(&read(request.into_body()).await?)?;
        drop_nulls(&mut value);
        serde_json::from_value(value).map(Self).map_err(|error| malformed(&error))
    }
}

/// The whole body, bounded.
pub(crate) async fn read(body: Body) -> Result<Bytes, ApiError> {
    to_bytes(body, LONGEST).await.map_err(|error| {
        let text = error.to_string();
        if text.contains("length limit") {
            ApiError::invalid(format!("request body: it is longer than {LONGEST} bytes"))
        } else {
            ApiError::invalid(format!("request body: {text}"))
        }
    })
}

/// Decodes a body that was read.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::invalid(format!("request body: {error}"))
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
