//! Hashes received bytes while more arrive.

#[cfg(target_arch = "wasm32")]
mod in_line;
#[cfg(not(target_arch = "wasm32"))]
mod on_threads;

#[cfg(target_arch = "wasm32")]
pub(super) use self::in_line::SideHasher;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use self::on_threads::SideHasher;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::r2::{Checksum, Hasher};

    #[tokio::test]
    async fn pieces_of_every_size_hash_as_the_whole_does() {
        const BATCH: usize = 256 * 1024;
        for sizes in [&[][..], &[1], &[BATCH], &[BATCH - 1, 1, 1], &[3 * BATCH, 5], &[100_000; 9]] {
            let mut hasher = SideHasher::new(Hasher::md5());
            let mut whole = Vec::new();
            for (number, size) in (0..).zip(sizes) {
                let piece = vec![number; *size];
                whole.extend_from_slice(&piece);
                hasher.update(piece.into()).await.unwrap();
            }
            assert_eq!(hasher.finish().await.unwrap(), Checksum::md5_of(&whole), "{sizes:?}");
        }
    }
}
