//! A connection, from its handshake to its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::uri::Scheme;
use http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::connection_timer::ConnectionTimer;
use crate::connections::Connection;
use crate::paced_stream::PacedStream;
use crate::respond::{Disconnected, expects_continue, respond};
use crate::service::Service;
use crate::without_continue::WithoutContinue;

/// Maximum size of the request line and headers, in bytes. R2's own limits are far below.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Maximum number of bytes that are read ahead, and about the size of an unread answer that is kept.
const MAX_BUFFER: usize = MAX_HEADER_BYTES + 8 * 1024;
/// The last second of the year 9999, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;
/// Timeout for an idle connection to end.
const LAST_ANSWER: Duration = Duration::from_millis(100);

/// Answers the requests of a connection until the client closes it or it is asked to end.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    connection: Connection,
) {
    let runtime = Arc::clone(service.store.runtime());
    let stream = PacedStream::new(stream, Arc::clone(&runtime), &service.limits, service.pressure.clone());
    let is_blocked = stream.is_blocked();
    let Some(tls) = tls else {
        return converse(stream, is_blocked, Scheme::HTTP, service, connection).await;
    };
    let mut handshake = pin!(runtime.within(service.limits.handshake, tls.accept(stream)));
    let accepted = tokio::select! {
        accepted = handshake.as_mut() => accepted,
        () = connection.asked_to_end() => {
            connection.end();
            tokio::select! {
                accepted = handshake => accepted,
                () = connection.first_request() => return,
            }
        }
    };
    match accepted {
        Some(Ok(stream)) => converse(stream, is_blocked, Scheme::HTTPS, service, connection).await,
        Some(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        None => tracing::debug!("a TLS handshake timed out"),
    }
}

/// The `Date` header. HTTP dates are from 1970 to the year 9999.
fn date(now: SystemTime) -> Option<HeaderValue> {
    let since = now.duration_since(UNIX_EPOCH).ok()?;
    if since.as_secs() > LAST_SECOND {
        return None;
    }
    HeaderValue::from_str(&httpdate::fmt_http_date(now)).ok()
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    is_blocked: Arc<AtomicBool>,
    scheme: Scheme,
    service: Arc<Service>,
    connection: Connection,
) {
    let runtime = Arc::clone(service.store.runtime());
    let keeps_back_continue = Arc::new(AtomicBool::new(false));
    let stream = WithoutContinue::new(stream, Arc::clone(&keeps_back_continue));
    let mut conversation = pin!(
        http1::Builder::new()
            .timer(ConnectionTimer::new(Arc::clone(&runtime)))
            .header_read_timeout(service.limits.idle)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(MAX_BUFFER)
            // The date comes from the store's clock.
            .auto_date_header(false)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(|request| {
                    let waits = service.r2_behaviour.no_continue && expects_continue(request.headers());
                    keeps_back_continue.store(waits, Ordering::Relaxed);
                    let (busy, service, scheme) = (connection.busy(), &service, scheme.clone());
                    let runtime = &runtime;
                    async move {
                        let mut answer = respond(service, scheme, request).await?;
                        if let Some(date) = date(runtime.now()) {
                            answer.headers_mut().insert(header::DATE, date);
                        }
                        Ok::<_, Disconnected>(answer.map(|body| busy.until_end_of(body)))
                    }
                }),
            )
    );
    let mut ended = tokio::select! {
        ended = conversation.as_mut() => Some(ended),
        () = connection.asked_to_end() => None,
    };
    if ended.is_none() {
        // hyper would immediately close a connection without a request.
        ended = tokio::select! {
            ended = conversation.as_mut() => Some(ended),
            () = connection.first_request() => None,
        };
    }
    if ended.is_none() {
        conversation.as_mut().graceful_shutdown();
        ended = runtime.within(LAST_ANSWER, conversation.as_mut()).await;
    }
    // Do not wait for the rest of a request's headers.
    if ended.is_none() && (connection.is_busy() || is_blocked.load(Ordering::Relaxed)) {
        ended = Some(conversation.await);
    }
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
