//! The one mapping of engine errors to answers.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cove_api::{Error, ErrorKind};
use serde_json::json;

/// An engine error on its way to a client.
///
/// The body has what both flavours look for: Docker's `message`, libpod's `cause` and `response`, and our `kind`.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) Error);

/// What handlers answer with.
pub(crate) type Answer<T = Response> = Result<T, ApiError>;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl ApiError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self(Error::invalid(message))
    }
}

impl ApiError {
    /// The answer with a status of its own.
    pub(crate) fn with_status(self, status: StatusCode) -> Response {
        let cause = match self.0.kind {
            ErrorKind::NotFound => "no such object",
            ErrorKind::AlreadyExists => "already exists",
            ErrorKind::InvalidArgument => "invalid argument",
            _ => self.0.message.as_str(),
        };
        let body = json!({
            "cause": cause,
            "message": self.0.message,
            "response": status.as_u16(),
            "kind": self.0.kind,
        });
        (status, Json(body)).into_response()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.with_status(status)
    }
}
