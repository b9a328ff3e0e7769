//! Errors as responses: this service's own as JSON, those of R2 and KV as the library renders them.

use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use cloudflare_clients::Error;
use serde_json::json;

#[derive(Debug)]
pub(crate) enum ApiError {
    Ours(StatusCode, String),
    Cloudflare(Error),
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Ours(status, message.into())
    }

    pub(crate) fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign in first: POST /login")
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no such {what}"))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Cloudflare(error)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Ours(status, message) => (status, Json(json!({ "error": message }))).into_response(),
            Self::Cloudflare(error) => {
                if error.http_status().is_server_error() {
                    tracing::error!("{error}");
                }
                error.into_http_response().into_response()
            }
        }
    }
}
