//! JSON bodies of requests.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use cove_api::{Error, ErrorKind};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::error::{Answer, ApiError};

/// Longest JSON body, in bytes.
const LONGEST: usize = 8 << 20;

/// A JSON body, whatever content type the client names, read as [`cove_api::wire::json`] says.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        decode(&read(request.into_body()).await?).map(Self)
    }
}

/// The whole body, bounded.
pub(crate) async fn read(body: Body) -> Answer<Bytes> {
    match Limited::new(body, LONGEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ApiError::invalid(format!("request body: it is longer than {LONGEST} bytes")))
        }
        Err(error) => {
            Err(Error::from_chain(ErrorKind::InvalidArgument, &*error).context("request body").into())
        }
    }
}

/// Decodes a body that was read.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    Ok(cove_api::wire::json::decode(bytes).map_err(Error::from)?)
}
