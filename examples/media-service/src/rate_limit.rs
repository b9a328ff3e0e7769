//! So many requests of an address, whichever process it reaches: the counts are in KV.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloudflare_clients::rate_limit::RateLimiter;

use crate::app::App;
use crate::error::ApiError;

/// Middleware: counts a request, refuses it beyond the limit, and tells in every answer what is left.
///
/// Behind a proxy every request comes from the proxy's address: take the header that it sets instead.
pub(crate) async fn limit(
    State(app): State<App>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let decision = app.limiter.check(&client.ip().to_string()).await?;
    let mut response = if decision.allowed {
        next.run(request).await
    } else {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").into_response()
    };
    response.headers_mut().extend(decision.headers());
    Ok(response)
}

/// Writes what was counted, each second.
pub(crate) async fn write_counts(limiter: Arc<dyn RateLimiter>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        if let Err(error) = limiter.flush().await {
            tracing::warn!("counts of requests were not written: {error}");
        }
    }
}
