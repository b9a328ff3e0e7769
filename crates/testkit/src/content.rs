//! Bytes to store.

use bytes::Bytes;
use cloudflare_clients::Result;
use futures_util::stream::{self, Stream};

/// Returns `length` bytes without short repetitions, different for each seed.
pub fn content(length: usize, seed: u64) -> Bytes {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes.into()
}

/// Returns a stream of the bytes, in pieces of irregular length.
pub fn pieces(mut rest: Bytes) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut length = 1;
    stream::iter(std::iter::from_fn(move || {
        length = (length * 7 + 3) % 300_000;
        (!rest.is_empty()).then(|| Ok(rest.split_to(rest.len().min(length + 1))))
    }))
}
