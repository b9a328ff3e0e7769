//! Sessions: the cookie holds a token, KV the session.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use cloudflare_clients::session::SessionToken;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::error::ApiError;
use crate::json::Json;
use crate::user::User;

const COOKIE: &str = "session";

#[derive(Deserialize)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

/// `POST /login`: for demonstration, one password opens all accounts. Check the user's own password here.
pub(crate) async fn login(
    State(app): State<App>,
    cookies: CookieJar,
    Json(credentials): Json<Credentials>,
) -> Result<(CookieJar, Json<Value>), ApiError> {
    let user = User::new(credentials.user)?;
    if !bool::from(credentials.password.as_bytes().ct_eq(app.settings.password.as_bytes())) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "the password is wrong"));
    }
    let (token, session) = app.sessions.create(user.as_str(), ()).await?;
    let cookie = Cookie::build((COOKIE, token.as_str().to_owned()))
        .path("/")
        .http_only(true)
        .secure(app.settings.secure_cookies())
        .same_site(SameSite::Lax);
    Ok((cookies.add(cookie), Json(json!({ "user": session.user }))))
}

/// `POST /logout`: succeeds also without a session.
pub(crate) async fn logout(
    State(app): State<App>,
    cookies: CookieJar,
) -> Result<(CookieJar, StatusCode), ApiError> {
    if let Some(token) = token(&cookies) {
        app.sessions.delete(&token).await?;
    }
    Ok((cookies.remove(Cookie::build(COOKIE).path("/")), StatusCode::NO_CONTENT))
}

/// A handler with a `User` parameter requires a session.
impl FromRequestParts<App> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = token(&CookieJar::from_headers(&parts.headers)).ok_or_else(ApiError::not_signed_in)?;
        let session = app.sessions.get(&token).await?.ok_or_else(ApiError::not_signed_in)?;
        User::new(session.user)
    }
}

fn token(cookies: &CookieJar) -> Option<SessionToken> {
    SessionToken::parse(cookies.get(COOKIE)?.value()).ok()
}
