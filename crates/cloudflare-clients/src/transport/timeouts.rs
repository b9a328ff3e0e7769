//! How long the steps of a request may take.

use std::time::Duration;

/// How long each step of a request may take. There is no limit on a whole body, however large it is, as long
/// as it arrives at [`min_speed`](Self::min_speed).
///
/// [`S3Bucket`](crate::S3Bucket) and [`RestNamespace`](crate::RestNamespace) put theirs into the extensions of every request, for
/// the [`HttpClient`](crate::HttpClient) to keep.
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
    /// To make a connection: finding the address, TCP and TLS. 5 s.
    pub connect: Duration,
    /// From when the connection has taken the last byte of the request to the head of the answer. 30 s.
    pub first_byte: Duration,
    /// Between two pieces of a body, in either direction. 20 s.
    pub idle: Duration,
    /// How many bytes a second of an answer's body arrive at least, on the average of each
    /// [`speed_window`](Self::speed_window). 1 KiB; 0 allows any speed.
    pub min_speed: u64,
    /// Over how much time the speed of an answer's body is measured. 60 s. Only the time of waiting for the
    /// service counts: a caller may read as slowly as it likes.
    pub speed_window: Duration,
}

impl Timeouts {
    /// Replaces how long making a connection may take.
    pub fn connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Replaces how long the head of the answer may take.
    pub fn first_byte(mut self, limit: Duration) -> Self {
        self.first_byte = limit;
        self
    }

    /// Replaces how long a body may pause.
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Replaces how many bytes a second of an answer's body arrive at least while they are waited for, and
    /// over how much time that is measured.
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
