//! Delivery of events to a server by POST.

use cloudflare_clients::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use cloudflare_clients::http::{HeaderValue, Method, Request, Uri};
use cloudflare_clients::r2::Body;
use cloudflare_clients::{HttpClient, HyperClient};

use crate::error::{Error, Result};
use crate::trust::Trust;

pub(crate) struct Webhook {
    url: Uri,
    host: HeaderValue,
    client: HyperClient,
}

impl Webhook {
    pub(super) fn new(url: Uri) -> Result<Self> {
        let client = Trust::from_vars(|name| std::env::var_os(name)).client()?;
        let host = url.authority().map(|authority| {
            let host = authority.as_str();
            host.rsplit_once('@').map_or(host, |(_, host)| host)
        });
        let host = HeaderValue::from_str(host.unwrap_or_default()).map_err(|_| {
            Error::usage("--events has a URL without a host", "write it as http://localhost:8787/events")
        })?;
        Ok(Self { url, host, client })
    }

    pub(super) async fn post(&self, json: String) -> std::result::Result<(), String> {
        let length = json.len();
        let mut request = Request::new(Body::from(json));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, length.into());
        let response = self.client.send(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        // Read the body, so that the connection can be reused.
        let _ = response.into_body().bytes().await;
        if status.is_success() { Ok(()) } else { Err(format!("the server answered {status}")) }
    }
}
