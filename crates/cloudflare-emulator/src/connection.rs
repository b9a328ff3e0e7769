//! One connection, from its handshake to its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// The most that a request's line and headers may have together: R2's own limits are far below.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most that is read ahead of a request, and about as much as is kept of an answer that nobody takes.
const MAX_BUFFER: usize = MAX_HEADER_BYTES + 8 * 1024;
/// The last second of the year 9999, since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// Answers the requests of a connection, until the client closes it or it is asked to end.
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
            runtime.within(connection.last_wait(), handshake).await.flatten()
        }
    };
    match accepted {
        Some(Ok(stream)) => converse(stream, is_blocked, Scheme::HTTPS, service, connection).await,
        Some(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        None => tracing::debug!("a handshake took too long"),
    }
}

/// The header that says when an answer was given. HTTP has no date before 1970 or after the year 9999.
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
            // The store's clock says the date.
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
        conversation.as_mut().graceful_shutdown();
        ended = runtime.within(connection.last_wait(), conversation.as_mut()).await;
    }
    // What has come of a request's headers is not waited for.
    if ended.is_none() && (connection.is_busy() || is_blocked.load(Ordering::Relaxed)) {
        ended = Some(conversation.await);
    }
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
