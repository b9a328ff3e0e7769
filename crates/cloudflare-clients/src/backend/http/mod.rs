//! One HTTP/1.1 exchange, of which no step waits for ever.

mod answer;
mod answer_first;
mod connector;
mod upload;

use std::error::Error as StdError;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, Either};
use hyper_rustls::ConfigBuilderExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::ring;

pub(crate) use self::answer::Answer;
use self::connector::{ConnectTimeout, Connector, DnsError};
use self::upload::{RequestBody, Upload};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};

/// How long an unused connection is kept: less than Cloudflare and most servers keep it.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long each step of a request may take. There is no limit on a whole body, however large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To make a connection: finding the address, TCP and TLS. 5 s.
    pub connect: Duration,
    /// From when the connection has taken the last byte of the request to the head of the answer. 30 s.
    pub first_byte: Duration,
    /// Between two pieces of a body, in either direction. 20 s.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(20),
        }
    }
}

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<Connector, RequestBody>,
    tls: ClientConfig,
    timeouts: Timeouts,
}

impl HttpClient {
    pub(crate) fn new(timeouts: Timeouts) -> Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorKind::Connection, "TLS cannot be set up").with_source(error))?
            .with_webpki_roots()
            .with_no_client_auth();
        Ok(Self::with_tls(tls, timeouts))
    }

    fn with_tls(tls: ClientConfig, timeouts: Timeouts) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_ALIVE)
            .build(Connector::new(tls.clone(), timeouts.connect));
        Self { client, tls, timeouts }
    }

    /// A client with connections of its own.
    pub(crate) fn with_timeouts(&self, timeouts: Timeouts) -> Self {
        Self::with_tls(self.tls.clone(), timeouts)
    }

    /// Sends a request as it is, once, and returns the head of the answer.
    pub(crate) async fn send(&self, request: http::Request<Body>) -> Result<Answer> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let (head, body) = request.into_parts();
        let (body, upload) = RequestBody::new(body);
        let mut request = http::Request::from_parts(head, body);
        let connection = capture_connection(&mut request);
        let response = self.client.request(request);
        let outcome = {
            let silence = pin!(silence(connection, &upload, self.timeouts));
            match future::select(response, silence).await {
                Either::Left((response, _)) => response,
                Either::Right((timeout, _)) => return Err(timeout),
            }
        };
        match outcome {
            Ok(response) => Ok(Answer::new(response, upload, self.timeouts.idle)),
            Err(error) => Err(upload.take_error().unwrap_or_else(|| failure(&host, error))),
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

/// Completes when nothing has happened for too long, between the connection and the head of the answer.
async fn silence(mut connection: CaptureConnection, upload: &Upload, timeouts: Timeouts) -> Error {
    drop(connection.wait_for_connection_metadata().await);
    upload.connected();
    loop {
        let (deadline, error) = upload.deadline(timeouts);
        if deadline <= tokio::time::Instant::now() {
            return error();
        }
        tokio::time::sleep_until(deadline).await;
    }
}

/// What it is to callers that there was no answer.
fn failure(host: &str, error: hyper_util::client::legacy::Error) -> Error {
    let connecting = error.is_connect();
    let (kind, message, retryable) = if let Some(ConnectTimeout(limit)) = cause(&error) {
        (ErrorKind::Timeout, format!("no connection to {host} within {limit:?}"), true)
    } else if cause::<DnsError>(&error).is_some() {
        (ErrorKind::Dns, format!("the address of {host} cannot be found: {}", root_cause(&error)), true)
    } else if let Some(tls) = cause::<rustls::Error>(&error) {
        // The same certificate is there the next time.
        let certificate = matches!(tls, rustls::Error::InvalidCertificate(_));
        (ErrorKind::Connection, format!("no secure connection to {host}: {tls}"), !certificate)
    } else if connecting {
        (ErrorKind::Connection, format!("no connection to {host}: {}", root_cause(&error)), true)
    } else if cause::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        (
            ErrorKind::UnexpectedResponse,
            format!("{host} did not answer in HTTP: {}", root_cause(&error)),
            false,
        )
    } else {
        (ErrorKind::Connection, format!("the connection to {host} broke: {}", root_cause(&error)), true)
    };
    Error::new(kind, message).retryable(retryable).with_source(error)
}

/// The error and its causes.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The first of the error's causes that is a `T`.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| {
        // The source of an I/O error is the source of what it wraps.
        let wrapped = || error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref();
        error.downcast_ref().or_else(wrapped)
    })
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
