//! Metrics of connections and requests, for Prometheus.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::fault_plan::{Failure, Fault};

/// Upper bounds of the buckets of a request's duration, in seconds.
const BOUNDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Names of the protocols.
const PROTOCOLS: [&str; 2] = ["r2", "kv"];
/// Label of a request without an operation, and of one without an answer.
const NONE: &str = "none";

/// Metrics of a [`Server`](crate::Server), for [Prometheus](https://prometheus.io). Clones share the counts.
///
/// Labels are the protocol (`r2` or `kv`), the operation, the status and the kind of a fault. Clients can
/// choose only a status, with `x-emulator-fault`, so the number of time series is bounded. A server without
/// metrics counts nothing.
///
/// ```
/// use cloudflare_clients::LocalStore;
/// use cloudflare_emulator::{Credentials, Metrics, Server};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let store = LocalStore::open(folder.path()).await?;
/// let credentials = Credentials::load_or_create(folder.path())?;
/// let metrics = Metrics::default();
/// let server = Server::bind(store, credentials, ([127, 0, 0, 1], 0).into()).await?;
/// let server = server.with_metrics(metrics.clone());
///
/// assert!(metrics.render()?.contains("cfstore_requests_in_flight 0"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    registry: Registry,
    requests: Family<Answered, Counter>,
    duration: Family<Ran, Histogram, fn() -> Histogram>,
    received: Family<Spoken, Counter>,
    sent: Family<Spoken, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    faults: Family<Injected, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    protocol: &'static str,
    operation: String,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ran {
    protocol: &'static str,
    operation: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Spoken {
    protocol: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Injected {
    kind: &'static str,
}

/// Result of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) protocol: &'static str,
    pub(crate) operation: Option<String>,
    /// The status of the answer, and the time it took.
    pub(crate) answer: Option<(StatusCode, Duration)>,
    /// Number of bytes of the request's body.
    pub(crate) received: u64,
    /// Number of bytes of the answer's body.
    pub(crate) sent: u64,
}

impl Metrics {
    /// Renders the metrics in Prometheus' text format, version 0.0.4. Their names begin with `cfstore_`.
    ///
    /// # Errors
    /// A metric cannot be formatted.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    pub(crate) fn connection_opened(&self) {
        self.0.connections.inc();
    }

    pub(crate) fn connection_closed(&self) {
        self.0.connections.dec();
    }

    pub(crate) fn request_began(&self) {
        self.0.in_flight.inc();
    }

    pub(crate) fn request_ended(&self, outcome: Outcome) {
        let Outcome { protocol, operation, answer, received, sent } = outcome;
        let counts = &*self.0;
        let operation = operation.unwrap_or_else(|| NONE.to_owned());
        let status = match answer {
            Some((status, duration)) => {
                let ran = Ran { protocol, operation: operation.clone() };
                counts.duration.get_or_create(&ran).observe(duration.as_secs_f64());
                status.as_str().to_owned()
            }
            None => NONE.to_owned(),
        };
        counts.requests.get_or_create(&Answered { protocol, operation, status }).inc();
        counts.received.get_or_create(&Spoken { protocol }).inc_by(received);
        counts.sent.get_or_create(&Spoken { protocol }).inc_by(sent);
        counts.in_flight.dec();
    }

    pub(crate) fn fault_injected(&self, fault: &Fault) {
        let failure = fault.failure.map(|failure| match failure {
            Failure::Status(_) => "status",
            Failure::Reset => "reset",
            Failure::Lost => "lost",
            Failure::Cut => "cut",
        });
        let slow = (!fault.delay.is_zero()).then_some("slow");
        for kind in failure.into_iter().chain(slow) {
            self.0.faults.get_or_create(&Injected { kind }).inc();
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("cfstore");
        let requests = Family::default();
        registry.register(
            "requests",
            "Finished requests by protocol, operation and status",
            Family::clone(&requests),
        );
        let duration = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        registry.register_with_unit(
            "request_duration",
            "Time from the headers of a request to the headers of its answer, including the body of the request",
            Unit::Seconds,
            Family::clone(&duration),
        );
        let received = Family::default();
        let help = "Bytes of request bodies";
        registry.register_with_unit("received", help, Unit::Bytes, Family::clone(&received));
        let sent = Family::default();
        let help = "Bytes of response bodies";
        registry.register_with_unit("sent", help, Unit::Bytes, Family::clone(&sent));
        let in_flight = Gauge::default();
        let help = "Requests in progress";
        registry.register("requests_in_flight", help, Gauge::clone(&in_flight));
        let connections = Gauge::default();
        registry.register("connections", "Open connections", Gauge::clone(&connections));
        let faults = Family::default();
        registry.register("faults_injected", "Injected faults by kind", Family::clone(&faults));
        // They start at 0, so that rates have a starting point.
        for protocol in PROTOCOLS {
            let spoken = Spoken { protocol };
            drop(received.get_or_create(&spoken));
            drop(sent.get_or_create(&spoken));
        }
        for kind in ["status", "reset", "lost", "cut", "slow"] {
            drop(faults.get_or_create(&Injected { kind }));
        }
        Self { registry, requests, duration, received, sent, in_flight, connections, faults }
    }
}
