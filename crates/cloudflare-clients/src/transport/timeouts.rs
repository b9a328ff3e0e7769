//! Time limits for the steps of a request.

use std::time::Duration;

/// Time limits for each step of a request. There is no limit for a whole body, however large it is, as long
/// as it arrives at [`min_speed`](Self::min_speed).
///
/// [`S3Bucket`](crate::S3Bucket) and [`RestNamespace`](crate::RestNamespace) add them to the extensions of
/// every request, and the [`HttpClient`](crate::HttpClient) applies them.
///
/// ```
/// # #[cfg(feature = "http")] {
/// use std::time::Duration;
/// use cloudflare_clients::Timeouts;
///
/// let patient = Timeouts::default().first_byte(Duration::from_secs(120));
/// assert_eq!(patient.connect, Duration::from_secs(5));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Timeouts {
    /// Maximum time to open a connection: DNS, TCP, a proxy's tunnel, and TLS. The default is 5 s.
    pub connect: Duration,
    /// Maximum time from the last byte of the request to the head of the answer. The default is 30 s.
    pub first_byte: Duration,
    /// Maximum time between two pieces of a body, in either direction. The default is 20 s.
    pub idle: Duration,
    /// Minimum speed at which an answer's body must arrive, in bytes per second, averaged over each
    /// [`speed_window`](Self::speed_window). The default is 1 KiB; 0 allows any speed.
    pub min_speed: u64,
    /// Period over which the speed of an answer's body is measured. The default is 60 s. Only the time spent
    /// waiting for the service counts: a caller may read slowly.
    pub speed_window: Duration,
}

impl Timeouts {
    /// Sets the maximum time to open a connection.
    pub fn connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Sets the maximum time until the head of the answer arrives.
    pub fn first_byte(mut self, limit: Duration) -> Self {
        self.first_byte = limit;
        self
    }

    /// Sets the maximum pause of a body.
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets the minimum speed at which an answer's body must arrive while it is waited for, in bytes per
    /// second, and the period over which it is measured.
    pub fn min_speed(mut self, bytes_per_second: u64, window: Duration) -> Self {
        self.min_speed = bytes_per_second;
        self.speed_window = window;
        self
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(20),
            min_speed: 1024,
            speed_window: Duration::from_secs(60),
        }
    }
}
