//! How long the steps of a request may take.

use std::time::Duration;

/// How long each step of a request may take. There is no limit on a whole body, however large it is.
///
/// [`S3Bucket`](crate::S3Bucket) and [`RestNamespace`](crate::RestNamespace) put theirs into the extensions of every request, for
/// the [`HttpClient`](crate::HttpClient) to keep.
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
