//! Failures on demand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::{Error, ErrorKind};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};

use crate::fault_plan::{Failure, Fault, FaultPlan};
use crate::response::{self, Response};

/// The header that orders the failure of its request: a [`FaultPlan`].
const HEADER: &str = "x-emulator-fault";
/// Maximum delay that a header can order.
const MAX_DELAY_OF_HEADER: Duration = Duration::from_secs(60);

/// Makes requests to a running server fail on demand, to test how clients react. Clones share the same state.
///
/// A request can also order its own failure, with a [`FaultPlan`] in the header `x-emulator-fault`, such as
/// `x-emulator-fault: 503` or `x-emulator-fault: slow=2s`. The header does not have to be signed, and others
/// could use it to block all connections. So a server that other machines can reach ignores it until it
/// [follows](Self::follow) a plan.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Orders>>);

#[derive(Debug, Default)]
struct Orders {
    next: Option<(u32, StatusCode)>,
    plan: FaultPlan,
    /// Whether a request may order its own failure.
    by_header: bool,
}

impl Faults {
    /// Creates the faults of a server that listens on this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let by_header = address.ip().is_loopback();
        Self(Arc::new(Mutex::new(Orders { by_header, ..Orders::default() })))
    }

    /// Answers the next `count` requests with this status and the matching error of R2, such as `503
    /// ServiceUnavailable`, or of KV. They have no effect. This replaces an earlier call; 0 cancels it. CORS
    /// preflights are not counted.
    pub fn fail_next(&self, count: u32, status: StatusCode) {
        self.orders().next = (count > 0).then_some((count, status));
    }

    /// Makes requests fail by this plan, except for those that [`fail_next`](Self::fail_next) covers, and
    /// allows requests to order their own failure. `FaultPlan::default()` ends the plan.
    pub fn follow(&self, plan: FaultPlan) {
        let mut orders = self.orders();
        orders.plan = plan;
        orders.by_header = true;
    }

    /// Decides the fault of a request with these headers. `random` returns numbers in `[0, 1)`.
    ///
    /// # Errors
    /// The header is not a valid plan.
    pub(crate) fn take(&self, headers: &HeaderMap, random: impl Fn() -> f64) -> Result<Fault, String> {
        let mut orders = self.orders();
        if let Some((count, status)) = &mut orders.next {
            let failure = Some(Failure::Status(*status));
            *count -= 1;
            if *count == 0 {
                orders.next = None;
            }
            return Ok(Fault { delay: Duration::ZERO, failure });
        }
        let ordered = headers.get(HEADER).filter(|_| orders.by_header);
        let Some(ordered) = ordered else {
            return Ok(orders.plan.decide(random));
        };
        let plan = ordered.to_str().map_err(|error| error.to_string()).and_then(str::parse::<FaultPlan>);
        let fault = plan.map_err(|error| format!("{HEADER}: {error}"))?.decide(random);
        Ok(Fault { delay: fault.delay.min(MAX_DELAY_OF_HEADER), ..fault })
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the answer with half of its body, or `None` if it has no body.
pub(crate) fn halved(response: Response) -> Option<Response> {
    let (mut parts, body) = response.into_parts();
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let length = match announced {
        Some(length) => length.to_str().ok().and_then(|length| length.parse().ok()),
        None => http_body::Body::size_hint(&body).exact(),
    };
    let keeps = match length {
        Some(0) => return None,
        // A body in memory has its length as the size hint.
        Some(length) => {
            parts.headers.insert(header::CONTENT_LENGTH, length.into());
            length / 2
        }
        None => 1,
    };
    let pieces = stream::try_unfold((response::stream_of(body), keeps), |(mut pieces, left)| async move {
        let piece = match pieces.next().await.transpose()? {
            Some(piece) if left > 0 => piece,
            _ => {
                // hyper flushes before it waits, but not before it fails.
                tokio::task::yield_now().await;
                return Err(Error::new(ErrorKind::Connection, "the answer is cut off by an injected fault"));
            }
        };
        let length = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
        let piece: Bytes = piece.slice(..length);
        Ok(Some((piece, (pieces, left - length as u64))))
    });
    Some(Response::from_parts(parts, response::body_of(pieces)))
}
