//! A limit on the requests of each address, shared by all processes: the counts are in KV.

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

/// Middleware that counts requests, refuses those beyond the limit, and reports the remaining quota in each
/// response.
///
/// Behind a proxy, every request comes from the proxy's address: use the header that the proxy sets instead.
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

/// Writes the counts to KV every second.
pub(crate) async fn write_counts(limiter: Arc<dyn RateLimiter>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        if let Err(error) = limiter.flush().await {
            tracing::warn!("the counts of requests could not be written: {error}");
        }
    }
}
