//! `cfstore health`

use std::sync::Arc;

use cloudflare_clients::HyperClient;
use cloudflare_clients::http::header::HOST;
use cloudflare_clients::http::{HeaderValue, Request, StatusCode};
use cloudflare_clients::r2::Body;
use serde::Serialize;
use tokio::time::timeout;

use crate::cli::Health;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer};
use crate::trust;
use crate::variables::SSL_CERT_FILE;

/// The most of an answer that is read.
const MAX_ANSWER: u64 = 4096;

/// A server that says that it is well.
#[derive(Serialize)]
struct Healthy {
    healthy: bool,
    url: String,
}

pub(crate) async fn run(args: Health, printer: Printer) -> Result<ExitStatus> {
    let url = args.url.to_string();
    let asked = timeout(args.timeout, ask(&args)).await;
    let asked = asked.unwrap_or_else(|_| {
        Err(Error::Unhealthy(format!(
            "{url} does not answer within {}",
            humantime::format_duration(args.timeout)
        )))
    });
    let (status, said) = asked?;
    if status != StatusCode::OK {
        return Err(Error::Unhealthy(format!("{url} answers {}: {}", status.as_u16(), Key(said.trim()))));
    }
    printer.result("healthy", &Healthy { healthy: true, url })?;
    Ok(ExitStatus::Success)
}

async fn ask(args: &Health) -> Result<(StatusCode, String)> {
    let client = match trust::http_client(std::env::var_os(SSL_CERT_FILE))? {
        Some(client) => client,
        None => Arc::new(HyperClient::new()?),
    };
    let failed = |error: cloudflare_clients::Error| Error::Unhealthy(format!("{}: {error}", args.url));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = args.url.clone();
    let host = args.url.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(host)) = host {
        request.headers_mut().insert(HOST, host);
    }
    let response = client.send(request).await.map_err(failed)?;
    let (status, body) = (response.status(), response.into_body());
    let said = body.limit(MAX_ANSWER).text().await.map_err(failed)?;
    Ok((status, said))
}
