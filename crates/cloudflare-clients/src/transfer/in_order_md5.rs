//! The MD5 of bytes whose pieces arrive concurrently.

use std::sync::Mutex;

use bytes::Bytes;
use tokio::sync::Notify;

use super::blocking::blocking;
use crate::error::Result;
use crate::model::r2::{Checksum, Hasher};
use crate::sync::lock;

/// Hashes pieces in order. Tasks that take pieces from a queue in order wait only for pieces in flight.
pub(super) struct InOrderMd5 {
    /// The number of the next piece, and the hash state before it, unless a task is hashing that piece now.
    next: Mutex<(u16, Option<Hasher>)>,
    hashed: Notify,
}

impl InOrderMd5 {
    pub(super) fn new() -> Self {
        Self { next: Mutex::new((1, Some(Hasher::md5()))), hashed: Notify::new() }
    }

    /// Hashes a piece after all earlier ones.
    pub(super) async fn add(&self, number: u16, bytes: Bytes) -> Result<()> {
        let mut hasher = loop {
            let hashed = self.hashed.notified();
            if let Some(hasher) = self.take_turn(number) {
                break hasher;
            }
            hashed.await;
        };
        let hasher = blocking(move || {
            hasher.update(&bytes);
            Ok(hasher)
        })
        .await?;
        *lock(&self.next) = (number + 1, Some(hasher));
        self.hashed.notify_waiters();
        Ok(())
    }

    fn take_turn(&self, number: u16) -> Option<Hasher> {
        let mut next = lock(&self.next);
        if next.0 == number { next.1.take() } else { None }
    }

    /// The MD5 of all pieces, or `None` if one is still being hashed.
    pub(super) fn finish(&self) -> Option<Checksum> {
        lock(&self.next).1.take().map(Hasher::finish)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::try_join_all;

    use super::*;

    #[tokio::test]
    async fn pieces_that_arrive_in_any_order_make_the_md5_of_all() {
        let md5 = InOrderMd5::new();
        let pieces = [(3, "c"), (1, "a"), (4, "d"), (2, "b")];
        try_join_all(pieces.map(|(number, bytes)| md5.add(number, bytes.into()))).await.unwrap();
        assert_eq!(md5.finish(), Some(Checksum::md5_of(b"abcd")));
    }
}
