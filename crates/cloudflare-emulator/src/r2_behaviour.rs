//! Optional behavior of R2 and Cloudflare's edge in production.

use std::time::Duration;

/// Behavior of R2 in production that a server reproduces. The default is none: it slows tests down, or makes
/// them fail if they do not expect it.
///
/// ```
/// use cloudflare_emulator::{Emulator, R2Behaviour};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// let emulator = Emulator::builder().r2_behaviour(R2Behaviour::as_in_production()).start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is by itself")]
#[non_exhaustive]
pub struct R2Behaviour {
    /// Minimum time between two writes to a key. An earlier write gets 429 `TooManyRequests`, and has no
    /// effect.
    ///
    /// Puts, copies, completed uploads and deletes are writes; parts are not. A failed write does not count.
    pub write_interval: Option<Duration>,
    /// Whether some pages of objects before the last one have fewer entries than requested, or none.
    pub short_pages: bool,
    /// Whether text and similar answers are compressed for clients that accept gzip. Such answers have no
    /// `Content-Length`, and a weak etag.
    pub compression: bool,
    /// Whether requests with `Expect: 100-continue` never get `100 Continue`: the client must send the body
    /// without it.
    pub no_continue: bool,
    /// Whether bodies signed in chunks are refused over plain HTTP too.
    pub refuses_chunks: bool,
    /// Time until a key of [`Keys::add`](crate::Keys::add), and credentials derived from it, work. Until then
    /// they get 401 `Unauthorized`.
    pub new_key_delay: Option<Duration>,
}

impl R2Behaviour {
    /// Enables all of it: R2's [one write per second](https://developers.cloudflare.com/r2/platform/limits/)
    /// and key, and 10 seconds of the [minute](https://developers.cloudflare.com/r2/reference/consistency/)
    /// that a new access key may take.
    pub fn as_in_production() -> Self {
        Self {
            write_interval: Some(Duration::from_secs(1)),
            short_pages: true,
            compression: true,
            no_continue: true,
            refuses_chunks: true,
            new_key_delay: Some(Duration::from_secs(10)),
        }
    }

    /// Sets the minimum time between two writes to a key. `None` removes the limit.
    #[must_use]
    pub fn write_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.write_interval = interval.into();
        self
    }

    /// Sets whether some pages of objects are short or empty.
    #[must_use]
    pub fn short_pages(mut self, short: bool) -> Self {
        self.short_pages = short;
        self
    }

    /// Sets whether text is compressed for clients that accept gzip.
    #[must_use]
    pub fn compression(mut self, compresses: bool) -> Self {
        self.compression = compresses;
        self
    }

    /// Sets whether `100 Continue` is never sent.
    #[must_use]
    pub fn no_continue(mut self, silent: bool) -> Self {
        self.no_continue = silent;
        self
    }

    /// Sets whether bodies signed in chunks are refused.
    #[must_use]
    pub fn refuses_chunks(mut self, refuses: bool) -> Self {
        self.refuses_chunks = refuses;
        self
    }

    /// Sets the time until a new access key works. With `None` it works immediately.
    #[must_use]
    pub fn new_key_delay(mut self, delay: impl Into<Option<Duration>>) -> Self {
        self.new_key_delay = delay.into();
        self
    }
}
