//! A request and its answer, from the headers of the request to the last byte of the answer, for the log and
//! the metrics.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf as _;
use cloudflare_clients::Runtime;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body::{Body, Frame, SizeHint};

use crate::Metrics;
use crate::metrics::Outcome;
use crate::protocol::Protocol;
use crate::service::Service;
use crate::shortened::shortened;

/// Maximum length of a logged path, in bytes. The longest key, with every byte encoded, is shorter.
const MAX_LOGGED_PATH: usize = 4096;
/// Maximum length of a bucket's name.
const MAX_LOGGED_BUCKET: usize = 63;

/// A request in progress. When this is dropped the request is over, answered or not, and is logged and
/// counted.
pub(crate) struct Exchange {
    runtime: Arc<dyn Runtime>,
    metrics: Option<Metrics>,
    protocol: Protocol,
    started: Duration,
    method: Method,
    /// Empty if the request is not about a bucket.
    bucket: String,
    path: String,
    /// Name of the operation, once it is known.
    pub(crate) operation: Option<String>,
    /// Request id of the answer.
    pub(crate) id: String,
    answer: Option<(StatusCode, Duration)>,
    received: Arc<AtomicU64>,
    sent: u64,
}

impl Exchange {
    pub(crate) fn begin(service: &Service, parts: &Parts, protocol: Protocol, bucket: &str) -> Self {
        let runtime = Arc::clone(service.store.runtime());
        if let Some(metrics) = &service.metrics {
            metrics.request_began();
        }
        Self {
            started: runtime.monotonic(),
            runtime,
            metrics: service.metrics.clone(),
            protocol,
            method: parts.method.clone(),
            bucket: if protocol == Protocol::S3 {
                shortened(bucket, MAX_LOGGED_BUCKET).into_owned()
            } else {
                String::new()
            },
            path: shortened(parts.uri.path(), MAX_LOGGED_PATH).into_owned(),
            operation: None,
            id: format!("{:016x}-LOC", fastrand::u64(..)),
            answer: None,
            received: Arc::default(),
            sent: 0,
        }
    }

    /// Counts the bytes of the request's body.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// Records the headers of the answer.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.answer = Some((status, self.elapsed()));
    }

    /// Wraps the body of the answer: the exchange is over when all of it is sent.
    pub(crate) fn until_end_of<B>(self, body: B) -> Exchanged<B> {
        Exchanged { body, exchange: self }
    }

    fn elapsed(&self) -> Duration {
        self.runtime.monotonic().saturating_sub(self.started)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let received = self.received.load(Ordering::Relaxed);
        tracing::info!(
            method = %self.method,
            protocol = self.protocol.as_str(),
            operation = self.operation.as_deref(),
            bucket = (!self.bucket.is_empty()).then_some(&*self.bucket),
            path = self.path,
            status = self.answer.map(|(status, _)| status.as_u16()),
            ms = (self.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            received,
            sent = self.sent,
            id = self.id,
            "request"
        );
        if let Some(metrics) = self.metrics.take() {
            metrics.request_ended(Outcome {
                protocol: self.protocol.as_str(),
                operation: self.operation.take(),
                answer: self.answer,
                received,
                sent: self.sent,
            });
        }
    }
}

/// The body of an answer.
pub(crate) struct Exchanged<B> {
    body: B,
    exchange: Exchange,
}

impl<B: Body + Unpin> Body for Exchanged<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.exchange.sent += frame.data_ref().map_or(0, |data| data.remaining() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
