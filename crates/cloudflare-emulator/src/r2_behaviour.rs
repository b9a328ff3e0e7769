//! What R2 and the edge before it do in production, which a server on one machine has to be asked for.

use std::time::Duration;

/// What of R2's behaviour in production a server shows; by default nothing, as all of it slows tests down or
/// makes them fail that do not expect it.
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
    /// How far apart two writes to a key have to be: an earlier one is 429 `TooManyRequests`, and has no
    /// effect.
    ///
    /// Puts, copies, completed uploads and deletes are writes; parts are not. A write that fails does not
    /// count.
    pub write_interval: Option<Duration>,
    /// Whether pages of objects have fewer entries than were asked for at times, and at times none, before
    /// the last one.
    pub short_pages: bool,
    /// Whether answers of text and the like are compressed for who accepts gzip: they lose their
    /// `Content-Length`, and their etag becomes a weak one.
    pub compression: bool,
    /// Whether a request with `Expect: 100-continue` is never told to go on: its client has to send the body
    /// unasked.
    pub no_continue: bool,
    /// Whether bodies that are signed in chunks are refused over plain HTTP too.
    pub refuses_chunks: bool,
    /// How long a key of [`Keys::add`](crate::Keys::add), and what is made from it, is unknown (401
    /// `Unauthorized`) before it works.
    pub new_key_delay: Option<Duration>,
}

impl R2Behaviour {
    /// All of it, with R2's [one write a second](https://developers.cloudflare.com/r2/platform/limits/) to a
    /// key, and 10 seconds of the [minute](https://developers.cloudflare.com/r2/reference/consistency/) that
    /// a new key may take.
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

    /// How far apart two writes to a key have to be; `None` takes them as they come.
    #[must_use]
    pub fn write_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.write_interval = interval.into();
        self
    }

    /// Whether pages of objects are short at times, and at times empty.
    #[must_use]
    pub fn short_pages(mut self, short: bool) -> Self {
        self.short_pages = short;
        self
    }

    /// Whether answers of text are compressed for who accepts gzip.
    #[must_use]
    pub fn compression(mut self, compresses: bool) -> Self {
        self.compression = compresses;
        self
    }

    /// Whether nobody is told to go on.
    #[must_use]
    pub fn no_continue(mut self, silent: bool) -> Self {
        self.no_continue = silent;
        self
    }

    /// Whether bodies that are signed in chunks are refused.
    #[must_use]
    pub fn refuses_chunks(mut self, refuses: bool) -> Self {
        self.refuses_chunks = refuses;
        self
    }

    /// How long a new key is unknown; `None` lets it work at once.
    #[must_use]
    pub fn new_key_delay(mut self, delay: impl Into<Option<Duration>>) -> Self {
        self.new_key_delay = delay.into();
        self
    }
}
