//! hyper alone, with URLs that were signed before: what nobody who sends requests can do without.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::r2::R2SigningClient;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Result;
use crate::client::Client;

const VALID: Duration = Duration::from_secs(3600);

/// Each request is for one object, whatever the key, so that all are signed at once.
const KEY: &str = "hyper";

pub(crate) struct Floor {
    put: Uri,
    get: Uri,
    connections: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Floor {
    pub(crate) fn new() -> Result<Self> {
        let signing = R2SigningClient::from_env()?;
        Ok(Self {
            put: signing.presign(Method::PUT, KEY).expires_in(VALID).sign()?.as_str().parse()?,
            get: signing.presign(Method::GET, KEY).expires_in(VALID).sign()?.as_str().parse()?,
            connections: Mutex::default(),
        })
    }

    async fn send(&self, method: Method, url: &Uri, body: Bytes) -> Result<Bytes> {
        let authority = url.authority().ok_or("a URL without a host")?.as_str();
        let free = self.connections.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match free {
            Some(connection) => connection,
            None => {
                let (sender, connection) =
                    handshake(TokioIo::new(TcpStream::connect(authority).await?)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        connection.ready().await?;
        let path = url.path_and_query().ok_or("a URL without a path")?.as_str();
        let request = Request::builder().method(method).uri(path).header(HOST, authority);
        let response = connection.send_request(request.body(Full::new(body))?).await?;
        if !response.status().is_success() {
            return Err(format!("the server answered {}", response.status()).into());
        }
        let bytes = response.into_body().collect().await?.to_bytes();
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(bytes)
    }
}

impl Client for Floor {
    async fn put(&self, _key: &str, bytes: Bytes) -> Result<()> {
        self.send(Method::PUT, &self.put, bytes).await?;
        Ok(())
    }

    async fn get(&self, _key: &str) -> Result<Bytes> {
        self.send(Method::GET, &self.get, Bytes::new()).await
    }
}
