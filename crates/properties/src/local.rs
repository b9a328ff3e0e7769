//! One local server for all inputs of a process, and a connection to it.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::r2::{Bucket as _, CreateMultipartUploadRequest};
use cloudflare_clients::s3::Response;
use cloudflare_clients::sigv4::{Credentials, Signer};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use testkit::{BUCKET, LocalServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// Time limit of an answer. No answer takes this long.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Local {
    pub(crate) server: LocalServer,
    pub(crate) signer: Signer,
    pub(crate) namespace: String,
    /// The id of an upload with the key `parts`.
    pub(crate) upload_id: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

static LOCAL: LazyLock<Mutex<(Runtime, Local)>> = LazyLock::new(|| {
    // One thread, so that an input always has the same effect.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let local = runtime.block_on(Local::start());
    Mutex::new((runtime, local))
});

/// Runs an action with the server.
pub(crate) fn with_local<T>(act: impl AsyncFnOnce(&mut Local) -> T) -> T {
    let mut local = LOCAL.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, local) = &mut *local;
    let done = runtime.block_on(async { tokio::time::timeout(LIMIT, act(local)).await });
    done.unwrap_or_else(|_| panic!("the server has not answered within {LIMIT:?}"))
}

impl Local {
    async fn start() -> Self {
        let server = LocalServer::start().await;
        let credentials = &server.credentials;
        let signer =
            Signer::new(Credentials::new(credentials.access_key_id(), credentials.secret_access_key()));
        let namespace = server.store.create_namespace("namespace").await.unwrap().id;
        let mut local = Self { server, signer, namespace, upload_id: String::new(), connection: None };
        local.begin_upload().await;
        local
    }

    /// Starts another upload.
    pub(crate) async fn begin_upload(&mut self) {
        let bucket = self.server.store.bucket(BUCKET).unwrap();
        let created = bucket.create_multipart_upload(CreateMultipartUploadRequest::new("parts")).await;
        self.upload_id = created.unwrap().upload_id;
    }

    pub(crate) fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// Sends a request and returns the whole answer.
    pub(crate) async fn send(&mut self, request: http::Request<Full<Bytes>>) -> Response {
        let mut connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.connect().await,
        };
        connection.ready().await.unwrap();
        let (head, body) = connection.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.connection = Some(connection);
        let received = std::time::SystemTime::now();
        Response { status: head.status, reason: None, headers: head.headers, body, received }
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.server.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// Sends bytes and returns the server's answer, until it closes the connection.
    pub(crate) async fn send_raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.server.address()).await.unwrap();
        // No lingering connections: otherwise the ports would run out.
        stream.set_zero_linger().unwrap();
        let mut answer = Vec::new();
        // The server may close the connection while we are still writing, or reset what it has not read.
        if stream.write_all(bytes).await.is_ok() && stream.shutdown().await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        answer
    }
}
