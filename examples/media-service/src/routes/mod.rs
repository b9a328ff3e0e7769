//! The routes, one file for each kind. README.md lists requests and responses.

mod credentials;
mod media;
mod multipart;
pub(crate) mod playback;
mod uploads;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Html;
use axum::routing::{get, post};

use crate::app::App;
use crate::error::ApiError;
use crate::{rate_limit, session};

pub(crate) fn router(app: App) -> Router {
    let limit = middleware::from_fn_with_state(app.clone(), rate_limit::limit);
    let object = get(media::get).head(media::head).layer(middleware::map_response(media::private));
    Router::new()
        .route("/", get(Html(include_str!("../page.html"))))
        .route("/login", post(session::login))
        .route("/logout", post(session::logout))
        .route("/uploads", post(uploads::presign))
        .route("/uploads/multipart", post(multipart::begin))
        .route("/uploads/multipart/complete", post(multipart::complete))
        .route("/credentials", post(credentials::create))
        .route("/media", get(media::list))
        .route("/media/{*key}", object)
        .route("/play", post(playback::url))
        .route("/playlists/{*key}", get(playback::playlist))
        .fallback(async || ApiError::not_found("route"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "the route has no such method")
        })
        .layer(limit)
        .with_state(app)
}
