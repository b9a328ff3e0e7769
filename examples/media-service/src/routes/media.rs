//! `/media`: the list of a user's objects, and the objects through this service, with ranges and conditions.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response};
use cloudflare_clients::r2::{Body, Object};
use futures_util::TryStreamExt as _;

use crate::app::App;
use crate::error::ApiError;
use crate::json::Json;
use crate::user::User;

/// `GET /media`.
pub(crate) async fn list(State(app): State<App>, user: User) -> Result<Json<Vec<Object>>, ApiError> {
    Ok(Json(app.r2.list().prefix(user.prefix()).stream().try_collect().await?))
}

/// `GET /media/{key}`: streams the object.
pub(crate) async fn get(
    State(app): State<App>,
    user: User,
    Path(key): Path<String>,
    request: Parts,
) -> Result<Response<Body>, ApiError> {
    user.check_owns(&key)?;
    match app.r2.get(key).http_request(&request).await {
        Ok(Some(object)) => Ok(object.into_http_response()),
        Ok(None) => Err(ApiError::not_found("object")),
        Err(error) => Err(error.into()),
    }
}

/// `HEAD /media/{key}`.
pub(crate) async fn head(
    State(app): State<App>,
    user: User,
    Path(key): Path<String>,
    request: Parts,
) -> Result<Response<Body>, ApiError> {
    user.check_owns(&key)?;
    match app.r2.head(key).http_request(&request).await {
        Ok(Some(object)) => Ok(object.into_http_response()),
        Ok(None) => Err(ApiError::not_found("object")),
        Err(error) => Err(error.into()),
    }
}

/// Middleware: the response is for this user's browser only, and an uploaded HTML page gets no rights on this
/// site.
pub(crate) async fn private(mut response: Response<axum::body::Body>) -> Response<axum::body::Body> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
