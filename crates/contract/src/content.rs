//! Bytes to store.

use bytes::Bytes;
use cloudflare_clients::Result;
use futures_util::stream::{self, Stream};

/// `size` bytes that repeat nowhere soon, in uneven pieces.
pub(crate) fn stream_of(size: usize) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let content = content_of(size);
    let mut length = 1;
    let mut rest = content;
    stream::iter(std::iter::from_fn(move || {
        length = (length * 7 + 3) % 300_000;
        (!rest.is_empty()).then(|| Ok(rest.split_to(rest.len().min(length + 1))))
    }))
}

pub(crate) fn content_of(size: usize) -> Bytes {
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}
