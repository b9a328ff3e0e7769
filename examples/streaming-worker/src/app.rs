//! The Worker's shared state and its fetch handler.

use std::sync::OnceLock;
use std::time::Duration;

use cloudflare_clients::playlist::TokenRoute;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{Runtime as _, WorkersRuntime};
use worker::{Context, Env, Method, Request, Response, Result, event};

use crate::access::{Access, MIN_SECRET, Subject, Tokens};
use crate::cors::Cors;
use crate::error::ApiError;
use crate::routes;

/// Created by the first request of an isolate and shared by all later ones.
static APP: OnceLock<App> = OnceLock::new();

pub(crate) struct App {
    pub(crate) r2: R2Service,
    /// Creates and verifies the URLs of playlists.
    pub(crate) playlists: TokenRoute,
    /// How far back a viewer of a live stream can seek; by default as far as the playlist lists.
    pub(crate) dvr_window: Option<Duration>,
    access: Box<dyn Access>,
    cors: Cors,
}

impl App {
    fn get(env: &Env) -> Result<&'static Self, ApiError> {
        match APP.get() {
            Some(app) => Ok(app),
            None => {
                let app = Self::from_env(env)?;
                Ok(APP.get_or_init(|| app))
            }
        }
    }

    pub(crate) fn from_env(env: &Env) -> Result<Self, ApiError> {
        let variable = |name| env.var(name).map(|value| value.to_string()).unwrap_or_default();
        let secret = variable("TOKEN_SECRET");
        let short = || {
            let to_do = format!("set the secret TOKEN_SECRET to {MIN_SECRET} characters or more");
            ApiError::not_configured(to_do, "TOKEN_SECRET is missing or too short")
        };
        let tokens = Tokens::new(&secret).ok_or_else(short)?;
        let r2 = R2Service::from_worker_env(env, "MEDIA_BUCKET").map_err(|error| {
            ApiError::not_configured("add the binding MEDIA_BUCKET of an R2 bucket to wrangler.toml", error)
        })?;
        let playlists = TokenRoute::new(routes::playlists::PATH, secret.trim()).map_err(|_| short())?;
        let dvr_window = dvr_window(&variable("DVR_WINDOW"))?;
        Ok(Self {
            r2,
            playlists,
            dvr_window,
            access: Box::new(tokens),
            cors: Cors::new(variable("ALLOWED_ORIGIN")),
        })
    }

    /// Authenticates the caller.
    pub(crate) fn subject(&self, request: &Request) -> Result<Subject, ApiError> {
        let authorization = request.headers().get("authorization").ok().flatten();
        self.access
            .authenticate(authorization.as_deref(), WorkersRuntime.now())
            .map_err(|_| ApiError::unauthenticated())
    }
}

fn dvr_window(seconds: &str) -> Result<Option<Duration>, ApiError> {
    if seconds.is_empty() {
        return Ok(None);
    }
    match seconds.parse() {
        Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(ApiError::not_configured(
            "set the variable DVR_WINDOW to a number of seconds, or remove it",
            format_args!("DVR_WINDOW is {seconds:?}"),
        )),
    }
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let app = match App::get(&env) {
        Ok(app) => app,
        Err(error) => return error.into_response(),
    };
    if request.method() == Method::Options {
        return app.cors.preflight(&request).or_else(ApiError::into_response);
    }
    let response = match routes::route(app, &request).await {
        Ok(response) => response,
        Err(error) => error.into_response()?,
    };
    app.cors.allow(&request, response)
}
