//! `cfstore health`

use std::env;

use cloudflare_clients::http::{Request, StatusCode, Uri};
use cloudflare_clients::r2::Body;
use cloudflare_clients::{HttpClient as _, HyperClient};
use serde::Serialize;
use tokio::time::timeout;

use crate::cli::Health;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer};
use crate::trust::Trust;

/// Maximum length of an answer that is read, in bytes.
const MAX_ANSWER: u64 = 4096;

/// JSON of a healthy server.
#[derive(Serialize)]
struct Healthy {
    healthy: bool,
    url: String,
}

pub(crate) async fn run(args: Health, printer: Printer) -> Result<ExitStatus> {
    let url = shown(&args.url)?;
    let asked = timeout(args.timeout, ask(&args, &url)).await;
    let asked = asked.unwrap_or_else(|_| {
        Err(Error::Unhealthy(format!(
            "{url} did not answer within {} (--timeout)",
            humantime::format_duration(args.timeout)
        )))
    });
    let (status, said) = asked?;
    if status != StatusCode::OK {
        return Err(Error::Unhealthy(format!("{url} answered {}: {}", status.as_u16(), Key(said.trim()))));
    }
    printer.result("healthy", &Healthy { healthy: true, url })?;
    Ok(ExitStatus::Success)
}

/// Returns the URL without its query, which may be a secret. Refuses user and password.
fn shown(url: &Uri) -> Result<String> {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(Error::usage(
            "--url has a user or password",
            "leave them out: health checks need no credentials",
        ));
    }
    Ok(format!("{}://{authority}{}", url.scheme_str().unwrap_or("http"), url.path()))
}

async fn ask(args: &Health, shown: &str) -> Result<(StatusCode, String)> {
    let client = match args.url.scheme_str() {
        // Without TLS, a file of certificates that is missing does not matter.
        Some("http") => HyperClient::new()?,
        _ => Trust::from_vars(|name| env::var_os(name)).client()?,
    };
    let failed = |error: cloudflare_clients::Error| Error::Unhealthy(format!("{shown}: {error}"));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = args.url.clone();
    let response = client.send(request).await.map_err(failed)?;
    let (status, body) = (response.status(), response.into_body());
    let said = body.limit(MAX_ANSWER).text().await.map_err(failed)?;
    Ok((status, said))
}
